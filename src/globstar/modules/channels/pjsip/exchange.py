"""Requests of ours outside of dialogs to servers that are no endpoints: the way there, and challenges on it."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import TYPE_CHECKING

from globstar.modules.channels.pjsip.authenticate import OutboundCredentials
from globstar.proto.sip.auth import ClientAuthorizer
from globstar.proto.sip.flow import Flow
from globstar.proto.sip.headers.address import NameAddr
from globstar.proto.sip.message import Header, Request, Response
from globstar.proto.sip.retry import renewed
from globstar.proto.sip.uri import SipUri
from globstar.proto.sip.user import RequestUser

if TYPE_CHECKING:
    from globstar.modules.channels.pjsip.driver import PjsipDriver
    from globstar.modules.channels.pjsip.settings import PjsipSettings
    from globstar.proto.sip.transaction import ClientTransaction


@dataclass(frozen=True, slots=True)
class Outcome:
    """What came of a request. ``response`` is None when there was none: then 408 for silence, 503 for no transport."""

    status: int
    reason: str
    request: Request
    response: Response | None = None

    @property
    def retry_after(self) -> int:
        """Retry-After in seconds (RFC 3261 20.33), 0 without or when it makes no sense."""
        text = (self.response.get("Retry-After") if self.response is not None else None) or ""
        digits = text.strip().partition(";")[0].partition("(")[0].strip()
        return int(digits) if digits.isascii() and digits.isdigit() and len(digits) < 10 else 0

    @property
    def min_expires(self) -> int:
        """Min-Expires of a 423 in seconds, 0 without."""
        return self._seconds("Min-Expires")

    @property
    def flow_timer(self) -> int:
        """Flow-Timer in seconds (RFC 5626 10), 0 without."""
        return self._seconds("Flow-Timer")

    def _seconds(self, header: str) -> int:
        text = ((self.response.get(header) if self.response is not None else None) or "").strip()
        return int(text) if text.isascii() and text.isdigit() and len(text) < 10 else 0


class Exchange(RequestUser):
    """One request and its final outcome; challenges in between are answered, each realm once, a stale nonce again.

    ``extra`` may give more headers for the request that answers a challenge.
    """

    __slots__ = ("_authorizer", "_extra", "_on_outcome", "is_done")

    def __init__(
        self,
        driver: PjsipDriver,
        on_outcome: Callable[[Outcome], None],
        credentials: OutboundCredentials | None,
        *,
        extra: Callable[[Response], list[Header]] | None = None,
        max_rounds: int = ClientAuthorizer.MAX_ROUNDS,
    ) -> None:
        self._on_outcome = on_outcome
        self._extra = extra
        self.is_done = False
        self._authorizer = (
            ClientAuthorizer(credentials, driver.rng.getrandbits, max_rounds=max_rounds) if credentials is not None else None
        )

    def cancel(self) -> None:
        """Nobody wants to know any more."""
        self.is_done = True

    def _finish(self, outcome: Outcome) -> None:
        if not self.is_done:
            self.is_done = True
            self._on_outcome(outcome)

    def response_received(self, transaction: ClientTransaction, response: Response) -> None:
        """Answer a challenge, or tell."""
        request = transaction.request
        answers = self._authorizer.authorize(request, response) if self._authorizer is not None else None
        if answers is None or self.is_done:
            self._finish(Outcome(response.status, response.reason, request, response))
            return
        if self._extra is not None:
            answers += self._extra(response)
        again = renewed(request, request.cseq.number + 1, answers)
        transaction.layer.send_request(again, transaction.flow, self)

    def request_failed(self, transaction: ClientTransaction, status: int, reason: str) -> None:
        """No answer came."""
        self._finish(Outcome(status, reason, transaction.request))


def credentials_of(settings: PjsipSettings, auths: Iterable[str]) -> OutboundCredentials | None:
    """What answers challenges with the secrets of auth objects; None when there are none."""
    found = [auth for auth in map(settings.auths.get, auths) if auth is not None]
    return OutboundCredentials(found, settings.globals.default_auth_algorithms_uac) if found else None


def way_to(driver: PjsipDriver, uri: SipUri, transport: str, routes: tuple[NameAddr, ...]) -> Flow | None:
    """The flow of a request to ``uri`` through ``routes``; None when no transport leads there."""
    return driver.transports.flow_to(transport, routes[0].uri if routes else uri)


async def until_idle(is_busy: Callable[[], bool], settled: asyncio.Event, patience: float) -> bool:
    """Wait until nobody is busy, looking again whenever ``settled`` is set; False after ``patience`` seconds."""
    try:
        async with asyncio.timeout(patience):
            while is_busy():
                settled.clear()
                await settled.wait()
    except TimeoutError:
        return False
    return True
