"""A request to a STUN or TURN server: sent again until it is answered (RFC 8489 section 6.2.1)."""

from __future__ import annotations

from globstar.proto.stun.message import StunMessage

#: Seconds until the second try, which doubles; and how many tries there are. Shorter than the RFC's: a call waits meanwhile.
RTO = 0.25
TRIES = 3


class StunTransaction:
    """One request; ``due`` is when it is to be sent again, or is over."""

    __slots__ = ("data", "due", "request", "tries")

    def __init__(self, request: StunMessage, data: bytes, now: float) -> None:
        self.request = request
        self.data = data
        self.tries = 1
        self.due = now + RTO

    def handle_timer(self, now: float) -> bool | None:
        """Whether the request is to be sent now: True to send it, False while there is time, None when there was no answer."""
        if now < self.due:
            return False
        if self.tries >= TRIES:
            return None
        self.due = now + RTO * (1 << self.tries)
        self.tries += 1
        return True
