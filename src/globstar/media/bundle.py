"""Streams that share one transport (RFC 9143): one session has the ports, and hands the others what is theirs."""

from __future__ import annotations

import errno
from collections.abc import Callable, Collection
from typing import TYPE_CHECKING

from globstar.media.demux import Diverted
from globstar.media.nosocket import NoSocket
from globstar.media.sockets import Address, MediaSocket, Receiver
from globstar.media.source import SourceState
from globstar.proto.rtp import (
    Bye,
    OtherRtcp,
    ReceiverReport,
    RtcpPacket,
    RtpParseError,
    SenderReport,
    SourceDescription,
    parse_compound,
)
from globstar.proto.rtp.extension import extension_words, find_extension, with_extension
from globstar.proto.rtp.feedback import bit_rate_of
from globstar.proto.rtp.packet import HEADER_LENGTH
from globstar.proto.rtp.rtcp import FIR, PSFB, RTPFB, SdesItem

if TYPE_CHECKING:
    from globstar.media.session import RtpSession
    from globstar.media.session_way import SessionWay

#: Seconds after its last packet for which a stream counts as one that runs.
_QUIET = 1.0
#: Sources of a peer that are remembered; the oldest is forgotten first.
MAX_SOURCES = 64


class Member:
    """One stream of a bundle."""

    __slots__ = ("mid", "payload_types", "session", "words")

    def __init__(self, session: RtpSession) -> None:
        self.session = session
        self.mid = b""
        #: the header extension with our mid, as it goes into packets; b"" where the peer takes none
        self.words = b""
        self.payload_types: Collection[int] = ()

    @property
    def is_marking(self) -> bool:
        """Whether packets carry the mid: until a report shows that the peer knows the source."""
        return bool(self.words) and self.session.reports.named_ssrc != self.session.sender.ssrc

    def marked(self, data: bytes) -> bytes:
        """A packet of ours as it is sent."""
        if self.is_marking and not 192 <= data[1] <= 223:
            return with_extension(data, self.words)
        return data


