"""What both directions of an INVITE session share: state, the end, BYE, timers (RFC 3261 13 to 15)."""

from __future__ import annotations

from enum import Enum
from typing import TYPE_CHECKING

from globstar.base.errors import LocalFault
from globstar.proto.sip.auth import ClientAuthorizer, CredentialSource
from globstar.proto.sip.dialog import Dialog
from globstar.proto.sip.message import Header, Headers, Message, Request, Response
from globstar.proto.sip.repeat import ReliableProvisionals, RepeatedResponse
from globstar.proto.sip.session_timer import SessionTimer
from globstar.proto.sip.timers import Timer
from globstar.proto.sip.user import DialogUser, EndReason, SessionUser

if TYPE_CHECKING:
    from globstar.proto.sip.endpoint import SipEndpoint
    from globstar.proto.sip.flow import Flow
    from globstar.proto.sip.session import InviteSession
    from globstar.proto.sip.transaction import ClientTransaction, ServerTransaction
    from globstar.proto.sip.uri import SipUri


class SessionState(Enum):
    """Life of a session, the same for both directions."""

    CALLING = "calling"  # INVITE sent, no response with a To tag yet
    INCOMING = "incoming"  # INVITE received, nothing but 100 sent
    EARLY = "early"  # a provisional response with a To tag went either way
    CONNECTING = "connecting"  # 2xx sent or received, ACK not yet
    CONFIRMED = "confirmed"  # ACK sent or received
    TERMINATED = "terminated"


ANSWERED = (SessionState.CONNECTING, SessionState.CONFIRMED)
UNANSWERED = (SessionState.CALLING, SessionState.INCOMING, SessionState.EARLY)


