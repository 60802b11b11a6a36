"""Real-time text with redundancy (RFC 4103): undone where it comes in, made anew as the other endpoint has agreed it."""

from __future__ import annotations

import asyncio

from globstar.media.session import RtpSession
from globstar.proto.rtp.red import RedReceiver, RedSender

#: Seconds after which text is repeated when none is written meanwhile (RFC 4103 section 5.2: the buffering time).
REPEAT_AFTER = 0.3


class RedundantText:
    """The redundancy of one text stream in both directions; ``send`` is the payload type of the redundant packets."""

    __slots__ = ("_loop", "_receiver", "_sender", "_session", "_timer", "send")

    def __init__(self, session: RtpSession, loop: asyncio.AbstractEventLoop, send: int, inside: int, generations: int) -> None:
        self._session = session
        self._loop = loop
        self.send = send
        self._receiver = RedReceiver()
        self._sender = RedSender(inside, generations)
        self._timer: asyncio.TimerHandle | None = None

    def agree(self, send: int, inside: int, generations: int) -> None:
        """Offer and answer were exchanged again; what has been said stays known."""
        self.send = send
        if (inside, generations) != (self._sender.payload_type, self._sender.generations):
            self._sender = RedSender(inside, generations)

    def source_changed(self) -> None:
        """The endpoint sends another stream: nothing is missing before its first packet."""
        self._receiver = RedReceiver()

    def receive(self, payload: bytes, sequence: int, rtp_time: int) -> list[bytes]:
        """The texts that a packet brings, each once."""
        return self._receiver.receive(payload, sequence, rtp_time)

    def write(self, text: bytes, rtp_time: int, *, marker: bool) -> None:
        """Send a text, with those before it."""
        self._session.send_packet(self._sender.payload(text, rtp_time), rtp_time, self.send, marker)
        self._plan()

    def close(self) -> None:
        """Repeat nothing any more."""
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None

    def _plan(self) -> None:
        self.close()
        if self._sender.has_more:
            self._timer = self._loop.call_later(REPEAT_AFTER, self._repeat)

    def _repeat(self) -> None:
        self._timer = None
        if not self._session.is_closed:
            self.write(b"", self._session.rtp_time_now(), marker=False)
