"""The way of one stream's packets: keys (SDES or DTLS) and ICE put together, on the sockets of its session."""

from __future__ import annotations

from typing import TYPE_CHECKING, Protocol

from globstar.proto.sdp import Attribute, Media, NegotiatedStream, SessionDescription
from globstar.proto.stun import is_stun

if TYPE_CHECKING:
    from globstar.media.demux import DemuxSocket
    from globstar.media.session import RtpSession
    from globstar.media.sockets import Address
    from globstar.modules.channels.pjsip.dtls_keying import DtlsKeying
    from globstar.modules.channels.pjsip.ice import IceWay
    from globstar.modules.channels.pjsip.sdes import SdesKeying


class Part(Protocol):
    """What SDES, DTLS and ICE have in common."""

    def offer(self) -> tuple[Attribute, ...]:
        """See Keying."""

    def answer(self, theirs: Media, description: SessionDescription) -> tuple[Attribute, ...] | None:
        """See Keying."""

    def accepts(self, theirs: Media, description: SessionDescription) -> bool:
        """See Keying."""

    def apply(self, session: RtpSession, stream: NegotiatedStream) -> None:
        """Put what was agreed in force."""

    def close(self) -> None:
        """The stream has ended."""


class Wires:
    """How one stream is secured, and where its packets go. It is the ``keying`` of the stream's offers and answers."""

    __slots__ = ("_bundles", "_dtls", "_ice", "_parts", "_rtcp", "_rtp", "allows_mux", "session")

    def __init__(
        self, keys: SdesKeying | None, dtls: DtlsKeying | None, ice: IceWay | None, *, allows_mux: bool, bundles: bool = False
    ) -> None:
        #: the stream may be bundled, and is named by others then
        self._bundles = bundles
        #: whether RTCP may go over the port of RTP
        self.allows_mux = allows_mux
        self._ice = ice
        self._dtls = dtls
        self._parts: tuple[Part, ...] = tuple(part for part in (ice, dtls, keys) if part is not None)
        self.session: RtpSession | None = None
        self._rtp: DemuxSocket | None = None
        self._rtcp: DemuxSocket | None = None

    def begin(self, session: RtpSession, address: str) -> None:
        """The sockets are there; ``address`` is what SDP says."""
        if self.session is not None:
            return
        self.session = session
        if self._dtls is None and self._ice is None:
            return
        self._rtp, self._rtcp = session.divert(self._receive)
        if self._ice is not None:
            self._ice.begin(self, session, address)
        if self._dtls is not None:
            self._dtls.begin(self, session)

    # -- offers and answers --------------------------------------------------------------------------------------------

    def offer(self) -> tuple[Attribute, ...]:
        """See Keying."""
        return tuple(attribute for part in self._parts for attribute in part.offer())

    def answer(self, theirs: Media, description: SessionDescription) -> tuple[Attribute, ...] | None:
        """See Keying."""
        found: list[Attribute] = []
        for part in self._parts:
            lines = part.answer(theirs, description)
            if lines is None:
                return None
            found += lines
        if theirs.mid is not None and (self._ice is not None or self._dtls is not None) and not self._bundles:
            found.append(Attribute("mid", theirs.mid))
        return tuple(found)

    def accepts(self, theirs: Media, description: SessionDescription) -> bool:
        """See Keying."""
        return all(part.accepts(theirs, description) for part in self._parts)

    def apply(self, session: RtpSession, stream: NegotiatedStream) -> None:
        """Put what was agreed in force, and send to where SDP says unless ICE finds the way."""
        for part in self._parts:
            part.apply(session, stream)
        for socket in (self._rtp, self._rtcp):
            if socket is not None:
                socket.is_open = self.uses_ice
        if not self.uses_ice:
            aim(session, stream)
        if self._dtls is not None:
            self._dtls.proceed()

    def close(self) -> None:
        """The stream has ended."""
        for part in self._parts:
            part.close()

    # -- packets -------------------------------------------------------------------------------------------------------

    @property
    def uses_ice(self) -> bool:
        """Whether ICE says where packets go."""
        return self._ice is not None and self._ice.is_active

    def send(self, component: int, data: bytes, address: Address) -> None:
        """Send a datagram that is no RTP."""
        socket = self._rtp if component == 1 else self._rtcp
        session = self.session
        if socket is None or session is None or session.is_closed or not 0 < address[1] < 65536:
            return
        try:
            socket.sendto(data, address)
        except OSError:  # both protocols send again what gets lost
            session.not_sent += 1

    def target(self, component: int) -> Address | None:
        """Where this component's packets go; None as long as nobody knows."""
        session = self.session
        if session is None:
            return None
        if self.uses_ice and self._ice is not None:
            return self._ice.target(component)
        return session.remote_address if component == 1 else session.remote_rtcp_address

    def way_found(self, component: int, address: Address) -> None:
        """ICE has chosen where packets go."""
        session = self.session
        if session is None or session.is_closed:
            return
        if component == 1:
            session.set_remote(address, session.remote_rtcp_address)
        else:
            session.set_remote_rtcp(address)
        if self._dtls is not None:
            self._dtls.proceed()

    def way_lost(self, component: int) -> None:
        """The peer does not answer ICE any more: nothing more is sent there."""
        session = self.session
        if session is not None and component == 1 and not session.is_closed:
            session.fall_silent()

    @property
    def is_secured(self) -> bool:
        """Whether the stream has or will have keys."""
        return len(self._parts) > (self._ice is not None)

    def _receive(self, component: int, data: bytes, source: Address) -> None:
        if is_stun(data):
            if self._ice is not None:
                self._ice.receive(component, data, source)
        elif self._dtls is not None and data and 20 <= data[0] < 64 and self._may_talk(component, source):
            self._dtls.receive(component, data, source)
        elif self.session is not None:
            self.session.not_rtp += 1

    def _may_talk(self, component: int, source: Address) -> bool:
        """Whether a handshake is done with this address: one that ICE has checked, that SDP names, or any while it is learnt."""
        session = self.session
        if session is None:
            return False
        if self.uses_ice and self._ice is not None:
            return self._ice.is_checked(component, source)
        told = session.remote_address
        return told is None or session.options.symmetric or source[0] == told[0]


def aim(session: RtpSession, stream: NegotiatedStream) -> None:
    """Send to where SDP says; the address 0.0.0.0 (on hold) says nothing."""
    if stream.remote_address and stream.remote_port and not stream.remote_address.startswith("0.0.0.0"):
        session.set_remote((stream.remote_address, stream.remote_port), (stream.remote_rtcp_address, stream.remote_rtcp_port))
