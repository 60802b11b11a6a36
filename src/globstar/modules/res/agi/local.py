"""Scripts that run as processes on this machine."""

from __future__ import annotations

import asyncio
import contextlib
import fcntl
import os
import signal
from pathlib import Path
from typing import TYPE_CHECKING

from globstar.base.log import Logger
from globstar.modules.res.agi.environment import process_environment
from globstar.modules.res.agi.script import ScriptMissing, ScriptRefused, StreamScript
from globstar.proto.agi import MAX_LINE

if TYPE_CHECKING:
    from globstar.core.system import System

logger = Logger("res_agi")

#: How long a script may take to end after its dialogue has, and after it was asked to, seconds.
END_PATIENCE, TERMINATE_PATIENCE = 10.0, 5.0
#: What a pipe takes whole or not at all (PIPE_BUF), so that no sample is torn.
_WHOLE = 4096
#: The most lines of a script's standard error that are logged.
ERROR_LINES = 100

#: Signals that this process may ignore or handle and that a script has as usual.
_USUAL_SIGNALS = (signal.SIGPIPE, signal.SIGHUP, signal.SIGINT, signal.SIGTERM, signal.SIGCHLD, signal.SIGUSR1, signal.SIGUSR2)


class LocalScript(StreamScript):
    """A process with its standard input and output, and an audio descriptor if it has one."""

    def __init__(
        self,
        name: str,
        output: asyncio.ReadTransport,
        reader: asyncio.StreamReader,
        writer: asyncio.StreamWriter,
        process: ScriptProcess,
        audio: int = -1,
    ) -> None:
        super().__init__(name, reader, writer)
        self._output = output
        self.process = process
        self._audio = audio
        self.lost_audio = 0

    def signal_hangup(self) -> None:
        """A process gets SIGHUP."""
        self.process.kill(signal.SIGHUP)

    def write_audio(self, data: bytes) -> None:
        """Give audio to descriptor 3; what a script does not take in time is lost and counted."""
        if self._audio < 0:
            return
        for start in range(0, len(data), _WHOLE):
            part = data[start : start + _WHOLE]
            try:
                os.write(self._audio, part)
            except BlockingIOError:
                self.lost_audio += len(part)
            except OSError:  # the script closed it
                self._close_audio()
                return

    def close(self) -> None:
        """Close all pipes; a process that goes on is ended in the background."""
        super().close()
        self._output.close()
        self._close_audio()
        self.process.end_soon()

    def _close_audio(self) -> None:
        if self._audio >= 0:
            if self.lost_audio:
                logger.notice(f"AGI script {self.name} was too slow for {self.lost_audio} octets of audio")
            os.close(self._audio)
            self._audio = -1


class ScriptProcess:
    """A child process: its end is waited for, and brought about where it does not come."""

    def __init__(self, system: System, name: str, pid: int) -> None:
        self.system = system
        self.name = name
        self.pid = pid
        self.status: int | None = None
        self._descriptor = os.pidfd_open(pid)
        self.ended: asyncio.Future[int] = system.loop.create_future()
        system.loop.add_reader(self._descriptor, self._ended)

    def _ended(self) -> None:
        self.system.loop.remove_reader(self._descriptor)
        os.close(self._descriptor)
        self._descriptor = -1
        _, status = os.waitpid(self.pid, 0)
        self.status = os.waitstatus_to_exitcode(status)
        logger.verbose(3, f"AGI script {self.name} completed, returning {self.status}")
        if not self.ended.done():
            self.ended.set_result(self.status)

    def kill(self, number: signal.Signals, *, group: bool = False) -> None:
        """Send a signal to the process, or to all that it started, too."""
        if self._descriptor >= 0:
            with contextlib.suppress(ProcessLookupError):
                if group:
                    os.killpg(self.pid, number)
                else:
                    os.kill(self.pid, number)

    def end_soon(self) -> None:
        """See that it ends: it may by itself, is asked to, is made to."""
        if self.status is None:
            self.system.tasks.start(self._end(), name=f"agi/{self.name}/{self.pid}")

    async def _end(self) -> None:
        try:
            for patience, number in ((END_PATIENCE, signal.SIGTERM), (TERMINATE_PATIENCE, signal.SIGKILL)):
                if await self._ends_within(patience):
                    return
                logger.warning(f"AGI script {self.name} (process {self.pid}) goes on after its call; it gets {number.name}")
                self.kill(number, group=True)
            await self.ended
        except asyncio.CancelledError:  # the server stops
            self.kill(signal.SIGKILL, group=True)
            raise

    async def _ends_within(self, seconds: float) -> bool:
        await asyncio.wait((self.ended,), timeout=seconds)
        return self.ended.done()


