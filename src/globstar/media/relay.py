"""The direct relay: packets of two sessions forwarded with new headers, nothing decoded."""

from __future__ import annotations

from collections.abc import Mapping

from globstar.media.session import RtpSession
from globstar.proto.rtp.packet import FIRST_BYTE, MARKER, pack_header


class RelayPath:
    """One direction: from a session's receiving side to another session's sending side.

    Sequence numbers and timestamps are shifted by a constant, so that loss, order and jitter stay visible
    to the receiver, and the stream joins what was sent before without a jump.
    """

    __slots__ = (
        "_last_time",
        "_owner",
        "_rtp_time",
        "_sequence",
        "_shift_sequence",
        "_shift_time",
        "_started",
        "_table",
        "_to",
        "see_digits",
    )

    def __init__(self, owner: Relay, to: RtpSession, table: Mapping[int, int], see_digits: bool) -> None:
        self._owner = owner
        self._to = to
        self.see_digits = see_digits
        #: Second header byte in to second byte out, or -1: the marker goes through.
        self._table = [-1] * 256
        for theirs, ours in table.items():
            self._table[theirs] = ours
            self._table[theirs | MARKER] = ours | MARKER
        self._shift_sequence = self._shift_time = 0
        self._sequence = self._rtp_time = 0
        self._last_time = 0.0
        self._started = False

    def restart(self) -> None:
        """The source has changed: fit its numbers to what was sent last."""
        self.hand_back()
        self._started = False

    def leave(self) -> None:
        """Undo the whole relay; what a session does when it closes."""
        self._owner.leave()

    def synchronize(self) -> None:
        """Let the senders of both directions know what was sent past them (for their reports)."""
        self._owner.synchronize()

    def forward(self, second: int, sequence: int, rtp_time: int, payload: bytes, now: float) -> bool:
        """Send a received packet on; False when its payload type is not relayed."""
        out = self._table[second]
        if out < 0:
            return False
        to = self._to
        sender = to.sender
        if not self._started:
            out |= self._start(sequence, rtp_time, now)
        self._sequence = sequence = sequence + self._shift_sequence & 0xFFFF
        self._rtp_time = rtp_time = rtp_time + self._shift_time & 0xFFFFFFFF
        self._last_time = now
        if not to.is_sending:
            to.withheld += 1
            return True
        sender.packets += 1
        sender.octets += len(payload)
        to.relay_out(pack_header(FIRST_BYTE, out, sequence, rtp_time, sender.ssrc) + payload)
        return True

    def _start(self, sequence: int, rtp_time: int, now: float) -> int:
        """Fit the incoming numbers to the sender's; gives the marker for the first packet."""
        sender = self._to.sender
        self._started = True
        self._shift_sequence = sender.sequence - sequence
        due = sender.rtp_time_at(now)
        ahead = due - sender.rtp_time & 0xFFFFFFFF
        self._shift_time = (due if ahead < 0x80000000 else sender.rtp_time) - rtp_time
        sender.marker_next = False
        return MARKER

    def hand_back(self) -> None:
        """Let the sender go on where the relay has stopped."""
        if self._started:
            ticks = self._to.sender.clock_rate // 50
            self._to.sender.resume(self._sequence, self._rtp_time, ticks, self._last_time)


class Relay:
    """Two sessions joined back to back; ``join`` and ``leave`` may be called at any time, without a gap.

    ``forward`` and ``backward`` map payload types of the first session to those of the second, and back; a packet
    of another type goes the ordinary way (the session's callbacks). While joined, digits pass through as packets, and
    are reported to ``on_digit_begin``/``on_digit_end`` of the receiving session when ``see_digits`` is set.
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
    ) -> None:
        self._first = first
        self._second = second
        self._forward = RelayPath(self, second, forward, see_digits)
        self._backward = RelayPath(self, first, backward, see_digits)
        self.is_joined = False

    def join(self) -> None:
        """Start relaying; a session that was in another relay leaves that one."""
        if self.is_joined:
            return
        for session in (self._first, self._second):
            if session.relay_path is not None:
                session.relay_path.leave()
        self.is_joined = True
        self._first.relay_path = self._forward
        self._second.relay_path = self._backward

    def leave(self) -> None:
        """Stop relaying; packets go to ``on_media`` again. The sequence goes on without a jump."""
        if not self.is_joined:
            return
        self.is_joined = False
        self._first.relay_path = self._second.relay_path = None
        self._forward.restart()
        self._backward.restart()

    def synchronize(self) -> None:
        """See RelayPath.synchronize."""
        self._forward.hand_back()
        self._backward.hand_back()
