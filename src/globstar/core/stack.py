"""Gosub's return stack: where to go back to, and the variables that are local to a level."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from globstar.core import events
from globstar.core.variables import split_name

if TYPE_CHECKING:
    from globstar.core.channel import Channel


@dataclass(slots=True)
class StackFrame:
    """One level of Gosub. ``priority`` is where Return goes on.

    ``saved`` holds what its local variables hide, each with its underscores of inheritance (None: nothing).
    """

    context: str
    extension: str
    priority: int
    argument_count: int = 0
    saved: dict[str, tuple[str, str] | None] = field(default_factory=dict)
    #: a level entered by the core (a pre-dial handler, a hangup handler), whose Return ends that run
    is_special: bool = False


def push_frame(channel: Channel, frame: StackFrame, arguments: list[str]) -> None:
    """Enter a level: ARG1, ARG2 ... and ARGC become local to it; what the outer level has more is emptied."""
    stack = channel.stack
    outer_count = stack[-1].argument_count if stack else 0
    frame.argument_count = len(arguments)
    stack.append(frame)
    for number, argument in enumerate(arguments, 1):
        set_local(channel, frame, f"ARG{number}", argument)
    for number in range(len(arguments) + 1, outer_count + 1):
        set_local(channel, frame, f"ARG{number}", "")
    set_local(channel, frame, "ARGC", str(len(arguments)))


def set_local(channel: Channel, frame: StackFrame, name: str, value: str) -> None:
    """Make ``name`` local to ``frame``: set now, put back when the level ends. Told as ``LOCAL(name)``."""
    variables = channel.variables
    bare = name if name[:1] != "_" else split_name(name)[0]
    if bare not in frame.saved:
        hidden = variables.own(bare)
        frame.saved[bare] = None if hidden is None else ("_" * variables.inheritance(bare) + bare, hidden)
    variables.assign(name, value)
    bus = channel.system.bus
    if bus.listeners(events.VariableSet):
        bus.publish(events.VariableSet(channel, f"LOCAL({name})", value))


def pop_frame(channel: Channel) -> StackFrame | None:
    """End the innermost level: its local variables are put back. None on an empty stack.

    Each that was not empty is told of as set to nothing, the newest first, whatever it is again afterwards.
    """
    if not channel.stack:
        return None
    frame = channel.stack.pop()
    for name, hidden in reversed(frame.saved.items()):
        channel.variables.unset(name)
        if hidden is not None:
            channel.variables.assign(*hidden)
    return frame


def peek_local(channel: Channel, levels: int, name: str) -> str:
    """The value that ``name`` has ``levels`` levels further out; "" beyond the outermost."""
    stack = channel.stack
    if not 0 <= levels <= len(stack):
        return ""
    value = channel.variables.own(name)
    for frame in reversed(stack[len(stack) - levels :]):
        if name in frame.saved:
            hidden = frame.saved[name]
            value = hidden[1] if hidden is not None else None
    return value or ""
