"""RtpSession: one RTP stream with its sockets, statistics, digits and timers; no task, no queue."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from enum import Enum
from typing import TYPE_CHECKING

from globstar.media.demux import DemuxSocket, OtherCallback
from globstar.media.digits import SessionDigits
from globstar.media.payloads import payload_table
from globstar.media.reports import Reports
from globstar.media.settings import Payload, PayloadKind, SessionOptions
from globstar.media.sockets import MAX_DATAGRAM, Address, MediaSocket
from globstar.media.source import SourceFilter, SourceState
from globstar.media.srtp import SecureSocket, SrtpContext
from globstar.media.statistics import SessionStatistics, figures
from globstar.proto.rtp import (
    COMFORT_NOISE,
    RtcpPacket,
    RtpParseError,
    RtpReceiver,
    RtpSender,
    build_comfort_noise,
    build_picture_loss,
    parse_comfort_noise,
    parse_compound,
)
from globstar.proto.rtp.packet import FIRST_BYTE, HEADER_LENGTH, MARKER, payload_bounds, unpack_header

if TYPE_CHECKING:
    from globstar.media.engine import RtpEngine
    from globstar.media.relay import RelayPath

#: ``on_media(payload_type, payload, rtp_time, sequence, marker)``
MediaCallback = Callable[[int, bytes, int, int, bool], None]


class MediaTimeout(Enum):
    """Why ``on_timeout`` fires."""

    SILENT = "no RTP for rtp_timeout seconds"
    SILENT_ON_HOLD = "no RTP for rtp_timeout_hold seconds while on hold"


class RtpSession:
    """One media stream between us and one peer. Made by ``RtpEngine.open``; ended by ``close``.

    Callbacks are plain attributes, called from the loop, one packet after another, and may be exchanged at
    any time. ``media`` knows nothing of frames and formats: payload types go in and out as numbers.

    * ``on_media(payload_type, payload, rtp_time, sequence, marker)``
    * ``on_digit_begin(digit)``, ``on_digit_end(digit, duration_ms)``: RFC 4733 digits of the peer, ``!`` is flash
    * ``on_comfort_noise(level)``: level in -dBov
    * ``on_rtcp(packets)``: every compound packet, after the statistics have taken it
    * ``on_timeout(reason)``: once per silence
    * ``on_source(address)``: rtp_symmetric has made us send to another address
    """

    __slots__ = (
        "_clock_rate",
        "_digits",
        "_digits_out",
        "_engine",
        "_is_connected",
        "_last_sent",
        "_payloads",
        "_port",
        "_recv",
        "_relay",
        "_remote",
        "_remote_rtcp",
        "_rtcp_socket",
        "_send_payload_type",
        "_settle_tried",
        "_socket",
        "_timed_out",
        "digit_payload",
        "is_closed",
        "is_held",
        "is_receiving",
        "is_sending",
        "last_received",
        "not_rtp",
        "not_sent",
        "on_comfort_noise",
        "on_digit_begin",
        "on_digit_end",
        "on_media",
        "on_rtcp",
        "on_source",
        "on_timeout",
        "options",
        "output",
        "owner",
        "receiver",
        "remote_ssrc",
        "reports",
        "rtcp_mux",
        "security",
        "sender",
        "source",
        "unknown_payload",
        "withheld",
    )

    def __init__(self, engine: RtpEngine, rtp: MediaSocket, rtcp: MediaSocket | None, port: int, options: SessionOptions) -> None:
        self._engine = engine
        self._socket = rtp
        self._recv = rtp.recv
        self._rtcp_socket = rtcp
        self._port = port
        self.options = options
        self.on_media: MediaCallback | None = None
        self.on_digit_begin: Callable[[str], None] | None = None
        self.on_digit_end: Callable[[str, int], None] | None = None
        self.on_comfort_noise: Callable[[int], None] | None = None
        self.on_rtcp: Callable[[tuple[RtcpPacket, ...]], None] | None = None
        self.on_timeout: Callable[[MediaTimeout], None] | None = None
        self.on_source: Callable[[Address], None] | None = None

        #: whose stream this is, for those who look at the engine's sessions from outside (a channel)
        self.owner: object = None

        settings, chance = engine.settings, engine.chance
        self.sender = RtpSender(chance.getrandbits(32), chance.getrandbits(15), chance.getrandbits(32))
        self.receiver = RtpReceiver()
        self.remote_ssrc = 0
        self.reports = Reports(f"{chance.getrandbits(64):016x}")
        self.source = SourceFilter(settings.strict_rtp, settings.probation)
        self._digits = SessionDigits(engine, self)
        self._digits_out = self._digits.outgoing
        #: Payload type and clock rate of the digits that we send; None when the peer takes none.
        self.digit_payload: tuple[int, int] | None = None

        self._payloads = payload_table(())
        self._send_payload_type = 0
        self._clock_rate = 8000
        self._remote: Address | None = None
        self._remote_rtcp: Address | None = None
        #: What sends a finished packet to the peer (raises OSError); None without an address. Relays use it too.
        self.output: Callable[[bytes], object] | None = None
        self._relay: RelayPath | None = None
        #: The keys of SRTP; None while RTP is plain.
        self.security: SrtpContext | None = None
        #: RTCP goes over the RTP port (RFC 5761); set it when the answer says so.
        self.rtcp_mux = False
        self.is_sending = True
        self.is_receiving = True
        self.is_held = False
        self.is_closed = False
        self._is_connected = False
        self._settle_tried = False
        self._timed_out = False
        #: When the last packet came (loop time), or when counting of silence began.
        self.last_received = self._last_sent = engine.loop.time()
        #: Datagrams that were no RTP, RTP of unagreed types, packets the kernel refused, packets withheld by direction.
        self.not_rtp = 0
        self.unknown_payload = 0
        self.not_sent = 0
        self.withheld = 0
        rtp.set_reader(self._read_open)
        if rtcp is not None:
            rtcp.set_reader(self._read_rtcp)

    # -- what the owner tells ------------------------------------------------------------------------------------

    @property
    def local_address(self) -> Address:
        """Where our RTP socket is bound."""
        return self._socket.address

    @property
    def remote_address(self) -> Address | None:
        """Where RTP is sent now: as told by ``set_remote`` or as learnt (rtp_symmetric)."""
        return self._remote

    @property
    def remote_rtcp_address(self) -> Address | None:
        """Where RTCP is sent that has a port of its own."""
        return self._remote_rtcp

    @property
    def has_rtcp_port(self) -> bool:
        """Whether there is a port for RTCP alone."""
        return self._rtcp_socket is not None

    @property
    def settled_descriptor(self) -> int | None:
        """The descriptor of our RTP socket once it is connected to the peer, for the native relay; else None."""
        return self._socket.descriptor if self._is_connected and not self.is_closed else None

    @property
    def rtcp_address(self) -> Address | None:
        """Where our reports go, and where the peer's come from."""
        return self._remote if self.rtcp_mux else self._remote_rtcp

    def exchange_socket(self, wrap: Callable[[MediaSocket], MediaSocket]) -> None:
        """Send and receive RTP through what ``wrap`` makes of our socket: one that watches, or loses packets for a test."""
        self._through_loop()
        self._socket = wrap(self._socket)
        self._recv = self._socket.recv
        if self._is_connected:
            self.output = self._socket.send
        elif self._remote is not None:
            self._aim(self._remote)

    def jitter_clocks(self) -> dict[int, int]:
        """By payload type the clock rate that counts for jitter; 0 for digits."""
        return {number: entry[2] for number, entry in enumerate(self._payloads) if entry is not None}

    def pause_reading(self) -> None:
        """Somebody else reads the RTP socket from now on."""
        self._socket.pause_reader()

    def resume_reading(self) -> None:
        """Read the RTP socket ourselves again."""
        self._socket.set_reader(self._read_connected if self._is_connected else self._read_open)

    def _through_loop(self) -> None:
        """Something changes that the native relay relies on: packets take the way through the loop until it is asked again."""
        if self._relay is not None and self._relay.owner is not None:
            self._relay.owner.withdraw()

    def set_remote(self, address: Address, rtcp_address: Address | None = None) -> None:
        """Tell where the peer wants its media (from its SDP, numeric); learning starts anew if it changed.

        ``rtcp_address`` defaults to the next port; with ``rtcp_mux`` it is not used.
        """
        self._remote_rtcp = rtcp_address or (address[0], address[1] + 1)
        if address == self._remote:
            return
        self._disconnect()
        self._settle_tried = False
        self.source.relearn()
        self._aim(address)

    def set_payloads(
        self,
        receive: Mapping[int, Payload],
        *,
        send: int,
        clock_rate: int,
        digits: tuple[int, int] | None = None,
    ) -> None:
        """Set the agreed payload types.

        ``receive`` maps the peer's numbers (comfort noise 13 and 19 are always known); ``send`` and its
        ``clock_rate`` are used by ``send_media`` when it names no payload type; ``digits`` is the payload type
        and clock rate of telephone-event towards the peer, None when it takes none.
        """
        self._through_loop()
        self._payloads = payload_table(tuple(sorted(receive.items(), key=lambda item: item[0])))
        self._send_payload_type = send
        self._clock_rate = self.sender.clock_rate = clock_rate
        self.digit_payload = digits

    def set_direction(self, *, sending: bool, receiving: bool) -> None:
        """Apply the agreed direction: what must not be sent or heard is dropped and counted in ``withheld``."""
        self._through_loop()
        self.is_sending = sending
        self.is_receiving = receiving

    def secure(self, context: SrtpContext | None, rtcp: SrtpContext | None = None) -> None:
        """Send and take only SRTP under these keys from now on; None for plain RTP. ``rtcp`` are keys of RTCP's own port."""
        rtcp = rtcp or context
        if context is not self.security:
            self._through_loop()
            if self.security is not None:
                self.security.before_change = None
            self.security = context
            if context is not None:
                context.before_change = self._through_loop
            self._socket = _secured(self._socket, context)
            self._sockets_changed()
        if self._rtcp_socket is not None:
            self._rtcp_socket = _secured(self._rtcp_socket, rtcp)

    def divert(self, on_other: OtherCallback) -> tuple[DemuxSocket, DemuxSocket | None]:
        """Hand what is neither RTP nor RTCP to ``on_other`` from now on; gives the sockets to answer with. To be called once,
        before :meth:`secure`."""
        self._through_loop()
        rtp = self._socket = DemuxSocket(self._socket, 1, on_other)
        self._sockets_changed()
        rtcp = None
        if self._rtcp_socket is not None:
            rtcp = self._rtcp_socket = DemuxSocket(self._rtcp_socket, 2, on_other)
        return rtp, rtcp

    def fall_silent(self) -> None:
        """Send nothing any more until a remote address is set anew: the peer has not agreed to go on (RFC 7675)."""
        self._disconnect()
        self._remote = self._remote_rtcp = self.output = None

    def set_remote_rtcp(self, address: Address) -> None:
        """Where RTCP goes that has a port of its own, as ICE has found it."""
        self._remote_rtcp = address

    def _sockets_changed(self) -> None:
        self._recv = self._socket.recv
        if self._is_connected:
            self.output = self._socket.send
        elif self._remote is not None:
            self._aim(self._remote)

    def set_hold(self, is_held: bool) -> None:
        """Whether the peer holds us: then ``timeout_hold`` counts instead of ``timeout``, from now on."""
        if is_held != self.is_held:
            self.is_held = is_held
            self.last_received = self._engine.loop.time()
            self._timed_out = False

    def set_options(self, options: SessionOptions) -> None:
        """Exchange the options; silence is counted from now on."""
        self.options = options
        self.last_received = self._engine.loop.time()
        self._timed_out = False

    def close(self) -> None:
        """Send RTCP BYE, close the sockets and give the ports back; further calls do nothing."""
        if self.is_closed:
            return
        if self._relay is not None:
            self._relay.leave()
        if self.sender.packets:
            self._send_rtcp(self.reports.build_bye(self.sender))
        self.is_closed = True
        self.output = self.owner = None
        self.on_media = self.on_digit_begin = self.on_digit_end = self.on_timeout = None
        self.on_comfort_noise = self.on_rtcp = self.on_source = None
        if self.security is not None:
            self.security.before_change = None
        self._digits.close()
        self._socket.close()
        if self._rtcp_socket is not None:
            self._rtcp_socket.close()
        self._engine.forget(self, self._port)

    # -- sending -------------------------------------------------------------------------------------------------

    def send_media(self, payload: bytes, samples: int, marker: bool = False, payload_type: int | None = None) -> None:
        """Send one packet; ``samples`` is its length in RTP clock ticks.

        While a digit is being sent, and while the direction forbids sending, the packet is withheld and time goes on.
        """
        now = self._engine.loop.time()
        sender = self.sender
        if not self.is_sending or self._digits_out.is_active:
            sender.skip(samples, now)
            self.withheld += 1
            return
        self._last_sent = now
        data = sender.packet(payload, samples, self._send_payload_type if payload_type is None else payload_type, now, marker)
        output = self.output
        if output is None:
            self.not_sent += 1
            return
        try:
            output(data)
        except OSError:  # a full socket buffer or a refused port: media is not sent again
            self.not_sent += 1

    def send_comfort_noise(self, level: int) -> None:
        """Say that nothing is said, over noise of ``level`` (-dBov; RFC 3389); what comes next begins a talk spurt."""
        if not self.is_sending or self._digits_out.is_active:
            self.withheld += 1
            return
        now = self._engine.loop.time()
        self.transmit(self.sender.packet_at(build_comfort_noise(level), self.sender.rtp_time_at(now), COMFORT_NOISE))
        self.sender.marker_next = True

    def rtp_time_now(self) -> int:
        """The timestamp that belongs to this moment."""
        return self.sender.rtp_time_at(self._engine.loop.time())

    def send_packet(self, payload: bytes, rtp_time: int, payload_type: int, marker: bool) -> None:
        """Send one packet under a timestamp of its own: a piece of a picture, where several packets share one time."""
        if not self.is_sending:
            self.withheld += 1
            return
        self.sender.last_rtp_time = rtp_time & 0xFFFFFFFF
        self.sender.mark_time(self._engine.loop.time())
        self.transmit(self.sender.packet_at(payload, rtp_time, payload_type, marker))

    def select_payload(self, payload_type: int, clock_rate: int) -> None:
        """Send under another of the agreed payload types from now on."""
        self._send_payload_type = payload_type
        self._clock_rate = self.sender.clock_rate = clock_rate

    def send_digit_begin(self, digit: str) -> bool:
        """Begin a digit (RFC 4733); False when the peer takes no telephone-event or the digit is unknown."""
        return self._digits.begin(digit)

    def send_digit_end(self, duration_ms: int | None = None) -> None:
        """End the digit that is being sent: three end packets (RFC 4733 section 2.5.1.4).

        ``duration_ms`` is what the packets claim; without it, the time since the begin.
        """
        self._digits.end(duration_ms)

    def update_source(self) -> None:
        """The source of our audio changes: the next packet carries the marker."""
        self.sender.marker_next = True

    def change_source(self) -> None:
        """As ``update_source``, under a new SSRC."""
        self._through_loop()
        chance = self._engine.chance
        self.sender.change_source(chance.getrandbits(32), chance.getrandbits(15))

    def transmit(self, data: bytes) -> None:
        """Send a finished packet; one that cannot go is counted."""
        self._last_sent = self._engine.loop.time()
        if self.output is None:
            self.not_sent += 1
            return
        try:
            self.output(data)
        except OSError:  # see send_media
            self.not_sent += 1

    # -- where to ------------------------------------------------------------------------------------------------

    def _aim(self, address: Address) -> None:
        self._remote = address
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
        self._socket.set_reader(self._read_connected)

    def _learn(self, source: Address) -> None:
        """Called for accepted packets until the source has settled."""
        if self.options.symmetric and source != self._remote:
            self._aim(source)
            if not self.rtcp_mux:
                self._remote_rtcp = (source[0], source[1] + 1)
            if self.on_source is not None:
                self.on_source(source)
        if self.source.state is SourceState.LOCKED and self.source.source == self._remote:
            if not self._is_connected and not self._settle_tried:
                self._settle_tried = True
                self._settle(source)

    # -- receiving -----------------------------------------------------------------------------------------------

    def _read_open(self, now: float) -> None:
        """Read one packet while the source is not settled; the poller calls again while there are more."""
        try:
            data, source = self._socket.recvfrom(MAX_DATAGRAM)
        except OSError:  # nothing there, or an ICMP error of an earlier packet
            return
        if len(data) < HEADER_LENGTH or data[0] >> 6 != 2:
            self.not_rtp += 1
        elif self.rtcp_mux and 192 <= data[1] <= 223:
            self._receive_rtcp(data, now)
        elif self.source.accept(source, data[2] << 8 | data[3]):
            self._learn(source)
            self.receive(data, now)

    def _read_connected(self, now: float) -> None:
        """Read one packet of the settled source; the poller calls again while there are more."""
        try:
            data = self._recv(MAX_DATAGRAM)
        except OSError:  # nothing there, or an ICMP error of an earlier packet
            return
        self.receive(data, now)

    def receive_raw(self, data: bytes, now: float) -> None:
        """A datagram of the settled source as it came from the network, which somebody else has read."""
        try:
            data = self._socket.admit(data)
        except OSError:  # not for us, or not authentic
            return
        self.receive(data, now)

    def receive_event(self, second: int, payload: bytes, rtp_time: int, now: float) -> None:
        """A packet of a digit that was relayed past us."""
        known = self._payloads[second & 0x7F]
        if known is not None and not self.is_closed:
            self._digits.receive(payload, rtp_time, second >= MARKER, known[1], now)

    def receive(self, data: bytes, now: float) -> None:
        """One datagram of the right source. The path of every packet: keep it short."""
        if len(data) < HEADER_LENGTH:
            self.not_rtp += 1
            return
        first, second, sequence, rtp_time, ssrc = unpack_header(data)
        if first == FIRST_BYTE:
            payload = data[HEADER_LENGTH:]
        else:
            try:
                start, end = payload_bounds(data)
            except RtpParseError:
                self.not_rtp += 1
                return
            payload = data[start:end]
        if 192 <= second <= 223 and self.rtcp_mux:
            self._receive_rtcp(data, now)
            return
        known = self._payloads[second & 0x7F]
        if known is None:
            self.unknown_payload += 1
            return
        kind, clock_rate, jitter_clock = known
        if ssrc != self.remote_ssrc:
            self._change_remote_source(ssrc)
        if not self.receiver.receive(sequence, rtp_time, len(payload), jitter_clock, now):
            return
        self.last_received = now
        relay = self._relay
        if relay is not None and relay.forward(second, sequence, rtp_time, payload, now):
            if kind is PayloadKind.DIGITS and relay.see_digits:
                self._digits.receive(payload, rtp_time, second >= MARKER, clock_rate, now)
            return
        if not self.is_receiving:
            self.withheld += 1
        elif kind is PayloadKind.MEDIA:
            on_media = self.on_media
            if on_media is not None:
                on_media(second & 0x7F, payload, rtp_time, sequence, second >= MARKER)
        elif kind is PayloadKind.DIGITS:
            self._digits.receive(payload, rtp_time, second >= MARKER, clock_rate, now)
        elif self.on_comfort_noise is not None:
            level = parse_comfort_noise(payload)
            if level is not None:
                self.on_comfort_noise(level)

    def _change_remote_source(self, ssrc: int) -> None:
        if self._relay is not None:
            self._relay.restart()  # first, as it reads the old source's counts
        if self.receiver.is_valid:
            self.receiver = RtpReceiver()
            self.reports.forget_source()
            self._digits.source_changed()
        self.remote_ssrc = ssrc

    # -- RTCP and timers -----------------------------------------------------------------------------------------

    def _read_rtcp(self, now: float) -> None:
        socket = self._rtcp_socket
        if socket is None:
            return
        try:
            data, source = socket.recvfrom(MAX_DATAGRAM)
        except OSError:  # as in _read_connected
            return
        if self.source.state is SourceState.LOCKED and self.source.source is not None:
            if source[0] != self.source.source[0]:
                self.source.dropped += 1
                return
        if self.options.symmetric:
            self._remote_rtcp = source
        self._receive_rtcp(data, now)

    def _receive_rtcp(self, data: bytes, now: float) -> None:
        try:
            packets = parse_compound(data)
        except RtpParseError:
            self.not_rtp += 1
            return
        self.reports.receive(packets, self.sender.ssrc, self._clock_rate, now, self._engine.wall_clock())
        if self._engine.on_rtcp is not None:
            self._engine.on_rtcp(self, packets)
        if self.on_rtcp is not None:
            self.on_rtcp(packets)

    def _send_rtcp(self, data: bytes) -> None:
        if self._engine.on_rtcp is not None:
            self._engine.on_rtcp(self, data)
        try:
            if self.rtcp_mux:
                if self.output is not None:
                    self.output(data)
            elif self._rtcp_socket is not None and self._remote_rtcp is not None and 0 < self._remote_rtcp[1] < 65536:
                self._rtcp_socket.sendto(data, self._remote_rtcp)
        except OSError:  # reports are repeated anyway
            self.not_sent += 1

    def ask_for_picture(self) -> None:
        """Ask the peer for a picture from scratch: Picture Loss Indication after a report (RFC 4585 section 6.3.1)."""
        now = self._engine.loop.time()
        report = self.reports.build(
            self.sender, self.receiver, self.remote_ssrc, self._clock_rate, now, self._engine.wall_clock()
        )
        self._send_rtcp(report + build_picture_loss(self.sender.ssrc, self.remote_ssrc))

    def handle_report(self, now: float) -> None:
        """Send the RTCP report that is due; called by the engine every ``rtcpinterval``."""
        if self._relay is not None:
            self._relay.synchronize()
        if self.sender.packets or self.receiver.is_valid:
            report = self.reports.build(
                self.sender, self.receiver, self.remote_ssrc, self._clock_rate, now, self._engine.wall_clock()
            )
            self._send_rtcp(report)

    def handle_coarse_timer(self, now: float) -> None:
        """Look after silence and keepalive; called by the engine about every half second."""
        if self._relay is not None:
            self._relay.pull()
        options = self.options
        limit = options.timeout_hold if self.is_held else options.timeout
        if now - self.last_received < limit:
            self._timed_out = False
        elif limit and not self._timed_out:
            self._timed_out = True
            if self.on_timeout is not None:
                self.on_timeout(MediaTimeout.SILENT_ON_HOLD if self.is_held else MediaTimeout.SILENT)
        if options.keepalive and now - self._last_sent >= options.keepalive and not self.is_closed:
            rtp_time = self.sender.rtp_time_at(now)
            self.transmit(self.sender.packet_at(build_comfort_noise(), rtp_time, COMFORT_NOISE))

    def statistics(self) -> SessionStatistics:
        """The figures of this moment."""
        if self._relay is not None:
            self._relay.pull()
        return figures(self, self._clock_rate)

    # -- the relay -----------------------------------------------------------------------------------------------

    @property
    def relay_path(self) -> RelayPath | None:
        """Where our received packets are relayed to; None when they are delivered here."""
        return self._relay

    @relay_path.setter
    def relay_path(self, path: RelayPath | None) -> None:
        self._relay = path


def _secured(socket: MediaSocket, context: SrtpContext | None) -> MediaSocket:
    """The socket under new keys."""
    plain = socket.inner if isinstance(socket, SecureSocket) else socket
    return SecureSocket(plain, context) if context is not None else plain
