"""Read and evaluate extension validity."""

from __future__ import annotations

from globstar.base.log import Logger
from globstar.core.channel import Channel, ChannelGone, ChannelState
from globstar.core.digits import ALL_DIGITS
from globstar.core.numbers import leading_integer
from globstar.core.pbx import caller_number, leads, may_go_on, plan_of
from globstar.core.playback import SoundMissing, play
from globstar.core.registry import application
from globstar.dialplan.arguments import ParsedOptions, argument, parse_options, split_arguments

logger = Logger("app_readexten")

_OPTIONS = {"s": False, "i": False, "n": False, "p": False}


@application("ReadExten", syntax="ReadExten(variable[,filename[,context[,options[,timeout]]]])")
async def read_exten(channel: Channel, data: str) -> int:
    """Read an extension into a variable.

    Digits are read for as long as more of them could make an extension of ``context`` (by default the channel's own).
    The file is played first; a digit stops it. ``timeout`` is how long to wait for each digit, in whole seconds.
    Options:

    i: the file is the name of a tone, or a list of tones.

    n: read although the call is not answered; without it the call is answered first.

    p: # ends the input.

    s: do nothing if the call is not answered.

    READEXTENSTATUS tells: OK, TIMEOUT (nothing was dialled; the variable is t), INVALID (the variable is i, what was
    dialled is in INVALID_EXTEN), SKIP (option s), ERROR (the arguments are wrong), HANGUP.
    """
    arguments = split_arguments(data)
    variable = argument(arguments, 0)
    if not variable:
        logger.warning("ReadExten needs a variable")
        return _finish(channel, "ERROR")
    options = parse_options(argument(arguments, 3), _OPTIONS, logger.warning)
    if channel.state is not ChannelState.UP:
        if "s" in options:
            return _finish(channel, "SKIP")
        if "n" not in options:
            await channel.answer()
    context = argument(arguments, 2) or channel.context
    timeout = leading_integer(argument(arguments, 4))
    try:
        digits = await _collect(channel, argument(arguments, 1), context, options, float(timeout) if timeout > 0 else None)
    except ChannelGone:
        _finish(channel, "HANGUP")
        raise
    if digits and await leads(channel, context, digits):
        channel.set_variable(variable, digits)
        return _finish(channel, "OK")
    if digits:
        channel.set_variable(variable, "i")
        channel.set_variable("INVALID_EXTEN", digits)
        return _finish(channel, "INVALID")
    channel.set_variable(variable, "t")
    return _finish(channel, "TIMEOUT")


async def _collect(channel: Channel, file: str, context: str, options: ParsedOptions, timeout: float | None) -> str:
    pressed: str | None = None
    has_tone = False
    if file and "i" in options:
        has_tone = channel.system.tones.play(channel, file)
    elif file:
        try:
            pressed = await play(channel, file, stop_on=ALL_DIGITS)
        except SoundMissing as missing:
            logger.warning(str(missing))
    digits = ""
    wait = channel.response_timeout if timeout is None else timeout
    try:
        while True:
            pressed = pressed or await channel.wait_for_digit(wait)
            if has_tone:
                channel.stop_generator()
                has_tone = False
            if pressed is None or (pressed == "#" and "p" in options):
                return digits
            digits += pressed
            if not await may_go_on(plan_of(channel), context, digits, caller_number(channel)):
                return digits
            pressed = None
            wait = channel.digit_timeout if timeout is None else timeout
    finally:
        if has_tone:
            channel.stop_generator()


def _finish(channel: Channel, status: str) -> int:
    channel.set_variable("READEXTENSTATUS", status)
    return 0
