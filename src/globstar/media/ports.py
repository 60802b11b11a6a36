"""RTP port pairs out of a range: even for RTP, the odd one above for RTCP (RFC 3550 section 11)."""

from __future__ import annotations

import random
from collections import deque


class PortAllocator:
    """Gives out even ports of ``start`` to ``end`` (both inclusive), each with its odd neighbour.

    Freed ports go to the end of the line, so that late packets of an ended call do not reach a new one.
    The first order is shuffled, so that ports cannot be guessed. All steps take constant time.
    """

    __slots__ = ("_free", "_used", "end", "start")

    def __init__(self, start: int, end: int, chance: random.Random) -> None:
        self.start = start
        self.end = end
        ports = list(range(start + start % 2, end, 2))
        chance.shuffle(ports)
        self._free = deque(ports)
        self._used: set[int] = set()

    @property
    def free(self) -> int:
        """How many pairs are left."""
        return len(self._free)

    @property
    def used(self) -> int:
        """How many pairs are given out."""
        return len(self._used)

    def allocate(self) -> int | None:
        """An even port that nobody has, None when all are given out."""
        if not self._free:
            return None
        port = self._free.popleft()
        self._used.add(port)
        return port

    def release(self, port: int) -> None:
        """Give a port back; one that was not given out is ignored, so that closing twice does no harm."""
        if port in self._used:
            self._used.remove(port)
            self._free.append(port)
