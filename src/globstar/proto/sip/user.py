"""What a user of the SIP stack implements: callbacks, with the RFC's default answer for each."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from enum import Enum
from typing import TYPE_CHECKING

from globstar.proto.sip.errors import SipParseError
from globstar.proto.sip.flow import Flow

if TYPE_CHECKING:
    from globstar.proto.sip.dialog import Dialog
    from globstar.proto.sip.message import Header, Request, Response
    from globstar.proto.sip.session import InviteSession
    from globstar.proto.sip.transaction import ClientTransaction, ServerTransaction
    from globstar.proto.sip.uri import SipUri


class EndReason(Enum):
    """Why an InviteSession ended after it was answered."""

    BYE_RECEIVED = "bye received"
    BYE_SENT = "bye sent"
    NO_PRACK = "no PRACK for our reliable provisional response"
    NO_ACK = "no ACK for our 2xx"
    SESSION_EXPIRED = "session timer expired"
    DIALOG_GONE = "the other side answered 481 or 408"
    TRANSPORT_FAILED = "transport failed"


class SipHandler:
    """The transaction user of a whole SipEndpoint. Override what is needed.

    Callbacks run inside ``receive_*`` and ``handle_timer``; they may call every command of the endpoint. A
    SipParseError that a callback lets out while it handles a request is answered with its status (400).
    """

    def request_received(self, transaction: ServerTransaction) -> None:
        """A request outside any dialog arrived (not ACK, not CANCEL). Answer it now or later with respond()."""
        transaction.respond(501)

    def cancelled(self, transaction: ServerTransaction, request: Request) -> None:
        """CANCEL for an INVITE that has no session yet. 487 follows unless it was answered here."""

    def response_unmatched(self, response: Response, flow: Flow) -> None:
        """A response that belongs to no transaction arrived; it is dropped."""

    def message_framed(self, data: bytes, flow: Flow) -> None:
        """A whole message was cut out of a stream and is taken next; for those who write down what comes."""

    def message_discarded(self, error: SipParseError, data: bytes, flow: Flow) -> None:
        """A message could not be parsed. ``error.answered`` is the status it was answered with, 0 when dropped."""

    def select_flow(self, uri: SipUri, current: Flow) -> Flow:
        """Return the flow for the next hop ``uri`` of a request inside a dialog; its host may still be a name.

        ``current`` is the flow the dialog used last. The default stays on it: requests go where the last one came
        from, whatever Contact says.
        """
        return current

    def find_targets(self, flow: Flow, found: Callable[[list[Flow]], None]) -> None:
        """``flow`` has a Lookup: call ``found`` once, now or later, with the flows to try in order; none when there is no way."""
        found([])

    def target_failed(self, flow: Flow) -> None:
        """A request got no answer on ``flow``, or 503, and goes on to another target: this one comes last for a while."""

    def large_request(self, request: Request, size: int, flow: Flow) -> Flow:
        """A request larger than the limit is about to leave over UDP; return the flow to use (default: the same)."""
        return flow

    def close_connection(self, flow: Flow, reason: str) -> None:
        """The stream on ``flow`` cannot be framed any more; the network driver must close it."""

    def output_pending(self) -> None:
        """Output or an earlier deadline appeared outside ``receive_*`` and ``handle_timer``: drain soon.

        Called once until the next take_output().
        """


class RequestUser:
    """Who sent a request outside an INVITE session (REGISTER, OPTIONS, MESSAGE, NOTIFY ...)."""

    def provisional_received(self, transaction: ClientTransaction, response: Response) -> None:
        """A 1xx arrived."""

    def response_received(self, transaction: ClientTransaction, response: Response) -> None:
        """The final response arrived (after any automatic answer to an authentication challenge)."""

    def request_failed(self, transaction: ClientTransaction, status: int, reason: str) -> None:
        """No final response: 408 after Timer B or F, 503 after a transport failure (RFC 3261 8.1.3.1)."""


class DialogUser:
    """Who owns a dialog that is not an INVITE session (subscriptions)."""

    def dialog_request_received(self, dialog: Dialog, transaction: ServerTransaction) -> None:
        """A request inside ``dialog`` arrived; its CSeq has been checked."""
        transaction.respond(405)


class SessionUser:
    """Who owns an InviteSession: one leg of a call."""

    # -- calls we make -------------------------------------------------------------------------------------------
    def provisional_received(self, session: InviteSession, response: Response) -> None:
        """A 1xx other than 100 for our INVITE; ``session.dialog`` is its early dialog when it has a To tag.

        A reliable one (RFC 3262) was already put in order; PRACK follows this callback unless session.prack() was
        called in it.
        """

    def accepted(self, session: InviteSession, response: Response) -> None:
        """The first 2xx for our INVITE, or a 2xx for our re-INVITE.

        ACK follows unless session.acknowledge() was called here. Set ``session.hold_ack`` to send it later.
        """

    def retry_headers(self, session: InviteSession, response: Response) -> list[Header]:
        """Our INVITE was challenged (401, 407), or answered 494 (RFC 3329): more headers for the next one.

        After 494 nothing lets ``rejected`` come.
        """
        return []

    def redirect_received(self, session: InviteSession, response: Response) -> Sequence[tuple[SipUri, Flow]]:
        """A 3xx for our initial INVITE: where to send it instead, best first; nothing lets ``rejected`` come (8.1.3.4)."""
        return ()

    def rejected(self, session: InviteSession, response: Response) -> None:
        """Our INVITE failed: 3xx to 6xx, or a made-up 408 or 503 without Via. The session is over."""

    def reinvite_rejected(self, session: InviteSession, response: Response) -> None:
        """Our re-INVITE failed; the session goes on as before. A 491 has already been scheduled to be tried again."""

    def offer_again(self, session: InviteSession, body: bytes) -> bytes:
        """The offer for another try of a re-INVITE or UPDATE that was refused with 491; ``body`` is the refused one."""
        return body

    # -- calls we receive ----------------------------------------------------------------------------------------
    def cancelled(self, session: InviteSession, request: Request) -> None:
        """CANCEL for an INVITE we have not answered. 487 follows unless session.reject() was called here."""

    def prack_received(self, session: InviteSession, transaction: ServerTransaction) -> None:
        """PRACK for the reliable provisional response; 200 follows unless it was answered here."""

    def acknowledged(self, session: InviteSession, request: Request) -> None:
        """The ACK for our 2xx arrived (once per INVITE)."""

    # -- both ----------------------------------------------------------------------------------------------------
    def reinvite_received(self, session: InviteSession, transaction: ServerTransaction) -> None:
        """A re-INVITE arrived (glare and overlap already refused). Answer with session.respond()."""
        session.respond(transaction, 488)

    def update_received(self, session: InviteSession, transaction: ServerTransaction) -> None:
        """An UPDATE arrived (RFC 3311). Answer with session.respond()."""
        session.respond(transaction, 488 if transaction.request.body else 200)

    def request_received(self, session: InviteSession, transaction: ServerTransaction) -> None:
        """Another request inside the dialog: INFO, MESSAGE, REFER, NOTIFY, OPTIONS, SUBSCRIBE, unexpected PRACK."""
        session.respond(transaction, 501)

    def bye_received(self, session: InviteSession, transaction: ServerTransaction) -> None:
        """BYE arrived; 200 follows unless it was answered here. ``ended`` comes next."""

    def response_received(self, session: InviteSession, transaction: ClientTransaction, response: Response) -> None:
        """Final response (or a made-up 408 or 503) to session.request(), update() or bye()."""

    def settled(self, session: InviteSession) -> None:
        """A request that kept a re-INVITE or UPDATE of ours from being sent is over; see ``can_reinvite``, ``can_update``."""

    def refresh_due(self, session: InviteSession) -> None:
        """RFC 4028: it is our turn to refresh the session with re-INVITE or UPDATE."""

    def ended(self, session: InviteSession, reason: EndReason, message: Request | Response | None) -> None:
        """The answered session is over. ``message`` is the BYE or the response that ended it."""
