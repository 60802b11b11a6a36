"""Control Playback Application."""

from __future__ import annotations

import asyncio

from globstar.base.log import Logger
from globstar.core.channel import Channel, ChannelGone
from globstar.core.frame import Frame, FrameType
from globstar.core.playback import FilePlayer, SoundMissing, open_player
from globstar.core.registry import application
from globstar.dialplan.arguments import argument, parse_options, split_arguments

logger = Logger("app_controlplayback")


@application("ControlPlayback", syntax="ControlPlayback(filename[,skipms[,ff[,rew[,stop[,pause[,restart[,options]]]]]]])")
async def control_playback(channel: Channel, data: str) -> int | None:
    """Play a file that the caller can wind with keys.

    skipms is how far a key winds (3000). Keys: ff forwards (#), rew rewinds (*), stop, pause and restart (none unless given).
    Option o(ms) starts that far into the file. CPLAYBACKSTATUS is SUCCESS, USERSTOPPED or ERROR, CPLAYBACKOFFSET where it
    ended in ms (-1 at the end of the file), CPLAYBACKSTOPKEY the key that stopped it.
    """
    arguments = split_arguments(data)
    name = argument(arguments, 0)
    if not name:
        logger.warning("ControlPlayback requires an argument (filename)")
        return -1
    text = argument(arguments, 1)
    skip_ms = int(text) if text.isdigit() and int(text) else 3000
    forward, rewind = argument(arguments, 2, "#"), argument(arguments, 3, "*")
    stop, pause, restart = (argument(arguments, index) for index in (4, 5, 6))
    options = parse_options(argument(arguments, 7), {"o": True}, logger.warning)
    ended: asyncio.Future[None] = asyncio.get_running_loop().create_future()

    def on_end() -> None:
        if not ended.done():
            ended.set_result(None)

    try:
        player = await open_player(channel, name, on_end=on_end)
    except SoundMissing as missing:
        logger.warning(f"ControlPlayback failed on {channel.name}: {missing}")
        channel.set_variable("CPLAYBACKSTATUS", "ERROR")
        return None
    offset = options.get("o")
    if offset.isdigit():
        player.reader.seek_ms(int(offset))

    def key(frame: Frame) -> str | None:
        if frame.type is not FrameType.DTMF_END:
            return None
        digit = frame.digit
        if digit in stop:
            return digit
        _wind(player, digit, skip_ms, forward, rewind, pause, restart)
        return None

    channel.start_generator(player)
    try:
        stopped = await channel.wait_for(ended, key)
    except ChannelGone:
        channel.set_variable("CPLAYBACKSTATUS", "ERROR")
        raise
    finally:
        if channel.generator is player:
            channel.stop_generator()
    channel.set_variable("CPLAYBACKSTATUS", "USERSTOPPED" if stopped else "SUCCESS")
    channel.set_variable("CPLAYBACKOFFSET", str(player.reader.tell_ms()) if stopped else "-1")
    if stopped:
        channel.set_variable("CPLAYBACKSTOPKEY", stopped)
    return None


def _wind(player: FilePlayer, digit: str, skip_ms: int, forward: str, rewind: str, pause: str, restart: str) -> None:
    reader = player.reader
    if digit in pause:
        player.is_paused = not player.is_paused
    elif digit in restart:
        reader.seek_ms(0)
    elif digit in forward:
        reader.seek_ms(reader.tell_ms() + skip_ms)
    elif digit in rewind:
        reader.seek_ms(max(0, reader.tell_ms() - skip_ms))
    if digit not in pause:
        player.is_paused = False
