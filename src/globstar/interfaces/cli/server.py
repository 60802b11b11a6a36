"""The control socket: runs commands for ``globstar -r`` and ``-rx``, and streams the log to remote consoles.

One JSON object per line each way. The client asks ``{"run": "core show channels"}``, ``{"complete": "core sh"}`` or
``{"watch": 3}`` (log lines from then on, verbose ones up to that level; with ``"palette": "dark"`` in colours); the server
answers ``{"output": ...}``, ``{"candidates": [...]}`` and, at any time while watching, ``{"log": ...}``.
"""

from __future__ import annotations

import asyncio
import grp
import json
import os
import pwd
import socket
import struct
from pathlib import Path

from globstar.base.log import Level, Logger, Record, hub
from globstar.base.tasks import TaskOwner
from globstar.core.cli import CliSession, complete_line, enter_session, run_command
from globstar.core.logfiles import LogSetup
from globstar.core.logformat import LineFormat, Palette
from globstar.core.system import System

logger = Logger("asterisk")

#: Longest request line, and most log bytes that wait for a slow console before it misses lines.
LINE_LIMIT = 64 * 1024
BACKLOG_LIMIT = 1024 * 1024


class ControlServer:
    """Listens on the control socket of one system."""

    def __init__(self, system: System, path: Path) -> None:
        self.system = system
        self.path = path
        self.tasks = TaskOwner("control")
        self.clients = 0
        self._server: asyncio.Server | None = None
        self._plain_format = LineFormat()

    async def start(self, permissions: int = 0o660, owner: str = "", group: str = "") -> None:
        """Bind the socket; a stale one is replaced, one that answers means that another instance runs (``OSError``)."""
        self.path.parent.mkdir(parents=True, exist_ok=True)
        if self.path.exists():
            try:
                _, writer = await asyncio.open_unix_connection(str(self.path))
            except OSError:
                if not self.path.is_socket():
                    raise OSError(f"{self.path} is in the way of the control socket") from None
                self.path.unlink()
            else:
                writer.close()
                raise OSError(f"already running on {self.path}. Use 'globstar -r' to connect.")
        mask = os.umask(0o177)  # nobody else may connect before the permissions are right
        try:
            self._server = await asyncio.start_unix_server(self._connected, str(self.path), limit=LINE_LIMIT)
        finally:
            os.umask(mask)
        os.chmod(self.path, permissions)
        if owner or group:
            os.chown(
                self.path,
                pwd.getpwnam(owner).pw_uid if owner else -1,
                grp.getgrnam(group).gr_gid if group else -1,
            )

    async def stop(self) -> None:
        """Close the socket and every connection; what another instance listens on stays."""
        await self.tasks.close()
        if self._server is not None:
            self._server.close()
            self._server = None
            self.path.unlink(missing_ok=True)

    def _line_format(self) -> LineFormat:
        """How log lines look by logger.conf."""
        log = self.system.services.get("log")
        return log.line_format if isinstance(log, LogSetup) else self._plain_format

    def _connected(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.clients += 1
        self.tasks.start(self._serve(reader, writer), name=f"client {self.clients}")

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        uid, gid = peer_identity(writer)
        console = CliSession(uid, gid)
        is_watching = False
        palette = Palette.NONE
        missed = 0
        form = self._line_format

        def set_verbosity(level: int) -> None:
            console.verbosity = level
            if is_watching:
                hub.wish(console_key, level)

        def set_levels(levels: Level) -> None:
            console.levels = levels
            if is_watching:
                hub.remove(send_log)
                hub.add(levels, send_log)

        console.set_verbosity, console.set_levels = set_verbosity, set_levels
        console_key = object()
        enter_session(console)
        if not self.system.options.hideconnect:
            logger.verbose(3, "Remote UNIX connection")

        def send_log(record: Record) -> None:
            nonlocal missed
            if console.muted or (record.level is Level.VERBOSE and record.verbosity > console.verbosity):
                return
            if writer.transport.get_write_buffer_size() > BACKLOG_LIMIT:
                missed += 1
                return
            text = form().console_line(record, self.system.wall_time(), palette)
            if missed:
                text, missed = f"({missed} lines missed)\n{text}", 0
            writer.write(json.dumps({"log": text}).encode() + b"\n")

        try:
            answer: dict[str, object]
            while line := await reader.readline():
                try:
                    request = json.loads(line)
                except (ValueError, RecursionError):
                    break
                if not isinstance(request, dict):
                    break
                if "run" in request:
                    answer = {"output": await run_command(self.system, str(request["run"]))}
                elif "complete" in request:
                    answer = {"candidates": complete_line(self.system, str(request["complete"]))}
                elif "watch" in request:
                    if not isinstance(request["watch"], int):
                        break
                    if not is_watching:
                        is_watching = True
                        palette = _palette(request.get("palette"))
                        set_levels(console.levels)
                    set_verbosity(max(0, request["watch"]))
                    answer = {"output": ""}
                else:
                    break
                writer.write(json.dumps(answer).encode() + b"\n")
                await writer.drain()
        except (ConnectionError, ValueError):
            logger.debug(1, "a console went away")
        finally:
            hub.remove(send_log)
            hub.wish(console_key, None)
            writer.close()
            if not self.system.options.hideconnect:
                logger.verbose(3, "Remote UNIX connection disconnected")


def _palette(name: object) -> Palette:
    """What a console asks for; unknown ones have no colours."""
    return next((palette for palette in Palette if palette.value == name), Palette.NONE)


def peer_identity(writer: asyncio.StreamWriter) -> tuple[int, int]:
    """User and group of the process at the other end of a UNIX socket."""
    peer: socket.socket = writer.get_extra_info("socket")
    size = struct.calcsize("3i")
    _, uid, gid = struct.unpack("3i", peer.getsockopt(socket.SOL_SOCKET, socket.SO_PEERCRED, size))
    return uid, gid