class Bundle:
    """The streams on the transport of ``carrier``.

    What comes is told apart by the mid of its header extension, else by its SSRC, else by its payload type (RFC 9143 section
    9.2); what belongs to no stream is dropped and counted.
    """

    def __init__(self, carrier: RtpSession, clock: Callable[[], float]) -> None:
        self.carrier = carrier
        self._clock = clock
        self._members: dict[SessionWay, Member] = {carrier: Member(carrier)}
        self._socket: BundleSocket | None = None
        self._extension = 0
        self._by_mid: dict[bytes, Member] = {}
        self._by_ssrc: dict[bytes, Member] = {}
        self._by_payload_type: dict[int, Member] = {}
        #: packets that belong to no stream
        self.strays = 0
        carrier.share(self)

    # -- what the owner tells ----------------------------------------------------------------------------------------

    @property
    def sessions(self) -> list[RtpSession]:
        """All streams, the carrier first."""
        return [member.session for member in self._members.values()]

    def agree(
        self, session: RtpSession, mid: str, extension: int, payload_types: Collection[int], ssrcs: Collection[int] = ()
    ) -> None:
        """A stream's name, the number of the header extension that carries it (0: none), and what its packets look like."""
        member = self._members[session]
        if (mid.encode(), extension or self._extension) != (member.mid, self._extension):
            self.withdraw()
        member.mid = mid.encode()
        member.words = extension_words(extension, member.mid) if extension and 0 < len(member.mid) <= 16 else b""
        member.payload_types = frozenset(payload_types)
        self._extension = extension or self._extension
        session.reports.mid = member.mid
        self._refresh()
        for ssrc in ssrcs:
            self._remember(ssrc.to_bytes(4, "big"), member)

    def _refresh(self) -> None:
        members = self._members.values()
        self._by_mid = {member.mid: member for member in members if member.mid}
        counts: dict[int, list[Member]] = {}
        for member in members:
            for number in member.payload_types:
                counts.setdefault(number, []).append(member)
        self._by_payload_type = {number: found[0] for number, found in counts.items() if len(found) == 1}
        self._by_ssrc = {ssrc: member for ssrc, member in self._by_ssrc.items() if member.session in self._members}

    def mute(self, session: RtpSession) -> None:
        """A stream has been removed, though its session may have to go on carrying the others."""
        member = self._members[session]
        self.withdraw()
        member.mid, member.payload_types = b"", ()
        self._by_ssrc = {ssrc: other for ssrc, other in self._by_ssrc.items() if other is not member}
        self._refresh()

    def remove(self, session: SessionWay) -> None:
        """A stream has gone, or goes its own way."""
        if session is not self.carrier and self._members.pop(session, None) is not None:
            self._refresh()

    def forget(self, session: SessionWay) -> None:
        """A session has closed; without its carrier nothing goes on."""
        if session is self.carrier:
            self._members.clear()
            self._socket = None
            self._refresh()
        self.remove(session)

    @property
    def extension(self) -> int:
        """The header extension by which the peer names the stream of a packet; 0: none."""
        return self._extension

    def name_of(self, session: RtpSession) -> bytes:
        """The mid of a stream; b"" for one that has none any more."""
        return self._members[session].mid

    # -- the native relay ----------------------------------------------------------------------------------------------

    def is_relayed(self, now: float) -> bool:
        """Whether all streams that run are relayed: else a thread would have to hand half of the packets over."""
        return all(
            (session.relay_path is not None and session.relay_path.can_be_native)
            or now - session.last_received > _QUIET
            or not session.receiver.is_valid
            for session in self.sessions
        )

    def marks(self, session: SessionWay) -> bool:
        """Whether packets of a stream carry its mid as yet, which only the loop puts there."""
        member = self._members.get(session)
        return member is None or member.is_marking

    def withdraw(self) -> None:
        """Something changes that the relays of all streams may rely on."""
        for session in self.sessions:
            path = session.relay_path
            if path is not None and path.owner is not None:
                path.owner.withdraw()

    def relearn(self) -> None:
        """The peer has moved."""
        for session in self._members:
            session.source.relearn()

    # -- sending -----------------------------------------------------------------------------------------------------

    def seat(self, session: SessionWay) -> MediaSocket:
        """What a session that joins has instead of a socket."""
        member = self._members.setdefault(session, Member(session))  # type: ignore[arg-type]
        return RiderSocket(self, member)

    def over(self, socket: MediaSocket) -> MediaSocket:
        """The carrier's socket, with the streams told apart."""
        self._socket = BundleSocket(socket, self, self._members[self.carrier])
        return self._socket

    def transmit(self, data: bytes) -> int:
        """Send a packet of any stream. Raises OSError as sockets do."""
        if self._socket is None:
            raise OSError(errno.ENOTCONN, "there is no way any more")
        return self._socket.transmit(data, self.carrier.remote_address)

    # -- receiving ---------------------------------------------------------------------------------------------------

    def _remember(self, ssrc: bytes, member: Member) -> None:
        table = self._by_ssrc
        if ssrc not in table and len(table) >= MAX_SOURCES:
            del table[next(iter(table))]
        table[ssrc] = member

    def _is_stranger(self, source: Address) -> bool:
        """Whether streams have locked on to their source, and none to this one: nothing that it says counts."""
        locked = [filter for member in self._members.values() if (filter := member.session.source).state is SourceState.LOCKED]
        return bool(locked) and all(filter.is_stranger(source) for filter in locked)

    def _member_of(self, data: bytes, source: Address) -> Member | None:
        """The stream of a packet; what names it is remembered, unless a stranger says so."""
        ssrc = data[8:12]
        known = self._by_ssrc.get(ssrc)
        if data[0] & 0x10 and self._extension:
            mid = find_extension(data, self._extension)
            if mid is not None:
                named = self._by_mid.get(mid)
                if named is not known and named is not None and not self._is_stranger(source):
                    self._remember(ssrc, named)
                return named
        if known is None:
            known = self._by_payload_type.get(data[1] & 0x7F)
            if known is not None and not self._is_stranger(source):
                self._remember(ssrc, known)
        return known

    def take(self, data: bytes, source: Address, own: Member) -> None:
        """Hand a packet to its stream; gives it back (by returning) if it is ``own``. Raises Diverted for all others."""
        now = self._clock()
        if len(data) >= 8 and 192 <= data[1] <= 223:
            if self._is_stranger(source):
                self.carrier.source.dropped += 1
            else:
                self._spread(data, now)
        elif len(data) < HEADER_LENGTH or data[0] >> 6 != 2:
            self.carrier.not_rtp += 1
        else:
            member = self._member_of(data, source)
            if member is own:
                return
            if member is None:
                self.strays += 1
            else:
                member.session.handed_over(data, source, now)
        raise Diverted(errno.EAGAIN, "another stream's")

    def _spread(self, data: bytes, now: float) -> None:
        """Give each stream what a compound of RTCP says about it (RFC 9143 section 9.2)."""
        try:
            packets = parse_compound(data)
        except RtpParseError:
            self.carrier.not_rtp += 1
            return
        for packet in packets:
            if isinstance(packet, SourceDescription):
                self._take_names(packet)
        parts: dict[Member, list[RtcpPacket]] = {}
        for packet in packets:
            for member, part in self._shares(packet):
                parts.setdefault(member, []).append(part)
        for member, found in parts.items():
            member.session.take_rtcp(tuple(found), now)

    def _take_names(self, packet: SourceDescription) -> None:
        for ssrc, items in packet.chunks:
            for kind, text in items:
                if kind == SdesItem.MID and text in self._by_mid:
                    self._remember(ssrc.to_bytes(4, "big"), self._by_mid[text])

    def _shares(self, packet: RtcpPacket) -> list[tuple[Member, RtcpPacket]]:
        """Whom a packet is about."""
        if isinstance(packet, SenderReport | ReceiverReport):
            sender = self._of_source(packet.ssrc)
            about = {block.ssrc for block in packet.blocks}
            plain: RtcpPacket = ReceiverReport(packet.ssrc, packet.blocks)
            found = [(m, plain) for m in self._members.values() if m is not sender and m.session.sender.ssrc in about]
            return [(sender, packet), *found] if sender is not None else found
        if isinstance(packet, SourceDescription):
            named = {self._of_source(ssrc) for ssrc, _ in packet.chunks}
            return [(member, packet) for member in named if member is not None]
        if isinstance(packet, Bye):
            gone = {self._of_source(ssrc) for ssrc in packet.ssrcs}
            return [(member, packet) for member in gone if member is not None]
        wanted = _targets(packet)
        found = [(m, packet) for m in self._members.values() if m.session.sender.ssrc in wanted]
        sender = self._of_source(int.from_bytes(packet.body[:4], "big"))
        return found if found or sender is None else [(sender, packet)]

    def _of_source(self, ssrc: int) -> Member | None:
        return self._by_ssrc.get(ssrc.to_bytes(4, "big"))


