"""Groups that the dialplan puts channels into, to count and limit calls (GROUP() and its family)."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from globstar.core.channel import Channel
    from globstar.core.events import ChannelHungUp


class ChannelGroups:
    """Who is in which group. A channel is in one group of each category at the most; "" is a category as well."""

    def __init__(self) -> None:
        self._of_channel: dict[Channel, dict[str, str]] = {}
        self._counts: Counter[tuple[str, str]] = Counter()

    def __iter__(self) -> Iterator[tuple[Channel, str, str]]:
        """Channel, group and category of every membership."""
        for channel, memberships in self._of_channel.items():
            for category, group in memberships.items():
                yield channel, group, category

    def put(self, channel: Channel, group: str, category: str) -> None:
        """Put a channel into a group, out of the one of the same category; into none if ``group`` is empty."""
        memberships = self._of_channel.setdefault(channel, {})
        previous = memberships.pop(category, None)
        if previous is not None:
            self._uncount(previous, category)
        if group:
            memberships[category] = group
            self._counts[(group, category)] += 1
        elif not memberships:
            del self._of_channel[channel]

    def hung_up(self, event: ChannelHungUp) -> None:
        """A channel is gone: it is in no group any more."""
        if event.channel in self._of_channel:
            self.forget(event.channel)

    def forget(self, channel: Channel) -> None:
        """Take a channel out of its groups."""
        for category, group in self._of_channel.pop(channel, {}).items():
            self._uncount(group, category)

    def _uncount(self, group: str, category: str) -> None:
        self._counts[(group, category)] -= 1
        if not self._counts[(group, category)]:
            del self._counts[(group, category)]

    def of(self, channel: Channel) -> list[tuple[str, str]]:
        """Group and category of each membership of a channel."""
        return [(group, category) for category, group in self._of_channel.get(channel, {}).items()]

    def group(self, channel: Channel, category: str) -> str:
        """The group of a channel in a category, or in the first one it has if none is given; "" if there is none."""
        memberships = self._of_channel.get(channel, {})
        return memberships.get(category, "") if category else next(iter(memberships.values()), "")

    def count(self, group: str, category: str) -> int:
        """How many channels are in a group, of one category or, if none is given, of any."""
        if category:
            return self._counts[(group, category)]
        return sum(count for (name, _), count in self._counts.items() if name == group)

    def counts(self) -> Iterator[tuple[str, str, int]]:
        """Group, category and number of channels of each."""
        for (group, category), count in self._counts.items():
            yield group, category, count
