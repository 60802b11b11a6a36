"""The calling side of an INVITE session: our INVITE and re-INVITE, their responses, forks, CANCEL (RFC 3261 13.2, 14.1)."""

from __future__ import annotations

from typing import TYPE_CHECKING

from globstar.base.errors import LocalFault
from globstar.proto.sip.auth import ClientAuthorizer
from globstar.proto.sip.dialog import Dialog
from globstar.proto.sip.headers.rack import RAck
from globstar.proto.sip.message import Headers, Response
from globstar.proto.sip.names import reason_phrase
from globstar.proto.sip.retry import renewed
from globstar.proto.sip.session_base import ANSWERED, Ignored, SessionBase, SessionState
from globstar.proto.sip.user import EndReason

if TYPE_CHECKING:
    from globstar.proto.sip.transaction import ClientTransaction


class CallerSide(SessionBase):
    """We call, and we send requests in the dialog."""

    __slots__ = ()

    def start_outgoing(self) -> None:
        """Send the initial INVITE; called by the endpoint."""
        self._outgoing = self._layer.send_request(self.request, self.flow, self)

    def acknowledge(self, headers: Headers = (), body: bytes = b"", content_type: str = "application/sdp") -> None:
        """Send the ACK for the 2xx of our INVITE or re-INVITE; repeated by itself when the 2xx is."""
        if self._outgoing is None or self.state not in ANSWERED:
            raise LocalFault("no 2xx to acknowledge")
        number = self._outgoing.request.cseq.number
        dialog = self._the_dialog()
        self._outgoing = None
        self._acks[number] = self._send_ack(dialog, number, headers, body, content_type)
        self.state = SessionState.CONFIRMED
        if len(self._acks) > 4:
            del self._acks[min(self._acks)]

    def cancel(self, headers: Headers = ()) -> None:
        """Give up our unanswered INVITE: CANCEL leaves after the first provisional response (RFC 3261 9.1)."""
        if not self.is_caller or self.state not in (SessionState.CALLING, SessionState.EARLY):
            raise LocalFault(f"nothing to cancel: the session is {self.state.value}")
        if self._cancel_headers is None:
            self._cancel_headers = headers
            if self._outgoing is not None and self._outgoing.has_provisional:
                self._send_cancel()

    def _send_cancel(self) -> None:
        if self._outgoing is None or self._cancel_sent:
            return
        self._cancel_sent = True
        self._layer.send_cancel(self._outgoing, self._cancel_headers or (), Ignored())
        self._cancel_timer = self._layer.timers.start(
            64 * self._layer.settings.t1, self._layer.clock(), self._cancel_unanswered, "end of cancelled INVITE"
        )

    def _cancel_unanswered(self, now: float) -> None:
        """RFC 3261 9.1: without a final response 64*T1 after CANCEL the INVITE counts as cancelled."""
        if self._outgoing is not None:
            self._outgoing.abandon(now)
            self._rejected(Response(487, reason_phrase(487)))

    def prack(
        self, response: Response, headers: Headers = (), body: bytes = b"", content_type: str = "application/sdp"
    ) -> ClientTransaction:
        """Acknowledge a reliable provisional response (RFC 3262)."""
        self._pracked = response
        rack = RAck(int(response.get("RSeq") or 0), response.cseq.number, response.cseq.method)
        return self.send_request("PRACK", [("RAck", str(rack)), *headers], body, content_type)

    def reinvite(self, headers: Headers = (), body: bytes = b"", content_type: str = "application/sdp") -> ClientTransaction:
        """Send a re-INVITE; LocalFault while another INVITE is pending (see can_reinvite).

        On 491 it is sent again by itself after the delay of RFC 3261 14.1.
        """
        if not self.can_reinvite:
            raise LocalFault("an INVITE is pending or the session is not confirmed")
        self._reinvite = (headers, body, content_type)
        self._outgoing = self._request("INVITE", headers, body, content_type)
        return self._outgoing

    @property
    def can_reinvite(self) -> bool:
        """True when the session is confirmed and no INVITE of either side is pending (RFC 3261 14.1)."""
        return self.state is SessionState.CONFIRMED and self._outgoing is None and self._incoming is None

    def send_request(self, method: str, headers: Headers = (), body: bytes = b"", content_type: str = "") -> ClientTransaction:
        """Send INFO, MESSAGE, REFER, NOTIFY, OPTIONS ... inside the dialog; its end comes to user.response_received."""
        if self.dialog is None or self.state is SessionState.TERMINATED:
            raise LocalFault(f"no dialog: the session is {self.state.value}")
        return self._request(method, headers, body, content_type)

    def update(self, headers: Headers = (), body: bytes = b"", content_type: str = "application/sdp") -> ClientTransaction:
        """Send an UPDATE (RFC 3311)."""
        return self.send_request("UPDATE", headers, body, content_type)

    # -- input (ClientUser) --------------------------------------------------------------------------------------
    def provisional_received(self, transaction: ClientTransaction, response: Response) -> None:
        """A 1xx arrived; called by the transaction."""
        if transaction is not self._outgoing or self.state not in (SessionState.CALLING, SessionState.EARLY):
            return
        if self._cancel_headers is not None:
            self._send_cancel()
        tag = response.to.tag
        if response.status == 100 or self._cancel_headers is not None:
            return
        if tag:
            self._enter_early(tag, response, transaction)
        rseq = response.get("RSeq")
        reliable = rseq is not None and "100rel" in response.tokens("Require") and self.dialog is not None and tag
        if reliable and self.dialog is not None and not self._in_order(self.dialog, str(rseq)):
            return
        self.user.provisional_received(self._me, response)
        if reliable and self._pracked is not response and self.state is SessionState.EARLY:
            self.prack(response)

    def _enter_early(self, tag: str, response: Response, transaction: ClientTransaction) -> None:
        dialog = self._early.get(tag)
        if dialog is None:
            dialog = self._early[tag] = Dialog.as_uac(transaction.request, response, self.contact, transaction.flow, self._me)
            self._core.add_dialog(dialog)
        else:
            dialog.refresh_target(response, transaction.flow)
        self.dialog = dialog
        self.state = SessionState.EARLY

    @staticmethod
    def _in_order(dialog: Dialog, rseq: str) -> bool:
        """RFC 3262 4: the first RSeq is free, each further one is one higher; others are dropped."""
        if not (rseq.isascii() and rseq.isdigit()) or len(rseq) > 10:
            return False
        number = int(rseq)
        if dialog.remote_rseq is not None and number != dialog.remote_rseq + 1:
            return False
        dialog.remote_rseq = number
        return True

    def response_received(self, transaction: ClientTransaction, response: Response) -> None:
        """A final response arrived; called by the transaction."""
        request = transaction.request
        if response.status >= 300 and self._try_again(transaction, response):
            return
        if request.method == "INVITE":
            if response.is_success:
                self._invite_accepted(transaction, response)
            elif transaction is self._outgoing:
                if self.state in (SessionState.CALLING, SessionState.EARLY):
                    self._rejected(response)
                else:
                    self._reinvite_refused(response)
        elif request.method == "BYE":
            self._bye_done(transaction, response)
        elif request.method != "PRACK":
            self.user.response_received(self._me, transaction, response)
            if response.status == 481 and request.method == "UPDATE":
                self._dialog_gone(response)

    def _try_again(self, transaction: ClientTransaction, response: Response) -> bool:
        """Answer a challenge (22.2). The dialog's CSeq counts on."""
        authorizer = self._authorizers.pop(transaction, None)
        if response.status not in (401, 407) or self._credentials is None or self._cancel_headers is not None:
            return False
        if authorizer is None:
            authorizer = ClientAuthorizer(self._credentials, self._layer.getrandbits)
        extra = authorizer.authorize(transaction.request, response)
        if extra is None:
            return False
        request = transaction.request
        if self.state in (SessionState.CALLING, SessionState.EARLY) and transaction is self._outgoing:
            number = request.cseq.number + 1
            self._drop_early()
            self.state = SessionState.CALLING
            self.request = again = renewed(request, number, extra)
        else:
            again = renewed(request, self._the_dialog().next_cseq(), extra)
        sent = self._layer.send_request(again, transaction.flow, self)
        self._authorizers[sent] = authorizer
        if transaction is self._outgoing:
            self._outgoing = sent
        return True

    def _invite_accepted(self, transaction: ClientTransaction, response: Response) -> None:
        number = response.cseq.number
        tag = response.to.tag or ""
        if self.state in (SessionState.CALLING, SessionState.EARLY) and transaction is self._outgoing:
            if self._cancel_headers is not None:
                self._refuse_answer(transaction, response, tag)
                self._rejected(Response(487, reason_phrase(487)))
                return
            self._take_answer(transaction, response, tag)
            return
        if self.dialog is None or tag != self.dialog.remote_tag:
            self._refuse_answer(transaction, response, tag)
            return
        repeated = self._acks.get(number)
        if repeated is not None:
            self._layer.send(*repeated)
        elif self.state is SessionState.TERMINATED:
            self._acks[number] = self._send_ack(self.dialog, number)  # our BYE crossed it
        elif transaction is self._outgoing and self.state is SessionState.CONFIRMED:
            self.dialog.refresh_target(response, transaction.flow)
            self._reinvite = None
            self.user.accepted(self._me, response)
            if self._outgoing is transaction and not self.hold_ack:
                self.acknowledge()

    def _take_answer(self, transaction: ClientTransaction, response: Response, tag: str) -> None:
        """The first 2xx (13.2.2.4): the other early dialogs are over."""
        dialog = self._early.pop(tag, None)
        self._drop_early()
        if dialog is None:
            dialog = Dialog.as_uac(transaction.request, response, self.contact, transaction.flow, self._me)
        self._core.add_dialog(dialog)
        dialog.confirm(response)
        self.dialog = dialog
        self.state = SessionState.CONNECTING
        self.user.accepted(self._me, response)
        if self._outgoing is transaction and not self.hold_ack and self.state is SessionState.CONNECTING:
            self.acknowledge()

    def _refuse_answer(self, transaction: ClientTransaction, response: Response, tag: str) -> None:
        """A 2xx of another fork, or one that crossed our CANCEL: ACK, then BYE, once per fork (13.2.2.4)."""
        repeated = self._fork_acks.get(tag)
        if repeated is not None:
            self._layer.send(*repeated)
            return
        if len(self._fork_acks) >= 16:
            return  # nobody forks that wide; a flood of made-up tags ends here
        dialog = Dialog.as_uac(transaction.request, response, self.contact, transaction.flow, self._me)
        dialog.confirm(response)
        self._fork_acks[tag] = self._send_ack(dialog, response.cseq.number)
        bye = dialog.make_request("BYE", (), self._layer.closing_headers)
        self._layer.send_request(bye, self._core.flow_for(dialog), Ignored())

    def _rejected(self, response: Response) -> None:
        self._finish()
        self._released_user().rejected(self._me, response)

    def _reinvite_refused(self, response: Response) -> None:
        """RFC 3261 14.1: 491 is tried again, 481 and 408 end the dialog."""
        self._outgoing = None
        again = self._reinvite
        self._reinvite = None
        if self.state is not SessionState.CONFIRMED:
            return
        if response.status == 491 and again is not None:
            self._wait_for_glare(again)
        self.user.reinvite_rejected(self._me, response)
        if response.status in (408, 481):
            self._dialog_gone(response)

    def _wait_for_glare(self, again: tuple[Headers, bytes, str]) -> None:
        """The owner of the Call-ID waits 2.1 to 4 s, the other one 0 to 2 s, in steps of 10 ms."""
        random = self._layer.getrandbits(16)
        delay = 2.1 + (random % 191) / 100 if self.is_caller else (random % 201) / 100

        def send_again(now: float) -> None:
            self._glare_timer = None
            if self.can_reinvite:
                self.reinvite(*again)

        self._glare_timer = self._layer.timers.start(delay, self._layer.clock(), send_again, "re-INVITE after glare")

    def _dialog_gone(self, response: Response) -> None:
        if self.state not in ANSWERED:
            return
        self.state = SessionState.TERMINATED
        if response.status == 408:
            self._send_bye((), EndReason.DIALOG_GONE)
        else:
            self._finish()
            self._released_user().ended(self._me, EndReason.DIALOG_GONE, response)

    def _bye_done(self, transaction: ClientTransaction, response: Response) -> None:
        was_sent = self._bye_sent
        self._bye_sent = False
        self._finish()
        if was_sent:
            user = self._released_user()
            user.response_received(self._me, transaction, response)
            user.ended(self._me, self._bye_reason, response)
