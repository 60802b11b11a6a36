"""RTP port pairs out of a range: even for RTP, the odd one above for RTCP (RFC 3550 section 11)."""

from __future__ import annotations

import errno
import random
from collections import deque
from collections.abc import Callable, Collection
from typing import TypeVar

#: Seconds for which a port given back should not be used: late packets of an ended call have died out by then.
REST_SECONDS = 3.0
#: Seconds for which a port that another program has is not tried again, while there are others.
TAKEN_SECONDS = 30.0
#: Seconds after which it is tried again where there are no others.
RETRY_SECONDS = 1.0
#: Binds that fail in a row before the system is asked which ports are taken.
SURVEY_AFTER = 16
#: Ports that are passed over at a time because they rest after the use by another allocator.
LOOKS = 8
#: Seconds between two complaints that there are no ports.
COMPLAINT_SECONDS = 60.0

Bound = TypeVar("Bound")


class PortAllocator:
    """Gives out even ports of ``start`` to ``end`` (both inclusive), each with its odd neighbour.

    Freed ports go to the end of the line and rest there, so that late packets of an ended call do not reach a new one.
    Where none has rested long enough, the one that has rested longest is taken, as a refused call is worse; such ports
    are counted in ``unrested``. Ports of other programs are set aside for a while. The first order is shuffled, so that ports
    cannot be guessed. All steps but ``set_all_aside`` take constant time. Allocators whose ranges overlap share ``resting``:
    until when each port rests that any of them has had.
    """

    __slots__ = ("_aside", "_clock", "_complain_at", "_free", "_resting", "_used", "end", "pairs", "refused", "start", "unrested")

    def __init__(
        self,
        start: int,
        end: int,
        chance: random.Random,
        clock: Callable[[], float],
        resting: dict[int, float] | None = None,
    ) -> None:
        self._clock = clock
        self._resting = resting if resting is not None else {}
        self.start = start
        self.end = end
        ports = list(range(start + start % 2, end, 2))
        #: how many pairs there are
        self.pairs = len(ports)
        chance.shuffle(ports)
        #: ports in the order in which they are given out, and from when on they have rested
        self._free: deque[tuple[int, float]] = deque((port, 0.0) for port in ports)
        #: ports of other programs, and when that was found out, the oldest finding first
        self._aside: deque[tuple[int, float]] = deque()
        self.unrested = 0
        #: how often there was none since it was complained of last
        self.refused = 0
        self._complain_at = float("-inf")
        self._used: set[int] = set()

    @property
    def free(self) -> int:
        """How many pairs are left."""
        return len(self._free)

    @property
    def used(self) -> int:
        """How many pairs are given out."""
        return len(self._used)

    @property
    def taken(self) -> int:
        """How many pairs other programs had when they were tried last."""
        return len(self._aside)

    def allocate(self) -> int | None:
        """An even port that nobody has, as far as is known; None when all are given out or other programs have them."""
        now, aside = self._clock(), self._aside
        while aside and aside[0][1] + TAKEN_SECONDS <= now:
            self._free.append((aside.popleft()[0], 0.0))
        if self._free:
            port, rested_at = self._free.popleft()
            for _ in range(min(len(self._free), LOOKS)):
                if self._resting.get(port, 0.0) <= now or rested_at > now:
                    break
                self._free.append((port, self._resting[port]))  # another allocator has given it back
                port, rested_at = self._free.popleft()
            if now < rested_at:
                self.unrested += 1
        elif aside and aside[0][1] + RETRY_SECONDS <= now:
            port = aside.popleft()[0]
        else:
            return None
        self._used.add(port)
        return port

    def release(self, port: int) -> None:
        """Give a port back; one that was not given out is ignored, so that closing twice does no harm."""
        if port in self._used:
            self._used.remove(port)
            rested_at = self._resting[port] = self._clock() + REST_SECONDS
            self._free.append((port, rested_at))

    def set_aside(self, port: int) -> None:
        """A port that was given out cannot be used: another program has it or its neighbour."""
        if port in self._used:
            self._used.remove(port)
            self._aside.append((port, self._clock()))

    def set_all_aside(self, taken: Collection[int]) -> None:
        """The system knows these ports to be in use: none of the free ones is given out for a while."""
        now, free = self._clock(), self._free
        self._free = deque(entry for entry in free if entry[0] not in taken and entry[0] + 1 not in taken)
        self._aside.extend((port, now) for port, _ in free if port in taken or port + 1 in taken)

    def complaint(self) -> str | None:
        """What is to be told of there being no port, once a minute at the most: else None."""
        self.refused += 1
        now = self._clock()
        if now < self._complain_at:
            return None
        self._complain_at = now + COMPLAINT_SECONDS
        times, self.refused = self.refused, 0
        return f"is free in {self.start} to {self.end}: {self.used} are in use, {self.taken} have other programs" + (
            f" ({times} times since this was told last)" if times > 1 else ""
        )


def bind_free(
    allocator: PortAllocator, bind: Callable[[int], Bound], taken: Callable[[], Collection[int]]
) -> tuple[int, Bound] | None:
    """A port and what ``bind`` makes of it; None when there is none.

    ``taken`` gives the ports that the system knows to be in use; it is asked only after some binds in a row have failed.
    Raises OSError, when not the port is the reason.
    """
    for attempt in range(1, allocator.pairs + 1):
        port = allocator.allocate()
        if port is None:
            return None
        try:
            return port, bind(port)
        except OSError as error:
            if error.errno != errno.EADDRINUSE:
                allocator.release(port)
                raise
        allocator.set_aside(port)
        if attempt == SURVEY_AFTER:
            allocator.set_all_aside(taken())
    return None
