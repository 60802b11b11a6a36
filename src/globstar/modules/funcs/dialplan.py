"""Dialplan context/extension/priority checking functions."""

from __future__ import annotations

from globstar.core.channel import Channel
from globstar.core.functions import FunctionError
from globstar.core.pbx import caller_number, plan_of
from globstar.core.registry import function
from globstar.dialplan.arguments import argument, split_arguments


@function("DIALPLAN_EXISTS", syntax="DIALPLAN_EXISTS(context[,extension][,priority])")
def dialplan_exists(channel: Channel | None, args: str) -> str:
    """1 if there is such a context, extension or priority (a number or a label), else 0."""
    if channel is None:
        raise FunctionError("DIALPLAN_EXISTS needs a channel")
    arguments = split_arguments(args, 3)
    context, extension, priority = (argument(arguments, index) for index in range(3))
    if not context:
        raise FunctionError("DIALPLAN_EXISTS needs a context")
    plan = plan_of(channel)
    if not extension:
        return str(int(context in plan.contexts))
    number = caller_number(channel)
    if not priority:
        return str(int(plan.exists(context, extension, 1, number)))
    if priority.isascii() and priority.isdigit():
        return str(int(plan.exists(context, extension, int(priority[:9]), number)))
    return str(int(plan.find_label(context, extension, priority, number) is not None))
