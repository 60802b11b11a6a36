"""RtpSession: one RTP stream with its sockets, statistics, digits and timers; no task, no queue."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from enum import Enum
from typing import TYPE_CHECKING

from globstar.media.digits import SessionDigits
from globstar.media.payloads import payload_table
from globstar.media.reports import Reports
from globstar.media.session_way import SessionWay
from globstar.media.settings import Payload, PayloadKind, SessionOptions
from globstar.media.sockets import MediaSocket
from globstar.media.source import SourceState
from globstar.media.statistics import SessionStatistics, figures
from globstar.proto.rtp import (
    COMFORT_NOISE,
    Bye,
    ReceiverReport,
    RtcpPacket,
    RtpParseError,
    RtpReceiver,
    RtpSender,
    SourceDescription,
    build_comfort_noise,
    build_picture_loss,
    parse_comfort_noise,
    parse_compound,
)
from globstar.proto.rtp.feedback import build_intra_request
from globstar.proto.rtp.packet import FIRST_BYTE, HEADER_LENGTH, MARKER, is_rtcp, payload_bounds, unpack_header
from globstar.proto.rtp.receiver import MAX_MISORDER
from globstar.proto.rtp.sender import RESYNC_AFTER, RESYNC_FOLLOWING_AFTER

if TYPE_CHECKING:
    from globstar.media.conference import SeatedStream
    from globstar.media.engine import RtpEngine
    from globstar.media.feedback import VideoFeedback
    from globstar.media.ticker import Ticker

#: Seconds in which packets of a source that the peer has left may come late.
OLD_SOURCE = 1.0
#: Seconds without a packet after which a peer that is agreed with anew may come from another place.
QUIET = 1.0
#: ``on_media(payload_type, payload, rtp_time, sequence, marker)``
MediaCallback = Callable[[int, bytes, int, int, bool], None]


class MediaTimeout(Enum):
    """Why ``on_timeout`` fires."""

    SILENT = "no RTP for rtp_timeout seconds"
    SILENT_ON_HOLD = "no RTP for rtp_timeout_hold seconds while on hold"


class RtpSession(SessionWay):
    """One media stream between us and one peer. Made by ``RtpEngine.open``; ended by ``close``.

    Callbacks are plain attributes, called from the loop, one packet after another, and may be exchanged at
    any time. ``media`` knows nothing of frames and formats: payload types go in and out as numbers.

    * ``on_media(payload_type, payload, rtp_time, sequence, marker)``
    * ``on_digit_begin(digit)``, ``on_digit_end(digit, duration_ms)``: RFC 4733 digits of the peer, ``!`` is flash
    * ``on_comfort_noise(level)``: level in -dBov
    * ``on_rtcp(packets)``: every compound packet, after the statistics have taken it
    * ``on_relay()``: packets of another session are going to be sent here, past us, from now on
    * ``on_timeout(reason)``: once per silence
    * ``on_source(address)``: rtp_symmetric has made us send to another address
    """

    __slots__ = (
        "_clock_rate",
        "_digits",
        "_digits_out",
        "_last_sent",
        "_left_at",
        "_old_source",
        "_payloads",
        "_send_payload_type",
        "_timed_out",
        "digit_payload",
        "feedback",
        "is_held",
        "is_receiving",
        "is_sending",
        "last_received",
        "not_sent",
        "on_comfort_noise",
        "on_digit_begin",
        "on_digit_end",
        "on_media",
        "on_relay",
        "on_rtcp",
        "on_timeout",
        "owner",
        "receiver",
        "remote_ssrc",
        "reports",
        "sender",
        "unknown_payload",
        "withheld",
    )

    def __init__(self, engine: RtpEngine, rtp: MediaSocket, rtcp: MediaSocket | None, options: SessionOptions) -> None:
        super().__init__(engine, rtp, rtcp, options)
        self.on_media: MediaCallback | None = None
        self.on_digit_begin: Callable[[str], None] | None = None
        self.on_digit_end: Callable[[str, int], None] | None = None
        self.on_comfort_noise: Callable[[int], None] | None = None
        self.on_rtcp: Callable[[tuple[RtcpPacket, ...]], None] | None = None
        self.on_timeout: Callable[[MediaTimeout], None] | None = None
        self.on_relay: Callable[[], None] | None = None

        #: what receivers tell senders of pictures, where that was agreed on
        self.feedback: VideoFeedback | None = None
        #: whose stream this is, for those who look at the engine's sessions from outside (a channel)
        self.owner: object = None

        chance = engine.chance
        source_and_time = chance.getrandbits(64)
        self.sender = RtpSender(source_and_time >> 32, chance.getrandbits(15), source_and_time & 0xFFFFFFFF)
        self.receiver = RtpReceiver()
        self.remote_ssrc = 0
        #: how much had come of the peer's source when it said goodbye
        self._left_at = -1
        #: the source of the peer before this one, its highest number, and when it was left
        self._old_source: tuple[int, int, float] | None = None
        self.reports = Reports(f"{chance.getrandbits(64):016x}")
        self._digits = SessionDigits(engine, self)
        self._digits_out = self._digits.outgoing
        #: Payload type and clock rate of the digits that we send; None when the peer takes none.
        self.digit_payload: tuple[int, int] | None = None

        self._payloads = payload_table(())
        self._send_payload_type = 0
        self._clock_rate = 8000
        self.is_sending = True
        self.is_receiving = True
        self.is_held = False
        self._timed_out = False
        #: When the last packet came (loop time), or when counting of silence began.
        self.last_received = self._last_sent = engine.loop.time()
        #: Datagrams that were no RTP, RTP of unagreed types, packets the kernel refused, packets withheld by direction.
        self.unknown_payload = 0
        self.not_sent = 0
        self.withheld = 0

    # -- what the owner tells ------------------------------------------------------------------------------------

    @property
    def ticker(self) -> Ticker:
        """The tick that paces what is sent."""
        return self._engine.ticker

    @property
    def carrier(self) -> RtpSession:
        """The session whose ports we use: ourselves, or another one of our bundle."""
        return self.bundle.carrier if self.bundle is not None else self

    def jitter_clocks(self) -> dict[int, int]:
        """By payload type the clock rate that counts for jitter; 0 for digits."""
        return {number: entry[2] for number, entry in enumerate(self._payloads) if entry is not None}

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
        self._payloads = payload_table(tuple(sorted(receive.items())))
        self._send_payload_type = send
        self._clock_rate = self.sender.clock_rate = clock_rate
        self.digit_payload = digits

    def set_direction(self, *, sending: bool, receiving: bool) -> None:
        """Apply the agreed direction: what must not be sent or heard is dropped and counted in ``withheld``."""
        self._through_loop()
        if sending != self.is_sending:
            self.cut_in()
        self.is_sending = sending
        self.is_receiving = receiving

    def set_hold(self, is_held: bool) -> None:
        """Whether the peer holds us: then ``timeout_hold`` counts instead of ``timeout``, from now on."""
        if is_held != self.is_held:
            self.is_held = is_held
            self.await_media()

    def set_options(self, options: SessionOptions) -> None:
        """Exchange the options; silence is counted from now on."""
        self.options = options
        self.await_media()
        self._engine.options_changed(self)

    def await_media(self, since: float | None = None) -> None:
        """Silence is counted from ``since`` on (loop time), or from now on."""
        self.last_received = since if since is not None else self._engine.loop.time()
        self._timed_out = False

    def close(self) -> None:
        """Send a last report with RTCP BYE, close the sockets and give the ports back; further calls do nothing.

        One that carries others of a bundle takes them with it: they send nothing any more.
        """
        if self.is_closed:
            return
        if self.relay_path is not None:
            self.relay_path.leave()
        self._through_loop()
        self._say_goodbye()
        self.is_closed = True
        self.output = self.owner = None
        self.on_media = self.on_digit_begin = self.on_digit_end = self.on_timeout = None
        self.on_comfort_noise = self.on_rtcp = self.on_source = self.on_relay = None
        if self.security is not None:
            self._forget_keys()
        self._digits.close()
        if self.feedback is not None:
            self.feedback.close()
        self._close_sockets()
        if self.bundle is not None:
            self._leave_bundle()
        self._engine.forget(self)

    # -- sending -------------------------------------------------------------------------------------------------

    def send_media(self, payload: bytes, samples: int, marker: bool = False, payload_type: int | None = None) -> None:
        """Send one packet; ``samples`` is its length in RTP clock ticks.

        While a digit is being sent, and while the direction forbids sending, the packet is withheld and time goes on.
        """
        if self._seat is not None:
            self._seat.give_back()
        if self.relay_path is not None:
            self.cut_in()
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

    def follow_source(self, is_timed: bool) -> None:
        """Whether what is sent from now on has the times of its source, which tell of its pauses."""
        self.sender.patience = RESYNC_FOLLOWING_AFTER if is_timed else RESYNC_AFTER

    def now(self) -> float:
        """The time by which it sends, seconds."""
        return self._engine.loop.time()

    def pause(self) -> float:
        """How long nothing has been sent, seconds."""
        self.take_numbers()
        self.cut_in()
        return self.sender.pause(self._engine.loop.time())

    def leave_out(self, numbers: int, ticks: int) -> None:
        """The source of what is sent has lost packets, or was silent: so many numbers and ticks of the clock are not used."""
        self.take_numbers()
        self.cut_in()
        self.sender.leave_out(numbers, ticks)

    def send_late(self, payload: bytes, sequence: int, rtp_time: int) -> None:
        """Send one packet under a number and a time that were left out for it."""
        if not self.is_sending or self._digits_out.is_active:
            self.withheld += 1
            return
        self.take_numbers()
        self.cut_in()
        self.transmit(self.sender.packet_at(payload, rtp_time, self._send_payload_type, sequence=sequence))

    def send_comfort_noise(self, level: int) -> None:
        """Say that nothing is said, over noise of ``level`` (-dBov; RFC 3389); what comes next begins a talk spurt."""
        if not self.is_sending or self._digits_out.is_active:
            self.withheld += 1
            return
        self.take_numbers()
        self.cut_in()
        now = self._engine.loop.time()
        self.transmit(self.sender.packet_at(build_comfort_noise(level), self.sender.rtp_time_at(now), COMFORT_NOISE))
        self.sender.marker_next = True

    def rtp_time_now(self) -> int:
        """The timestamp that belongs to this moment."""
        self.take_numbers()
        return self.sender.rtp_time_at(self._engine.loop.time())

    def rtp_time_next(self) -> int:
        """The same for the first packet of another source of ours, which is never of the time of what was sent before."""
        self.take_numbers()
        return self.sender.rtp_time_after(self._engine.loop.time())

    def send_packet(self, payload: bytes, rtp_time: int, payload_type: int, marker: bool, sequence: int | None = None) -> None:
        """Send one packet under a timestamp of its own: a piece of a picture, where several packets share one time.

        With ``sequence`` the number is its own as well: what is left out has been lost before, or comes late.
        """
        if not self.is_sending:
            self.withheld += 1
            return
        self.take_numbers()
        self.cut_in()
        self.sender.mark_time(self._engine.loop.time(), rtp_time)
        data = self.sender.packet_at(payload, rtp_time, payload_type, marker, sequence)
        if self.feedback is not None:
            self.feedback.keep(data)
        self.transmit(data)

    def select_payload(self, payload_type: int, clock_rate: int) -> None:
        """Send under another of the agreed payload types from now on."""
        self._rise()
        self._send_payload_type = payload_type
        self._clock_rate = self.sender.clock_rate = clock_rate

    def send_digit_begin(self, digit: str) -> bool:
        """Begin a digit (RFC 4733); False when the peer takes no telephone-event or the digit is unknown."""
        self._rise()
        return self._digits.begin(digit)

    def send_digit_end(self, duration_ms: int | None = None) -> None:
        """End the digit that is being sent: three end packets (RFC 4733 section 2.5.1.4).

        ``duration_ms`` is what the packets claim; without it, the time since the begin.
        """
        self._digits.end(duration_ms)

    def update_source(self) -> None:
        """The source of our audio changes: the next packet carries the marker."""
        self.take_numbers()
        self.sender.marker_next = True

    def change_source(self) -> None:
        """As ``update_source``, under a new SSRC; the old one says goodbye."""
        self._through_loop()
        self.cut_in()
        self._say_goodbye()
        chance = self._engine.chance
        self.sender.change_source(chance.getrandbits(32), chance.getrandbits(15))
        self.reports.source_begins()

    def cut_in(self) -> None:
        """Something of our own is sent, or something withheld: what is relayed to us is numbered on from there afterwards."""
        if self.relay_path is not None and self.relay_path.owner is not None:
            self.relay_path.owner.cut_in(self)

    @property
    def sends_digit(self) -> bool:
        """Whether a digit of ours is being sent, and media are withheld meanwhile."""
        return self._digits_out.is_active

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

    # -- receiving -----------------------------------------------------------------------------------------------

    def receive_event(self, second: int, payload: bytes, rtp_time: int, now: float) -> None:
        """A packet of a digit that was relayed past us."""
        known = self._payloads[second & 0x7F]
        if known is not None and not self.is_closed:
            self._digits.receive(payload, rtp_time, second >= MARKER, known[1], now)

    def receive(self, data: bytes, now: float) -> None:
        """One datagram of the right source. The path of every packet: keep it short."""
        if len(data) < HEADER_LENGTH:
            if self.rtcp_mux and is_rtcp(data):  # a report without blocks, or a goodbye, has eight octets
                self.receive_rtcp(data, now)
            else:
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
            if self.feedback is not None:
                self.feedback.arrived(data, now)
        if 192 <= second <= 223 and self.rtcp_mux:
            self.receive_rtcp(data, now)
            return
        known = self._payloads[second & 0x7F]
        if known is None:
            self.unknown_payload += 1
            return
        kind, clock_rate, jitter_clock = known
        if ssrc != self.remote_ssrc:
            if self._is_of_old_source(ssrc, sequence, now):
                return
            self._change_remote_source(ssrc, now)
        if self.feedback is not None:
            self.feedback.expect(sequence)
        if not self.receiver.receive(sequence, rtp_time, len(payload), jitter_clock, now):
            return
        relay = self.relay_path
        if relay is not None and relay.forward(second, sequence, rtp_time, payload, now):
            self.last_received = now  # only now, as the relay may ask for the one before
            if kind is PayloadKind.DIGITS and relay.see_digits:
                self._digits.receive(payload, rtp_time, second >= MARKER, clock_rate, now)
            return
        self.last_received = now
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

    def _catch_up(self) -> None:
        """Know of what native code has received, and of what it has sent in a conference."""
        if self.relay_path is not None:
            self.relay_path.pull()
        self.take_numbers()

    def _is_quiet(self) -> bool:
        """See SessionWay."""
        self._catch_up()
        return self.source.state is SourceState.LOCKED and self._engine.loop.time() - self.last_received > QUIET

    def _is_of_old_source(self, ssrc: int, sequence: int, now: float) -> bool:
        """Whether a packet of the source before is late only: then it is not that the peer goes back to that one."""
        old = self._old_source
        if old is None or old[0] != ssrc or now - old[2] > OLD_SOURCE or old[1] - sequence & 0xFFFF >= MAX_MISORDER:
            return False
        self.receiver.rejected += 1
        return True

    def _change_remote_source(self, ssrc: int, now: float) -> None:
        if self.relay_path is not None:
            self.relay_path.restart()  # first, as it reads the old source's counts
        if self.receiver.is_valid:
            self._old_source = (self.remote_ssrc, self.receiver.highest, now)
            former, self.receiver = self.receiver, RtpReceiver()
            self.receiver.succeed(former)
            self._left_at = -1
            self.reports.forget_source()
            self._digits.source_changed()
        self.remote_ssrc = ssrc
        if self.feedback is not None:
            self.feedback.source_changed()

    # -- RTCP and timers -----------------------------------------------------------------------------------------

    def receive_rtcp(self, data: bytes, now: float) -> None:
        """One compound of RTCP of the right source."""
        try:
            packets = parse_compound(data)
        except RtpParseError:
            self.not_rtp += 1
            return
        self.take_rtcp(packets, now)

    def take_rtcp(self, packets: tuple[RtcpPacket, ...], now: float) -> None:
        """The packets of a compound, as far as they are about us."""
        self.reports.receive(packets, self.sender.ssrc, self.remote_ssrc, self._clock_rate, now, self._engine.wall_clock())
        for packet in packets:
            if isinstance(packet, Bye) and self.remote_ssrc in packet.ssrcs:
                if self.relay_path is not None:
                    self.relay_path.pull()
                self._left_at = self.receiver.received
        if self._engine.on_rtcp is not None:
            self._engine.on_rtcp(self, packets)
        if self.feedback is not None:
            self.feedback.receive(packets, now)
        if self.on_rtcp is not None:
            self.on_rtcp(packets)

    def send_feedback(self, packet: bytes) -> None:
        """Tell the peer's sender something at once, behind a report that says nothing (RFC 4585 section 3.1)."""
        if not self.is_closed:
            ssrc, reports = self.sender.ssrc, self.reports
            reports.sent += 1
            self._put_out(bytes(ReceiverReport(ssrc)) + bytes(SourceDescription.of(ssrc, reports.cname)) + packet)

    def _say_goodbye(self) -> None:
        """The last report of our source; who has sent nothing takes no leave (RFC 3550 section 6.3.7)."""
        if self.sender.packets or self.reports.sent:
            self._send_rtcp(self._report(self._engine.loop.time(), is_last=True))

    def _report(self, now: float, *, is_last: bool = False) -> bytes:
        receiver = self.receiver
        if receiver.received == self._left_at:  # of a source that has left nothing is reported (RFC 3550 section 6.3.4)
            receiver = RtpReceiver()
        return self.reports.build(
            self.sender, receiver, self.remote_ssrc, self._clock_rate, now, self._engine.wall_clock(), is_last=is_last
        )

    def _send_rtcp(self, data: bytes) -> None:
        if self._engine.on_rtcp is not None:
            self._engine.on_rtcp(self, data)
        self._put_out(data)

    def _put_out(self, data: bytes) -> None:
        try:
            if self.rtcp_mux:
                if self.output is not None:
                    self.output(data)
            elif self._rtcp_socket is not None and self._remote_rtcp is not None and 0 < self._remote_rtcp[1] < 65536:
                self._rtcp_socket.sendto(data, self._remote_rtcp)
        except OSError:  # reports are repeated anyway
            self.not_sent += 1

    def ask_for_picture(self, intra_request: int | None = None) -> None:
        """Ask the peer for a picture from scratch, after a report.

        By a Picture Loss Indication (RFC 4585 section 6.3.1), or by the Full Intra Request of that number (RFC 5104
        section 4.3.1).
        """
        self.take_numbers()
        report = self._report(self._engine.loop.time())
        if intra_request is None:
            request = build_picture_loss(self.sender.ssrc, self.remote_ssrc)
        else:
            request = build_intra_request(self.sender.ssrc, self.remote_ssrc, intra_request)
        self._send_rtcp(report + request)

    def handle_report(self, now: float) -> None:
        """Send the RTCP report that is due; called by the engine every ``rtcpinterval``."""
        if self.relay_path is not None:
            self.relay_path.synchronize()
        self.take_numbers()
        if self.sender.packets or self.receiver.is_valid:
            self._send_rtcp(self._report(now))

    def handle_coarse_timer(self, now: float) -> None:
        """Look after silence and keepalive; called by the engine about every half second."""
        self._catch_up()
        options = self.options
        limit = options.timeout_hold if self.is_held else options.timeout
        if now - self.last_received < limit:
            self._timed_out = False
        elif limit and not self._timed_out:
            self._timed_out = True
            if self.on_timeout is not None:
                self.on_timeout(MediaTimeout.SILENT_ON_HOLD if self.is_held else MediaTimeout.SILENT)
        if options.keepalive and now - self._last_sent >= options.keepalive and not self.is_closed:
            if self.relay_path is not None and self.relay_path.owner is not None:
                self._last_sent = max(self._last_sent, self.relay_path.owner.last_sent_to(self))
                if now - self._last_sent < options.keepalive:
                    return
            self.cut_in()
            rtp_time = self.sender.rtp_time_at(now)
            self.transmit(self.sender.packet_at(build_comfort_noise(), rtp_time, COMFORT_NOISE))

    def statistics(self) -> SessionStatistics:
        """The figures of this moment."""
        self._catch_up()
        return figures(self, self._clock_rate)

    # -- the native conference -----------------------------------------------------------------------------------

    @property
    def seat(self) -> SeatedStream | None:
        """Our place in a native conference, which reads and sends in our stead; None: we do so ourselves."""
        return self._seat

    @seat.setter
    def seat(self, seat: SeatedStream | None) -> None:
        self._seat = seat

    def take_numbers(self) -> None:
        """Bring the numbers of both directions here that a native conference counts on."""
        if self._seat is not None:
            self._seat.give_back()

    @property
    def is_seatable(self) -> bool:
        """Whether both directions run plainly, so that a native conference may read and send in our stead."""
        return (
            self.relay_path is None and self.bundle is None and self.is_sending and self.is_receiving and self.receiver.is_valid
            and not self._digits_out.is_active and self.output is not None and self.settled is not None
        )  # fmt: skip

    def sent_at(self, now: float) -> None:
        """Something was sent in our stead."""
        self._last_sent = now
