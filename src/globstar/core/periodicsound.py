"""Sounds over what is said: such as both parties of a call hear again and again, and such as one hears once."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from typing import TYPE_CHECKING

from globstar.base.log import Logger
from globstar.core.audiofeed import AudioFeed
from globstar.core.channel import ChannelGone
from globstar.core.format import slin
from globstar.core.playback import SoundMissing, find_sound
from globstar.core.soundfile import SoundFault

if TYPE_CHECKING:
    from globstar.core.channel import Channel

logger = Logger("file")

#: Time after the end of the sound until it is certainly heard, seconds.
_TAIL = 0.1


class PeriodicSound:
    """Plays ``name`` into the call of ``channel`` every ``seconds``, over what is said."""

    def __init__(self, channel: Channel, name: str, seconds: float) -> None:
        self.channel = channel
        self.name = name
        self.seconds = seconds
        self._task: asyncio.Task[None] | None = None

    def start(self) -> None:
        """Begin; it is heard first after the first period. The channel's end ends it."""
        if self._task is None:
            self._task = self.channel.tasks.start(self._run(), name=f"periodic {self.name}")

    def stop(self) -> None:
        """End it; a second call does nothing."""
        task, self._task = self._task, None
        if task is not None:
            task.cancel()

    async def _run(self) -> None:
        try:
            data = await load_linear(self.channel, self.name)
        except (SoundMissing, ChannelGone) as error:
            logger.warning(f"{self.channel.name}: {error}")
            return
        pause = self.seconds
        while True:
            await asyncio.sleep(pause)
            channels = [self.channel]
            if self.channel.bridge_member is not None:
                channels += [peer.channel for peer in self.channel.bridge_member.peers]
            pause = max(0.0, self.seconds - await mix_in(channels, data))


async def mix_in(channels: Sequence[Channel], data: bytes) -> float:
    """Let ``channels`` hear ``data``, signed linear of 8 kHz, over what they hear anyway; the seconds that took."""
    seconds = len(data) / slin.bytes_for(1000)
    feeds = [AudioFeed(channel, limit_ms=round(seconds * 1000) + 20) for channel in channels]
    try:
        for feed in feeds:
            feed.start()
            feed.add(data)
        await asyncio.sleep(seconds + _TAIL)
    finally:
        for feed in feeds:
            feed.stop()
    return seconds + _TAIL


async def play_over(channel: Channel, name: str) -> None:
    """Play ``name`` to a channel over what it hears anyway, whatever its owner does; a sound that is missing is logged."""
    try:
        data = await load_linear(channel, name)
    except SoundMissing as missing:
        logger.warning(f"{channel.name}: {missing}")
        return
    await mix_in([channel], data)


async def load_linear(channel: Channel, name: str) -> bytes:
    """A whole sound in the channel's language as signed linear of 8 kHz. Raises :class:`SoundMissing`."""
    sound = await find_sound(channel, name)
    try:
        reader = await channel.system.sounds.open(sound)
    except SoundFault as fault:
        raise SoundMissing(f"cannot be played: {fault}") from fault
    data = bytearray()
    path = None
    while (frame := reader.next_frame()) is not None:
        if frame.format is not None and frame.format.codec is not slin.codec:
            path = path or channel.system.translation.build_path(frame.format, slin)
            if path is None:
                raise SoundMissing(f"{sound.path} cannot be played: no translators lead from {frame.format}")
            linear = path.translate(frame)
            data += linear.data if linear is not None else b""
        else:
            data += frame.data
    return bytes(data)
