"""Control Playback Application."""

from __future__ import annotations

from globstar.base.log import Logger
from globstar.core.channel import Channel, ChannelGone
from globstar.core.manager import (
    ActionRequest,
    Answer,
    Permission,
    failure,
    manager_action,
    requested_channel,
    success,
)
from globstar.core.numbers import NumberArguments, leading_integer
from globstar.core.playback import ControlKeys, PlaybackCommand, SoundMissing, control_playback, play_controlled
from globstar.core.registry import application
from globstar.dialplan.arguments import argument, parse_options, split_arguments

logger = Logger("app_controlplayback")


@application("ControlPlayback", syntax="ControlPlayback(filename[,skipms[,ff[,rew[,stop[,pause[,restart[,options]]]]]]])")
async def control_playback_application(channel: Channel, data: str) -> int | None:
    """Play a file that the caller can wind with keys.

    skipms is how far a key winds (3000). Keys: ff forwards (#), rew rewinds (*), stop, pause and restart (none unless given).
    Option o(ms) starts that far into the file. CPLAYBACKSTATUS is SUCCESS, USERSTOPPED, REMOTESTOPPED (by
    the manager) or ERROR, CPLAYBACKOFFSET where it ended in ms (-1 at the end of the file, and after an ERROR),
    CPLAYBACKSTOPKEY the key that stopped it.
    """
    arguments = split_arguments(data)
    name = argument(arguments, 0)
    if not name:
        logger.warning("ControlPlayback requires an argument (filename)")
        return -1
    options = parse_options(argument(arguments, 7), {"o": True}, logger.warning)
    start = options.get("o").strip()
    if "o" in options and not start.isdecimal():
        logger.warning(f"ControlPlayback: option o takes milliseconds, not '{start}'")
    keys = ControlKeys(
        forward=argument(arguments, 2, "#"), rewind=argument(arguments, 3, "*"), stop=argument(arguments, 4),
        pause=argument(arguments, 5), restart=argument(arguments, 6),
        skip_ms=NumberArguments("ControlPlayback", arguments, logger.warning).integer(1) or 3000,
    )  # fmt: skip
    try:
        stopped, offset = await play_controlled(channel, name, keys, offset_ms=leading_integer(start))
    except SoundMissing as missing:
        logger.warning(f"ControlPlayback failed on {channel.name}: {missing}")
        channel.set_variable("CPLAYBACKSTATUS", "ERROR")
        channel.set_variable("CPLAYBACKOFFSET", "-1")
        return None
    except ChannelGone:
        channel.set_variable("CPLAYBACKSTATUS", "ERROR")
        channel.set_variable("CPLAYBACKOFFSET", "-1")
        raise
    status = "SUCCESS" if stopped is None else "USERSTOPPED" if stopped else "REMOTESTOPPED"
    channel.set_variable("CPLAYBACKSTATUS", status)
    channel.set_variable("CPLAYBACKOFFSET", str(offset))
    if stopped:
        channel.set_variable("CPLAYBACKSTOPKEY", stopped)
    return None


@manager_action("ControlPlayback", Permission.CALL, synopsis="Control the playback of a file being played to a channel.")
def manager_control_playback(request: ActionRequest) -> Answer:
    """Wind the sound that a channel plays, or stop it."""
    if not request.get("Channel"):
        return failure("Channel not specified")
    word = request.get("Control")
    if not word:
        return failure("Control type not specified")
    channel = requested_channel(request)
    try:
        command = PlaybackCommand(word.lower())
    except ValueError:
        return failure("Unknown control type")
    return success() if control_playback(channel, command) else failure("The channel plays nothing that can be controlled")
