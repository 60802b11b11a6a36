"""Blocks of priorities: While ... EndWhile and If ... EndIf, found by reading the dialplan ahead.

What a running block needs to know is kept in channel variables, as users see them in Asterisk: ``<context>_<exten>_<priority>``
holds the depth of the block that begins there, ``WHILE_0``, ``IF_0`` ... the place where the block of that depth began.
"""

from __future__ import annotations

from collections.abc import Collection
from typing import TYPE_CHECKING

from globstar.core.pbx import caller_number, parse_goto, plan_of

if TYPE_CHECKING:
    from globstar.core.channel import Channel


class Block:
    """One kind of block: the names of the applications that open and close it, and of its variables."""

    def __init__(self, opening: str, closing: str, variable: str) -> None:
        self.opening = opening
        self.closing = closing
        self.variable = variable

    def start(self, channel: Channel) -> tuple[str, int]:
        """The label and the depth of the block that begins at the channel's place; a new one takes the first free depth."""
        variables = channel.variables
        label = f"{channel.context}_{channel.extension}_{channel.priority}"
        known = variables.own(label)
        if known:
            return label, int(known)
        depth = self.innermost(channel) + 1
        variables.set(label, str(depth))
        return label, depth

    def innermost(self, channel: Channel) -> int:
        """The depth of the innermost block that is running, -1 if none is."""
        depth = 0
        while channel.variables.own(f"{self.variable}_{depth}"):
            depth += 1
        return depth - 1

    def find(self, channel: Channel, wanted: Collection[str]) -> tuple[int, str] | None:
        """The first priority behind the channel's that runs one of ``wanted`` and belongs to this block: it and the name.

        Names are in lower case. None if the extension ends before.
        """
        plan = plan_of(channel)
        context, extension, number = channel.context, channel.extension, caller_number(channel)
        priority = channel.priority
        depth = 0
        while True:
            priority += 1
            step = plan.find(context, extension, priority, number)
            if step is None:
                return None
            name = step.app_name.lower()
            if depth == 0 and name in wanted:
                return priority, name
            if name == self.opening:
                depth += 1
            elif name == self.closing:
                depth -= 1

    def leave(self, channel: Channel) -> bool:
        """Go on behind the end of the block that the channel is in; False if its end is not found."""
        found = self.find(channel, (self.closing,))
        if found is None:
            return False
        channel.goto(channel.context, channel.extension, found[0] + 1)
        return True


def here(channel: Channel, offset: int = 0) -> str:
    """The channel's place, ``offset`` priorities on, as a block's variables hold it."""
    return f"{channel.context},{channel.extension},{channel.priority + offset}"


def go_to(channel: Channel, place: str) -> None:
    """Go on at a place that :func:`here` gave."""
    target = parse_goto(channel, place)
    if target is not None:
        channel.goto(*target)
