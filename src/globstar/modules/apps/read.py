"""Read variable application."""

from __future__ import annotations

from globstar.base.log import Logger
from globstar.core.channel import Channel, ChannelGone, ChannelState
from globstar.core.digits import Entry, EntryEnd, read_digits
from globstar.core.numbers import leading_integer, seconds
from globstar.core.playback import SoundMissing
from globstar.core.registry import application
from globstar.dialplan.arguments import ParsedOptions, argument, parse_options, split_arguments

logger = Logger("app_read")

#: The greatest number of digits that can be asked for.
MAXIMUM = 255
_OPTIONS = {"s": False, "i": False, "n": False, "t": True, "e": False}


@application("Read", syntax="Read(variable[,filename[&filename2...][,maxdigits[,options[,attempts[,timeout]]]]])")
async def read(channel: Channel, data: str) -> int:
    """Read digits into a variable.

    Reading stops after ``maxdigits`` digits (0, the default: as many as come), when # is pressed, or when nothing
    comes in time. The files are played first; a digit stops them. ``attempts`` is how often to try if nothing is
    dialled, ``timeout`` how long to wait for each digit, in seconds with decimals (by default TIMEOUT(response) and
    TIMEOUT(digit)). Options:

    e: keep the terminator if it is all that was pressed.

    i: the file is the name of a tone of indications.conf.

    n: read although the call is not answered; without it the call is answered first.

    s: do nothing if the call is not answered.

    t([digits]): these keys end the input instead of #; without any, no key does.

    READSTATUS tells: OK, ERROR (the arguments or a file are wrong), HANGUP, INTERRUPTED, SKIPPED (option s), TIMEOUT.
    """
    channel.set_variable("READSTATUS", "ERROR")
    arguments = split_arguments(data)
    variable = argument(arguments, 0)
    if not variable:
        logger.warning("Read needs a variable")
        return 0
    options = parse_options(argument(arguments, 3), _OPTIONS, logger.warning)
    if channel.state is not ChannelState.UP:
        if "s" in options:
            return _finish(channel, variable, "", "SKIPPED")
        if "n" not in options:
            await channel.answer()
    entry = Entry("", EntryEnd.TIMEOUT)
    try:
        for _ in range(max(1, leading_integer(argument(arguments, 4)))):
            entry = await _attempt(channel, arguments, options)
            if entry.end is not EntryEnd.TIMEOUT or entry.digits:
                break
    except SoundMissing as missing:
        logger.warning(str(missing))
        return _finish(channel, variable, "", "ERROR")
    except ChannelGone:
        _finish(channel, variable, "", "HANGUP")
        raise
    digits = entry.digits
    if not digits and "e" in options:
        digits = entry.terminator
    return _finish(channel, variable, digits, "TIMEOUT" if entry.end is EntryEnd.TIMEOUT else "OK")


async def _attempt(channel: Channel, arguments: list[str], options: ParsedOptions) -> Entry:
    files = argument(arguments, 1)
    timeout = seconds(argument(arguments, 5)) or None
    return await read_digits(
        channel,
        () if "i" in options else [name for name in files.split("&") if name],
        maximum=min(max(leading_integer(argument(arguments, 2)), 0), MAXIMUM) or MAXIMUM,
        first_timeout=timeout,
        digit_timeout=timeout,
        terminators=options.get("t") if "t" in options else "#",
        tone=files if "i" in options else "",
    )


def _finish(channel: Channel, variable: str, digits: str, status: str) -> int:
    channel.set_variable(variable, digits)
    channel.set_variable("READSTATUS", status)
    return 0
