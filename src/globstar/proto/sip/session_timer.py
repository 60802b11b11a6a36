"""Session timers (RFC 4028): negotiation on both sides, and the running timer."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from globstar.proto.sip.errors import SipParseError
from globstar.proto.sip.grammar import parse_number
from globstar.proto.sip.headers.session_expires import SessionExpires
from globstar.proto.sip.message import Header, Request, Response
from globstar.proto.sip.timers import Timer, TimerQueue

SMALLEST = 90
"""Lowest Min-SE (RFC 4028 5)."""


@dataclass(frozen=True, slots=True)
class SessionTerms:
    """What was agreed: the interval in seconds, who refreshes, and whether the peer knows the extension."""

    interval: int
    we_refresh: bool
    peer_supports: bool
    refresher: str
    """"uac" or "uas", seen from the INVITE or UPDATE."""

    def headers(self) -> list[Header]:
        """Return the headers for our 2xx: Session-Expires, and Require when the peer is to refresh (RFC 4028 9)."""
        out = [("Session-Expires", f"{self.interval};refresher={self.refresher}")]
        if self.peer_supports and self.refresher == "uac":
            out.append(("Require", "timer"))
        return out


def negotiate_as_uas(request: Request, *, interval: int, min_se: int) -> SessionTerms:
    """Return the terms for our answer to an INVITE or UPDATE.

    Raises SipParseError 422 when the peer wants less than ``min_se`` (answer with Min-SE), 400 when the header is bad.
    """
    supported = request.supports("timer")
    asked = request.value("Session-Expires", SessionExpires.parse)
    peer_min = request.value("Min-SE", parse_min_se) or SMALLEST
    if asked is None:
        return SessionTerms(max(interval, peer_min), True, supported, "uas")
    if asked.interval < min_se:
        if supported:
            raise SipParseError("too small", status=422, header="Session-Expires", message=request)
        return SessionTerms(max(interval, peer_min), True, False, "uas")
    refresher = asked.refresher or ("uac" if supported else "uas")
    return SessionTerms(max(asked.interval, peer_min), refresher == "uas", supported, refresher)


def negotiate_as_uac(response: Response) -> SessionTerms | None:
    """Return the terms of a 2xx to our INVITE or UPDATE, None when it has no Session-Expires (RFC 4028 7.2)."""
    given = response.value("Session-Expires", SessionExpires.parse)
    if given is None:
        return None
    refresher = given.refresher or "uac"
    return SessionTerms(given.interval, refresher == "uac", response.supports("timer"), refresher)


def parse_min_se(text: str) -> int:
    """Return the value of a Min-SE header; parameters are ignored."""
    return parse_number(text.partition(";")[0].strip(), 2**32 - 1, "Min-SE")


class SessionTimer:
    """Runs after each successful refresh: our refresh at half time, the end a bit before the interval is over."""

    __slots__ = ("_due", "_end")

    def __init__(
        self,
        timers: TimerQueue,
        now: float,
        interval: int,
        refresh: Callable[[float], None] | None,
        expired: Callable[[float], None],
    ) -> None:
        """``refresh`` is None when the other side refreshes. RFC 4028 10: the end comes min(32, interval/3) early."""
        self._due: Timer | None = None
        if refresh is not None:
            self._due = timers.start(interval / 2, now, refresh, "session refresh")
        self._end: Timer = timers.start(interval - min(32.0, interval / 3), now, expired, "session expiry")

    def stop(self) -> None:
        """Stop both."""
        if self._due is not None:
            self._due.cancel()
        self._end.cancel()
