"""A request to a STUN or TURN server: sent again until it is answered (RFC 8489 section 6.2.1)."""

from __future__ import annotations

from dataclasses import dataclass

from globstar.proto.stun.message import StunMessage

#: Seconds until the second try, which doubles; and how many tries there are. Shorter than the RFC's: a call waits meanwhile.
RTO = 0.25
TRIES = 3


@dataclass(frozen=True, slots=True)
class Retries:
    """How long an answer is waited for: ``tries`` times, the first one ``rto`` seconds; each waits twice as long as the last."""

    rto: float = RTO
    tries: int = TRIES


#: while a call waits; while it runs (RFC 8489 section 6.2.1: 31.5 seconds); over a stream, which loses nothing (6.2.2)
HASTY = Retries()
PATIENT = Retries(0.5, 6)
RELIABLE = Retries(30.0, 1)


class StunTransaction:
    """One request; ``due`` is when it is to be sent again, or is over; ``refusals`` counts nonces that were refused before."""

    __slots__ = ("_retries", "data", "due", "refusals", "request", "tries")

    def __init__(self, request: StunMessage, data: bytes, now: float, retries: Retries = HASTY, *, refusals: int = 0) -> None:
        self.request = request
        self.data = data
        self._retries = retries
        self.refusals = refusals
        self.tries = 1
        self.due = now + retries.rto

    def handle_timer(self, now: float) -> bool | None:
        """Whether the request is to be sent now: True to send it, False while there is time, None when there was no answer."""
        if now < self.due:
            return False
        if self.tries >= self._retries.tries:
            return None
        self.due = now + self._retries.rto * (1 << self.tries)
        self.tries += 1
        return True