def script_path(system: System, name: str) -> Path:
    """Where a script is: an absolute path, or below ``astagidir``. Raises :class:`ScriptMissing`."""
    path = Path(system.directories.astagidir) / name
    if not path.exists():
        raise ScriptMissing(f"There is no AGI script {path}")
    return path


async def start_local(system: System, name: str, arguments: list[str], *, with_audio: bool = False) -> LocalScript:
    """Start a script; raises :class:`ScriptMissing` and :class:`ScriptRefused`."""
    path = await system.run_blocking(script_path, system, name)
    ours: list[int] = []
    theirs: list[int] = []
    audio_read = audio_write = -1
    try:
        input_read, input_write = _pipe(theirs, ours)
        output_read, output_write = _pipe(ours, theirs)
        error_read, error_write = _pipe(ours, theirs)
        if with_audio:
            audio_read, audio_write = _pipe(theirs, ours)
            os.set_blocking(audio_write, False)
        actions: list[tuple[int, ...]] = [
            (os.POSIX_SPAWN_DUP2, input_read, 0),
            (os.POSIX_SPAWN_DUP2, output_write, 1),
            (os.POSIX_SPAWN_DUP2, error_write, 2),
        ]
        if with_audio:
            actions.append((os.POSIX_SPAWN_DUP2, audio_read, 3))
        words = [os.fsencode(path), *(os.fsencode(argument.replace("\0", "")) for argument in arguments)]
        pid = await system.run_blocking(_spawn, path, words, process_environment(system), actions)
    except OSError as error:
        for descriptor in ours:
            os.close(descriptor)
        raise ScriptRefused(f"Failed to execute '{path}': {error.strerror}") from error
    finally:
        for descriptor in theirs:
            os.close(descriptor)
    process = ScriptProcess(system, name, pid)
    output, reader, writer = await _streams(system, output_read, input_write)
    system.tasks.start(_log_errors(system, name, error_read), name=f"agi/{name}/{pid}/stderr")
    return LocalScript(name, output, reader, writer, process, audio_write)


def _pipe(read_owner: list[int], write_owner: list[int]) -> tuple[int, int]:
    """A pipe whose ends are above the numbers that a script's own descriptors have."""
    ends = []
    for owner, descriptor in zip((read_owner, write_owner), os.pipe(), strict=True):
        if descriptor <= 3:
            low, descriptor = descriptor, _moved_up(descriptor)
            os.close(low)
        owner.append(descriptor)
        ends.append(descriptor)
    return ends[0], ends[1]


def _moved_up(descriptor: int) -> int:
    return fcntl.fcntl(descriptor, fcntl.F_DUPFD_CLOEXEC, 4)


def _spawn(path: Path, words: list[bytes], environment: dict[str, str], actions: list[tuple[int, ...]]) -> int:
    """Start the process in a group of its own; waits until it runs, so it is called off the loop."""
    return os.posix_spawn(path, words, environment, file_actions=actions, setpgroup=0, setsigmask=(), setsigdef=_USUAL_SIGNALS)


async def _streams(
    system: System, read_end: int, write_end: int
) -> tuple[asyncio.ReadTransport, asyncio.StreamReader, asyncio.StreamWriter]:
    loop = system.loop
    reader = asyncio.StreamReader(MAX_LINE, loop=loop)
    protocol = asyncio.StreamReaderProtocol(reader, loop=loop)
    output, _ = await loop.connect_read_pipe(lambda: protocol, os.fdopen(read_end, "rb", 0))
    transport, flow = await loop.connect_write_pipe(
        lambda: asyncio.streams.FlowControlMixin(loop=loop), os.fdopen(write_end, "wb", 0)
    )
    return output, reader, asyncio.StreamWriter(transport, flow, reader, loop)


async def _log_errors(system: System, name: str, descriptor: int) -> None:
    """Log what a script complains about; beyond :data:`ERROR_LINES` it is read and dropped."""
    reader = asyncio.StreamReader(MAX_LINE, loop=system.loop)
    transport, _ = await system.loop.connect_read_pipe(
        lambda: asyncio.StreamReaderProtocol(reader, loop=system.loop), os.fdopen(descriptor, "rb", 0)
    )
    lines = 0
    try:
        while True:
            try:
                line = await reader.readline()
            except ValueError:  # longer than the limit; the reader dropped it
                line = b"...\n"
            if not line:
                break
            lines += 1
            if lines <= ERROR_LINES:
                logger.notice(f"{name}: {line.decode('utf-8', 'replace').rstrip()}")
    finally:
        transport.close()
    if lines > ERROR_LINES:
        logger.notice(f"{name}: {lines - ERROR_LINES} lines more")
