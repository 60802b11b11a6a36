"""If branches."""

from __future__ import annotations

from globstar.base.log import Logger
from globstar.core.blocks import Block, here
from globstar.core.channel import Channel
from globstar.core.conditions import is_true
from globstar.core.registry import application

logger = Logger("app_if")

_BRANCH = Block("if", "endif", "IF")


@application("If", syntax="If(expr)")
def if_(channel: Channel, data: str) -> None:
    """Begin a branch.

    If the condition (see GotoIf) holds, what follows is run; else the call goes on at the next ElseIf of the branch,
    behind its Else, or behind its EndIf. Branches may stand within one another.
    """
    variables = channel.variables
    label, depth = _BRANCH.start(channel)
    if is_true(data):
        if not variables.own(f"IF_{depth}"):
            variables.set(f"IF_{depth}", here(channel))
        return
    variables.unset(f"IF_{depth}")
    variables.unset(label)
    found = _BRANCH.find(channel, ("elseif", "else", "endif"))
    if found is not None:
        priority, name = found
        channel.goto(channel.context, channel.extension, priority if name == "elseif" else priority + 1)


@application("ElseIf", syntax="ElseIf(expr)")
def else_if(channel: Channel, data: str) -> None:
    """Begin another branch, where the condition of the one before does not hold.

    Like an If in its place. A branch that was run does not skip the ElseIf that follows it: it is asked all the same.
    """
    if_(channel, data)


@application("Else", syntax="Else()")
def else_(channel: Channel) -> None:
    """End a branch that was run: go on behind EndIf.

    Where no condition held, the call goes on behind the Else.
    """
    _end(channel)
    _leave(channel, "Else")


@application("EndIf", syntax="EndIf()")
def end_if(channel: Channel) -> None:
    """End a branch."""
    _end(channel)


@application("ExitIf", syntax="ExitIf()")
def exit_if(channel: Channel) -> None:
    """Leave a branch at once: go on behind its EndIf."""
    if _end(channel):
        _leave(channel, "ExitIf")
    else:
        logger.warning(f"ExitIf outside of a branch in {here(channel)}")


def _end(channel: Channel) -> bool:
    depth = _BRANCH.innermost(channel)
    if depth >= 0:
        channel.variables.unset(f"IF_{depth}")
    return depth >= 0


def _leave(channel: Channel, application_name: str) -> None:
    if not _BRANCH.leave(channel):
        logger.warning(f"There is no EndIf for the {application_name} in {here(channel)}")
