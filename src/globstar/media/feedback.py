"""VideoFeedback: what the receivers of one stream of pictures tell their senders, beyond reports.

There is one for a session whose SDP has agreed on such feedback (``a=rtcp-fb``); others have none and do nothing for it.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import TYPE_CHECKING

from globstar.media.kept import new_kept
from globstar.proto.rtp.extension import find_extension
from globstar.proto.rtp.feedback import bit_rate_of, build_arrivals, build_bit_rate, build_nack, missing_packets
from globstar.proto.rtp.rtcp import OtherRtcp, RtcpPacket

if TYPE_CHECKING:
    import asyncio

    from globstar.media.session import RtpSession

#: A longer gap is no loss that repetition could mend; the receiver asks for a whole picture.
MAX_GAP = 100
#: Packets that are waited for at the most.
MAX_WANTED = 200
#: Seconds before a missing packet is asked for, as it may only be late; between two requests, and how many there are.
PATIENCE, REPEAT, TRIES = 0.01, 0.1, 4
#: A packet is sent again once in so many seconds at the most: requests are repeated while the answer is on its way.
AGAIN = 0.02
#: Arrivals are told after so many seconds, or packets.
TELL_EVERY, TELL_COUNT = 0.1, 100


class VideoFeedback:
    """The feedback of one session, as agreed: any of NACK, bit rate and arrival times.

    ``on_bit_rate(bits, sources)`` is called with what the peer can receive, bit/s, and how many streams share that. ``asked``
    counts packets that we asked for, ``given_up`` those that never came, ``resent`` those that we sent again, ``not_kept`` those
    that were asked for in vain.
    """

    __slots__ = (
        "_arrivals", "_count", "_extension", "_loop", "_resent_at", "_session", "_timer", "_told_at", "_wanted", "asked",
        "bit_rates", "given_up", "kept", "nacks", "not_kept", "on_bit_rate", "resent",
    )  # fmt: skip

    def __init__(self, session: RtpSession, loop: asyncio.AbstractEventLoop) -> None:
        self._session = session
        self._loop = loop
        self.nacks = self.bit_rates = False
        self._extension = 0
        self.on_bit_rate: Callable[[int, int], None] | None = None
        #: what was sent lately; the native relay puts in what it sends
        self.kept = new_kept()
        self._resent_at: dict[int, float] = {}
        #: numbers that are missing, with how often they were asked for and when they will be
        self._wanted: dict[int, tuple[int, float]] = {}
        self._timer: asyncio.TimerHandle | None = None
        self._arrivals: list[tuple[int, float]] = []
        self._told_at = 0.0
        self._count = 0
        self.asked = self.given_up = self.resent = self.not_kept = 0

    def agree(self, *, nacks: bool, bit_rates: bool, extension: int) -> None:
        """What was negotiated; ``extension`` is the number of the header extension for arrival times, 0 for none."""
        if (nacks, extension) != (self.nacks, self._extension):
            self._session.take_back()
        self.nacks, self.bit_rates, self._extension = nacks, bit_rates, extension
        if not nacks:
            self.kept.clear()
            self.source_changed()

    @property
    def extension(self) -> int:
        """The header extension by which the peer numbers packets that it wants to know the arrival of; 0: none."""
        return self._extension

    def close(self) -> None:
        """The session ends, or goes on without feedback."""
        self._session.take_back()
        self.on_bit_rate = None
        self.kept.clear()
        self.source_changed()

    # -- what we receive ---------------------------------------------------------------------------------------------

    def source_changed(self) -> None:
        """The peer sends another stream: nothing of the one before is waited for."""
        self._wanted.clear()
        self._arrivals.clear()
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None

    def expect(self, sequence: int) -> None:
        """A packet has come, of which the receiver does not know yet: what is missing before it will be asked for."""
        receiver = self._session.receiver
        if not self.nacks or not receiver.is_valid:
            return
        ahead = sequence - receiver.highest & 0xFFFF
        if ahead == 1:
            return
        wanted = self._wanted
        if ahead == 0 or ahead > 0x8000:
            wanted.pop(sequence, None)
        elif ahead > MAX_GAP or len(wanted) + ahead > MAX_WANTED:
            self.given_up += len(wanted)
            self.source_changed()
        else:
            due = self._loop.time() + PATIENCE
            for number in range(sequence - ahead + 1, sequence):
                wanted[number & 0xFFFF] = (0, due)
            self._ask_at(due)

    def _ask_at(self, due: float) -> None:
        if self._timer is not None:
            if self._timer.when() <= due:
                return
            self._timer.cancel()
        self._timer = self._loop.call_at(due, self._ask)

    def _ask(self) -> None:
        """Ask for what is due, and wait for it again; what was asked for often enough is given up."""
        self._timer = None
        wanted, session = self._wanted, self._session
        if session.is_closed:
            return
        latest, asked = self._loop.time() + PATIENCE / 2, []
        for number, (tries, due) in list(wanted.items()):
            if due > latest:
                continue
            if tries == TRIES:
                del wanted[number]
                self.given_up += 1
            else:
                wanted[number] = (tries + 1, due + REPEAT)
                asked.append(number)
        if asked:
            self.asked += len(asked)
            session.send_feedback(build_nack(session.sender.ssrc, session.remote_ssrc, asked))
        if wanted:
            self._ask_at(min(due for _, due in wanted.values()))

    def arrived(self, data: bytes, now: float) -> None:
        """A packet with header extensions has come: when, if it says which it is."""
        number = find_extension(data, self._extension) if self._extension else None
        if number is None or len(number) != 2:
            return
        arrivals = self._arrivals
        arrivals.append((int.from_bytes(number, "big"), now))
        if now - self._told_at >= TELL_EVERY or len(arrivals) >= TELL_COUNT:
            self._tell(now)

    def arrived_natively(self, arrivals: Iterable[tuple[int, float]]) -> None:
        """Packets have come to a native thread, with their numbers and when; it says when it is time to tell."""
        if self._extension:
            self._arrivals += arrivals

    def tell_arrivals(self) -> None:
        """It is time to tell of what has come to a native thread."""
        if self._arrivals and not self._session.is_closed:
            self._tell(self._loop.time())

    def _tell(self, now: float) -> None:
        """All arrivals since the last time; they may have come in another order than they were sent."""
        session, first = self._session, self._arrivals[0][0]
        arrivals = sorted(self._arrivals, key=lambda arrival: arrival[0] - first + 0x8000 & 0xFFFF)
        self._arrivals.clear()
        self._told_at = now
        while arrivals:
            packet, taken = build_arrivals(session.sender.ssrc, session.remote_ssrc, self._count, arrivals)
            self._count += 1
            session.send_feedback(packet)
            del arrivals[: max(taken, 1)]

    def tell_bit_rate(self, bits: int) -> None:
        """Whoever sees the peer's pictures can receive so much."""
        session = self._session
        if self.bit_rates and session.receiver.is_valid:
            session.send_feedback(build_bit_rate(session.sender.ssrc, bits, (session.remote_ssrc,)))

    # -- what we send ------------------------------------------------------------------------------------------------

    def keep(self, data: bytes) -> None:
        """A packet is sent, for whose repetition the peer may ask."""
        if self.nacks:
            self.kept.put(data)

    def is_used(self, sequence: int) -> bool:
        """Whether a packet of that number was sent lately."""
        return self.kept.get(sequence) is not None

    def receive(self, packets: Iterable[RtcpPacket], now: float) -> None:
        """The peer's RTCP."""
        for packet in packets:
            if isinstance(packet, OtherRtcp):
                missing = missing_packets(packet) if self.nacks else None
                if missing is not None and missing[0] == self._session.sender.ssrc:
                    self._repeat(missing[1], now)
                rate = bit_rate_of(packet) if self.bit_rates else None
                if rate is not None and self.on_bit_rate is not None and self._session.sender.ssrc in rate[1]:
                    self.on_bit_rate(rate[0], len(rate[1]))

    def _repeat(self, numbers: Iterable[int], now: float) -> None:
        resent = self._resent_at
        for number in [number for number, at in resent.items() if now - at >= AGAIN]:
            del resent[number]
        for number in numbers:
            data = self.kept.get(number)
            if data is None:
                self.not_kept += 1
            elif number not in resent:
                resent[number] = now
                self.resent += 1
                self._session.transmit(data)
