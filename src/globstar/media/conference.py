"""The native conference as rooms use it: sessions whose packets are read, mixed and sent by ``_conference``.

Without the native module, on sockets that are no real ones, and for a member whose voice somebody has to see, frames flow
instead, with the same result (``modules/bridges/softmix``); a stream changes between both ways at any step.
"""

from __future__ import annotations

from collections import deque
from typing import TYPE_CHECKING, Protocol

from globstar.base.log import Logger
from globstar.base.native import require_current, require_native
from globstar.media.relay import NOT_RELAYED, native_clocks
from globstar.proto.rtp.packet import MARKER
from globstar.proto.rtp.receiver import Progress
from globstar.proto.rtp.sender import SenderProgress

if TYPE_CHECKING:
    from globstar.dsp.encoding import Sums
    from globstar.media._conference import Seat, Table
    from globstar.media.session import RtpSession
    from globstar.media.sockets import Address

logger = Logger("media.conference")

try:
    require_native()
    from globstar.media import _conference

    require_current(_conference)
except ImportError:
    _conference = None  # type: ignore[assignment]

#: Times that the sockets of a room are read in one step at the most, so that a flood cannot hold the loop.
READS = 4

_tables: dict[int, bytes] = {}


def is_available() -> bool:
    """Whether the native module was built."""
    return _conference is not None


def new_table(samples: int) -> Table:
    """A table for members whose steps have so many samples."""
    return _conference.Table(samples)


def new_seat(*arguments: object, swaps_in: bool, swaps_out: bool) -> Seat:
    """See ``_conference.Seat``."""
    return _conference.Seat(*arguments, swaps_in=swaps_in, swaps_out=swaps_out)  # type: ignore[arg-type]


def _only(payload_type: int) -> bytes:
    """The table of a path that takes one payload type, with and without marker; the loop treats all others."""
    if payload_type not in _tables:
        table = bytearray([NOT_RELAYED]) * 256
        table[payload_type], table[payload_type | MARKER] = payload_type, payload_type | MARKER
        _tables[payload_type] = bytes(table)
    return _tables[payload_type]


class Sitter(Protocol):
    """Whose voice it is."""

    def risen(self, seat: Seat) -> None:
        """The stream goes through the loop again: what ``seat`` has in store is to be taken over."""

    def talks(self, is_talking: bool) -> None:
        """Talking has begun or ended."""

    def hear(self, payload: bytes) -> None:
        """What is to be sent as a frame, because it does not just follow what was sent before."""


class SeatedStream:
    """A session whose stream a table carries, for ``user``.

    The numbers of the stream (sequence, timestamps, counts) are there while they are lent; whoever needs them, or changes
    something, takes them back, and they are lent again with the next step.
    """

    __slots__ = ("_table", "_waiting", "seat", "session", "user")

    def __init__(self, session: RtpSession, user: Sitter) -> None:
        self.session = session
        self.user = user
        self._table: Table | None = None
        self._waiting: deque[tuple[bytes, float, Address | None]] = deque()
        self.seat: Seat

    def sit(self, seat: Seat, table: Table, receives: int, sends: int) -> bool:
        """Let ``table`` read and send; False if it cannot. ``receives`` and ``sends`` are the payload types of the voice."""
        session = self.session
        settled, security = session.settled, session.security
        if settled is None or settled.channel or (security is not None and (security.opens is None or security.seals is None)):
            return False
        descriptor, peer, _ = settled
        opens = security.opens.address if security is not None and security.opens is not None else 0
        seals = security.seals.address if security is not None and security.seals is not None else 0
        try:
            seat.connect(
                descriptor, peer, peer, _only(receives), native_clocks(tuple(session.jitter_clocks().items())), opens, seals,
                security, sends,
            )  # fmt: skip
        except OSError as error:
            logger.warning(f"the native conference does not take a socket: {error}")
            return False
        self.seat, self._table = seat, table
        session.pause_reading()
        session.seat = self
        table.add(seat)
        self.lend()
        return True

    def lend(self) -> None:
        """Let the table count on."""
        session = self.session
        highest, cycles, received, octets, transit, jitter = session.receiver.progress
        sender = session.sender
        sequence, rtp_time, last_rtp_time, last_time, packets, sent_octets = sender.progress
        self.seat.lend(
            session.remote_ssrc, highest, cycles, received, octets, transit, jitter, session.last_received,
            last_time is not None and not sender.marker_next, sender.ssrc, sequence, rtp_time, last_rtp_time, last_time or 0.0,
            packets, sent_octets,
        )  # fmt: skip

    def give_back(self) -> None:
        """Bring the session's numbers up to date."""
        found = self.seat.take_back()
        if found is None:
            return
        session = self.session
        session.receiver.advance(Progress(*found[:6]))
        session.last_received = max(found[6], session.last_received)
        sequence, rtp_time, last_rtp_time, last_time, packets, octets, not_sent = found[7:]
        if packets != session.sender.packets:
            session.sender.advance(SenderProgress(sequence, rtp_time, last_rtp_time, last_time, packets, octets))
            session.sent_at(last_time)
        session.not_sent += not_sent
        security = session.security
        if security is not None and security.opens is not None:
            not_authentic, replayed = security.opens.refused()
            security.not_authentic += not_authentic
            security.replayed += replayed

    def wait(self, data: bytes, when: float, source: Address | None) -> None:
        """A datagram that only the session can treat; :meth:`treat` follows."""
        self._waiting.append((data, when, source))

    def treat(self) -> None:
        """Let the session treat what waits."""
        session, waiting = self.session, self._waiting
        self.take_numbers()
        while waiting and not session.is_closed:
            try:
                session.receive_raw(*waiting.popleft())
            except Exception as error:  # one call's bug must not stop the media of the others
                logger.error("a packet of a conference's member failed", exception=error)
        waiting.clear()
        if self._table is not None:
            self.lend()

    def take_numbers(self) -> None:
        """As :meth:`give_back`, also when that was before."""
        if self._table is not None:
            self.give_back()

    def leave(self) -> None:
        """Read and send through the loop again; what is there to be read comes first."""
        table, self._table = self._table, None
        if table is None:
            return
        session, seat = self.session, self.seat
        self.give_back()
        session.seat = None
        self.user.risen(seat)
        left = table.drain(seat)
        table.remove(seat)
        del self.seat  # each knew the other
        if session.is_closed:
            return
        session.resume_reading()
        self._waiting.extend(left)
        self.treat()


def read(tables: list[Table]) -> None:
    """Read what has come for all members of these tables; what is none of the expected voice is treated by its session."""
    for table in tables:
        for seat in table.returned():
            seat.owner.lend()
        table.begin()
        for _ in range(READS):
            parked = table.read()
            strangers: dict[SeatedStream, None] = {}
            for seat, data, when, source in parked:
                seat.owner.wait(data, when, source)
                strangers[seat.owner] = None
            for stream in strangers:
                stream.treat()
            if not table.has_unread:
                break


def send(table: Table, total: Sums, now: float) -> None:
    """Send to all of a table what they hear of a sum."""
    for seat in table.returned():
        seat.owner.lend()
    for seat, payload in table.send(total, now):
        seat.owner.user.hear(payload)
