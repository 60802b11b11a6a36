"""The spooler: takes call files out of a folder, makes their calls, and notes in them what became of it."""

from __future__ import annotations

import asyncio
import contextlib
import os
from dataclasses import dataclass
from pathlib import Path

from globstar.base.log import Logger
from globstar.core.channel import Channel
from globstar.core.dialing import OriginateResult, originate
from globstar.core.functions import assign
from globstar.core.party import parse_caller_id
from globstar.core.switches import settled
from globstar.core.system import System
from globstar.core.tech import ChannelTech
from globstar.modules.pbx.spool.callfile import CallFile, CallFileFault, read_call_file
from globstar.net.filewatch import FolderWatch

logger = Logger("pbx_spool")

#: Most calls at a time that come from files; more files wait.
MAXIMUM_CALLS = 500
#: A call file is no longer than this, bytes.
MAXIMUM_SIZE = 64 << 10
#: Times are kept in whole seconds by some file systems.
_SLACK = 0.001


class FailedTech(ChannelTech):
    """The channel on which the extension ``failed`` runs: nobody is at its other end."""

    name = "OutgoingSpoolFailed"
    description = "Calls of call files that failed"


@dataclass(slots=True)
class _Found:
    """A file in the folder that nobody works on. ``due`` is UTC seconds."""

    path: Path
    due: float


class Spooler:
    """Watches one folder; ``done`` takes the files that want to be kept."""

    def __init__(self, system: System, folder: Path, done: Path) -> None:
        self.system = system
        self.folder = folder
        self.done = done
        self.active: dict[str, asyncio.Task[None]] = {}
        self._watch = FolderWatch(system.loop, folder, self.look)
        self._timer: asyncio.TimerHandle | None = None
        self._looking: asyncio.Task[None] | None = None
        self._again = False
        self._failed_tech = FailedTech()
        self._numbers = 0
        #: files that cannot be read or written, with the time they had then
        self._broken: dict[str, float] = {}

    def look(self) -> None:
        """Look into the folder soon; any number of calls make one look."""
        self._again = True
        if self._looking is None and self.system.is_booted:
            self._looking = self.system.tasks.start(self._look(), name="call files")

    async def _look(self) -> None:
        try:
            await self._look_while_changing()
        finally:
            self._looking = None

    async def _look_while_changing(self) -> None:
        while self._again:
            self._again = False
            busy = {*self.active, *self._watch.unfinished}
            try:
                found = await self.system.run_blocking(_list_folder, self.folder, busy)
            except OSError as error:
                logger.warning(f"call files cannot be listed: {error}")
                return
            now = self.system.wall_time() + _SLACK
            found = [file for file in found if self._broken.get(file.path.name) != file.due]
            for file in found:
                if file.due <= now and len(self.active) < MAXIMUM_CALLS and file.path.name not in self.active:
                    task = self.system.tasks.start(self._work(file), name=f"call file {file.path.name}")
                    self.active[file.path.name] = task
            later = [file.due for file in found if file.due > now]
            self._wake_up(min(later) - self.system.wall_time() if later else None)

    def _wake_up(self, seconds: float | None) -> None:
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None
        if seconds is not None:
            self._timer = self.system.loop.call_later(seconds, self.look)

    async def close(self) -> None:
        """Make no more calls; those under way are given up, and their files stay for the next start."""
        self._watch.close()
        self._wake_up(None)
        tasks = [*self.active.values(), *([self._looking] if self._looking is not None else [])]
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)

    # -- one file ------------------------------------------------------------------------------------------------------

    async def _work(self, file: _Found) -> None:
        name = file.path.name
        try:
            await self._make_call(file.path)
        except FileNotFoundError:
            logger.notice(f"call file {name} was taken away; it is not called again")
        except OSError as error:
            self._broken[name] = file.due
            logger.warning(f"call file {name} is left alone until it changes: {error}")
        else:
            self._broken.pop(name, None)
        finally:
            del self.active[name]
            self.look()

    async def _make_call(self, path: Path) -> None:
        run = self.system.run_blocking
        try:
            text = await run(_read, path)
        except FileNotFoundError:
            return
        try:
            call = read_call_file(text, lambda problem: logger.warning(f"call file {path.name}, {problem}"))
            priority = self._priority(call)
            what = call.origination(priority)
        except CallFileFault as fault:
            logger.warning(f"call file {path.name} cannot be used and is removed: {fault}")
            await run(_finish, path, self.done, "Failed", True, False, self.system.wall_time())
            return
        if not call.has_tries_left():
            await self._end(path, call, "Expired", 0.0)
            return
        call.attempts += 1
        now = self.system.wall_time()
        marked = await run(_note, path, "StartRetry", call.attempts, now, now + call.wait_time + call.retry_time)
        place = f"application {call.application}" if call.application else f"{call.context},{call.extension},{priority}"
        logger.verbose(3, f"Attempting call on {call.channel} for {place} (retry {call.attempts - 1})")
        result = await originate(self.system, what)
        if result.channel is not None:
            logger.notice(f"call of file {path.name} to {call.channel} was completed")
            await self._end(path, call, "Completed", marked)
            return
        logger.notice(f"call of file {path.name} to {call.channel} failed (reason {int(result.reason)})")
        await self._run_failed(call, result)
        if call.has_tries_left():
            now = self.system.wall_time()
            await run(_note, path, "EndRetry", call.attempts, now, now + call.retry_time)
        else:
            await self._end(path, call, "Expired", marked)

    def _priority(self, call: CallFile) -> int:
        if call.application:
            return 1
        if call.priority.isascii() and call.priority.isdigit():
            return int(call.priority[:10])
        found = self.system.plan.find_label(call.context, call.extension, call.priority)
        if found is None:
            raise CallFileFault(f"'{call.priority}' is no priority of {call.context},{call.extension}")
        return found

    async def _end(self, path: Path, call: CallFile, status: str, marked: float) -> None:
        now = self.system.wall_time()
        await self.system.run_blocking(_finish, path, self.done, status, call.always_delete, call.archive, now, marked)

    async def _run_failed(self, call: CallFile, result: OriginateResult) -> None:
        """Let the dialplan know: extension ``failed`` of the context, with REASON."""
        if call.application or not await settled(lambda: self.system.plan.exists(call.context, "failed")):
            return
        self._numbers += 1
        channel = Channel(
            self.system, self._failed_tech, f"OutgoingSpoolFailed-{self._numbers:08x}", context=call.context, extension="failed",
            account_code=call.account,
        )  # fmt: skip
        for name, value in call.variables:
            assign(channel, name, value)
        if call.caller_id:
            name, number = parse_caller_id(call.caller_id)
            channel.set_caller_id(number or None, name or None, number or None)
        channel.set_variable("REASON", str(int(result.reason)))
        self.system.announce_channel(channel)
        self.system.start_pbx(channel)


