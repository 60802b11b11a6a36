"""Gosub's return stack: where to go back to, and the variables that are local to a level."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from globstar.core import events

if TYPE_CHECKING:
    from globstar.core.channel import Channel


@dataclass(slots=True)
class StackFrame:
    """One level of Gosub. ``saved`` holds what its local variables hide (None: nothing)."""

    context: str
    extension: str
    priority: int
    argument_count: int = 0
    saved: dict[str, str | None] = field(default_factory=dict)
    #: a level entered by the core (a pre-dial handler, a hangup handler), whose Return ends that run
    is_special: bool = False


def set_local(channel: Channel, frame: StackFrame, name: str, value: str) -> None:
    """Make ``name`` local to ``frame``: set now, put back when the level ends."""
    bare = name.lstrip("_")
    if bare not in frame.saved:
        frame.saved[bare] = channel.variables.own(bare)
    channel.variables.set(name, value)


def pop_frame(channel: Channel) -> StackFrame | None:
    """End the innermost level: its local variables are put back. None on an empty stack."""
    if not channel.stack:
        return None
    frame = channel.stack.pop()
    bus = channel.system.bus
    for name, value in reversed(frame.saved.items()):
        channel.variables.restore(name, value)
        bus.publish(events.VariableSet(channel, name, value or ""))
    return frame
