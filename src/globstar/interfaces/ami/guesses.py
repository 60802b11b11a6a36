"""Who fails to log in has to wait, the longer the more often."""

from __future__ import annotations

from collections import OrderedDict

#: How long the first failure is remembered and costs, how long one costs at most, and how many sources are remembered.
MEMORY = 300.0
FIRST_WAIT = 1.0
LONGEST_WAIT = 30.0
MOST_SOURCES = 4096


class Guesses:
    """Failed logins by source address."""

    def __init__(self) -> None:
        self._failures: OrderedDict[str, tuple[int, float]] = OrderedDict()

    def __len__(self) -> int:
        return len(self._failures)

    def failed(self, source: str, now: float) -> None:
        """Note a failure."""
        count, last = self._failures.pop(source, (0, 0.0))
        count = count + 1 if now - last < MEMORY else 1
        self._failures[source] = (count, now)
        if len(self._failures) > MOST_SOURCES:
            self._failures.popitem(last=False)

    def wait(self, source: str, now: float) -> float:
        """Seconds until a try from ``source`` is looked at; none after a single failure, as people mistype."""
        count, last = self._failures.get(source, (0, 0.0))
        return max(0.0, last + wait_after(count) - now) if count > 1 and now - last < MEMORY else 0.0

    def succeeded(self, source: str) -> None:
        """Somebody there knows the secret."""
        self._failures.pop(source, None)


def wait_after(count: int) -> float:
    """Seconds that the failure number ``count`` costs."""
    return min(LONGEST_WAIT, FIRST_WAIT * 2.0 ** min(count - 1, 10)) if count else 0.0
