"""The direct relay: packets of two sessions forwarded with new headers, nothing decoded."""

from __future__ import annotations

import math
import struct
from collections.abc import Callable, Mapping
from functools import lru_cache
from typing import TYPE_CHECKING, cast

from globstar.base.log import Logger
from globstar.media.native import NativeRelay
from globstar.media.native_socket import NativeSocket
from globstar.media.session import RtpSession
from globstar.proto.rtp.packet import FIRST_BYTE, MARKER, pack_header
from globstar.proto.rtp.receiver import Progress

if TYPE_CHECKING:
    from globstar.media._native import Cipher, Digit, NativePath, Numbers, RelayThread
    from globstar.media._native import KeptPackets as NativeKeptPackets
    from globstar.media.feedback import VideoFeedback
    from globstar.media.sockets import Address

logger = Logger("media.relay")

#: Says of a payload type and payload whether the packet has the length that the other side asks for, None where it has none.
Fits = Callable[[int, bytes], bool | None]

#: Not a byte that a payload type can give: with the marker bit it would be RTCP's range.
NOT_RELAYED = 0xC8


@lru_cache(maxsize=256)
def _table(pairs: tuple[tuple[int, int], ...]) -> bytes:
    """Second header byte in to second byte out, the marker going through; NOT_RELAYED for all other types.

    Tables are shared: the fewer bytes a packet touches that no other call uses, the less it costs.
    """
    table = bytearray([NOT_RELAYED]) * 256
    for theirs, ours in pairs:
        table[theirs] = ours
        table[theirs | MARKER] = ours | MARKER
    return bytes(table)


@lru_cache(maxsize=256)
def _native_table(table: bytes, known: frozenset[int]) -> bytes:
    """The table for the thread, which sends on only types that the session knows."""
    return bytes(out if number & 0x7F in known else NOT_RELAYED for number, out in enumerate(table))


@lru_cache(maxsize=256)
def native_clocks(clocks: tuple[tuple[int, int], ...]) -> bytes:
    """Clock rates by payload type, as the thread reads them."""
    rates = [0] * 128
    for number, rate in clocks:
        rates[number] = rate
    return struct.pack("=128I", *rates)


def _native_kept(feedback: VideoFeedback) -> NativeKeptPackets:
    """Where the thread puts what it sends: native, as it is a thread that does so."""
    return cast("NativeKeptPackets", feedback.kept)


def _ciphers(source: RtpSession, to: RtpSession) -> tuple[Cipher | None, Cipher | None]:
    """What opens the packets of the one and seals those to the other; None where they are plain."""
    opens, seals = source.carrier.security, to.carrier.security
    return (opens.opens if opens is not None else None, seals.seals if seals is not None else None)


