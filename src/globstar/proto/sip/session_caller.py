"""The calling side of an INVITE session: our INVITE and re-INVITE, their responses, forks, CANCEL (RFC 3261 13.2, 14.1)."""

from __future__ import annotations

from typing import TYPE_CHECKING

from globstar.base.errors import LocalFault
from globstar.proto.sip.auth import ClientAuthorizer
from globstar.proto.sip.dialog import Dialog
from globstar.proto.sip.errors import SipParseError
from globstar.proto.sip.headers.rack import RAck
from globstar.proto.sip.message import Header, Headers, Response
from globstar.proto.sip.names import reason_phrase
from globstar.proto.sip.retry import longer_interval, renewed
from globstar.proto.sip.session_base import ANSWERED, Ignored, SessionBase, SessionState
from globstar.proto.sip.user import EndReason

if TYPE_CHECKING:
    from globstar.proto.sip.flow import Flow
    from globstar.proto.sip.transaction import ClientTransaction

MAX_FORKS = 16
"""Early dialogs of one INVITE. Nobody forks that wide; a flood of made-up tags ends here."""
MAX_REDIRECTS = 10
"""Targets that one INVITE is sent to by 3xx responses."""
MAX_TRIES = 3
"""How often 422 may ask for a longer session interval."""


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
        self.user.settled(self._me)

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
        if response.body:
            self._is_agreed = True  # RFC 3262 5: its answer is final
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
    def has_open_invite(self) -> bool:
        """Whether a re-INVITE of ours waits for its final response."""
        return self.state is SessionState.CONFIRMED and self._outgoing is not None

    @property
    def can_reinvite(self) -> bool:
        """True when the session is confirmed and no INVITE of either side is pending or waits for its ACK (RFC 3261 14.1)."""
        return self.state is SessionState.CONFIRMED and not self._is_busy and not self._answers

    @property
    def awaits_answer(self) -> bool:
        """Whether the ACK to our 2xx brings the answer to the offer in it; still true while ``acknowledged`` is called."""
        return self._offered_in_2xx

    @property
    def can_update(self) -> bool:
        """True when an UPDATE with an offer may be sent: in a dialog, early ones too, with no offer open (RFC 3311 5.1)."""
        if self.state is SessionState.CONFIRMED:
            return not self._is_busy
        return self.state is SessionState.EARLY and self._is_agreed and self._update is None and self._their_update is None

    @property
    def _is_busy(self) -> bool:
        """Whether a request of either side is pending that keeps us from sending an offer."""
        return (
            self._outgoing is not None
            or self._incoming is not None
            or self._update is not None
            or self._their_update is not None
            or self._offered_in_2xx
        )

    def send_request(self, method: str, headers: Headers = (), body: bytes = b"", content_type: str = "") -> ClientTransaction:
        """Send INFO, MESSAGE, REFER, NOTIFY, OPTIONS ... inside the dialog; its end comes to user.response_received."""
        if self.dialog is None or self.state is SessionState.TERMINATED:
            raise LocalFault(f"no dialog: the session is {self.state.value}")
        if method == "UPDATE":
            return self.update(headers, body, content_type)
        return self._request(method, headers, body, content_type)

    def update(self, headers: Headers = (), body: bytes = b"", content_type: str = "application/sdp") -> ClientTransaction:
        """Send an UPDATE (RFC 3311); LocalFault while another is pending, or with an offer that cannot be sent now.

        On 491 it is sent again by itself, as a re-INVITE is. What becomes of it comes to user.response_received.
        """
        if self.dialog is None or self.state is SessionState.TERMINATED:
            raise LocalFault(f"no dialog: the session is {self.state.value}")
        if self._update is not None or (body and not self.can_update):
            raise LocalFault("an UPDATE is pending, or an offer is open")
        self._updates = (headers, body, content_type)
        self._update = self._request("UPDATE", headers, body, content_type)
        return self._update

    def allows(self, method: str) -> bool:
        """True when the other side said in an Allow header that it understands ``method``."""
        try:
            return method in self._told.tokens("Allow")
        except SipParseError:
            return False

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
        if response.status == 199:
            self._fork_ended(tag or "")
            return
        if tag and tag not in self._early and len(self._early) >= MAX_FORKS:
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

    def _fork_ended(self, tag: str) -> None:
        """199: one early dialog is over, the INVITE goes on (RFC 6228)."""
        gone = self._early.pop(tag, None)
        if gone is not None:
            self._core.remove_dialog(gone)
            if self.dialog is gone and self._early:
                self.dialog = list(self._early.values())[-1]

    def _enter_early(self, tag: str, response: Response, transaction: ClientTransaction) -> None:
        dialog = self._early.get(tag)
        if dialog is None:
            dialog = self._early[tag] = Dialog.as_uac(transaction.request, response, self.contact, transaction.flow, self._me)
            self._core.add_dialog(dialog)
        else:
            dialog.refresh_target(response, transaction.flow)
        self.dialog = dialog
        self._told = response
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
                    if not self._follow_redirect(transaction, response):
                        self._rejected(response)
                else:
                    self._reinvite_refused(response)
        elif request.method == "BYE":
            self._bye_done(transaction, response)
        elif request.method == "UPDATE":
            self._update_answered(transaction, response)
        elif request.method != "PRACK":
            self.user.response_received(self._me, transaction, response)

    def _update_answered(self, transaction: ClientTransaction, response: Response) -> None:
        """RFC 3311 5.3: 2xx may move the target, 491 is tried again, 408 and 481 end the dialog."""
        if transaction is not self._update:
            return
        self._update = None
        again, self._updates = self._updates, None
        if self.state is SessionState.TERMINATED:
            return
        if response.status == 491 and again is not None:
            self._wait_for_glare(again, is_update=True)
            return
        if response.is_success and self.dialog is not None:
            self.dialog.refresh_target(response, transaction.flow)
        self.user.response_received(self._me, transaction, response)
        if response.status in (408, 481):
            self._dialog_gone(response)
        else:
            self.user.settled(self._me)

    def _try_again(self, transaction: ClientTransaction, response: Response) -> bool:
        """Answer a challenge (22.2). The dialog's CSeq counts on."""
        authorizer = self._authorizers.pop(transaction, None)
        if response.status == 422:
            return self._ask_for_longer(transaction, response)
        if response.status == 494:
            return self._agree_on_security(transaction, response)
        if response.status not in (401, 407) or self._credentials is None or self._cancel_headers is not None:
            return False
        if authorizer is None:
            authorizer = ClientAuthorizer(self._credentials, self._layer.getrandbits)
        extra = authorizer.authorize(transaction.request, response)
        if extra is None:
            return False
        if transaction is self._outgoing:
            extra = [*extra, *self.user.retry_headers(self._me, response)]
        self._authorizers[self._send_again(transaction, extra)] = authorizer
        return True

    def _agree_on_security(self, transaction: ClientTransaction, response: Response) -> bool:
        """494: the INVITE goes again, once, with what the server wants to see verified (RFC 3329 2.3.1)."""
        if transaction is not self._outgoing or self._cancel_headers is not None or self._longer >= MAX_TRIES:
            return False
        extra = self.user.retry_headers(self._me, response)
        if not extra:
            return False
        self._longer += 1
        self._send_again(transaction, extra)
        return True

    def _ask_for_longer(self, transaction: ClientTransaction, response: Response) -> bool:
        """422: the session interval was too short for somebody on the way (RFC 4028 7.4)."""
        extra = longer_interval(transaction.request, response)
        if not extra or self._cancel_headers is not None or self._longer >= MAX_TRIES:
            return False
        self._longer += 1
        self._send_again(transaction, extra)
        return True

    def _send_again(self, transaction: ClientTransaction, extra: list[Header], flow: Flow | None = None) -> ClientTransaction:
        """Send a request once more with other headers; the initial INVITE begins anew, with the same Call-ID and tag."""
        request = transaction.request
        if self.state in (SessionState.CALLING, SessionState.EARLY) and transaction is self._outgoing:
            number = request.cseq.number + 1
            self._drop_early()
            self.dialog = None
            self._is_agreed = False
            self.state = SessionState.CALLING
            self.request = again = renewed(request, number, extra)
        else:
            again = renewed(request, self._the_dialog().next_cseq(), extra)
        sent = self._layer.send_request(again, flow or transaction.flow, self)
        if transaction is self._outgoing:
            self._outgoing = sent
        elif transaction is self._update:
            self._update = sent
        return sent

    def _follow_redirect(self, transaction: ClientTransaction, response: Response) -> bool:
        """Send the INVITE to the next target that 3xx responses named; 6xx is the end of it (RFC 3261 8.1.3.4)."""
        status = response.status
        if self._cancel_headers is not None or status >= 600:
            return False
        if 300 <= status < 400:
            for uri, flow in self.user.redirect_received(self._me, response):
                text = str(uri)
                if text not in self._redirects and len(self._redirects) < MAX_REDIRECTS:
                    self._redirects += (text,)
                    self._targets.append((uri, flow))
        if not self._targets:
            return False
        uri, flow = self._targets.pop(0)
        request = transaction.request
        request.uri = uri.for_request_line()
        self.flow = flow
        self._send_again(transaction, [], flow)
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
        self._told = response
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
        if len(self._fork_acks) >= MAX_FORKS:
            return
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
        elif response.status != 491:
            self.user.settled(self._me)

    def _wait_for_glare(self, again: tuple[Headers, bytes, str], *, is_update: bool = False) -> None:
        """The owner of the Call-ID waits 2.1 to 4 s, the other one 0 to 2 s, in steps of 10 ms."""
        random = self._layer.getrandbits(16)
        delay = 2.1 + (random % 191) / 100 if self.is_caller else (random % 201) / 100

        def send_again(now: float) -> None:
            self._glare_timer = None
            headers, body, content_type = again
            if self.can_update if is_update else self.can_reinvite:
                if body:
                    body = self.user.offer_again(self._me, body)
                (self.update if is_update else self.reinvite)(headers, body, content_type)
            else:
                self.user.settled(self._me)

        self._glare_timer = self._layer.timers.start(delay, self._layer.clock(), send_again, "another try after glare")

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
        self._end_dialog()
        if was_sent:
            user = self._released_user()
            user.response_received(self._me, transaction, response)
            user.ended(self._me, self._bye_reason, response)
