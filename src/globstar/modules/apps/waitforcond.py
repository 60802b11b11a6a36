"""Wait until condition is true."""

from __future__ import annotations

from globstar.base.log import Logger
from globstar.core.channel import Channel, ChannelGone
from globstar.core.conditions import is_true
from globstar.core.numbers import seconds
from globstar.core.registry import application
from globstar.dialplan.arguments import argument, split_raw
from globstar.dialplan.substitute import substitute

logger = Logger("app_waitforcond")

#: How often the condition is looked at where nothing else is said, seconds.
DEFAULT_INTERVAL = 0.05


@application("WaitForCondition", syntax="WaitForCondition(replacementchar,expression[,timeout[,interval]])")
async def wait_for_condition(channel: Channel, data: str) -> int:
    """Wait until a condition holds.

    ``replacementchar`` stands for the dollar sign in ``expression``, so that this is evaluated again and again:
    ``WaitForCondition(#,#["#{READY}"="yes"],10)``. ``timeout`` is how long at the most, ``interval`` how often to
    look (0.05), both in seconds with decimals.

    WAITFORCONDITIONSTATUS tells: TRUE, TIMEOUT, HANGUP, FAILURE (the arguments are wrong).
    """
    arguments = split_raw(data)
    character, expression = argument(arguments, 0), argument(arguments, 1)
    if len(character) != 1 or not expression:
        logger.warning("WaitForCondition needs a replacement character and an expression")
        channel.set_variable("WAITFORCONDITIONSTATUS", "FAILURE")
        return 0
    timeout = seconds(argument(arguments, 2))
    interval = seconds(argument(arguments, 3)) or DEFAULT_INTERVAL
    text = expression.replace(character, "$")
    deadline = channel.system.now() + timeout if timeout else None
    try:
        while not is_true(substitute(text, channel.variables)):
            if deadline is not None and channel.system.now() >= deadline:
                channel.set_variable("WAITFORCONDITIONSTATUS", "TIMEOUT")
                return 0
            await channel.pause(interval)
    except ChannelGone:
        channel.set_variable("WAITFORCONDITIONSTATUS", "HANGUP")
        raise
    channel.set_variable("WAITFORCONDITIONSTATUS", "TRUE")
    return 0