class RelayPath:
    """One direction: from a session's receiving side to another session's sending side.

    Sequence numbers and timestamps are shifted by a constant, so that loss, order and jitter stay visible
    to the receiver, and the stream joins what was sent before without a jump. What was sent is worked out from the
    receiving side's counts when it is wanted, not counted again per packet.
    """

    __slots__ = (
        "_counted",
        "_counted_octets",
        "_first_marker",
        "_from",
        "_native",
        "_place",
        "_restarts",
        "_rtp_time",
        "_shift_sequence",
        "_shift_time",
        "_started",
        "_table",
        "_to",
        "owner",
        "see_digits",
    )

    def __init__(self, source: RtpSession, to: RtpSession, pairs: Mapping[int, int], see_digits: bool, first_marker: int) -> None:
        #: the relay while it is joined
        self.owner: Relay | None = None
        self._from = source
        self._to = to
        self.see_digits = see_digits
        self._first_marker = first_marker
        self._table = _table(tuple(sorted(pairs.items())))
        self._shift_sequence = self._shift_time = 0
        self._rtp_time = 0
        self._started = False
        self._counted = self._counted_octets = 0
        #: how often the source has begun anew
        self._restarts = 0
        #: while the native thread forwards for us
        self._native: NativePath | None = None
        self._place: NativeSocket | None = None

    # -- the native thread ---------------------------------------------------------------------------------------

    @property
    def is_native(self) -> bool:
        """Whether the native thread forwards."""
        return self._native is not None

    @property
    def received(self) -> int:
        """Packets that the source has sent us, as far as is known here."""
        return self._from.receiver.received

    @property
    def is_started(self) -> bool:
        """Whether the stream runs."""
        return self._started

    @property
    def can_be_native(self) -> bool:
        """Whether a thread could do all that is to be done with a packet."""
        return True

    def adopt(self, relay: NativeRelay, now: float) -> bool:
        """Let a native thread forward from now on, if both sockets are settled and the stream runs."""
        if self._native is not None or not self._started:
            return False
        source, to = self._from, self._to
        if not self.can_be_native:
            return False
        here, there, carrier = source.settled, to.outlet, source.carrier
        if here is None or there is None or not to.is_sending or to.sends_digit or now < carrier.native_rest:
            return False
        if source.bundle is not None and not source.bundle.is_relayed(now):
            return False
        clocks = source.jitter_clocks()
        table = _native_table(self._table, frozenset(clocks))
        opens, seals = _ciphers(source, to)
        wanted, given = source.feedback, to.feedback
        place = carrier.native_socket or NativeSocket(carrier, relay)
        native, first = relay.new_path(self), place.first
        self._native, self._place = native, place
        self.put()
        if first is None:
            carrier.pause_reading()
        try:
            rates = native_clocks(tuple(clocks.items()))
            place.thread.add(
                native, here.descriptor, there.descriptor, table, rates, self.see_digits, opens, seals, here.peer, there.peer,
                here.channel, there.channel, first,
                names=source.bundle.extension if source.bundle is not None else 0,
                name=source.bundle.name_of(source) if source.bundle is not None else b"",
                asks=wanted is not None and wanted.nacks,
                keeps=_native_kept(given) if given is not None and given.nacks else None,
                arrivals=wanted.extension if wanted is not None else 0,
            )  # fmt: skip
        except (OSError, ValueError) as error:
            logger.warning(f"the native relay does not take a socket: {error}")
            self.gone()
            if first is None:
                carrier.resume_reading()
            return False
        place.natives[self] = native
        if first is None:
            place.begin()
        return True

    def withdraw(self) -> None:
        """Forward through the loop again, with all streams of the same socket."""
        if self._place is not None:
            self._place.withdraw()

    def gone(self) -> None:
        """The thread does not know us any more."""
        self._native = self._place = None

    @property
    def running(self) -> tuple[RelayThread, NativePath] | None:
        """Where the numbers of this moment are that are not here; None if they are here."""
        place = self._place
        return None if self._native is None or place is None or place.is_parked else (place.thread, self._native)

    def pull(self) -> None:
        """Bring the counts of the receiving session up to date."""
        running = self.running
        if running is None or (self._place is not None and self in self._place.relay.fresh):
            return
        self.update(running[0].get([running[1]])[0])

    def update(self, numbers: Numbers) -> None:
        """The thread's numbers."""
        source = self._from
        highest, cycles, self._rtp_time, received, octets, transit, jitter, last = numbers[:8]
        not_sent, not_authentic, replayed, history, regular_since, arrivals = numbers[8:]
        source.receiver.advance(Progress(highest, cycles, received, octets, transit, jitter), (history, regular_since))
        source.last_received = max(last, source.last_received)
        if arrivals and source.feedback is not None:
            source.feedback.arrived_natively(arrivals)
        self._to.not_sent += not_sent
        security = source.carrier.security
        if security is not None:
            security.not_authentic += not_authentic
            security.replayed += replayed

    def tell_arrivals(self, numbers: Numbers) -> None:
        """It is time to tell the peer when its packets came to the thread."""
        self.update(numbers)
        if self._from.feedback is not None:
            self._from.feedback.tell_arrivals()

    def receive_digit(self, digit: Digit) -> None:
        """A packet of a digit that the thread has sent on."""
        self._from.receive_event(*digit[1:])

    def receive_parked(self, data: bytes, now: float, peer: Address | None) -> None:
        """A datagram of our socket that the thread does not know."""
        native, place = self._native, self._place
        if native is not None and place is not None:
            place.receive_parked(native, data, now, peer)
        elif not self._from.carrier.is_closed:  # a packet before this one has ended that
            self._from.carrier.receive_raw(data, now, peer)

    def put(self) -> None:
        """Give the thread our numbers, while it does not forward for us."""
        source, native = self._from, self._native
        highest, cycles, received, octets, transit, jitter = source.receiver.progress
        if self._place is not None and native is not None:
            self._place.thread.put(
                native, source.remote_ssrc, self._to.sender.ssrc, highest, cycles, self._shift_sequence, self._shift_time,
                self._rtp_time, received, octets, transit, jitter, source.last_received, *source.receiver.record,
            )  # fmt: skip

    # -- packets through the loop --------------------------------------------------------------------------------

    def restart(self) -> None:
        """The source has changed or the relay ends: the sender goes on where this path has stopped."""
        self.hand_back()
        self._started = False

    def cut_in(self, session: RtpSession) -> None:
        """The session that we lead to sends something of its own."""
        if session is self._to and self._started:
            self.withdraw()
            self.restart()

    def last_sent_to(self, session: RtpSession) -> float:
        """When a packet was last relayed to this session (loop time); -inf if none was."""
        return self._from.last_received if session is self._to and self._started else -math.inf

    def leave(self) -> None:
        """Undo the whole relay; what a session does when it closes."""
        if self.owner is not None:
            self.owner.leave()

    def synchronize(self) -> None:
        """Let the senders of both directions know what was sent past them (for their reports)."""
        if self.owner is not None:
            self.owner.synchronize()

    def forward(self, second: int, sequence: int, rtp_time: int, payload: bytes, now: float) -> bool:
        """Send a received packet on; False when its payload type is not relayed."""
        out = self._table[second]
        if out == NOT_RELAYED:
            if self._started:
                self._stand_aside(sequence, len(payload))
            return False
        to = self._to
        if not to.is_sending:
            to.withheld += 1
            return True
        if self._from.receiver.restarts != self._restarts:
            self.restart()
        if not self._started:
            if to.sends_digit:
                to.withheld += 1
                return True
            out |= self._start(sequence, rtp_time, len(payload), now)
        self._rtp_time = rtp_time
        output = to.output
        if output is None:
            to.not_sent += 1
            return True
        header = pack_header(
            FIRST_BYTE,
            out,
            sequence + self._shift_sequence & 0xFFFF,
            rtp_time + self._shift_time & 0xFFFFFFFF,
            to.sender.ssrc,
        )
        if to.feedback is not None:
            to.feedback.keep(header + payload)
        try:
            output(header + payload)
        except OSError:  # a full socket buffer or a refused port: media is not sent again
            to.not_sent += 1
        return True

    def _start(self, sequence: int, rtp_time: int, size: int, now: float) -> int:
        """Fit the incoming numbers to the sender's; gives the marker for the first packet."""
        sender, receiver = self._to.sender, self._from.receiver
        self._started = True
        self._restarts = receiver.restarts
        # This packet has been counted by the receiver already.
        self._counted, self._counted_octets = receiver.received - 1, receiver.octets - size
        self._shift_sequence = sender.sequence - sequence
        due = sender.rtp_time_after(now)
        ahead = due - sender.rtp_time & 0xFFFFFFFF
        self._shift_time = (due if ahead < 0x80000000 else sender.rtp_time) - rtp_time
        sender.marker_next = False
        return self._first_marker

    def _stand_aside(self, sequence: int, size: int) -> None:
        """A packet goes the ordinary way, which the receiver has counted already: what comes of it has the number after ours."""
        self.withdraw()
        receiver = self._from.receiver
        self._counted += 1
        self._counted_octets += size
        self.restart()
        if sequence == receiver.highest:
            self._to.sender.sequence = sequence + self._shift_sequence & 0xFFFF

    def hand_back(self) -> None:
        """Bring the sender up to date with what went past it."""
        if self._native is not None:
            self.pull()
        if not self._started:
            return
        sender, receiver = self._to.sender, self._from.receiver
        highest, _, received, octets, *_ = receiver.progress
        if receiver.restarts != self._restarts and receiver.last_run is not None:  # what counts is how far it had come before
            highest, _, received, octets, *_ = receiver.last_run
        sender.packets += received - self._counted
        sender.octets += octets - self._counted_octets
        self._counted, self._counted_octets = received, octets
        sender.resume(
            highest + self._shift_sequence & 0xFFFF,
            self._rtp_time + self._shift_time & 0xFFFFFFFF,
            sender.clock_rate // 50,
            self._from.last_received,
        )


