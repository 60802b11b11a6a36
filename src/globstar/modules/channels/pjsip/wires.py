"""The way of one stream's packets: keys (SDES or DTLS) and ICE put together, on the sockets of its session."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterable, Sequence
from typing import TYPE_CHECKING, Protocol

from globstar.media.demux import Detour
from globstar.media.gather import Gathering, bases_of
from globstar.modules.channels.pjsip.peer_hosts import aim
from globstar.proto.sdp import Attribute, Media, NegotiatedStream, SessionDescription
from globstar.proto.stun import is_stun

if TYPE_CHECKING:
    from globstar.media.demux import DemuxSocket
    from globstar.media.gather import IceServers
    from globstar.media.session import RtpSession
    from globstar.media.sockets import Address, MediaSocket
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

    __slots__ = ("_address", "_bundles", "_dtls", "_gathering", "_ice", "_parts", "_rtcp", "_rtp", "allows_mux", "session")

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
        self._address = ""
        self._gathering: Gathering | None = None

    def begin(self, session: RtpSession, address: str) -> None:
        """The sockets are there; ``address`` is what SDP says."""
        if self.session is not None:
            return
        self.session = session
        if self._dtls is None and self._ice is None:
            return
        self._rtp, self._rtcp = session.divert(self._receive)
        self._address = address
        if self._ice is not None:
            self._ice.begin(self, session, address)
        if self._dtls is not None:
            self._dtls.begin(self, session)

    def gather(self, servers: IceServers, loop: asyncio.AbstractEventLoop, on_done: Callable[[], None]) -> bool:
        """Ask STUN and TURN servers about our ports, once; False when there is nobody to ask, and nothing to wait for."""
        session, ice = self.session, self._ice
        if session is None or ice is None or self._gathering is not None or not servers.are_there:
            return False
        gathering = self._gathering = Gathering(loop, servers, self.send_directly, self._take_relayed, self._relay_lost)

        def done() -> None:
            ice.add(gathering.candidates(), gathering.send_relayed)
            on_done()

        components = (1, 2) if session.has_rtcp_port else (1,)
        return gathering.start(bases_of((self._address, session.local_address[1]), components), done)

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

    @property
    def trickles(self) -> bool:
        """Whether the offer that was answered speaks of candidates to come, which we take."""
        return self._ice is not None and self._ice.trickles

    def take_candidates(self, ufrag: str, lines: Sequence[str]) -> int:
        """Candidates of the peer that come after its description; how many can be used."""
        return self._ice.add_remote(ufrag, lines) if self._ice is not None else 0

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
                    socket.detours.clear()
        if self._gathering is not None:
            if not self.uses_ice:
                self._gathering.close()
            elif stream.rtcp_mux:
                self._gathering.drop(2)
        session.steer(self._ice.is_checked if self.uses_ice and self._ice is not None else None)
        if not self.uses_ice:
            aim(session, stream)
        if self._dtls is not None:
            self._dtls.proceed()

    def close(self) -> None:
        """The stream has ended."""
        for part in self._parts:
            part.close()
        if self._gathering is not None:
            self._gathering.close()
        for socket in (self._rtp, self._rtcp):
            if socket is not None:
                socket.detours.clear()

    # -- packets -------------------------------------------------------------------------------------------------------

    @property
    def uses_ice(self) -> bool:
        """Whether ICE says where packets go."""
        return self._ice is not None and self._ice.is_active

    @property
    def learns(self) -> bool:
        """Whether it is learnt from the peer's packets where to send (rtp_symmetric)."""
        return self.session is not None and self.session.options.symmetric and not self.uses_ice

    def send(self, component: int, data: bytes, address: Address) -> None:
        """Send a datagram that is no RTP, the way that packets to this address go."""
        self._send(self._socket(component), data, address)

    def send_directly(self, component: int, data: bytes, address: Address) -> None:
        """Send a check or a request to a server, past every detour."""
        socket = self._socket(component)
        self._send(socket.inner if socket is not None else None, data, address)

    def _socket(self, component: int) -> DemuxSocket | None:
        return self._rtp if component == 1 else self._rtcp

    def _send(self, socket: MediaSocket | None, data: bytes, address: Address) -> None:
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
        self._set_detour(component, address)
        if self._gathering is not None:
            self._gathering.settle(component)
        if component == 1:
            session.set_remote_rtp(address)
        else:
            session.set_remote_rtcp(address)
        if self._dtls is not None:
            self._dtls.proceed()

    def _set_detour(self, component: int, address: Address) -> None:
        """What is sent to this address goes through the TURN server, or no more."""
        socket, gathering = self._socket(component), self._gathering
        if socket is None:
            return
        is_relayed = gathering is not None and self._ice is not None and self._ice.is_relayed(component)
        if is_relayed == (address in socket.detours):
            return
        if gathering is not None and is_relayed:
            socket.detours[address] = Detour(
                lambda data: gathering.send_relayed(component, data, address), lambda: gathering.route(component, address)
            )
        else:
            del socket.detours[address]
        if self.session is not None and component == 1:
            self.session.reroute()

    def way_lost(self, component: int) -> None:
        """The peer does not answer ICE on this port any more: nothing more is sent there (RFC 7675 section 5.1)."""
        session = self.session
        if session is None or session.is_closed:
            return
        if component == 1:
            session.cease()
        else:
            session.set_remote_rtcp(None)

    @property
    def is_secured(self) -> bool:
        """Whether the stream has or will have keys."""
        return len(self._parts) > (self._ice is not None)

    def _relay_lost(self, component: int) -> None:
        """The TURN server has gone, or our address there."""
        if self._ice is not None:
            self._ice.lose_relayed(component)

    def _take_relayed(self, component: int, peer: Address, data: bytes) -> None:
        """A peer's datagram that came over a stream from the TURN server."""
        session = self.session
        if session is None or session.is_closed:
            return
        if data and 128 <= data[0] < 192:
            session.receive_relayed(component, data, peer)
        else:
            self._take_other(component, data, peer, is_relayed=True)

    def _receive(self, component: int, data: bytes, source: Address) -> tuple[bytes, Address] | None:
        is_relayed = False
        if self._gathering is not None:
            is_servers, inner = self._gathering.receive(component, data, source)
            if inner is not None:
                source, data = inner
                is_relayed = True
                if data and 128 <= data[0] < 192:
                    return data, source
            elif is_servers:
                return None
        self._take_other(component, data, source, is_relayed=is_relayed)
        return None

    def _take_other(self, component: int, data: bytes, source: Address, *, is_relayed: bool) -> None:
        """STUN and DTLS."""
        if is_stun(data):
            if self._ice is not None:
                self._ice.receive(component, data, source, is_relayed=is_relayed)
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


def wait_for_all(
    wires: Iterable[Wires | None], servers: IceServers, loop: asyncio.AbstractEventLoop, on_done: Callable[[], None]
) -> bool:
    """Let each stream ask the servers; ``on_done`` is called when the last one has its answers. False if none has to wait."""
    waiting = 0

    def done() -> None:
        nonlocal waiting
        waiting -= 1
        if not waiting:
            on_done()

    for one in wires:
        if one is not None and one.gather(servers, loop, done):
            waiting += 1
    return waiting > 0