class SessionBase:
    """Fields and helpers of an InviteSession; the two sides and the whole are subclasses."""

    __slots__ = (
        "_acks",
        "_answers",
        "_authorizers",
        "_bye_headers",
        "_bye_reason",
        "_bye_sent",
        "_cancel_headers",
        "_cancel_sent",
        "_cancel_timer",
        "_core",
        "_credentials",
        "_early",
        "_fork_acks",
        "_glare_timer",
        "_incoming",
        "_is_agreed",
        "_kept",
        "_layer",
        "_longer",
        "_offered_in_2xx",
        "_outgoing",
        "_pracked",
        "_redirects",
        "_reinvite",
        "_reliable",
        "_session_timer",
        "_targets",
        "_their_update",
        "_told",
        "_update",
        "_updates",
        "call_id",
        "contact",
        "dialog",
        "flow",
        "hold_ack",
        "is_caller",
        "request",
        "state",
        "user",
    )

    def __init__(
        self,
        core: SipEndpoint,
        user: SessionUser,
        request: Request,
        flow: Flow,
        contact: str,
        *,
        is_caller: bool,
        credentials: CredentialSource | None = None,
    ) -> None:
        self.user = user
        self.is_caller = is_caller
        """True when we sent the initial INVITE."""
        self.request = request
        """The initial INVITE."""
        self.call_id = request.call_id
        self.contact = contact
        self.flow = flow
        """The flow of the initial INVITE."""
        self.dialog: Dialog | None = None
        """The confirmed dialog; before that, the early dialog of the latest provisional response."""
        self.hold_ack = False
        """Set it to keep ``accepted`` from sending the ACK: call acknowledge() later."""
        self.state = SessionState.CALLING if is_caller else SessionState.INCOMING
        self._core = core
        self._layer = core.layer
        self._credentials = credentials
        self._authorizers: dict[ClientTransaction, ClientAuthorizer] = {}
        self._outgoing: ClientTransaction | None = None  # our pending INVITE or re-INVITE
        self._incoming: ServerTransaction | None = None  # their pending INVITE or re-INVITE
        self._early: dict[str, Dialog] = {}
        self._acks: dict[int, tuple[Flow, bytes]] = {}
        self._fork_acks: dict[str, tuple[Flow, bytes]] = {}
        self._answers: dict[int, RepeatedResponse] = {}
        self._reliable: ReliableProvisionals | None = None
        self._pracked: Response | None = None
        self._kept: list[Header] = []
        self._cancel_headers: Headers | None = None
        self._cancel_sent = False
        self._cancel_timer: Timer | None = None
        self._bye_headers: Headers | None = None
        self._bye_reason = EndReason.BYE_SENT
        self._bye_sent = False
        self._reinvite: tuple[Headers, bytes, str] | None = None
        self._glare_timer: Timer | None = None
        self._session_timer: SessionTimer | None = None
        self._is_agreed = False  # offer and answer of the initial INVITE are exchanged reliably (RFC 3262 5)
        self._offered_in_2xx = False  # our 2xx carried an offer, whose answer the ACK brings
        self._update: ClientTransaction | None = None  # our pending UPDATE
        self._updates: tuple[Headers, bytes, str] | None = None  # what it says, for another try after 491
        self._their_update: ServerTransaction | None = None
        self._told: Message = request  # the last message of the other side that may have said what it allows
        self._targets: list[tuple[SipUri, Flow]] = []  # where a redirected INVITE may still go
        self._redirects: tuple[str, ...] = ()
        self._longer = 0  # how often 422 or 494 made us send a request again

    def __repr__(self) -> str:
        return f"<InviteSession {self.call_id} {self.state.value}>"

    @property
    def _me(self) -> InviteSession:
        """This object as its users know it."""
        return self  # type: ignore[return-value]  # a cast is a call, and this is asked in every callback

    def _the_dialog(self) -> Dialog:
        if self.dialog is None:
            raise LocalFault("the session has no dialog yet")
        return self.dialog

    def _request(self, method: str, headers: Headers, body: bytes = b"", content_type: str = "") -> ClientTransaction:
        dialog = self._the_dialog()
        request = dialog.make_request(method, headers, self._layer.closing_headers, body, content_type)
        return self._layer.send_request(request, self._core.flow_for(dialog), self)

    def _send_ack(
        self, dialog: Dialog, number: int, headers: Headers = (), body: bytes = b"", content_type: str = ""
    ) -> tuple[Flow, bytes]:
        ack = dialog.make_request("ACK", headers, self._layer.closing_headers, body, content_type, cseq=number)
        return self._layer.send_ack(ack, self._core.flow_for(dialog))

    # -- session timer -------------------------------------------------------------------------------------------
    def start_session_timer(self, interval: int, *, we_refresh: bool) -> None:
        """Run the session timer (RFC 4028 10): refresh_due at half time when it is our turn, else BYE near the end."""
        self.stop_session_timer()
        self._session_timer = SessionTimer(
            self._layer.timers,
            self._layer.clock(),
            interval,
            (lambda now: self.user.refresh_due(self._me)) if we_refresh else None,
            self._session_expired,
        )
        self._layer.notify()

    def stop_session_timer(self) -> None:
        """Stop the session timer."""
        if self._session_timer is not None:
            self._session_timer.stop()
            self._session_timer = None

    def _session_expired(self, now: float) -> None:
        if self.state in ANSWERED:
            self.state = SessionState.TERMINATED
            self._send_bye((), EndReason.SESSION_EXPIRED)

    # -- end -----------------------------------------------------------------------------------------------------
    def _send_bye(self, headers: Headers, reason: EndReason) -> None:
        self._stop_timers()
        self._bye_headers = None
        self._bye_sent = True
        self._bye_reason = reason
        self._refuse_pending()
        self._request("BYE", headers)

    def _ack_missing(self, now: float) -> None:
        """64*T1 without ACK (RFC 3261 13.3.1.4)."""
        self._stop_answers()
        if self._bye_headers is not None:
            self._send_bye(self._bye_headers, self._bye_reason)
        elif self.state in ANSWERED:
            self.state = SessionState.TERMINATED
            self._send_bye((), EndReason.NO_ACK)

    def _refuse_pending(self) -> None:
        """A re-INVITE that is still open when the session ends is answered 487 (RFC 3261 15.1.2)."""
        if self._incoming is not None and not self._incoming.is_answered:
            self._incoming.respond(487)
        self._incoming = None

    def _finish(self) -> None:
        """Let go of everything: the session is over."""
        self.state = SessionState.TERMINATED
        self._stop_timers()
        self._drop_early()
        if self._reliable is not None:
            self._reliable.stop()
        if self.dialog is not None:
            self._core.remove_dialog(self.dialog)
            self.dialog.user = NOBODY  # breaks the reference cycle
        self._incoming = self._their_update = None
        self._outgoing = self._update = None
        self._bye_headers = None

    def _end_dialog(self) -> None:
        """A BYE, ours or theirs, is done."""
        if self.dialog is not None:
            self._core.dialog_ended(self.dialog)
        self._finish()

    def _released_user(self) -> SessionUser:
        """The user, to be told the end. The session stays for repeated answers until Timer M, and keeps nobody alive."""
        user, self.user = self.user, UNUSED
        return user

    def _stop_timers(self) -> None:
        self.stop_session_timer()
        self._stop_answers()
        for timer in (self._glare_timer, self._cancel_timer):
            if timer is not None:
                timer.cancel()

    def _stop_answers(self) -> None:
        for answer in self._answers.values():
            answer.stop()
        self._answers.clear()

    def _drop_early(self) -> None:
        for dialog in self._early.values():
            self._core.remove_dialog(dialog)
        self._early.clear()

    # -- implemented by the caller's side ------------------------------------------------------------------------
    def provisional_received(self, transaction: ClientTransaction, response: Response) -> None:
        """A 1xx arrived; called by the transaction."""
        raise NotImplementedError

    def response_received(self, transaction: ClientTransaction, response: Response) -> None:
        """A final response arrived; called by the transaction."""
        raise NotImplementedError

    def request_failed(self, transaction: ClientTransaction, status: int, reason: str) -> None:
        """No final response; called by the transaction."""
        self.response_received(transaction, Response(status, reason))


NOBODY = DialogUser()
UNUSED = SessionUser()


class Ignored:
    """The user of a CANCEL, and of a BYE to an unwanted fork: their outcome changes nothing."""

    def provisional_received(self, transaction: ClientTransaction, response: Response) -> None:
        """Nothing to do."""

    def response_received(self, transaction: ClientTransaction, response: Response) -> None:
        """Nothing to do."""

    def request_failed(self, transaction: ClientTransaction, status: int, reason: str) -> None:
        """Nothing to do."""
