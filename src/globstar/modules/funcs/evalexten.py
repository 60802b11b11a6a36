"""Extension evaluation functions."""

from __future__ import annotations

from globstar.core.channel import Channel
from globstar.core.functions import FunctionError
from globstar.core.pbx import caller_number, parse_goto, parse_subroutine, plan_of, run_subroutine
from globstar.core.registry import function
from globstar.dialplan.substitute import substitute


@function("EVAL_EXTEN", syntax="EVAL_EXTEN([context][,extensions],priority)")
def evaluate_extension(channel: Channel | None, args: str) -> str:
    """The arguments of a priority of the dialplan, substituted as if the channel ran it.

    So a text can be kept in one place: ``exten => fee,1,Return(${AMOUNT})``, whose data is read without running it.
    """
    if channel is None:
        raise FunctionError("EVAL_EXTEN needs a channel")
    place = parse_goto(channel, args)
    if place is None:
        raise FunctionError("EVAL_EXTEN needs [[context,]extension,]priority")
    step = plan_of(channel).find(*place, caller_number(channel))
    if step is None:
        raise FunctionError(f"there is no {','.join(map(str, place))}")
    return substitute(step.data, channel.variables)


@function("EVAL_SUB", syntax="EVAL_SUB([context][,extensions],priority)")
async def evaluate_subroutine(channel: Channel | None, args: str) -> str:
    """What a subroutine returns. It may have arguments in parentheses behind the priority."""
    if channel is None:
        raise FunctionError("EVAL_SUB needs a channel")
    place = parse_subroutine(channel, args)
    if place is None:
        raise FunctionError("EVAL_SUB needs [[context,]extension,]priority[(arguments)]")
    context, extension, priority, arguments = place
    if not await run_subroutine(channel, context, extension, priority, arguments):
        return ""
    return channel.get_variable("GOSUB_RETVAL") or ""
