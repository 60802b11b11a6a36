"""An INVITE session: one leg of a call, made or received (RFC 3261 13 to 15)."""

from __future__ import annotations

from typing import TYPE_CHECKING

from globstar.base.errors import LocalFault
from globstar.proto.sip.dialog import Dialog
from globstar.proto.sip.message import Headers, Request
from globstar.proto.sip.repeat import RepeatedResponse
from globstar.proto.sip.session_base import ANSWERED, UNANSWERED, SessionState
from globstar.proto.sip.session_callee import CalleeSide
from globstar.proto.sip.session_caller import CallerSide
from globstar.proto.sip.user import EndReason

if TYPE_CHECKING:
    from globstar.proto.sip.transaction import ServerTransaction

__all__ = ["InviteSession", "SessionState"]


class InviteSession(CallerSide, CalleeSide):
    """One INVITE session. Made by SipEndpoint.invite() and SipEndpoint.accept_invite() only.

    ``state``, ``dialog``, ``request`` (the initial INVITE), ``call_id``, ``flow``, ``contact`` and ``is_caller`` are
    for reading. What the called side does stands in ``session_callee``, the calling side in ``session_caller``.
    """

    __slots__ = ()

    def bye(self, headers: Headers = ()) -> None:
        """End the answered session. ``ended`` is called when the BYE is answered or given up.

        As the called side, BYE waits for the ACK to our 2xx (RFC 3261 15).
        """
        if self.state not in ANSWERED:
            raise LocalFault(f"nothing to end with BYE: the session is {self.state.value}")
        if self._outgoing is not None and self.state is SessionState.CONNECTING:
            self.acknowledge()
        waiting = self.state is SessionState.CONNECTING
        self.state = SessionState.TERMINATED
        if waiting:
            self._bye_headers = headers
        else:
            self._send_bye(headers, EndReason.BYE_SENT)

    def terminate(self, status: int = 603, headers: Headers = ()) -> None:
        """End the session in whatever state it is: cancel(), reject(status) or bye(); nothing when it is over."""
        if self.state in ANSWERED:
            self.bye(headers)
        elif self.state is SessionState.TERMINATED:
            return
        elif self.is_caller:
            self.cancel(headers)
        else:
            self.reject(status, headers=headers)

    def respond(
        self,
        transaction: ServerTransaction,
        status: int,
        reason: str | None = None,
        headers: Headers = (),
        body: bytes = b"",
        content_type: str = "application/sdp",
    ) -> None:
        """Answer a request inside the dialog; 2xx to a re-INVITE is repeated until its ACK.

        Contact is added to a 2xx of INVITE (last) and UPDATE (first) unless ``headers`` has one.
        """
        method = transaction.request.method
        if 200 <= status < 300 and method in ("INVITE", "UPDATE") and not any(n == "Contact" for n, _ in headers):
            contact = ("Contact", self.contact)
            headers = [*headers, contact] if method == "INVITE" else [contact, *headers]
        data = transaction.respond(status, reason, headers, body, content_type)
        if status >= 200 and transaction is self._their_update:
            self._their_update = None
            self.user.settled(self)
        elif status >= 200 and transaction is self._incoming:
            self._incoming = None
            if status < 300:
                self._offered_in_2xx = bool(body) and not transaction.request.body
                self._answers[transaction.request.cseq.number] = RepeatedResponse(
                    self._layer, transaction, data, self._ack_missing, self._layer.settings.t2
                )

    # -- input ---------------------------------------------------------------------------------------------------
    def receive_request(self, dialog: Dialog, transaction: ServerTransaction) -> None:
        """Take a request inside the dialog whose order was checked; called by the endpoint."""
        request = transaction.request
        method = request.method
        if method == "BYE":
            self._receive_bye(transaction)
        elif self.state is SessionState.TERMINATED:
            transaction.respond(481)
        elif method == "INVITE":
            self._receive_reinvite(transaction)
        elif method == "UPDATE":
            self._receive_update(transaction)
        elif method == "PRACK":
            self._receive_prack(transaction)
        else:
            self.user.request_received(self, transaction)

    def _receive_reinvite(self, transaction: ServerTransaction) -> None:
        """RFC 3261 14.2, RFC 3311 5.2: 491 while an offer of ours is pending, 500 with Retry-After while theirs is."""
        if self._outgoing is not None or self._is_update_offered or self._offered_in_2xx:
            transaction.respond(491)
        elif self._incoming is not None or self._their_update is not None:
            self._refuse_for_now(transaction)
        else:
            transaction.user = self
            self._incoming = transaction
            self.user.reinvite_received(self, transaction)

    def _receive_update(self, transaction: ServerTransaction) -> None:
        """RFC 3311 5.2: an UPDATE while another is open is refused, and so is an offer while one is open."""
        if self._their_update is not None:
            self._refuse_for_now(transaction)
            return
        if transaction.request.body:
            is_open = self.state in UNANSWERED and not self._is_agreed
            if self._outgoing is not None and (self.state is SessionState.CONFIRMED or is_open):
                transaction.respond(491)
                return
            if self._is_update_offered or self._offered_in_2xx:
                transaction.respond(491)
                return
            if self._incoming is not None and (self.state is SessionState.CONFIRMED or is_open):
                self._refuse_for_now(transaction)
                return
        self._their_update = transaction
        try:
            self.user.update_received(self, transaction)
        finally:
            if transaction.is_answered:
                self._their_update = None

    @property
    def _is_update_offered(self) -> bool:
        """Whether an UPDATE of ours with an offer waits for its answer."""
        return self._update is not None and bool(self._update.request.body)

    def _refuse_for_now(self, transaction: ServerTransaction) -> None:
        """500: the other side is to try again in 0 to 10 seconds (RFC 3261 14.2)."""
        transaction.respond(500, headers=[("Retry-After", str(self._layer.getrandbits(16) % 11))])

    def _receive_bye(self, transaction: ServerTransaction) -> None:
        request = transaction.request
        if self.state in (SessionState.INCOMING, SessionState.EARLY, SessionState.CALLING):
            transaction.respond(200)
            if not self.is_caller and self._incoming is not None:
                self.invite_cancelled(self._incoming, request)
            return
        if self.state is SessionState.TERMINATED and not self._bye_sent and self._bye_headers is None:
            transaction.respond(481)
            return
        self.user.bye_received(self, transaction)
        if not transaction.is_answered:
            transaction.respond(200)
        crossed = self._bye_sent or self._bye_headers is not None
        self._bye_sent = False
        reason = self._bye_reason if crossed else EndReason.BYE_RECEIVED
        self._refuse_pending()
        self._end_dialog()
        self._released_user().ended(self, reason, request)

    def receive_ack(self, dialog: Dialog, request: Request) -> None:
        """Take an ACK for a 2xx; called by the endpoint. Repeated ones are dropped."""
        answer = self._answers.pop(request.cseq.number, None)
        if answer is None:
            return
        answer.stop()
        if self.state is SessionState.CONNECTING:
            self.state = SessionState.CONFIRMED
        if self._bye_headers is not None:
            self._send_bye(self._bye_headers, EndReason.BYE_SENT)
        else:
            self.user.acknowledged(self, request)
            self._offered_in_2xx = False
            self.user.settled(self)