class MeasuredPath(RelayPath):
    """A path to who asks for packets of one length: of each source, the first packet tells whether it sends such ones.

    One that does not goes the ordinary way; who is asked then sees to it that all that follow do too. Where all packets of a
    length have one size, another size is measured anew: at once on the loop, and when the counts of the native thread show it.
    """

    __slots__ = ("_fits", "_is_measured", "_size")

    def __init__(
        self, source: RtpSession, to: RtpSession, pairs: Mapping[int, int], see_digits: bool, first_marker: int, fits: Fits
    ) -> None:
        super().__init__(source, to, pairs, see_digits, first_marker)
        self._fits = fits
        self._is_measured = False
        #: octets of the packets that fit; 0 before there was one, and where those that fit have several sizes
        self._size = 0

    @property
    def can_be_native(self) -> bool:
        """The thread does not measure."""
        return self._is_measured and super().can_be_native

    def restart(self) -> None:
        """Another source may send other packets."""
        super().restart()
        self._is_measured = False
        self._size = 0

    def update(self, numbers: Numbers) -> None:
        """See RelayPath: packets that are not as long in the middle as those that were measured are looked at."""
        receiver = self._from.receiver
        received, octets = receiver.received, receiver.octets
        super().update(numbers)
        if self._size and self._is_measured and receiver.octets - octets != (receiver.received - received) * self._size:
            self._is_measured = False
            self._from.engine.loop.call_soon(self._measure_again)

    def _measure_again(self) -> None:
        """The next packet with sound comes to the loop; if it fits, the thread goes on after it."""
        if not self._is_measured:
            self.withdraw()

    def forward(self, second: int, sequence: int, rtp_time: int, payload: bytes, now: float) -> bool:
        """See RelayPath."""
        size = len(payload)
        if not self._is_measured or (self._size and size != self._size):
            fits = self._fits(second & ~MARKER, payload)
            if fits is False:
                if self._started:
                    self._stand_aside(sequence, size)
                return False
            if fits:
                # one that fits in another size than the last: so do others
                self._size = 0 if (self._size or self._is_measured) and size != self._size else size
                self._is_measured = True
        return super().forward(second, sequence, rtp_time, payload, now)


