"""Telephone events: digits as RTP packets, received and sent (RFC 4733, as well as its forerunner RFC 2833)."""

from __future__ import annotations

import struct
from typing import NamedTuple

DIGITS = "0123456789*#ABCD!"
"""Event codes 0 to 16 as characters; ``!`` is the hook flash (RFC 4733 section 3.2)."""

EVENT_CODES = {digit: code for code, digit in enumerate(DIGITS)} | {digit.lower(): DIGITS.index(digit) for digit in "ABCD"}

END_PACKETS = 3
MAX_DURATION = 0xFFFF
#: Seconds by which the next segment of a long event may begin later than the duration of the one before can tell: its sender
#: has gone on from its last packet.
SEGMENT_SLACK = 0.2
DEFAULT_VOLUME = 10
#: A timestamp that is older than the running event by less than this (seconds) is a late packet, not a new event.
LATE_SECONDS = 5

_EVENT = struct.Struct("!BBH")
_END = 0x80


class EventPayload(NamedTuple):
    """The four bytes of an event (RFC 4733 section 2.3); volume is in -dBm0, duration in clock ticks."""

    event: int
    is_end: bool
    volume: int
    duration: int

    def __bytes__(self) -> bytes:
        return _EVENT.pack(self.event, (_END if self.is_end else 0) | self.volume & 0x3F, self.duration)


def parse_event(payload: bytes) -> EventPayload | None:
    """Read an event payload; None when it is too short. Bytes beyond the first four (RFC 4733 allows none) are ignored."""
    if len(payload) < 4:
        return None
    event, flags, duration = _EVENT.unpack_from(payload)
    return EventPayload(event, flags >= _END, flags & 0x3F, duration)


class DigitBegan(NamedTuple):
    """A digit was pressed."""

    digit: str


class DigitEnded(NamedTuple):
    """A digit was released after ``duration_ms``."""

    digit: str
    duration_ms: int


DigitEvent = DigitBegan | DigitEnded


