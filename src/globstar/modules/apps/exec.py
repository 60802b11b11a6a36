"""Executes dialplan applications."""

from __future__ import annotations

from collections.abc import Awaitable
from typing import Any

from globstar.base.log import Logger
from globstar.core.applications import run_application, split_call
from globstar.core.channel import Channel, ChannelGone
from globstar.core.conditions import is_true
from globstar.core.registry import application
from globstar.dialplan.substitute import substitute

logger = Logger("app_exec")


@application("Exec", syntax="Exec(appname(arguments))")
def exec_(channel: Channel, data: str) -> Any:
    """Run an application whose name is made at run time.

    Variables in the arguments are substituted once more. What the application does to the call counts as if it stood
    here itself; one that does not exist ends the call.
    """
    if not data:
        return 0
    name, arguments = split_call(data)
    return run_application(channel, name, substitute(arguments, channel.variables))


@application("TryExec", syntax="TryExec(appname(arguments))")
async def try_exec(channel: Channel, data: str) -> int:
    """Run an application whose name is made at run time, and go on whatever comes of it, unless it is Hangup().

    TRYSTATUS tells: SUCCESS, FAILED (the application wanted to end the call), NOAPP (there is none).
    """
    if not data:
        return 0
    name, arguments = split_call(data)
    if channel.system.applications.get(name) is None:
        logger.warning(f"There is no application '{name}'")
        channel.set_variable("TRYSTATUS", "NOAPP")
        return 0
    try:
        result = run_application(channel, name, substitute(arguments, channel.variables))
        if isinstance(result, Awaitable):
            result = await result
    except ChannelGone:
        channel.set_variable("TRYSTATUS", "FAILED")
        raise
    has_succeeded = result is None or result == 0
    channel.set_variable("TRYSTATUS", "SUCCESS" if has_succeeded else "FAILED")
    # The dialplan itself has hung up, not an application that failed: the call is over all the same.
    return -1 if not has_succeeded and channel.hangup_source == "dialplan/builtin" else 0


@application("ExecIf", syntax="ExecIf(expression?appiftrue(args)[:appiffalse(args)])")
def exec_if(channel: Channel, data: str) -> Any:
    """Run an application if a condition holds, or another one if not.

    The condition is that of GotoIf. An application that does not exist ends the call.
    """
    condition, question, calls = data.partition("?")
    if not question or not calls:
        logger.warning(f"ExecIf needs expression?application(arguments), not '{data}'")
        return -1
    if_true, if_false = _split_calls(calls)
    call = if_true if is_true(condition) else if_false
    if not call:
        return 0
    name, arguments = split_call(call)
    return run_application(channel, name, arguments)


def _split_calls(text: str) -> tuple[str, str]:
    """Split at the first colon behind the arguments of the first application."""
    depth = 0
    quoted = False
    for index, character in enumerate(text):
        if character == '"':
            quoted = not quoted
        elif quoted:
            continue
        elif character == "(":
            depth += 1
        elif character == ")":
            depth -= 1
        elif character == ":" and depth <= 0:
            return text[:index], text[index + 1 :]
    return text, ""
