"""Playing sound files to a channel: finding, opening off the loop, pacing on the media tick."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from enum import Enum
from typing import TYPE_CHECKING

from globstar.base.errors import GlobstarError
from globstar.base.log import Logger
from globstar.core import events
from globstar.core.channel import ChannelGone
from globstar.core.frame import Frame, FrameType
from globstar.core.generator import Generator
from globstar.core.mediacache import SERVICE as MEDIA_CACHE
from globstar.core.mediacache import MediaCache, MediaFault
from globstar.core.services import Prompts
from globstar.core.soundfile import SoundFault, SoundReader
from globstar.core.soundstore import SoundFile
from globstar.dsp.g711 import ALAW_SILENCE, ULAW_SILENCE

if TYPE_CHECKING:
    from globstar.core.channel import Channel
    from globstar.core.format import Format
    from globstar.core.system import System

logger = Logger("file")


#: How far a key or command winds a sound where nothing else is said, ms.
SKIP_MS = 3000
#: silence in the formats of which a packet may be cut anywhere
_SILENCE = {"ulaw": bytes([ULAW_SILENCE]), "alaw": bytes([ALAW_SILENCE])}


class SoundMissing(GlobstarError):
    """There is no such sound, or it cannot be read."""


class FilePlayer(Generator):
    """Writes a sound file frame by frame."""

    __slots__ = ("is_paused", "reader")

    def __init__(self, reader: SoundReader, on_end: Callable[[], None] | None = None) -> None:
        super().__init__(on_end)
        self.reader = reader
        self.is_paused = False

    def next_frame(self) -> Frame | None:
        """The next 20 ms of the file; what the end lacks to a whole packet is silence, so that none of the end waits for more."""
        frame = self.reader.next_tick()
        if frame is not None and self.reader.is_at_end:
            _fill_up(frame, self.reader.frame_ms)
        return frame

    def closed(self) -> None:
        """Tell who follows what is played."""
        if self.channel is not None:
            self.channel.system.bus.publish(events.FilePlayEnded(self.channel))

    def _tick(self) -> None:
        if not self.is_paused:
            super()._tick()


def _fill_up(frame: Frame, milliseconds: int) -> None:
    """Make a shorter frame ``milliseconds`` long, where its format knows silence."""
    format = frame.format
    if format is None:
        return
    silence = b"\0" if format.is_slin else _SILENCE.get(format.name)
    missing = format.bytes_for(milliseconds) - len(frame.data)
    if silence is not None and missing > 0:
        frame.data = frame.data + silence * missing
        frame.samples = format.samples_in(frame.data)


async def find_sound(channel: Channel, name: str, language: str = "") -> SoundFile:
    """The file to play for ``name``: in the channel's language, in the format that is cheapest to send.

    Raises :class:`SoundMissing`. Where the service ``prompts`` is there (the demo), missing prompts are made.
    """
    system = channel.system
    language = language or channel.language
    wanted = (channel.raw_write_format,)
    found = system.sounds.find(name, language, wanted)
    if found is None and "://" in name:
        return await _fetched_sound(system, name, language, wanted)
    if found is None:
        prompts = system.service("prompts", Prompts)  # type: ignore[type-abstract]
        path = await system.run_blocking(prompts.ensure_prompt, name, language) if prompts is not None else None
        found = system.sounds.find(str(path.with_suffix("")), language, wanted) if path is not None else None
    if found is None:
        raise SoundMissing(f"File {name} does not exist in any format (language '{language}')")
    return found


async def _fetched_sound(system: System, uri: str, language: str, wanted: tuple[Format, ...]) -> SoundFile:
    """The file of a sound that is at a URI."""
    cache = system.service(MEDIA_CACHE, MediaCache)
    if cache is None or not cache.takes(uri):
        raise SoundMissing(f"{uri} cannot be fetched: nobody knows how")
    try:
        path = await cache.get(uri)
    except MediaFault as fault:
        raise SoundMissing(str(fault)) from fault
    found = system.sounds.find(str(path.with_suffix("")), language, wanted)
    if found is None:
        raise SoundMissing(f"{uri} is in no format that can be played")
    return found


async def open_player(
    channel: Channel, name: str, language: str = "", on_end: Callable[[], None] | None = None, *, shown: str = ""
) -> FilePlayer:
    """A player for ``name``, ready to start; ``shown`` is what log and event call it.

    Raises :class:`SoundMissing` and ``ChannelGone``.
    """
    if channel.soft_hangup:
        raise ChannelGone(channel.name)
    sound = await find_sound(channel, name, language)
    try:
        reader = await channel.system.sounds.open(sound)
    except SoundFault as fault:
        raise SoundMissing(f"cannot be played: {fault}") from fault
    shown = shown or f"{name}.{sound.format.name}"
    logger.verbose(3, f"<{channel.name}> Playing '{shown}' (language '{language or channel.language}')")
    channel.system.bus.publish(events.FilePlayed(channel, shown, language or channel.language))
    return FilePlayer(reader, on_end)


async def play(
    channel: Channel, name: str, *, stop_on: str = "", language: str = "", on_frame: Callable[[Frame], object] | None = None
) -> str | None:
    """Play one sound to its end. A digit of ``stop_on`` ends it and is returned; other digits are dropped.

    ``on_frame`` sees every frame of the channel meanwhile. Raises :class:`SoundMissing` and ``ChannelGone``.
    """
    ended: asyncio.Future[None] = asyncio.get_running_loop().create_future()

    def on_end() -> None:
        if not ended.done():
            ended.set_result(None)

    player = await open_player(channel, name, language, on_end)

    def watch(frame: Frame) -> str | None:
        if on_frame is not None:
            on_frame(frame)
        if frame.type is FrameType.DTMF_END and frame.digit in stop_on:
            if channel.generator is player:
                channel.stop_generator()  # at once, before more digits come
            return frame.digit
        return None

    channel.start_generator(player)
    try:
        result: str | None = await channel.wait_for(ended, watch)
        return result
    finally:
        if channel.generator is player:
            channel.stop_generator()


async def play_all(channel: Channel, names: Iterable[str], *, stop_on: str = "", language: str = "") -> str | None:
    """Play sounds one after the other; missing ones are logged and left out. A digit of ``stop_on`` ends it all."""
    was_stopped(channel)
    for name in names:
        try:
            digit = await play(channel, name, stop_on=stop_on, language=language)
        except SoundMissing as missing:
            logger.warning(str(missing))
            continue
        if digit is not None:
            return digit
        if was_stopped(channel):
            return None
    return None


@dataclass(frozen=True, slots=True)
class Played:
    """How a sound ended: the digit that did it, where that was in samples, and whether the channel was gone."""

    digit: str | None
    position: int
    is_gone: bool = False


async def play_from(channel: Channel, name: str, *, stop_on: str = "", offset: int = 0, shown: str = "") -> Played:
    """Play one sound from ``offset`` samples on; a digit of ``stop_on`` ends it. Raises :class:`SoundMissing`.

    An offset beyond the end is logged, and the sound is played from its beginning.
    """
    ended: asyncio.Future[None] = asyncio.get_running_loop().create_future()

    def on_end() -> None:
        if not ended.done():
            ended.set_result(None)

    def watch(frame: Frame) -> str | None:
        return frame.digit if frame.type is FrameType.DTMF_END and frame.digit in stop_on else None

    player = await open_player(channel, name, on_end=on_end, shown=shown)
    reader = player.reader
    if offset > reader.length():
        logger.warning(f"{name} has {reader.length()} samples and cannot be played from {offset} on")
    elif offset:
        reader.seek(offset)
    was_stopped(channel)
    channel.start_generator(player)
    try:
        digit: str | None = await channel.wait_for(ended, watch)
    except ChannelGone:
        return Played(None, reader.tell(), is_gone=True)
    finally:
        if channel.generator is player:
            channel.stop_generator()
    return Played(digit, reader.tell() if digit is not None or was_stopped(channel) else reader.length())


@dataclass(frozen=True, slots=True)
class ControlKeys:
    """The keys that wind, pause and stop a sound; each may be several, and none is empty."""

    forward: str = "#"
    rewind: str = "*"
    stop: str = ""
    pause: str = ""
    restart: str = ""
    skip_ms: int = SKIP_MS


class PlaybackCommand(Enum):
    """What may be done from outside to a sound that is played with keys."""

    STOP = "stop"
    FORWARD = "forward"
    REVERSE = "reverse"
    PAUSE = "pause"
    RESTART = "restart"


#: where a channel keeps what takes such commands, and that a sound without keys was ended by one
_CONTROLLED, _STOPPED = "controlled playback", "stopped playback"


def control_playback(channel: Channel, command: PlaybackCommand) -> bool:
    """Do to the sound of a channel what its keys do; False if it plays none.

    Any sound can be wound by what keys wind usually; one that has no keys is not paused or started again, but ends.
    """
    take: Callable[[PlaybackCommand], None] | None = channel.data.get(_CONTROLLED)
    if take is not None:
        take(command)
        return True
    player = channel.generator
    if not isinstance(player, FilePlayer):
        return False
    if command in (PlaybackCommand.FORWARD, PlaybackCommand.REVERSE):
        _wind(player, command, SKIP_MS)
        return True
    channel.data[_STOPPED] = True
    channel.stop_generator()
    if player.on_end is not None:
        player.on_end()
    return True


def was_stopped(channel: Channel) -> bool:
    """Whether :func:`control_playback` has ended a sound since this was asked last: what would follow it is not wanted either."""
    return bool(channel.data.pop(_STOPPED, False))


async def play_controlled(
    channel: Channel, name: str, keys: ControlKeys, *, language: str = "", offset_ms: int = 0
) -> tuple[str | None, int]:
    """Play one sound that the caller can wind; gives the key that stopped it, and where that was in ms.

    The key is empty when :func:`control_playback` stopped it. (None, -1) at the end of the sound.
    Raises :class:`SoundMissing` and ``ChannelGone``.
    """
    ended: asyncio.Future[None] = asyncio.get_running_loop().create_future()

    def on_end() -> None:
        if not ended.done():
            ended.set_result(None)

    player = await open_player(channel, name, language, on_end)
    player.reader.seek_ms(offset_ms)

    def press(frame: Frame) -> str | None:
        if frame.type is not FrameType.DTMF_END:
            return None
        if frame.digit in keys.stop:
            return frame.digit
        command = _command(frame.digit, keys)
        if command is not None:
            _wind(player, command, keys.skip_ms)
        return None

    is_stopped = False

    def take(command: PlaybackCommand) -> None:
        nonlocal is_stopped
        if command is PlaybackCommand.STOP:
            is_stopped = True
            on_end()
        else:
            _wind(player, command, keys.skip_ms)

    channel.data[_CONTROLLED] = take
    channel.start_generator(player)
    try:
        stopped: str | None = await channel.wait_for(ended, press)
        if is_stopped:
            stopped = ""
        return stopped, player.reader.tell_ms() if stopped is not None else -1
    finally:
        if channel.data.get(_CONTROLLED) is take:
            del channel.data[_CONTROLLED]
        if channel.generator is player:
            channel.stop_generator()


def _command(digit: str, keys: ControlKeys) -> PlaybackCommand | None:
    for held, command in (
        (keys.pause, PlaybackCommand.PAUSE),
        (keys.restart, PlaybackCommand.RESTART),
        (keys.forward, PlaybackCommand.FORWARD),
        (keys.rewind, PlaybackCommand.REVERSE),
    ):
        if digit in held:
            return command
    return None


def _wind(player: FilePlayer, command: PlaybackCommand, skip_ms: int) -> None:
    reader = player.reader
    if command is PlaybackCommand.PAUSE:
        player.is_paused = not player.is_paused
        return
    if command is PlaybackCommand.RESTART:
        reader.seek_ms(0)
    elif command is PlaybackCommand.FORWARD:
        reader.seek_ms(reader.tell_ms() + skip_ms)
    else:
        reader.seek_ms(max(0, reader.tell_ms() - skip_ms))
    player.is_paused = False
