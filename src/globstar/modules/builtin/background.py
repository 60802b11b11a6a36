"""Background(): play while listening for the digits of an extension."""

from __future__ import annotations

from globstar.base.log import Logger
from globstar.core.channel import Channel, ChannelState
from globstar.core.pbx import plan_of
from globstar.core.playback import SoundMissing, play
from globstar.core.registry import application
from globstar.core.switches import settled
from globstar.dialplan.arguments import argument, parse_options, split_arguments

logger = Logger("pbx")

_DIGITS = "0123456789*#ABCD"
_OPTIONS = dict.fromkeys("snmp", False)


@application("BackGround", syntax="BackGround(filename1[&filename2...][,options[,langoverride[,context]]])")
async def background(channel: Channel, data: str) -> int | str | None:
    """Play sound files and take the digits of an extension meanwhile.

    A digit that an extension of the context begins with stops the playing and the extension is collected.
    Options: s skips the playing on a call that is not answered; n does not answer the call; m takes a digit only if it is
    an extension by itself; p takes no digit at all. langoverride is the language to play in, context the one
    whose extensions count. BACKGROUNDSTATUS is SUCCESS or FAILED.
    """
    arguments = split_arguments(data)
    if not argument(arguments, 0):
        logger.warning("Background requires an argument (filename)")
        return -1
    options = parse_options(argument(arguments, 1).lower(), _OPTIONS, logger.warning)
    language = argument(arguments, 2, channel.language)
    context = argument(arguments, 3, channel.context)
    if channel.state is not ChannelState.UP:
        if "s" in options:
            channel.set_variable("BACKGROUNDSTATUS", "SUCCESS")
            return None
        if "n" not in options:
            await channel.answer()
    channel.stop_generator()
    plan = plan_of(channel)
    number = channel.caller.id.number.text if channel.caller.id.number.valid else ""
    if "p" in options:
        stop_on = ""
    elif "m" in options:
        stop_on = await settled(lambda: "".join([digit for digit in _DIGITS if plan.exists(context, digit, 1, number)]))
    else:
        stop_on = _DIGITS
    status = "SUCCESS"
    digit: str | None = None
    try:
        for name in arguments[0].split("&"):
            try:
                digit = await play(channel, name, stop_on=stop_on, language=language)
            except SoundMissing as missing:
                logger.warning(f"Background failed on {channel.name} for {arguments[0]}: {missing}")
                status = "FAILED"
                break
            if digit is not None:
                break
    finally:
        channel.set_variable("BACKGROUNDSTATUS", status)
    if digit is None:
        return None
    if context != channel.context:
        channel.context = context
    return digit
