"""Real-time text (RFC 4103): its redundancy is undone where it comes in, and made anew as the other endpoint has agreed it; and
texts of the server's own, which are typed at the pace that the endpoint can read."""

from __future__ import annotations

import asyncio
import re
from collections.abc import Callable

from globstar.media.session import RtpSession
from globstar.proto.rtp.red import MISSING, RedReceiver, RedSender

#: Seconds after which text is repeated when none is written meanwhile (RFC 4103 section 5.2: the buffering time).
REPEAT_AFTER = 0.3
#: Characters a second that may be sent to who says nothing else (RFC 4103 section 6), and how many may wait.
USUAL_PACE, MOST_WAITING = 30, 10_000
_LINE_END = "\u2028"


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

    def receive_plain(self, text: bytes, sequence: int, rtp_time: int) -> list[bytes]:
        """The same for a packet that the endpoint sent without redundancy."""
        return self._receiver.receive_plain(text, sequence, rtp_time)

    def write(self, text: bytes, rtp_time: int, *, marker: bool, follows_loss: bool = False) -> None:
        """Send a text, with those before it; what was lost before it is marked."""
        if follows_loss:
            text = MISSING + text
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


class Typist:
    """Types texts, each of which becomes a line. ``write(text, is_first)`` sends a piece, the first after a pause or another."""

    __slots__ = ("_loop", "_timer", "_waiting", "_write", "pace")

    def __init__(self, loop: asyncio.AbstractEventLoop, write: Callable[[bytes, bool], None]) -> None:
        self._loop = loop
        self._write = write
        #: characters a second
        self.pace = USUAL_PACE
        self._waiting = ""
        self._timer: asyncio.TimerHandle | None = None

    def type(self, text: str) -> bool:
        """Type a text; False when too much waits already."""
        lines = re.sub("\r\n|\r|\n", _LINE_END, text) + _LINE_END
        if len(self._waiting) + len(lines) > MOST_WAITING:
            return False
        self._waiting += lines
        if self._timer is None:
            self._go_on(is_first=True)
        return True

    def close(self) -> None:
        """Type no more."""
        self._waiting = ""
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None

    def _go_on(self, *, is_first: bool = False) -> None:
        self._timer = None
        count = max(int(self.pace * REPEAT_AFTER), 1)
        piece, self._waiting = self._waiting[:count], self._waiting[count:]
        if piece:  # the pace is kept from one text to the next
            self._timer = self._loop.call_later(max(REPEAT_AFTER, len(piece) / self.pace), self._go_on)
            self._write(piece.encode(), is_first)


def pace_of(fmtp: str) -> int:
    """Characters a second that ``cps`` of an endpoint allows (RFC 4103 section 6)."""
    found = re.search(r"(?:^|[\s;])cps\s*=\s*([1-9]\d{0,4})(?!\d)", fmtp, re.IGNORECASE | re.ASCII)
    return int(found[1]) if found else USUAL_PACE