class EventReceiver:
    """Turns event packets into one begin and one end per digit.

    Repeated ends are ignored. An end that never comes is made up for by the next event or by silence of ``timeout``
    seconds (``handle_timer`` at ``deadline``). Events longer than the 16-bit duration go on in
    segments (RFC 4733 section 2.5.1.3).
    """

    __slots__ = ("_active", "_base", "_clock_rate", "_code", "_duration", "_last", "_rtp_time", "deadline", "ignored", "timeout")

    def __init__(self, timeout: float) -> None:
        self.timeout = timeout
        #: When ``handle_timer`` ends the running digit; None without one.
        self.deadline: float | None = None
        #: Event packets without a digit (unknown codes, short payloads).
        self.ignored = 0
        self._active: int | None = None
        #: the event of the last timestamp; another one under the same is of a sender whose clock stands still
        self._code = 0
        self._clock_rate = 8000
        self._rtp_time = 0
        self._last: int | None = None
        self._base = 0
        self._duration = 0

    @property
    def active_digit(self) -> str | None:
        """The digit that is held down now."""
        return DIGITS[self._active] if self._active is not None else None

    def receive(self, payload: bytes, rtp_time: int, marker: bool, clock_rate: int, now: float) -> tuple[DigitEvent, ...]:
        """Take one packet of the event's payload type; gives what has begun and ended by it."""
        event = parse_event(payload)
        if event is None or event.event >= len(DIGITS):
            self.ignored += 1
            return ()
        if self._last is not None:
            age = self._last - rtp_time & 0xFFFFFFFF
            if age == 0 and event.event == self._code:
                return self._continued(event, now)
            if 0 < age < LATE_SECONDS * clock_rate:
                return ()
            if self._is_next_segment(event, rtp_time, marker):
                self._base += rtp_time - self._rtp_time & 0xFFFFFFFF
                self._rtp_time = self._last = rtp_time
                self._duration = 0
                return self._continued(event, now)
        ended = self._end() if self._active is not None else ()
        self._active = self._code = event.event
        self._clock_rate = clock_rate
        self._rtp_time = self._last = rtp_time
        self._base = self._duration = 0
        return (*ended, DigitBegan(DIGITS[event.event]), *self._continued(event, now))

    def handle_timer(self, now: float) -> tuple[DigitEvent, ...]:
        """End the running digit if nothing was heard of it for ``timeout`` seconds."""
        if self.deadline is None or now < self.deadline:
            return ()
        return self._end()

    def reset(self) -> tuple[DigitEvent, ...]:
        """Forget the source (another SSRC, the end of the call); ends the running digit."""
        ended = self._end() if self._active is not None else ()
        self._last = None
        return ended

    def _is_next_segment(self, event: EventPayload, rtp_time: int, marker: bool) -> bool:
        """Whether an event goes on that has not ended: from where its last packet has left off, or from the longest duration."""
        if self._active != event.event or marker:
            return False
        ahead = rtp_time - self._rtp_time & 0xFFFFFFFF
        return ahead == self._duration or 0 <= ahead - MAX_DURATION <= SEGMENT_SLACK * self._clock_rate

    def _continued(self, event: EventPayload, now: float) -> tuple[DigitEvent, ...]:
        if self._active is None:
            return ()
        self._duration = max(self._duration, event.duration)
        if event.is_end:
            return self._end()
        self.deadline = now + self.timeout
        return ()

    def _end(self) -> tuple[DigitEvent, ...]:
        active, self._active, self.deadline = self._active, None, None
        if active is None:
            return ()
        ticks = self._base + self._duration
        return (DigitEnded(DIGITS[active], ticks * 1000 // self._clock_rate),)


class EventPacket(NamedTuple):
    """An event packet to send: its payload, timestamp and marker."""

    payload: bytes
    rtp_time: int
    marker: bool


class EventSender:
    """Makes the packets of the digits that we send.

    ``begin`` gives the first packet, ``update`` one for every packet time while the digit is held, ``end`` the last one three
    times over (RFC 4733 section 2.5.1.4). All packets of an event carry its starting timestamp.
    """

    __slots__ = ("_base", "_began", "_event", "_first", "_rtp_time", "_said", "clock_rate", "volume")

    def __init__(self, clock_rate: int = 8000, volume: int = DEFAULT_VOLUME) -> None:
        self.clock_rate = clock_rate
        self.volume = volume
        self._event: int | None = None
        self._rtp_time = 0
        self._began = 0.0
        self._first = 0
        #: ticks of the segments before this one, and those of this one that packets have claimed
        self._base = self._said = 0

    @property
    def is_active(self) -> bool:
        """Whether a digit is being sent."""
        return self._event is not None

    @property
    def digit(self) -> str | None:
        """The digit that is being sent."""
        return DIGITS[self._event] if self._event is not None else None

    def begin(self, digit: str, rtp_time: int, packet_ticks: int, now: float) -> list[EventPacket]:
        """Start a digit. An unknown digit gives no packet; a digit that is still running is ended first.

        The first packet claims ``packet_ticks``, as 0 would be an event without end (RFC 4733 section 2.3.5); those that follow
        claim the time that has passed, so that the last one is no longer than the digit.
        """
        code = EVENT_CODES.get(digit)
        if code is None:
            return []
        packets = self.end(now) if self._event is not None else []
        self._event = code
        self._rtp_time = rtp_time & 0xFFFFFFFF
        self._began = now
        self._first = packet_ticks
        self._base = 0
        packets.append(self._packet(packet_ticks, is_end=False, marker=True))
        return packets

    def update(self, now: float) -> list[EventPacket]:
        """The packet that says that the digit goes on."""
        if self._event is None:
            return []
        ticks = self._ticks(now)
        packets = []
        while ticks > MAX_DURATION:
            packets.append(self._packet(MAX_DURATION, is_end=False, marker=False))
            self._next_segment()
            ticks -= MAX_DURATION
        packets.append(self._packet(ticks, is_end=False, marker=False))
        return packets

    def end(self, now: float, duration_ms: int | None = None) -> list[EventPacket]:
        """The end of the digit; ``duration_ms`` of all of it overrides the time that has passed.

        It is no shorter than packets have claimed already, as who hears it may have taken them at their word.
        """
        if self._event is None:
            return []
        ticks = self._ticks(now) if duration_ms is None else duration_ms * self.clock_rate // 1000 - self._base
        ticks = max(ticks, self._said)
        packets = []
        while ticks > MAX_DURATION:
            packets.append(self._packet(MAX_DURATION, is_end=False, marker=False))
            self._next_segment()
            ticks -= MAX_DURATION
        packets += [self._packet(ticks, is_end=True, marker=False)] * END_PACKETS
        self._event = None
        return packets

    def _ticks(self, now: float) -> int:
        return max(int((now - self._began) * self.clock_rate + 0.5), self._first)

    def _next_segment(self) -> None:
        self._rtp_time = self._rtp_time + MAX_DURATION & 0xFFFFFFFF
        self._base += MAX_DURATION
        self._said, self._first = 0, 1
        self._began += MAX_DURATION / self.clock_rate

    def _packet(self, ticks: int, *, is_end: bool, marker: bool) -> EventPacket:
        self._said = ticks
        payload = bytes(EventPayload(self._event or 0, is_end, self.volume, ticks))
        return EventPacket(payload, self._rtp_time, marker)