def _targets(packet: OtherRtcp) -> set[int]:
    """The sources that feedback is about: that of its header (RFC 4585 section 6.1), or those of its entries (RFC 5104 4.3.1)."""
    if packet.packet_type not in (RTPFB, PSFB):
        return set()
    rate = bit_rate_of(packet)
    if rate is not None:
        return set(rate[1])
    words = packet.body[4:8]
    if packet.packet_type == PSFB and packet.count == FIR:
        words += b"".join(packet.body[place : place + 4] for place in range(8, len(packet.body) - 7, 8))
    return {int.from_bytes(words[place : place + 4], "big") for place in range(0, len(words), 4)} - {0}


class BundleSocket(MediaSocket):
    """The carrier's socket: it sends under the carrier's mid, and gives only what is the carrier's."""

    def __init__(self, inner: MediaSocket, bundle: Bundle, member: Member) -> None:
        self.inner = inner
        self._bundle = bundle
        self._member = member

    @property
    def address(self) -> Address:
        """See MediaSocket."""
        return self.inner.address

    @property
    def descriptor(self) -> int | None:
        """See MediaSocket: what no thread knows comes here (``admit``)."""
        return self.inner.descriptor

    def route(self, address: Address) -> tuple[Address, int] | None:
        """See MediaSocket."""
        return self.inner.route(address)

    @property
    def lost(self) -> int:
        """See MediaSocket."""
        return self.inner.lost

    def set_reader(self, on_readable: Callable[[float], None]) -> None:
        """See MediaSocket."""
        self.inner.set_reader(on_readable)

    def set_receiver(self, on_datagram: Receiver) -> None:
        """See MediaSocket; it is never connected."""
        raise OSError(errno.EOPNOTSUPP, "packets of all streams are looked at")

    def pause_reader(self) -> None:
        """See MediaSocket."""
        self.inner.pause_reader()

    def recvfrom(self, size: int, /) -> tuple[bytes, Address]:
        """See MediaSocket; Diverted stands for a packet of another stream."""
        data, source = self.inner.recvfrom(size)
        self._bundle.take(data, source, self._member)
        return data, source

    def recv(self, size: int, /) -> bytes:
        """See MediaSocket; it is never connected."""
        return self.recvfrom(size)[0]

    def admit(self, data: bytes, source: Address, /) -> tuple[bytes, Address]:
        """See MediaSocket; Diverted stands for a packet of another stream."""
        data, source = self.inner.admit(data, source)
        self._bundle.take(data, source, self._member)
        return data, source

    def sendto(self, data: bytes, address: Address, /) -> int:
        """See MediaSocket."""
        return self.inner.sendto(self._member.marked(data), address)

    def send(self, data: bytes, /) -> int:
        """See MediaSocket."""
        return self.inner.send(self._member.marked(data))

    def transmit(self, data: bytes, address: Address | None) -> int:
        """Send a packet of another stream to where the carrier sends."""
        if address is None or not address[1]:
            raise OSError(errno.ENOTCONN, "nobody knows where to yet")
        return self.inner.sendto(data, address)

    def connect(self, address: Address) -> None:
        """See MediaSocket."""
        raise OSError(errno.EOPNOTSUPP, "packets of all streams are looked at")

    def disconnect(self) -> None:
        """See MediaSocket."""
        self.inner.disconnect()

    def close(self) -> None:
        """See MediaSocket."""
        self.inner.close()


class RiderSocket(NoSocket):
    """What a stream has that uses the transport of another one: packets come by ``RtpSession.handed_over``."""

    def __init__(self, bundle: Bundle, member: Member) -> None:
        self._bundle = bundle
        self._member = member

    @property
    def address(self) -> Address:
        """See MediaSocket."""
        return self._bundle.carrier.local_address

    def send(self, data: bytes, /) -> int:
        """See MediaSocket."""
        return self._bundle.transmit(self._member.marked(data))

    def close(self) -> None:
        """See MediaSocket."""
        self._bundle.remove(self._member.session)
