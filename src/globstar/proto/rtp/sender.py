"""The sending side of an RTP stream: sequence, timestamps, marker and counts (RFC 3550 section 5.1)."""

from __future__ import annotations

from typing import NamedTuple

from globstar.proto.rtp.packet import FIRST_BYTE, MARKER, pack_header

#: A pause longer than this moves the timestamps on by the time that has passed; less is jitter of our own.
RESYNC_AFTER = 0.12
#: The same for what is sent on after the times of its source, which tells of its pauses; packets that come late are none.
RESYNC_FOLLOWING_AFTER = 1.0
#: A tenth of a second of it must lie beyond the end of the last packet, as packets may be long themselves.
_RESYNC_BEYOND = 10


class SenderProgress(NamedTuple):
    """A sender's state as far as packets that follow one another change it; ``last_time`` is None before the first."""

    sequence: int
    rtp_time: int
    last_rtp_time: int
    last_time: float | None
    packets: int
    octets: int


class RtpSender:
    """Builds packets of one source. The random start values come from the caller (RFC 3550 section 5.1)."""

    __slots__ = (
        "_before",
        "_last_time",
        "clock_rate",
        "last_rtp_time",
        "marker_next",
        "octets",
        "packets",
        "patience",
        "resumes",
        "rtp_time",
        "sequence",
        "ssrc",
    )

    def __init__(self, ssrc: int, sequence: int, rtp_time: int, clock_rate: int = 8000) -> None:
        self.ssrc = ssrc & 0xFFFFFFFF
        #: Sequence number and timestamp of the next packet.
        self.sequence = sequence & 0xFFFF
        self.rtp_time = rtp_time & 0xFFFFFFFF
        self.clock_rate = clock_rate
        #: The first packet of a talk spurt carries the marker (RFC 3551 section 4.1).
        self.marker_next = True
        self.last_rtp_time = self.rtp_time
        self.packets = 0
        self.octets = 0
        #: packets and octets under other SSRCs
        self._before = (0, 0)
        self._last_time: float | None = None
        #: the longest pause that is no pause, seconds
        self.patience = RESYNC_AFTER
        #: how often it has gone on after packets that were sent past it
        self.resumes = 0

    def packet(self, payload: bytes, samples: int, payload_type: int, now: float, marker: bool = False) -> bytes:
        """The next packet; ``samples`` ticks of the clock are in it. After a pause the timestamp makes up for it."""
        last = self._last_time
        if last is not None and now - last > self.patience:
            self._resync(now - last)
        self._last_time = now
        sequence, rtp_time = self.sequence, self.rtp_time
        self.sequence = sequence + 1 & 0xFFFF
        self.last_rtp_time = rtp_time
        self.rtp_time = rtp_time + samples & 0xFFFFFFFF
        self.packets += 1
        self.octets += len(payload)
        if marker or self.marker_next:
            self.marker_next = False
            payload_type |= MARKER
        return pack_header(FIRST_BYTE, payload_type, sequence, rtp_time, self.ssrc) + payload

    def packet_at(
        self, payload: bytes, rtp_time: int, payload_type: int, marker: bool = False, sequence: int | None = None
    ) -> bytes:
        """A packet with a timestamp of its own that leaves the stream's clock alone (telephone events, pictures).

        One with a ``sequence`` of its own leaves numbers out, or has one that was left out before.
        """
        if sequence is None:
            sequence = self.sequence
        if sequence - self.sequence & 0x8000 == 0:
            self.sequence = sequence + 1 & 0xFFFF
        self.packets += 1
        self.octets += len(payload)
        if marker:
            payload_type |= MARKER
        return pack_header(FIRST_BYTE, payload_type, sequence, rtp_time & 0xFFFFFFFF, self.ssrc) + payload

    def mark_time(self, now: float, rtp_time: int) -> None:
        """``rtp_time`` belongs to ``now``, unless it is late: packets with timestamps of their own keep reports right."""
        if self._last_time is not None and rtp_time - self.last_rtp_time & 0x80000000:
            return
        self._last_time = now
        self.last_rtp_time = self.rtp_time = rtp_time & 0xFFFFFFFF

    def begin(self, now: float) -> None:
        """Let the clock run from ``now`` on, if it does not yet: packets with times of their own may come before all others."""
        if self._last_time is None:
            self._last_time = now
            self.last_rtp_time = self.rtp_time

    def skip(self, samples: int, now: float) -> None:
        """Let ``samples`` ticks pass without a packet (audio withheld while a digit is sent)."""
        self._last_time = now
        self.last_rtp_time = self.rtp_time
        self.rtp_time = self.rtp_time + samples & 0xFFFFFFFF

    def leave_out(self, numbers: int, ticks: int) -> None:
        """Let ``numbers`` packets and ``ticks`` of time pass, as the source has lost them; without numbers it was silent."""
        self.sequence = self.sequence + numbers & 0xFFFF
        self.rtp_time = self.rtp_time + ticks & 0xFFFFFFFF
        if not numbers:
            self.marker_next = True

    def pause(self, now: float) -> float:
        """How long it is since the end of the last packet that :meth:`packet` made or :meth:`skip` left out, seconds."""
        if self._last_time is None:
            return 0.0
        return now - self._last_time - (self.rtp_time - self.last_rtp_time & 0xFFFFFFFF) / self.clock_rate

    def resume(self, sequence: int, rtp_time: int, samples: int, now: float) -> None:
        """Go on after packets that were sent past this object: the last one's numbers, length and time."""
        self.resumes += 1
        self.sequence = sequence + 1 & 0xFFFF
        self.last_rtp_time = rtp_time
        self.rtp_time = rtp_time + samples & 0xFFFFFFFF
        self._last_time = now

    @property
    def progress(self) -> SenderProgress:
        """What :meth:`packet` changes with packets that follow one another, to build them elsewhere."""
        return SenderProgress(self.sequence, self.rtp_time, self.last_rtp_time, self._last_time, self.packets, self.octets)

    def advance(self, progress: SenderProgress) -> None:
        """Go on after packets that were built elsewhere."""
        self.resumes += progress.packets != self.packets
        self.sequence, self.rtp_time, self.last_rtp_time, self._last_time, self.packets, self.octets = progress

    def _resync(self, pause: float) -> None:
        """The clock runs on while nothing is sent; ``pause`` is since the last packet began."""
        due = self.last_rtp_time + int(pause * self.clock_rate + 0.5) & 0xFFFFFFFF
        ahead = (due - self.rtp_time + 0x80000000 & 0xFFFFFFFF) - 0x80000000
        if ahead >= self.clock_rate // _RESYNC_BEYOND:
            self.rtp_time = due
            self.marker_next = True

    def rtp_time_at(self, now: float) -> int:
        """The timestamp that belongs to ``now``, for sender reports (RFC 3550 section 6.4.1)."""
        if self._last_time is None:
            return self.rtp_time
        return self.last_rtp_time + int((now - self._last_time) * self.clock_rate) & 0xFFFFFFFF

    def rtp_time_after(self, now: float) -> int:
        """As :meth:`rtp_time_at`, but later than that of the last packet: what comes is not of the same moment."""
        due = self.rtp_time_at(now)
        return due + (self._last_time is not None and due == self.last_rtp_time) & 0xFFFFFFFF

    @property
    def total(self) -> tuple[int, int]:
        """Packets and octets of all sources that this one has been."""
        return self._before[0] + self.packets, self._before[1] + self.octets

    def change_source(self, ssrc: int, sequence: int) -> None:
        """Go on as another source: new SSRC and numbers, counts from zero, timestamps run on."""
        self._before = self.total
        self.ssrc = ssrc & 0xFFFFFFFF
        self.sequence = sequence & 0xFFFF
        self.marker_next = True
        self.packets = 0
        self.octets = 0