# -- off the loop ----------------------------------------------------------------------------------------------------------


def _list_folder(folder: Path, busy: set[str]) -> list[_Found]:
    found = []
    with os.scandir(folder) as entries:
        for entry in entries:
            try:
                state = entry.stat()
            except FileNotFoundError:
                continue
            if not entry.is_file() or (entry.name in busy and state.st_nlink == 1 and not entry.is_symlink()):
                continue
            found.append(_Found(Path(entry.path), state.st_mtime))
    return sorted(found, key=lambda file: file.due)


def _read(path: Path) -> str:
    with path.open("rb") as file:
        data = file.read(MAXIMUM_SIZE + 1)
    if len(data) > MAXIMUM_SIZE:
        raise OSError(f"{path} is longer than {MAXIMUM_SIZE} bytes")
    return data.decode("utf-8", "surrogateescape")


def _append(path: Path, line: str) -> None:
    """Add a line to a file that is there."""
    with path.open("r+", encoding="utf-8", errors="surrogateescape") as file:
        file.seek(0, os.SEEK_END)
        file.write(f"\n{line}\n")


def _note(path: Path, what: str, attempt: int, now: float, due: float) -> float:
    """Note an attempt in the file and when the next one is due; gives that time as the file system keeps it.

    Raises FileNotFoundError when somebody took the file away meanwhile: then there is to be no other attempt.
    """
    _append(path, f"{what}: {os.getpid()} {attempt} ({int(now)})")
    os.utime(path, (now, due))
    return path.stat().st_mtime


def _finish(
    path: Path, done: Path, status: str, always_delete: bool, archive: bool, now: float, marked: float = 0.0
) -> None:  # fmt: skip
    """Take a file out of the folder: to the archive, or for good.

    One that may stay (``AlwaysDelete: no``) and got another time in the future meanwhile stays and begins anew.
    """
    with contextlib.suppress(FileNotFoundError):
        due = path.stat().st_mtime
        if not always_delete and due > now and due != marked:
            _append(path, f"EndRetry: {os.getpid()} 0 ({int(now)})")
            os.utime(path, (now, due))
            return
        if not archive:
            path.unlink()
            return
        _append(path, f"Status: {status}")
        done.mkdir(parents=True, exist_ok=True)
        path.replace(done / path.name)
