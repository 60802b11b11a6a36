"""While loops and conditional execution."""

from __future__ import annotations

from globstar.base.log import Logger
from globstar.core.blocks import Block, go_to, here
from globstar.core.channel import Channel
from globstar.core.conditions import is_true
from globstar.core.registry import application

logger = Logger("app_while")

_LOOP = Block("while", "endwhile", "WHILE")


@application("While", syntax="While(expr)")
def while_(channel: Channel, data: str) -> None:
    """Begin a loop.

    As long as the condition (see GotoIf) holds, what follows up to EndWhile is run again and again; then the call
    goes on behind EndWhile.
    """
    variables = channel.variables
    label, depth = _LOOP.start(channel)
    place = f"WHILE_{depth}"
    if is_true(data):
        if not variables.own(place):
            variables.set(place, here(channel))
        return
    end = variables.own(f"END_{place}")
    for name in (place, label, f"END_{place}"):
        variables.unset(name)
    if end:
        go_to(channel, end)
    else:
        _LOOP.leave(channel)


@application("EndWhile", syntax="EndWhile()")
def end_while(channel: Channel) -> None:
    """End a loop: go back to its While."""
    depth = _LOOP.innermost(channel)
    if depth < 0:
        return
    if not channel.variables.own(f"END_WHILE_{depth}"):
        channel.set_variable(f"END_WHILE_{depth}", here(channel, 1))
    go_to(channel, channel.variables.own(f"WHILE_{depth}") or "")


@application("ExitWhile", syntax="ExitWhile()")
def exit_while(channel: Channel) -> None:
    """Leave a loop at once: go on behind its EndWhile."""
    depth = _LOOP.innermost(channel)
    if depth < 0:
        logger.warning(f"ExitWhile outside of a loop in {here(channel)}")
        return
    variables = channel.variables
    end = variables.own(f"END_WHILE_{depth}")
    variables.unset(f"WHILE_{depth}")
    variables.unset(f"END_WHILE_{depth}")
    if end:
        go_to(channel, end)
    elif not _LOOP.leave(channel):
        logger.warning(f"There is no EndWhile for the ExitWhile in {here(channel)}")


@application("ContinueWhile", syntax="ContinueWhile()")
def continue_while(channel: Channel) -> None:
    """Go back to the While of the loop at once, without the rest of its body."""
    depth = _LOOP.innermost(channel)
    if depth >= 0:
        go_to(channel, channel.variables.own(f"WHILE_{depth}") or "")
