"""The called side of an INVITE session: provisional, final and reliable responses (RFC 3261 13.3, RFC 3262)."""

from __future__ import annotations

from typing import TYPE_CHECKING

from globstar.base.errors import LocalFault
from globstar.proto.sip.dialog import Dialog, DialogState
from globstar.proto.sip.headers.rack import RAck
from globstar.proto.sip.message import Header, Headers, Request
from globstar.proto.sip.repeat import ReliableProvisionals, RepeatedResponse
from globstar.proto.sip.session_base import SessionBase, SessionState
from globstar.proto.sip.user import EndReason

if TYPE_CHECKING:
    from globstar.proto.sip.transaction import ServerTransaction


class CalleeSide(SessionBase):
    """We are called."""

    __slots__ = ()

    def start_incoming(self, transaction: ServerTransaction, *, rewrite_contact: bool) -> None:
        """Take a received INVITE; called by the endpoint."""
        self.dialog = Dialog.as_uas(
            transaction.request,
            transaction.local_tag,
            transaction.flow,
            self.contact,
            self._me,
            self._core.first_cseq(),
            rewrite_contact=rewrite_contact,
        )
        self._core.add_dialog(self.dialog)
        transaction.user = self
        self._incoming = transaction

    @property
    def supports_100rel(self) -> bool:
        """True when the caller understands reliable provisional responses."""
        return self.request.supports("100rel")

    def provisional(
        self,
        status: int,
        reason: str | None = None,
        headers: Headers = (),
        body: bytes = b"",
        content_type: str = "application/sdp",
        *,
        reliable: bool = False,
    ) -> None:
        """Send a 1xx for the INVITE; with ``reliable``, as RFC 3262 says (Require: 100rel, RSeq, repeated until PRACK).

        100 carries no To tag and none of ``headers``. Header order: see ``_merge``.
        """
        transaction = self._unanswered()
        if not 100 <= status <= 199:
            raise LocalFault(f"{status} is not provisional")
        if status == 100:
            transaction.respond(100, reason, server_first=True)
            return
        if self._reliable is not None and self._reliable.is_busy:
            self._reliable.wait(lambda: self.provisional(status, reason, headers, body, content_type, reliable=reliable))
            return
        self.state = SessionState.EARLY
        out = self._merge(headers, with_contact=True)
        if not reliable:
            transaction.respond(status, reason, out, body, content_type, server_first=True)
            return
        if not self.supports_100rel:
            raise LocalFault("the caller does not support 100rel")
        if self._reliable is None:
            self._reliable = ReliableProvisionals(self._layer, self._prack_missing)
        rseq = self._reliable.next_rseq()
        out = [*out, ("Require", "100rel"), ("RSeq", str(rseq))]
        data = transaction.respond(status, reason, out, body, content_type, server_first=True)
        self._reliable.sent(transaction, data, rseq, bool(body))

    def accept(
        self,
        headers: Headers = (),
        body: bytes = b"",
        content_type: str = "application/sdp",
        status: int = 200,
    ) -> None:
        """Answer the INVITE with 2xx; it is repeated until the ACK, and after 64*T1 without one the session ends with BYE."""
        transaction = self._unanswered()
        if self._reliable is not None:
            if self._reliable.holds_final:
                self._reliable.wait(lambda: self.accept(headers, body, content_type, status))
                return
            self._reliable.stop()
        if self._is_agreed and not self.request.body:
            body = b""  # PRACK brought the answer to our offer (RFC 3262 5); this would be another one
        self.state = SessionState.CONNECTING
        self._the_dialog().state = DialogState.CONFIRMED
        out = self._merge(headers, with_contact=True)
        self._incoming = None
        self._kept = []
        self._offered_in_2xx = bool(body) and not self.request.body and not self._is_agreed
        data = transaction.respond(status, None, out, body, content_type, server_first=True)
        self._answers[self.request.cseq.number] = RepeatedResponse(
            self._layer, transaction, data, self._ack_missing, self._layer.settings.t2
        )

    def reject(
        self,
        status: int,
        reason: str | None = None,
        headers: Headers = (),
        body: bytes = b"",
        content_type: str = "application/sdp",
    ) -> None:
        """Refuse the INVITE with 3xx to 6xx. The session is over; ``ended`` is not called."""
        transaction = self._unanswered()
        if not 300 <= status <= 699:
            raise LocalFault(f"{status} does not refuse")
        out = self._merge(headers, with_contact=False)
        self._finish()
        transaction.respond(status, reason, out, body, content_type, server_first=True)
        self._released_user()

    def _unanswered(self) -> ServerTransaction:
        if self._incoming is None or self.state not in (SessionState.INCOMING, SessionState.EARLY):
            raise LocalFault(f"no INVITE to answer: the session is {self.state.value}")
        return self._incoming

    def _merge(self, headers: Headers, *, with_contact: bool) -> list[Header]:
        """Return the headers of a response to the initial INVITE, in the order that Asterisk's responses show.

        What an earlier response carried stays, in its place, except Contact, which comes after it in 1xx and 2xx.
        Allow and Supported are not replaced; any other header is, by a later value.
        """
        given, kept = dict(headers), dict(self._kept)
        renewed = given.keys() & kept.keys() - {"Allow", "Supported"}
        out = [pair for pair in self._kept if pair[0] != "Contact" and pair[0] not in renewed]
        if with_contact and "Contact" not in given:
            out.append(("Contact", self.contact))
        out += [pair for pair in headers if pair[0] not in kept or pair[0] in renewed]
        self._kept = out
        return out

    def _prack_missing(self, now: float) -> None:
        """64*T1 without PRACK: RFC 3262 3 asks for a 5xx."""
        if self.state in (SessionState.INCOMING, SessionState.EARLY):
            user = self.user
            self.reject(504)
            user.ended(self._me, EndReason.NO_PRACK, None)

    def _receive_prack(self, transaction: ServerTransaction) -> None:
        reliable = self._reliable
        rack = transaction.request.value("RAck", RAck.parse) if reliable is not None else None
        if reliable is None or rack is None or not reliable.acknowledges(rack, self.request.cseq.number):
            self.user.request_received(self._me, transaction)
            return
        if reliable.acknowledge() and (self.request.body or transaction.request.body):
            self._is_agreed = True
        self.user.prack_received(self._me, transaction)
        if not transaction.is_answered:
            transaction.respond(200)
        reliable.run_waiting()

    def invite_cancelled(self, transaction: ServerTransaction, request: Request) -> None:
        """CANCEL (or BYE) for an INVITE of the other side that is still open; called by the endpoint."""
        if transaction is not self._incoming:
            return
        if self.state in (SessionState.INCOMING, SessionState.EARLY):
            self.user.cancelled(self._me, request)
            if not transaction.is_answered:
                self.reject(487)
        else:
            self._incoming = None
            transaction.respond(487)