class Relay:
    """Two sessions joined back to back; ``join`` and ``leave`` may be called at any time, without a gap.

    ``forward`` and ``backward`` map payload types of the first session to those of the second, and back; a packet
    of another type goes the ordinary way (the session's callbacks). While joined, digits pass through as packets, and
    are reported to ``on_digit_begin``/``on_digit_end`` of the receiving session when ``see_digits`` is set. With
    ``marks_talk`` the first packet carries the marker, which begins a talk spurt; in video it would end a picture.
    ``fits`` and ``fits_back`` measure the first packet of each direction (:class:`MeasuredPath`).
    """

    __slots__ = ("_backward", "_first", "_forward", "_second", "is_joined")

    def __init__(
        self,
        first: RtpSession,
        second: RtpSession,
        forward: Mapping[int, int],
        backward: Mapping[int, int],
        *,
        see_digits: bool = True,
        marks_talk: bool = True,
        fits: Fits | None = None,
        fits_back: Fits | None = None,
    ) -> None:
        marker = MARKER if marks_talk else 0
        self._first = first
        self._second = second
        self._forward = _path(first, second, forward, see_digits, marker, fits)
        self._backward = _path(second, first, backward, see_digits, marker, fits_back)
        self.is_joined = False

    @property
    def paths(self) -> tuple[RelayPath, RelayPath]:
        """Both directions."""
        return self._forward, self._backward

    def join(self) -> None:
        """Start relaying; a session that was in another relay leaves that one."""
        if self.is_joined:
            return
        for session in (self._first, self._second):
            if session.relay_path is not None:
                session.relay_path.leave()
            if session.on_relay is not None:
                session.on_relay()
        self.is_joined = True
        self._forward.owner = self._backward.owner = self
        self._first.relay_path = self._forward
        self._second.relay_path = self._backward

    def leave(self) -> None:
        """Stop relaying; packets go to ``on_media`` again. The sequence goes on without a jump."""
        if not self.is_joined:
            return
        self.is_joined = False
        self.withdraw()
        self._forward.owner = self._backward.owner = None
        self._first.relay_path = self._second.relay_path = None
        self._forward.restart()
        self._backward.restart()

    def withdraw(self) -> None:
        """Take both directions back from the native thread: something that it relies on changes."""
        self._forward.withdraw()
        self._backward.withdraw()

    def cut_in(self, session: RtpSession) -> None:
        """One of the two sends something of its own, or begins or ends to withhold: the direction to it goes on behind that."""
        self._forward.cut_in(session)
        self._backward.cut_in(session)

    def last_sent_to(self, session: RtpSession) -> float:
        """See RelayPath.last_sent_to."""
        return max(path.last_sent_to(session) for path in self.paths)

    def synchronize(self) -> None:
        """See RelayPath.synchronize."""
        self._forward.hand_back()
        self._backward.hand_back()


def _path(
    source: RtpSession, to: RtpSession, pairs: Mapping[int, int], see_digits: bool, first_marker: int, fits: Fits | None
) -> RelayPath:
    if fits is None:
        return RelayPath(source, to, pairs, see_digits, first_marker)
    return MeasuredPath(source, to, pairs, see_digits, first_marker, fits)
