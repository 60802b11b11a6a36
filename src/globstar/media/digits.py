"""Digits of one RTP session as telephone-events (RFC 4733), both ways."""

from __future__ import annotations

from typing import TYPE_CHECKING

from globstar.proto.rtp import DigitBegan, DigitEvent, EventReceiver, EventSender
from globstar.proto.rtp.events import EventPacket

if TYPE_CHECKING:
    from globstar.media.engine import RtpEngine
    from globstar.media.session import RtpSession


class SessionDigits:
    """Sends the digits of a session, and tells its owner of those that come. It ticks only while a digit runs."""

    __slots__ = ("_engine", "_incoming", "_is_ticking", "_restarts", "_session", "outgoing")

    def __init__(self, engine: RtpEngine, session: RtpSession) -> None:
        self._engine = engine
        self._session: RtpSession | None = session
        self._incoming = EventReceiver(engine.settings.dtmf_timeout / 8000)
        self.outgoing = EventSender()
        self._is_ticking = False
        #: how often the peer's source had begun anew when its last digit came
        self._restarts = 0

    def begin(self, digit: str) -> bool:
        """Begin a digit; False when the peer takes no telephone-event or the digit is unknown."""
        session = self._session
        if session is None or session.digit_payload is None or not session.is_sending:
            return False
        session.cut_in()
        now, clock_rate = self._engine.loop.time(), session.digit_payload[1]
        self.outgoing.clock_rate = clock_rate
        session.sender.begin(now)
        packets = self.outgoing.begin(digit, session.sender.rtp_time_at(now), clock_rate // 50, now)
        if not packets:
            return False
        self._send(packets)
        self._tick_if_needed()
        return True

    def end(self, duration_ms: int | None) -> None:
        """See :meth:`RtpSession.send_digit_end`."""
        self._send(self.outgoing.end(self._engine.loop.time(), duration_ms))
        self._tick_if_needed()

    def receive(self, payload: bytes, rtp_time: int, marker: bool, clock_rate: int, now: float) -> None:
        """A packet of telephone-event."""
        session = self._session
        if session is not None and session.receiver.restarts != self._restarts:  # its times say nothing of those before
            self.source_changed()
        self._report(self._incoming.receive(payload, rtp_time, marker, clock_rate, now))
        self._tick_if_needed()

    def source_changed(self) -> None:
        """The peer's stream is another one now: a digit of the old one is over."""
        if self._session is not None:
            self._restarts = self._session.receiver.restarts
        self._report(self._incoming.reset())

    def close(self) -> None:
        """Tick no more, and let go of the session: two that hold one another wait for the cyclic collector."""
        self.outgoing.end(self._engine.loop.time())
        self._session = None
        if self._is_ticking:
            self._tick_if_needed()

    def _send(self, packets: list[EventPacket]) -> None:
        session = self._session
        if session is None or session.digit_payload is None:
            return
        for payload, rtp_time, marker in packets:
            session.transmit(session.sender.packet_at(payload, rtp_time, session.digit_payload[0], marker))

    def _tick_if_needed(self) -> None:
        """Have the 20 ms tick while a digit runs in either direction, and only then."""
        needed = self._session is not None and (self.outgoing.is_active or self._incoming.deadline is not None)
        if needed and not self._is_ticking:
            self._engine.ticker.add(self._tick)
        elif self._is_ticking and not needed:
            self._engine.ticker.remove(self._tick)
        self._is_ticking = needed

    def _tick(self) -> None:
        now = self._engine.loop.time()
        if self.outgoing.is_active:
            self._send(self.outgoing.update(now))
        deadline = self._incoming.deadline
        if deadline is not None and now >= deadline:
            self._report(self._incoming.handle_timer(now))
        self._tick_if_needed()

    def _report(self, events: tuple[DigitEvent, ...]) -> None:
        session = self._session
        if session is None:
            return
        for event in events:
            if isinstance(event, DigitBegan):
                if session.on_digit_begin is not None:
                    session.on_digit_begin(event.digit)
            elif session.on_digit_end is not None:
                session.on_digit_end(event.digit, event.duration_ms)
