"""Silly MP3 Application."""

from __future__ import annotations

import asyncio
import shutil
from pathlib import Path

from globstar.base.log import Logger
from globstar.core.channel import Channel, ChannelState
from globstar.core.format import slin
from globstar.core.frame import Frame, FrameType, voice
from globstar.core.generator import Generator
from globstar.core.registry import application

logger = Logger("app_mp3")

_PROGRAM = "mpg123"
_BLOCK = 320
#: How much is decoded ahead, bytes: half a second.
_AHEAD = 25 * _BLOCK
#: How long a stream may take to begin or go on, seconds.
_PATIENCE = 20.0
_STREAMS = ("http://", "https://")


class Decoded(Generator):
    """What the program decodes, 20 ms at a time; silence while it is late."""

    __slots__ = ("_data", "_room", "is_finished", "is_over")

    def __init__(self, on_end: asyncio.Future[None]) -> None:
        super().__init__(lambda: None if on_end.done() else on_end.set_result(None))
        self._data = bytearray()
        self._room = asyncio.Event()
        self._room.set()
        self.is_over = False
        #: the program ended by itself
        self.is_finished = False

    async def feed(self, data: bytes) -> None:
        """More of it; waits while there is enough."""
        self._data += data
        if len(self._data) >= _AHEAD:
            self._room.clear()
        await self._room.wait()

    def next_frame(self) -> Frame | None:
        """The next 20 ms."""
        data = bytes(self._data[:_BLOCK])
        if len(data) < _BLOCK:
            if self.is_over and not data:
                return None
            if not self.is_over:
                return voice(slin, bytes(_BLOCK), _BLOCK // 2)
            data = data.ljust(_BLOCK, b"\0")
        del self._data[:_BLOCK]
        if len(self._data) < _AHEAD:
            self._room.set()
        return voice(slin, data, _BLOCK // 2)


@application("MP3Player", syntax="MP3Player(Location)")
async def mp3_player(channel: Channel, data: str) -> int:
    """Play an MP3 file, or a stream or playlist from an http address, by the program mpg123.

    A file without a slash at its start is below the sounds. Any key ends it. The call is not answered.
    """
    location = data.strip()
    if not location:
        logger.warning("MP3 Playback requires an argument (filename)")
        return -1
    program = shutil.which(_PROGRAM)
    if program is None:
        logger.warning(f"MP3Player needs the program {_PROGRAM}")
        return -1
    arguments = [program, "-q", "-s", "--mono", "-r", "8000", "-e", "s16"]
    if location.lower().startswith(_STREAMS):
        is_list = location.lower().split("?")[0].endswith((".m3u", ".pls"))
        arguments += ["-@", location] if is_list else [location]
    else:
        path = Path(location) if location.startswith("/") else Path(channel.system.sounds.root) / location
        if not path.is_file():
            logger.warning(f"MP3Player: there is no file {path}")
            return -1
        arguments.append(str(path))
    if channel.state is not ChannelState.UP:
        logger.debug(1, f"MP3Player plays to {channel.name}, which is not answered")
    null, pipe = asyncio.subprocess.DEVNULL, asyncio.subprocess.PIPE
    try:
        process = await asyncio.create_subprocess_exec(*arguments, stdin=null, stdout=pipe, stderr=null)
    except OSError as error:
        logger.warning(f"MP3Player: {_PROGRAM} cannot be run: {error}")
        return -1
    ended: asyncio.Future[None] = asyncio.get_running_loop().create_future()
    player = Decoded(ended)
    feeding = channel.tasks.start(_feed(process, player), name="MP3Player")
    channel.start_generator(player)
    try:
        await channel.wait_for(ended, lambda frame: frame.type is FrameType.DTMF_END or None)
    finally:
        if channel.generator is player:
            channel.stop_generator()
        feeding.cancel()
        if not player.is_finished and process.returncode is None:
            process.kill()
        channel.system.tasks.start(_reap(process), name="end of MP3Player")
    return 0


async def _feed(process: asyncio.subprocess.Process, player: Decoded) -> None:
    assert process.stdout is not None
    try:
        while True:
            async with asyncio.timeout(_PATIENCE):
                data = await process.stdout.read(_AHEAD)
            if not data:
                player.is_finished = True
                break
            await player.feed(data)
    except TimeoutError:
        logger.warning(f"MP3Player: nothing came for {_PATIENCE:g} seconds")
    finally:
        player.is_over = True


async def _reap(process: asyncio.subprocess.Process) -> None:
    await process.wait()
