"""Music that a program makes: one for all who listen, who hear the same at the same time."""

from __future__ import annotations

import asyncio
import os
import signal
from collections import deque
from pathlib import Path
from typing import TYPE_CHECKING

from globstar.base.log import Logger
from globstar.core import events
from globstar.core.frame import NULL_FRAME, Frame, voice
from globstar.modules.res.musiconhold.keys import MusicListener, OnKey
from globstar.modules.res.musiconhold.options import ClassOptions, command_line, program_format

if TYPE_CHECKING:
    from globstar.core.channel import Channel
    from globstar.core.system import System

logger = Logger("res_musiconhold")

_BLOCK_MS = 20
#: Blocks that are read before their time.
_AHEAD = 25
#: Blocks that are kept for listeners whose tick comes later.
_KEPT = 4
#: How long a program goes on when nobody listens, seconds.
_IDLE = 60.0
#: Pause before a program that ended is run again, seconds; it doubles up to the longest while programs end at once.
_PAUSE, _LONGEST_PAUSE, _AT_ONCE = 0.5, 30.0, 5.0
#: How long a program that has closed its output may take to end by itself, seconds.
_PARTING = 0.05
#: The same of one that was killed, where others may hold its output.
_PARTING_LAST = 2.0


class MusicProgram:
    """The program of a class. It runs while somebody listens, and a minute longer; one that ends is run again.

    Raises :class:`ClassFault` where it cannot be run.
    """

    def __init__(self, system: System, name: str, options: ClassOptions) -> None:
        self.system = system
        self.name = name
        self.options = options
        #: nobody comes any more
        self.is_retired = False
        #: who listens
        self.listeners: set[ProgramPlayer] = set()
        self.format = program_format(options)
        self.command = command_line(options, Path(system.directories.astdatadir))
        self._size = self.format.bytes_for(_BLOCK_MS)
        self._samples = self.format.sample_rate * _BLOCK_MS // 1000
        self._waiting = bytearray()
        self._room = asyncio.Event()
        self._room.set()
        self._blocks: deque[tuple[int, Frame]] = deque(maxlen=_KEPT)
        self._count = 0
        self._task: asyncio.Task[None] | None = None
        self._idle: asyncio.TimerHandle | None = None

    @property
    def is_running(self) -> bool:
        """Whether the program is run."""
        return self._task is not None

    def is_as(self, other: MusicProgram) -> bool:
        """Whether the other one does the same."""
        return (self.command, self.format, self.options) == (other.command, other.format, other.options)

    # -- listeners ---------------------------------------------------------------------------------------------------

    def attach(self, player: ProgramPlayer) -> int:
        """One more listens; the number of the first block that it is to hear."""
        self.listeners.add(player)
        if self._idle is not None:
            self._idle.cancel()
            self._idle = None
        if self._task is None:
            self._task = self.system.tasks.start(self._run(), name=f"music class {self.name}")
            self.system.ticker.add(self._tick)
        return self._count

    def detach(self, player: ProgramPlayer) -> None:
        """One less listens."""
        self.listeners.discard(player)
        if not self.listeners and self._task is not None and self._idle is None:
            if self.is_retired:
                self.stop()
            else:
                self._idle = self.system.loop.call_later(_IDLE, self.stop)

    def retire(self) -> None:
        """Its class is gone, or is another by now: those who listen hear it to their end, and it ends with the last of them."""
        self.is_retired = True
        if not self.listeners:
            self.stop()

    def block(self, number: int) -> tuple[int, Frame] | None:
        """The first block that is not older than ``number``, and its own number; None while there is none."""
        return next(((count, frame) for count, frame in self._blocks if count >= number), None)

    def stop(self) -> asyncio.Task[None] | None:
        """End the program; gives what is over when it has ended, None where it does not run."""
        if self._idle is not None:
            self._idle.cancel()
            self._idle = None
        task, self._task = self._task, None
        if task is not None:
            self.system.ticker.remove(self._tick)
            task.cancel()
        return task

    def _tick(self) -> None:
        if len(self._waiting) >= self._size:
            frame = voice(self.format, bytes(self._waiting[: self._size]), self._samples)
            del self._waiting[: self._size]
            self._blocks.append((self._count, frame))
            self._count += 1
            if len(self._waiting) < _AHEAD * self._size:
                self._room.set()

    # -- the process -------------------------------------------------------------------------------------------------

    async def _run(self) -> None:
        pause = _PAUSE
        while True:
            began = self.system.now()
            await self._play_once()
            pause = min(2 * pause, _LONGEST_PAUSE) if self.system.now() - began < _AT_ONCE else _PAUSE
            await asyncio.sleep(pause)

    async def _play_once(self) -> None:
        null, pipe = asyncio.subprocess.DEVNULL, asyncio.subprocess.PIPE
        try:
            process = await asyncio.create_subprocess_exec(
                *self.command, stdin=null, stdout=pipe, stderr=null, start_new_session=True, cwd="/"
            )
        except OSError as error:
            logger.warning(f"music class '{self.name}': {self.command[0]} cannot be run: {error}")
            return
        logger.debug(1, f"music class '{self.name}': {self.command[0]} runs as process {process.pid}")
        try:
            await self._read(process)
        finally:
            del self._waiting[len(self._waiting) // self._size * self._size :]  # what comes next begins with a whole sample
            await self._end(process)
        logger.debug(1, f"music class '{self.name}': {self.command[0]} has ended")

    async def _read(self, process: asyncio.subprocess.Process) -> None:
        assert process.stdout is not None
        while data := await process.stdout.read(_AHEAD * self._size):
            self._waiting += data
            if len(self._waiting) >= _AHEAD * self._size:
                self._room.clear()
            await self._room.wait()

    async def _end(self, process: asyncio.subprocess.Process) -> None:
        """Ask it to end, then make it: HUP, TERM, KILL, to its whole group unless that is not wanted."""
        pause = self.options.kill_escalation_delay / 1000
        try:
            if await _has_ended(process, _PARTING):
                return
            for number in (signal.SIGHUP, signal.SIGTERM):
                self._send(process, number)
                if await _has_ended(process, pause):
                    return
        finally:  # also when there is no time any more
            if process.returncode is None:
                self._send(process, signal.SIGKILL)
                await _has_ended(process, _PARTING_LAST)

    def _send(self, process: asyncio.subprocess.Process, number: signal.Signals) -> None:
        try:
            if self.options.kill_method == "process":
                process.send_signal(number)
            else:
                os.killpg(process.pid, number)
        except ProcessLookupError:  # it has ended by itself meanwhile
            return


async def _has_ended(process: asyncio.subprocess.Process, patience: float) -> bool:
    """Wait for the end of a process, which is seen only when all that it has written is read.

    Not by asyncio.timeout(), which takes its own end for that of a task that is cancelled already (before Python 3.11.5).
    """
    try:
        await asyncio.wait_for(_drained(process), patience)
    except TimeoutError:
        return False
    return True


async def _drained(process: asyncio.subprocess.Process) -> None:
    assert process.stdout is not None
    while await process.stdout.read(65536):
        pass
    await process.wait()


class ProgramPlayer(MusicListener):
    """What one channel hears of a program; nothing while that is late."""

    __slots__ = ("_next", "program")

    def __init__(self, program: MusicProgram, on_key: OnKey | None = None) -> None:
        super().__init__(on_key)
        self.program = program
        self._next = 0

    def opened(self, channel: Channel) -> None:
        """Listen, and tell."""
        super().opened(channel)
        channel.system.bus.publish(events.MusicOnHoldChanged(channel, self.program.name))
        self._next = self.program.attach(self)

    def closed(self) -> None:
        """Listen no more, and tell."""
        super().closed()
        assert self.channel is not None
        self.program.detach(self)
        self.channel.system.bus.publish(events.MusicOnHoldChanged(self.channel, None))

    def next_frame(self) -> Frame | None:
        """The block of this tick."""
        found = self.program.block(self._next)
        if found is None:
            return NULL_FRAME
        self._next = found[0] + 1
        return found[1]
