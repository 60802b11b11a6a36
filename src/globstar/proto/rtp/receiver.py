"""Statistics of one received RTP source (RFC 3550 appendix A.1, A.3 and A.8)."""

from __future__ import annotations

from typing import NamedTuple

SEQUENCE_MODULUS = 1 << 16
MAX_DROPOUT = 3000
MAX_MISORDER = 100
#: Seconds by which the delay of two packets that follow one another may differ; more is a clock that was set anew, no jitter.
MAX_STEP = 5
_HISTORY = 64
_HISTORY_MASK = (1 << _HISTORY) - 1


class ReceptionInterval(NamedTuple):
    """What a report block says: since the last report, and in all."""

    fraction_lost: int
    cumulative_lost: int
    highest_sequence: int
    jitter: int


class Progress(NamedTuple):
    """A receiver's state as far as packets in order change it; ``transit`` is None before the first that counts for jitter."""

    highest: int
    cycles: int
    received: int
    octets: int
    transit: float | None
    jitter: float


class Tally(NamedTuple):
    """What came of a stream and what is missing of it, in all its runs."""

    received: int = 0
    octets: int = 0
    lost: int = 0
    duplicates: int = 0
    reordered: int = 0


class RtpReceiver:
    """Validates sequence numbers and counts what came, was lost, came twice or late.

    ``min_sequential`` packets in a row are wanted before a source counts (appendix A.1 uses 2); with 0 the first packet
    counts, which is right where the source is known by other means.
    ``jitter`` is the smoothed interarrival jitter in RTP clock ticks. Its figures are those of the source since it began, or
    began anew; ``tally`` has all that came before as well, of sources that this one ``succeeds``, too.
    """

    __slots__ = (
        "_bad_sequence",
        "_base",
        "_before",
        "_cycles",
        "_expected_prior",
        "_highest",
        "_history",
        "_min_sequential",
        "_probation",
        "_received_prior",
        "_regular_since",
        "_transit",
        "clock_rate",
        "duplicates",
        "jitter",
        "last_run",
        "octets",
        "received",
        "rejected",
        "reordered",
        "restarts",
    )

    def __init__(self, min_sequential: int = 0) -> None:
        self._min_sequential = min_sequential
        self._probation = max(min_sequential, 1)
        self._base = self._highest = -1
        self._cycles = 0
        self._bad_sequence = -1
        self._history = 0
        self._regular_since = 0
        self._expected_prior = self._received_prior = 0
        self._transit: float | None = None
        self._before = Tally()
        self.received = 0
        self.octets = 0
        self.duplicates = 0
        self.reordered = 0
        self.rejected = 0
        self.restarts = 0
        #: how far the source had come when it began anew
        self.last_run: Progress | None = None
        self.jitter = 0.0
        #: of the last packet that counts for jitter
        self.clock_rate = 0

    @property
    def is_valid(self) -> bool:
        """Whether the source has passed probation."""
        return self._probation == 0

    @property
    def highest(self) -> int:
        """The highest sequence number received, 16 bits."""
        return self._highest & 0xFFFF

    @property
    def extended_highest(self) -> int:
        """The highest sequence number with its count of wraps; 0 before the first packet."""
        return self._cycles + self._highest if self.is_valid else 0

    @property
    def expected(self) -> int:
        """How many packets the sequence numbers say were sent (appendix A.3)."""
        return self.extended_highest - self._base + 1 if self.is_valid else 0

    @property
    def lost(self) -> int:
        """Expected less received; duplicates are not counted as received."""
        return self.expected - self.received

    @property
    def tally(self) -> Tally:
        """The figures of all runs, and of all sources before."""
        received, octets, lost, duplicates, reordered = self._before
        lost += max(self.lost, 0)
        return Tally(
            received + self.received, octets + self.octets, lost, duplicates + self.duplicates, reordered + self.reordered
        )

    def succeed(self, former: RtpReceiver) -> None:
        """The peer has given up another source for this one."""
        self._before = former.tally

    def receive(self, sequence: int, rtp_time: int, size: int, clock_rate: int, now: float) -> bool:
        """Take note of a packet; False when it is not to be used (duplicate, probation, wild jump).

        With ``clock_rate`` 0 the packet does not count for jitter: the timestamps of telephone events stand still.
        """
        if (self._highest + 1) & 0xFFFF == sequence and self._probation == 0:
            if sequence == 0:
                self._cycles += SEQUENCE_MODULUS
            self._highest = sequence
        elif not self._irregular(sequence):
            return False
        self.received += 1
        self.octets += size
        if clock_rate:
            transit = now * clock_rate - rtp_time
            last = self._transit
            self._transit = transit
            if clock_rate != self.clock_rate:  # another codec: its times say nothing of those before
                self.clock_rate = clock_rate
            elif last is not None:
                difference = transit - last
                if difference < 0:
                    difference = -difference
                if difference < MAX_STEP * clock_rate:  # else the timestamps have wrapped, or were set anew
                    self.jitter += (difference - self.jitter) / 16
        return True

    @property
    def progress(self) -> Progress:
        """What :meth:`receive` changes with packets that come in order, to count them elsewhere."""
        return Progress(self._highest, self._cycles, self.received, self.octets, self._transit, self.jitter)

    @property
    def record(self) -> tuple[int, int]:
        """Which of the last packets have come, as bits, the highest number at bit 0; and the one since which none was missing."""
        return self._history, self._regular_since

    def advance(self, progress: Progress, record: tuple[int, int] | None = None) -> None:
        """Take over the count of packets that came in order, or with ``record`` with gaps; the source is valid."""
        self._highest, self._cycles, self.received, self.octets, self._transit, self.jitter = progress
        if record is not None:
            self._history, self._regular_since = record

    def _irregular(self, sequence: int) -> bool:
        """Everything but the next number of a valid source (appendix A.1)."""
        if self._probation:
            if self._base < 0 or sequence != (self._highest + 1) & 0xFFFF:
                self._probation = max(self._min_sequential, 1)
                self._base = 0
            self._highest = sequence
            self._probation -= 1
            if self._probation:
                self.rejected += 1
                return False
            self._start(sequence)
            return True
        self._remember()
        delta = (sequence - self._highest) & 0xFFFF
        if 0 < delta < MAX_DROPOUT:
            if sequence < self._highest:
                self._cycles += SEQUENCE_MODULUS
            self._highest = sequence
            self._regular_since = self.extended_highest
            self._history = (self._history << delta | 1) & _HISTORY_MASK if delta < _HISTORY else 1
            return True
        if delta == 0 or delta > SEQUENCE_MODULUS - MAX_MISORDER:
            return self._late((-delta) & 0xFFFF)
        if sequence == self._bad_sequence:
            self.restarts += 1
            self.last_run = self.progress
            received, octets, lost, *rest = self._before
            self._before = Tally(received + self.received, octets + self.octets, lost + max(self.lost, 0), *rest)
            self._start(sequence)
            return True
        self._bad_sequence = (sequence + 1) & 0xFFFF
        self.rejected += 1
        return False

    def _remember(self) -> None:
        """Bring the record of the last packets up to date: those since ``_regular_since`` came in order.

        The record is a set of bits, the highest sequence number at bit 0; it is not kept packet by packet.
        """
        highest = self.extended_highest
        count = highest - self._regular_since
        self._regular_since = highest
        if count >= _HISTORY:
            self._history = _HISTORY_MASK
        elif count:
            self._history = (self._history << count | (1 << count) - 1) & _HISTORY_MASK

    def _late(self, behind: int) -> bool:
        """A packet ``behind`` the highest: late, or seen already. Without a record of it, it counts as late."""
        bit = 1 << behind
        if behind < _HISTORY:
            if self._history & bit:
                self.duplicates += 1
                return False
            self._history |= bit
        if self.extended_highest - behind < self._base:
            # Older than the first packet that counted: it belongs to the stream, so the stream began with it.
            self._base = self.extended_highest - behind
        self.reordered += 1
        return True

    def _start(self, sequence: int) -> None:
        self._base = self._highest = sequence
        self._cycles = 0
        self._bad_sequence = -1
        self._history = 1
        self._regular_since = sequence
        self._expected_prior = self._received_prior = 0
        self._transit = None
        self.received = 0
        self.octets = 0

    def next_report(self) -> ReceptionInterval:
        """Figures for a report block; begins a new interval (appendix A.3)."""
        expected, received = self.expected, self.received
        expected_interval = expected - self._expected_prior
        lost_interval = expected_interval - (received - self._received_prior)
        self._expected_prior, self._received_prior = expected, received
        fraction = 0
        if expected_interval > 0 and lost_interval > 0:
            fraction = min((lost_interval << 8) // expected_interval, 255)
        lost = max(-0x800000, min(expected - received, 0x7FFFFF))
        return ReceptionInterval(fraction, lost, self.extended_highest & 0xFFFFFFFF, int(self.jitter) & 0xFFFFFFFF)
