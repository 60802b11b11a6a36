"""Virtual Dictation Machine."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from enum import Enum
from pathlib import Path

from globstar.base.log import Logger
from globstar.core.channel import Channel, ChannelState
from globstar.core.digits import read_digits
from globstar.core.format import slin
from globstar.core.frame import Frame, FrameType
from globstar.core.playback import FilePlayer, SoundMissing, play
from globstar.core.registry import application
from globstar.core.silence import sending_silence
from globstar.core.soundfile import SoundFault, SoundReader, SoundWriter
from globstar.dialplan.arguments import argument, split_arguments

logger = Logger("app_dictate")

_EXTENSION = "raw"
_KEYS = "0123456789*#ABCD"
#: How far 7 and 8 wind, ms, and how fast 2 plays.
_WIND_MS = 2000
_FASTEST = 4
#: Longest number that names a file, and how long the caller may take to dial it, seconds.
_LONGEST_NAME, _PATIENCE = 64, 5.0


class Mode(Enum):
    """What the machine does."""

    PLAY = "play"
    RECORD = "record"


class SpeedPlayer(FilePlayer):
    """Plays a file faster by leaving frames out; stays at the end."""

    __slots__ = ("_speed",)

    def __init__(self, reader: SoundReader, on_end: Callable[[], None], speed: int) -> None:
        super().__init__(reader, on_end)
        self._speed = speed

    def next_frame(self) -> Frame | None:
        """The next 20 ms, those that are skipped left out."""
        for _ in range(self._speed - 1):
            self.reader.next_frame()
        return super().next_frame()


class Machine:
    """One dictation file: what is said is put at its end, and it can be listened to."""

    def __init__(self, channel: Channel, stem: Path) -> None:
        self.channel = channel
        self._stem = stem
        self.mode = Mode.PLAY
        self.is_paused = True
        self.speed = 1
        self._position_ms = 0
        self._writer: SoundWriter | None = None
        #: a key that ended a prompt, which is still to be obeyed
        self._pressed: str | None = None

    async def run(self) -> None:
        """Do what keys ask for until #, which asks for another file. Raises ChannelGone."""
        channel = self.channel
        await self._say("dictate/forhelp")
        try:
            while True:
                key = await self._work()
                if key is None:  # played to the end
                    self.is_paused, self._position_ms = True, 0
                    await self._say("dictate/paused")
                elif key == "#":
                    return
                else:
                    await self._press(key)
        finally:
            channel.stop_generator()
            await self._close()

    async def _work(self) -> str | None:
        """Play, record or wait until a key is pressed; None at the end of what is played."""
        channel = self.channel
        pressed, self._pressed = self._pressed, None
        if pressed is not None:
            return pressed
        if self.is_paused:
            return await channel.wait_for_digit(None)
        if self.mode is Mode.RECORD:
            return await self._record()
        return await self._play()

    async def _record(self) -> str | None:
        channel = self.channel
        if self._writer is None:
            self._writer = channel.system.sounds.create(str(self._stem), _EXTENSION, append=True)
        writer = self._writer
        channel.set_read_format(slin)

        def take(frame: Frame) -> str | None:
            if frame.type is FrameType.VOICE:
                writer.write(frame)
            return frame.digit if frame.type is FrameType.DTMF_END else None

        try:
            with sending_silence(channel):
                key: str | None = await channel.wait(take)
            return key
        finally:
            if not channel.is_hung_up:
                channel.set_read_format(channel.raw_read_format)

    async def _play(self) -> str | None:
        channel = self.channel
        await self._close()
        found = channel.system.sounds.find(str(self._stem), channel.language, (slin,))
        if found is None:
            return None
        reader = await channel.system.sounds.open(found)
        reader.seek_ms(self._position_ms)
        ended: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        player = SpeedPlayer(reader, lambda: None if ended.done() else ended.set_result(None), self.speed)
        channel.start_generator(player)
        try:
            key: str | None = await channel.wait_for(
                ended, lambda frame: frame.digit if frame.type is FrameType.DTMF_END else None
            )
            return key
        finally:
            self._position_ms = reader.tell_ms()
            if channel.generator is player:
                channel.stop_generator()

    async def _press(self, key: str) -> None:
        if key == "0":
            await self._say("dictate/play_help" if self.mode is Mode.PLAY else "dictate/record_help")
            await self._say("dictate/both_help")
        elif key == "*":
            self.is_paused = not self.is_paused
            await self._say("dictate/paused" if self.is_paused else f"dictate/{_NAMES[self.mode]}")
        elif key == "1":
            self.mode = Mode.RECORD if self.mode is Mode.PLAY else Mode.PLAY
            self._position_ms = 0
            await self._close()
            await self._say(f"dictate/{_NAMES[self.mode]}_mode")
        elif self.mode is Mode.RECORD and key == "8":
            await self._close()
            await self._say("dictate/truncating_audio")
            await self.channel.system.run_blocking(self.channel.system.sounds.delete, str(self._stem), _EXTENSION)
        elif self.mode is Mode.PLAY and key == "2":
            self.speed = self.speed % _FASTEST + 1
        elif self.mode is Mode.PLAY and key in "78":
            self._position_ms = max(0, self._position_ms + (_WIND_MS if key == "8" else -_WIND_MS))

    async def _say(self, name: str) -> None:
        """Play a prompt; the next key ends it, and what would be said after it."""
        if self._pressed is not None:
            return
        try:
            self._pressed = await play(self.channel, name, stop_on=_KEYS)
        except SoundMissing as missing:
            logger.warning(f"Dictate on {self.channel.name}: {missing}")

    async def _close(self) -> None:
        writer, self._writer = self._writer, None
        if writer is not None:
            await writer.aclose()


_NAMES = {Mode.PLAY: "playback", Mode.RECORD: "record"}


@application("Dictate", syntax="Dictate([base_dir[,filename]])")
async def dictate(channel: Channel, data: str) -> int:
    """A dictation machine: what the caller says is recorded into files that it can listen to and go on with.

    Files are raw audio in base_dir, the folder dictate of the spool where none is given; without filename the caller dials a
    number that is the name. Keys: 1 changes between playing and recording, * pauses and goes on, # asks for another file, 0
    explains; while playing 2 plays faster (up to four times), 7 and 8 wind back and forward; while recording 8 begins anew.
    """
    arguments = split_arguments(data)
    base = Path(argument(arguments, 0) or Path(channel.system.directories.astspooldir) / "dictate")
    if not base.is_absolute():
        base = Path(channel.system.directories.astspooldir) / base
    name = argument(arguments, 1)
    if channel.state is not ChannelState.UP:
        await channel.answer()
    while True:
        if not name:
            try:
                entry = await read_digits(
                    channel, ["dictate/enter_filename"], maximum=_LONGEST_NAME, first_timeout=_PATIENCE, digit_timeout=_PATIENCE
                )
            except SoundMissing as missing:
                logger.warning(f"Dictate on {channel.name}: {missing}")
                return -1
            name = entry.digits
            if not name:
                return 0
        if "/" in name or name.startswith(".") or "\0" in name:
            logger.warning(f"Dictate: '{name}' is no name of a file")
            return -1
        try:
            await Machine(channel, base / name).run()
        except SoundFault as fault:
            logger.warning(f"Dictate on {channel.name}: {fault}")
            return -1
        name = ""
