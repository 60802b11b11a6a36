"""RTP port pairs out of a range: even for RTP, the odd one above for RTCP (RFC 3550 section 11)."""

from __future__ import annotations

import random
from collections import deque
from collections.abc import Callable

#: Seconds for which a port given back should not be used: late packets of an ended call have died out by then.
REST_SECONDS = 3.0


class PortAllocator:
    """Gives out even ports of ``start`` to ``end`` (both inclusive), each with its odd neighbour.

    Freed ports go to the end of the line and rest there, so that late packets of an ended call do not reach a new one.
    Where none has rested long enough, the one that has rested longest is taken, as a refused call is worse; such ports
    are counted in ``unrested``. The first order is shuffled, so that ports cannot be guessed. All steps take constant time.
    """

    __slots__ = ("_clock", "_free", "_used", "end", "start", "unrested")

    def __init__(self, start: int, end: int, chance: random.Random, clock: Callable[[], float]) -> None:
        self._clock = clock
        self.start = start
        self.end = end
        ports = list(range(start + start % 2, end, 2))
        chance.shuffle(ports)
        #: ports in the order in which they are given out, and from when on they have rested
        self._free: deque[tuple[int, float]] = deque((port, 0.0) for port in ports)
        self.unrested = 0
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
        port, rested_at = self._free.popleft()
        if self._clock() < rested_at:
            self.unrested += 1
        self._used.add(port)
        return port

    def release(self, port: int) -> None:
        """Give a port back; one that was not given out is ignored, so that closing twice does no harm."""
        if port in self._used:
            self._used.remove(port)
            self._free.append((port, self._clock() + REST_SECONDS))
