"""Jitter buffers: what came unevenly goes on evenly, late by as much as it takes.

Pure: frames go in with the time of their arrival and the sender's time, and come out when asked for at a time. All times are in
ms and of one clock each; only differences count.
"""

from __future__ import annotations

from bisect import bisect_left, insort
from collections import deque
from dataclasses import dataclass, field
from typing import Generic, TypeVar

T = TypeVar("T")

#: How many arrivals a buffer looks back on, so that clocks that differ do no harm: ten seconds of frames of 20 ms.
_HISTORY = 500
#: Part of the arrivals that may be later than the adaptive buffer waits for.
_LATE_SHARE = 0.02
#: The adaptive buffer gets shorter by one frame at the most in so long, ms.
_SHRINK_INTERVAL = 500
#: Frames that are held at the most, whatever their times say.
_MOST_FRAMES = 512


@dataclass(slots=True, kw_only=True)
class JitterStatistics:
    """What became of the frames."""

    delivered: int = 0
    #: came after their turn and were dropped
    late: int = 0
    #: their turn came and they were not there
    lost: int = 0
    duplicated: int = 0
    #: dropped to get shorter
    shrunk: int = 0
    #: dropped because there were too many
    overflowed: int = 0
    resyncs: int = 0


@dataclass(slots=True, order=True)
class _Held(Generic[T]):
    sent: float
    length: float = field(compare=False)
    item: T = field(compare=False)


class JitterBuffer(Generic[T]):
    """Holds frames for a constant time (the fixed buffer): each comes out ``delay`` after it would without any jitter.

    ``maximum`` is that time. A sender's time that differs by more than ``resync_threshold`` from what is expected is another
    one: it goes on where the time before has come to, and what is held keeps its turn.
    """

    def __init__(self, maximum: float = 200, resync_threshold: float = 1000) -> None:
        self.maximum = maximum
        self.resync_threshold = resync_threshold
        self.statistics = JitterStatistics()
        #: how late frames are now
        self.delay = maximum
        self._held: list[_Held[T]] = []
        #: arrival minus sender's time: of the last arrivals in their order, the same sorted, and of the fastest
        self._transits: deque[float] = deque(maxlen=_HISTORY)
        self._sorted: list[float] = []
        self._offset: float | None = None
        #: sender's time of what comes next
        self._next: float | None = None
        #: what is added to the sender's time, as it was another one before
        self._shift = 0.0
        self._is_another = False

    def __len__(self) -> int:
        return len(self._held)

    def put(self, now: float, sent: float, length: float, item: T) -> bool:
        """A frame of ``length`` that the sender sent at ``sent``; False if it is dropped."""
        sent += self._shift
        if self._offset is not None and (self._is_another or abs(now - sent - self._offset) > self.resync_threshold):
            self.statistics.resyncs += 1
            place = self._place(now, self._offset)
            self._shift += place - sent
            sent = place
        self._is_another = False
        self._observe(now - sent)
        if self._next is not None and sent < self._next - length / 2:
            self.statistics.late += 1
            return False
        if any(abs(held.sent - sent) < 1 for held in self._held[-16:]):
            self.statistics.duplicated += 1
            return False
        insort(self._held, _Held(sent, length, item))
        if len(self._held) > _MOST_FRAMES:
            self._held.pop(0)
            self.statistics.overflowed += 1
        return True

    def get(self, now: float) -> list[T]:
        """What is due at ``now``, in the order in which it was sent."""
        if self._offset is None:
            return []
        due: list[T] = []
        horizon = now - self._offset - self.delay + 1e-6  # sender's time that is due
        while self._held and self._held[0].sent <= horizon:
            held = self._held.pop(0)
            if self._next is not None and held.sent > self._next + held.length / 2:
                # a pause of the sender (silence suppression) is no loss: only gaps of a few frames are
                missing = round((held.sent - self._next) / held.length)
                if missing * held.length <= self.maximum:
                    self.statistics.lost += missing
            self._next = held.sent + held.length
            if self._shrinks(now, held.length):
                self.statistics.shrunk += 1
                continue
            self.statistics.delivered += 1
            due.append(held.item)
        return due

    def flush(self) -> list[T]:
        """All that is held, in order; the buffer begins anew."""
        items = [held.item for held in self._held]
        self._begin_anew()
        return items

    def expect_another_time(self) -> None:
        """What comes next has another time of the sender, however near that is."""
        self._is_another = True

    def _place(self, now: float, offset: float) -> float:
        """Where the first frame of another time belongs: as if it came as fast as any, but after what is held."""
        ends = [held.sent + held.length for held in self._held[-1:]]
        if self._next is not None:
            ends.append(self._next)
        return max(now - offset, *ends) if ends else now - offset

    def _begin_anew(self) -> None:
        self._shift = 0.0
        self._is_another = False
        self._held.clear()
        self._transits.clear()
        self._sorted.clear()
        self._offset = self._next = None

    def _observe(self, transit: float) -> None:
        if len(self._transits) == _HISTORY:
            del self._sorted[bisect_left(self._sorted, self._transits[0])]
        self._transits.append(transit)
        insort(self._sorted, transit)
        self._offset = self._sorted[0]

    def _shrinks(self, now: float, length: float) -> bool:
        return False


class AdaptiveJitterBuffer(JitterBuffer[T]):
    """Waits no longer than the jitter of late asks for, and ``extra`` more, up to ``maximum``.

    It gets longer at once, and shorter by one dropped frame in half a second at the most.
    """

    def __init__(self, maximum: float = 200, resync_threshold: float = 1000, extra: float = 40) -> None:
        super().__init__(maximum, resync_threshold)
        self.extra = extra
        self.delay = min(extra, maximum)
        self._shrunk_at = float("-inf")

    @property
    def target(self) -> float:
        """How late frames should be."""
        if not self._sorted:
            return min(self.extra, self.maximum)
        index = min(len(self._sorted) - 1, int(len(self._sorted) * (1 - _LATE_SHARE)))
        return min(self.maximum, self._sorted[index] - self._sorted[0] + self.extra)

    def _begin_anew(self) -> None:
        super()._begin_anew()
        self.delay = min(self.extra, self.maximum)

    def _observe(self, transit: float) -> None:
        before = self._offset
        super()._observe(transit)
        assert self._offset is not None
        # the sum of both is what decides: another fastest frame does not move those that are held
        kept = self.delay if before is None else before + self.delay - self._offset
        self.delay = max(kept, self.target)

    def _shrinks(self, now: float, length: float) -> bool:
        if self.delay - self.target < length or now - self._shrunk_at < _SHRINK_INTERVAL:
            return False
        self.delay -= length
        self._shrunk_at = now
        return True
