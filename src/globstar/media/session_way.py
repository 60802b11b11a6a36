"""The way of a session's packets: its sockets and what is layered over them, where to, and from whom."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, NamedTuple

from globstar.media.demux import DemuxSocket, OtherCallback
from globstar.media.nosocket import GONE
from globstar.media.settings import SessionOptions, StrictRtp
from globstar.media.sockets import MAX_DATAGRAM, Address, MediaSocket
from globstar.media.source import Permits, SourceFilter, SourceState
from globstar.media.srtp import SecureSocket, SrtpContext
from globstar.proto.rtp.packet import HEADER_LENGTH, is_rtcp

if TYPE_CHECKING:
    from globstar.media.bundle import Bundle
    from globstar.media.conference import SeatedStream
    from globstar.media.engine import RtpEngine
    from globstar.media.native_socket import NativeSocket
    from globstar.media.relay import RelayPath

Wrap = Callable[[MediaSocket], MediaSocket]


class Route(NamedTuple):
    """A socket and whom it talks to, for the native parts; no peer where it is connected, no channel (0) but with TURN."""

    descriptor: int
    peer: Address | None
    channel: int


class SessionWay:
    """What an :class:`~globstar.media.session.RtpSession` sends and receives through.

    From below: the bare socket, one that sets STUN and DTLS aside (``divert``), one that encrypts (``secure``), one that watches
    (``exchange_socket``), one that tells the streams of a bundle apart.
    """

    __slots__ = (
        "_bare",
        "_bare_rtcp",
        "_engine",
        "_is_connected",
        "_remote",
        "_remote_rtcp",
        "_rtcp_keys",
        "_rtcp_socket",
        "_seat",
        "_settle_tried",
        "_socket",
        "_stated",
        "_wrap",
        "awaited_host",
        "bundle",
        "is_closed",
        "native_rest",
        "native_socket",
        "not_rtp",
        "on_source",
        "options",
        "output",
        "relay_path",
        "rtcp_mux",
        "security",
        "source",
    )

    def __init__(self, engine: RtpEngine, rtp: MediaSocket, rtcp: MediaSocket | None, options: SessionOptions) -> None:
        self._engine = engine
        self._bare = self._socket = rtp
        self._bare_rtcp = self._rtcp_socket = rtcp
        self._wrap: Wrap | None = None
        self.options = options
        self.on_source: Callable[[Address], None] | None = None
        self.source = SourceFilter(engine.settings.strict_rtp, engine.settings.probation, engine.tell)
        self._remote: Address | None = None
        self._remote_rtcp: Address | None = None
        #: where the peer has said last that it wants its media, and its RTCP
        self._stated: tuple[Address, Address | None] | None = None
        #: the host name of the peer that is being looked up; "" for none
        self.awaited_host = ""
        #: What sends a finished packet to the peer (raises OSError); None without an address. Relays use it too.
        self.output: Callable[[bytes], object] | None = None
        #: Where our received packets are relayed to; None when they are delivered here.
        self.relay_path: RelayPath | None = None
        self._seat: SeatedStream | None = None
        #: The keys of SRTP; None while RTP is plain.
        self.security: SrtpContext | None = None
        self._rtcp_keys: SrtpContext | None = None
        #: RTCP goes over the RTP port (RFC 5761); set it when the answer says so.
        self.rtcp_mux = False
        #: The streams that share our transport, or the one whose transport we share; None: it is ours alone.
        self.bundle: Bundle | None = None
        #: What a native thread relays from our socket, and until when it is not to be offered it again.
        self.native_socket: NativeSocket | None = None
        self.native_rest = 0.0
        self.is_closed = False
        self._is_connected = False
        self._settle_tried = False
        self.not_rtp = 0
        rtp.set_reader(self._read_open)
        if rtcp is not None:
            rtcp.set_reader(self._read_rtcp)

    def receive(self, data: bytes, now: float) -> None:
        """One datagram of the right source."""
        raise NotImplementedError  # this half of a session never is one by itself: RtpSession has it

    def receive_rtcp(self, data: bytes, now: float) -> None:
        """One compound of RTCP of the right source."""
        raise NotImplementedError  # this half of a session never is one by itself: RtpSession has it

    # -- where things are ----------------------------------------------------------------------------------------

    @property
    def engine(self) -> RtpEngine:
        """Whose session this is."""
        return self._engine

    @property
    def local_address(self) -> Address:
        """Where our RTP socket is bound."""
        return self._socket.address

    @property
    def rides(self) -> bool:
        """Whether we use the ports of another session."""
        return self.bundle is not None and self.bundle.carrier is not self

    @property
    def is_secured(self) -> bool:
        """Whether packets are encrypted, or wait for the keys."""
        return (self.bundle.carrier if self.bundle is not None else self).security is not None

    @property
    def remote_address(self) -> Address | None:
        """Where RTP is sent now: as told by ``set_remote`` or as learnt (rtp_symmetric)."""
        return self.bundle.carrier._remote if self.bundle is not None else self._remote

    @property
    def remote_rtcp_address(self) -> Address | None:
        """Where RTCP is sent that has a port of its own."""
        return self._remote_rtcp

    @property
    def has_rtcp_port(self) -> bool:
        """Whether there is a port for RTCP alone."""
        return self._rtcp_socket is not None

    @property
    def lost_later(self) -> int:
        """Packets that the kernel refused when those of a tick were sent."""
        return self._socket.lost

    @property
    def settled(self) -> Route | None:
        """For the native relay where our packets come from; None as long as it is not settled who the peer is."""
        bundle, source = self.bundle, self.source
        carrier: SessionWay = bundle.carrier if bundle is not None else self
        if not carrier._is_connected:
            if not (self._settle_tried or bundle is not None) or source.state is not SourceState.LOCKED:
                return None
            if source.source != carrier._remote:
                return None
        return carrier._route

    @property
    def outlet(self) -> Route | None:
        """For the native relay where what is sent goes; None where nobody knows, or it has to pass us."""
        bundle = self.bundle
        if bundle is None:
            return self._route
        return bundle.carrier._route if not bundle.marks(self) else None

    @property
    def _route(self) -> Route | None:
        remote, descriptor = self._remote, self._socket.descriptor if not self.is_closed else None
        if descriptor is None or remote is None or not remote[1]:
            return None
        if self._is_connected:
            return Route(descriptor, None, 0)
        route = self._socket.route(remote)
        return Route(descriptor, *route) if route is not None else None

    @property
    def rtcp_address(self) -> Address | None:
        """Where our reports go, and where the peer's come from."""
        return self.remote_address if self.rtcp_mux else self._remote_rtcp

    # -- what the owner tells ------------------------------------------------------------------------------------

    def set_remote(self, address: Address, rtcp_address: Address | None = None, *, resumes: bool = False) -> None:
        """Tell where the peer wants its media (from its SDP, numeric); learning starts anew if that is another place.

        ``rtcp_address`` defaults to the next port; with ``rtcp_mux`` it is not used. A peer that says the same again and is
        silent at present may come from elsewhere: behind address translation the same words stand for another port after a
        pause. It is so with ``rtp_symmetric``, where packets go on to the learnt address meanwhile, and without it when the peer
        ``resumes`` to send.
        """
        before, self._stated = self._stated, (address, rtcp_address)
        if before == self._stated and self.source.permits is None:
            is_learnt = self.options.symmetric and self._remote not in (None, address)
            if (is_learnt or resumes) and self._is_quiet():
                self._relearn(address, is_same=True)
            if is_learnt:
                return
        self._remote_rtcp = rtcp_address or (address[0], address[1] + 1)
        self.set_remote_rtp(address)

    def _relearn(self, address: Address, *, is_same: bool = False) -> None:
        """Learn anew where the peer's packets come from, and go on sending to where we send."""
        self._through_loop()
        self._disconnect()
        self._settle_tried = False
        self.source.relearn(address, is_same=is_same)
        if self.bundle is not None:
            self.bundle.relearn()
        if self._remote is not None:
            self._aim(self._remote)

    def _is_quiet(self) -> bool:
        """Whether nothing comes at present from the source that was learnt."""
        raise NotImplementedError  # this half of a session never is one by itself: RtpSession has it

    def set_remote_rtp(self, address: Address) -> None:
        """As ``set_remote``, for RTP alone; where RTCP goes that has a port of its own stays as it is."""
        if address != self._remote:
            self._relearn(address)
            self._aim(address)

    def set_remote_rtcp(self, address: Address | None) -> None:
        """Where RTCP goes that has a port of its own, as ICE has found it; None: nowhere."""
        self._remote_rtcp = address

    def steer(self, permits: Permits | None) -> None:
        """ICE knows the peer's addresses and says where packets go, nothing is learnt from packets; None: it does so no more."""
        for session in self.bundle.sessions if self.bundle is not None else (self,):
            session.source.permits = permits

    def cease(self) -> None:
        """Send no RTP any more until a remote address is set anew, nor RTCP with ``rtcp_mux``."""
        self._through_loop()
        self._disconnect()
        self._remote = self.output = None

    def fall_silent(self) -> None:
        """Send nothing any more until a remote address is set anew."""
        self.cease()
        self._remote_rtcp = None

    def reroute(self) -> None:
        """The peer is reached in another way than before, at the same address."""
        self._through_loop()

    def secure(self, context: SrtpContext | None, rtcp: SrtpContext | None = None) -> None:
        """Send and take only SRTP under these keys from now on; None for plain RTP. ``rtcp`` are keys of RTCP's own port."""
        self._rtcp_keys = rtcp or context
        if context is not self.security:
            self._through_loop()
            if self.security is not None:
                self.security.before_change = None
            self.security = context
            if context is not None:
                context.before_change = self._through_loop
            self._restack()
        if self._bare_rtcp is not None:
            self._rtcp_socket = _secured(self._bare_rtcp, self._rtcp_keys)

    def divert(self, on_other: OtherCallback) -> tuple[DemuxSocket, DemuxSocket | None]:
        """Hand what is neither RTP nor RTCP to ``on_other`` from now on; gives the sockets to answer with. To be called once."""
        self._through_loop()
        rtp = self._bare = DemuxSocket(self._bare, 1, on_other)
        self._restack()
        rtcp = None
        if self._bare_rtcp is not None:
            rtcp = self._bare_rtcp = DemuxSocket(self._bare_rtcp, 2, on_other)
            self._rtcp_socket = _secured(rtcp, self._rtcp_keys)
        return rtp, rtcp

    def exchange_socket(self, wrap: Wrap | None) -> None:
        """Send and receive RTP through what ``wrap`` makes of our socket: one that watches, or loses packets for a test.

        It sees packets as they are before encryption. Those that ride on another session pass that one's.
        """
        if self.rides:
            return
        self._through_loop()
        self._wrap = wrap
        self._restack()

    def share(self, bundle: Bundle) -> None:
        """Let the others of a bundle use our transport."""
        self._through_loop()
        self._disconnect()
        self.bundle = bundle
        self.rtcp_mux = True
        self._restack()

    def ride(self, bundle: Bundle) -> None:
        """Use the transport of a bundle from now on; our own ports are given back."""
        self._through_loop()
        self._disconnect()
        self._close_sockets()
        self._engine.free_port(self)
        self._forget_keys()
        self.bundle = bundle
        self.security = self._rtcp_keys = self._wrap = self._bare_rtcp = self._rtcp_socket = None
        self.rtcp_mux = True
        self._bare = bundle.seat(self)
        self.source.permits = bundle.carrier.source.permits
        self._restack()
        self._aim(("", 0))

    def alight(self, rtp: MediaSocket, rtcp: MediaSocket) -> None:
        """Use sockets of our own again instead of those of a bundle."""
        self._through_loop()
        self._close_sockets()
        self.bundle = None
        self.rtcp_mux = False
        self._bare, self._bare_rtcp = rtp, rtcp
        self._rtcp_socket = rtcp
        self.fall_silent()
        self.source.permits = None
        self.source.relearn()
        self._restack()
        rtp.set_reader(self._read_open)
        rtcp.set_reader(self._read_rtcp)

    def _restack(self) -> None:
        """Put the layers over the bare socket together again."""
        socket = _secured(self._bare, self.security)
        if self._wrap is not None:
            socket = self._wrap(socket)
        if self.bundle is not None and self.bundle.carrier is self:
            socket = self.bundle.over(socket)
        self._socket = socket
        if self._is_connected:
            self.output = socket.send
            socket.set_receiver(self.receive)
        elif self._remote is not None:
            self._aim(self._remote)

    def _forget_keys(self) -> None:
        """Nobody asks us before keys change any more."""
        if self.security is not None:
            self.security.before_change = None

    def _leave_bundle(self) -> None:
        """The session is over: it and its bundle know nothing of each other any more."""
        if self.bundle is not None:
            self._socket = GONE
            self._bare = GONE
            self.bundle.forget(self)
            self.bundle = None

    def _close_sockets(self) -> None:
        self._socket.close()
        if self._rtcp_socket is not None:
            self._rtcp_socket.close()

    # -- the native relay and the native conference ------------------------------------------------------------------

    def pause_reading(self) -> None:
        """Somebody else reads the RTP socket from now on."""
        self._socket.pause_reader()

    def resume_reading(self) -> None:
        """Read the RTP socket ourselves again."""
        if self._is_connected:
            self._socket.set_receiver(self.receive)
        else:
            self._socket.set_reader(self._read_open)

    def take_back(self) -> None:
        """What native relay and conference do for us changes: they are to be told anew."""
        self._through_loop()

    def _through_loop(self) -> None:
        """Something changes that native relay and conference rely on: packets take the way through the loop until asked again."""
        if self.relay_path is not None and self.relay_path.owner is not None:
            self.relay_path.owner.withdraw()
        if self.bundle is not None:
            self.bundle.withdraw()
        if self._seat is not None:
            self._seat.leave()

    def _rise(self) -> None:
        """As ``_through_loop``, for what only a native conference relies on."""
        if self._seat is not None:
            self._seat.leave()

    # -- where to ------------------------------------------------------------------------------------------------

    def _aim(self, address: Address) -> None:
        if address != self._remote:
            self._through_loop()
        self._remote = address
        if self.rides:  # the carrier knows
            self.output = self._socket.send
            return
        sendto = self._socket.sendto

        def output(data: bytes) -> int:
            return sendto(data, address)

        self.output = output if address[1] else None

    def _disconnect(self) -> None:
        if self._is_connected:
            self._through_loop()
            self._is_connected = False
            self._socket.disconnect()
            self._socket.set_reader(self._read_open)

    def _settle(self, source: Address) -> None:
        """The source is locked on and is where we send: let the kernel filter, which also makes each packet cheaper."""
        try:
            self._socket.connect(source)
        except OSError:  # no route from this socket: go on unconnected
            return
        self._is_connected = True
        self.output = self._socket.send
        self._socket.set_receiver(self.receive)

    def _learn(self, source: Address) -> None:
        """Called for accepted packets until the source has settled."""
        if self.options.symmetric and source != self._remote and self.source.permits is None:
            self._aim(source)
            if not self.rtcp_mux:
                self._remote_rtcp = (source[0], source[1] + 1)
            if self.on_source is not None:
                self.on_source(source)
        if self.source.state is SourceState.LOCKED and self.source.source == self._remote:
            if not self._is_connected and not self._settle_tried:
                self._settle_tried = True
                if self.source.mode is not StrictRtp.SEQNO:  # the kernel would keep others from proving themselves
                    self._settle(source)

    # -- receiving -----------------------------------------------------------------------------------------------

    def _read_open(self, now: float) -> None:
        """Read one packet while the source is not settled; the poller calls again while there are more."""
        try:
            data, source = self._socket.recvfrom(MAX_DATAGRAM)
        except OSError:  # nothing there, or an ICMP error of an earlier packet
            return
        self._take_open(data, source, now)

    def _take_open(self, data: bytes, source: Address, now: float) -> None:
        if self.rtcp_mux and is_rtcp(data):
            if self.source.is_stranger(source):
                self.source.dropped += 1
            else:
                self.receive_rtcp(data, now)
        elif len(data) < HEADER_LENGTH or data[0] >> 6 != 2:
            self.not_rtp += 1
        elif self.source.accept(source, data[2] << 8 | data[3]):
            self._learn(source)
            self.receive(data, now)

    def receive_raw(self, data: bytes, now: float, source: Address | None) -> None:
        """A datagram as it came from the network, which somebody else has read; ``source`` is None if we are connected to it."""
        try:
            data, source_now = self._socket.admit(data, source or self._remote or ("", 0))
        except OSError:  # not for us, or not authentic
            return
        if source is None:
            self.receive(data, now)
        else:
            self._take_open(data, source_now, now)

    def receive_relayed(self, component: int, data: bytes, peer: Address) -> None:
        """A packet of a peer that a TURN server has handed on over its stream; component 2 is the port of RTCP."""
        now = self._engine.loop.time()
        if component != 1:
            socket = self._rtcp_socket
            if socket is not None:
                try:
                    self._take_rtcp(*socket.admit(data, peer), now)
                except OSError:  # not authentic
                    return
        elif self.relay_path is not None and self.relay_path.is_native:
            self.source.dropped += 1  # the thread knows the way that is in use, and this is another one
        else:
            self.receive_raw(data, now, peer)

    def handed_over(self, data: bytes, source: Address, now: float) -> None:
        """A packet of ours has come over the transport of our bundle."""
        bundle = self.bundle
        if bundle is not None and self.source.accept(source, data[2] << 8 | data[3]):
            bundle.carrier._learn(source)
            self.receive(data, now)

    def _read_rtcp(self, now: float) -> None:
        socket = self._rtcp_socket
        if socket is None:
            return
        try:
            data, source = socket.recvfrom(MAX_DATAGRAM)
        except OSError:  # as in _read_open
            return
        self._take_rtcp(data, source, now)

    def _take_rtcp(self, data: bytes, source: Address, now: float) -> None:
        permits = self.source.permits
        if permits is not None:
            if not permits(2, source):
                self.source.dropped += 1
                return
        elif self.source.state is SourceState.LOCKED and self.source.source is not None:
            if source[0] != self.source.source[0]:
                self.source.dropped += 1
                return
        if self.options.symmetric and permits is None:
            self._remote_rtcp = source
        self.receive_rtcp(data, now)


def _secured(socket: MediaSocket, context: SrtpContext | None) -> MediaSocket:
    """The socket under these keys."""
    return SecureSocket(socket, context) if context is not None else socket
