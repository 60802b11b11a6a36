"""The control socket: runs commands for ``globstar -r`` and ``-rx``, and streams the log to remote consoles.

One JSON object per line each way. The client asks ``{"run": "core show channels"}``, ``{"complete": "core sh"}`` or
``{"watch": 3}`` (log lines from then on, verbose ones up to that level); the server answers ``{"output": ...}``,
``{"candidates": [...]}`` and, at any time while watching, ``{"log": ...}``.
"""

from __future__ import annotations

import asyncio
import grp
import json
import os
import pwd
from pathlib import Path

from globstar.base.log import Level, Logger, Record, hub
from globstar.base.tasks import TaskOwner
from globstar.core.cli import complete_line, run_command
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
        #: what the consoles want to see, and the verbosity to go back to without them
        self._watching: dict[int, int] = {}
        self._own_verbosity = 0

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

    def _connected(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.clients += 1
        self.tasks.start(self._serve(reader, writer), name=f"client {self.clients}")

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        client = self.clients
        verbosity = -1
        missed = 0

        def send_log(record: Record) -> None:
            nonlocal missed
            if record.level is Level.VERBOSE and record.verbosity > verbosity:
                return
            if writer.transport.get_write_buffer_size() > BACKLOG_LIMIT:
                missed += 1
                return
            text = console_line(record)
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
                    if verbosity < 0:
                        hub.add(Level.NOTICE | Level.WARNING | Level.ERROR | Level.VERBOSE, send_log)
                    verbosity = max(0, request["watch"])
                    self._watch(client, verbosity)
                    answer = {"output": ""}
                else:
                    break
                writer.write(json.dumps(answer).encode() + b"\n")
                await writer.drain()
        except (ConnectionError, ValueError):
            logger.debug(1, "a console went away")
        finally:
            hub.remove(send_log)
            self._watch(client, None)
            writer.close()

    def _watch(self, client: int, verbosity: int | None) -> None:
        """A console wants to see more, or goes (None): the system is as verbose as it was, or as a console wants."""
        raised = max(self._watching.values(), default=0)
        if hub.verbosity != max(raised, self._own_verbosity):  # somebody set it meanwhile
            self._own_verbosity = hub.verbosity
        if verbosity is None:
            self._watching.pop(client, None)
        else:
            self._watching[client] = verbosity
        hub.verbosity = max(self._own_verbosity, *self._watching.values(), 0)


def console_line(record: Record) -> str:
    """How a console shows a log line."""
    if record.level is Level.VERBOSE:
        return f"    -- {record.message}" if record.verbosity > 1 else record.message
    call = f"[{record.call_id}]" if record.call_id else ""
    return f"{record.level.name}{call}: {record.file}:{record.line} {record.function}: {record.message}"
