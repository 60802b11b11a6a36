"""Sending a request again with other headers: after a challenge or a 422 (RFC 3261 22.2, 8.1.3.5, RFC 4028 7.4)."""

from __future__ import annotations

from collections.abc import Callable

from globstar.proto.sip.auth import ClientAuthorizer
from globstar.proto.sip.errors import SipParseError
from globstar.proto.sip.headers.session_expires import SessionExpires
from globstar.proto.sip.message import Header, Request, Response
from globstar.proto.sip.session_timer import parse_min_se
from globstar.proto.sip.transaction import ClientTransaction, ClientUser

LONGEST_INTERVAL = 86400
"""Seconds. Who asks for a session interval beyond a day does not want one (RFC 4028 gives no limit)."""


def renewed(request: Request, cseq: int, extra: list[Header]) -> Request:
    """Return a copy without our Via, with a new CSeq, and with ``extra`` before Content-Type in place of older ones."""
    names = {name for name, _ in extra}
    out: list[Header] = []
    via_dropped = False
    for name, value in request.headers:
        if name == "Via" and not via_dropped:
            via_dropped = True
        elif name == "CSeq":
            out.append((name, f"{cseq} {request.method}"))
        elif name not in names:
            out.append((name, value))
    at = len(out)
    if out and out[-1][0] == "Content-Type":
        at -= 1
    out[at:at] = extra
    return Request(request.method, request.uri, out, request.body)


def longer_interval(request: Request, response: Response) -> list[Header]:
    """The headers with which to try again after 422 (RFC 4028 7.4); empty when that makes no sense."""
    try:
        least = response.value("Min-SE", parse_min_se)
        asked = request.value("Session-Expires", SessionExpires.parse)
    except SipParseError:
        return []
    if least is None or asked is None or least <= asked.interval or least > LONGEST_INTERVAL:
        return []
    return [("Session-Expires", str(SessionExpires(least, asked.params))), ("Min-SE", str(least))]


class AuthorizingUser:
    """Stands between a transaction and its user and answers challenges for it."""

    def __init__(self, user: ClientUser, authorizer: ClientAuthorizer, next_cseq: Callable[[], int] | None = None) -> None:
        self._user = user
        self._authorizer = authorizer
        #: the counter of the dialog that the request belongs to
        self._next_cseq = next_cseq

    def provisional_received(self, transaction: ClientTransaction, response: Response) -> None:
        """Pass on."""
        self._user.provisional_received(transaction, response)

    def response_received(self, transaction: ClientTransaction, response: Response) -> None:
        """Try again with credentials, else pass on."""
        extra = self._authorizer.authorize(transaction.request, response)
        if extra is None:
            self._user.response_received(transaction, response)
            return
        request = transaction.request
        number = self._next_cseq() if self._next_cseq is not None else request.cseq.number + 1
        transaction.layer.send_request(renewed(request, number, extra), transaction.flow, self)

    def request_failed(self, transaction: ClientTransaction, status: int, reason: str) -> None:
        """Pass on."""
        self._user.request_failed(transaction, status, reason)
