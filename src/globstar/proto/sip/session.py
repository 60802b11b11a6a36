"""An INVITE session: one leg of a call, made or received (RFC 3261 13 to 15)."""

from __future__ import annotations

from enum import Enum
from typing import TYPE_CHECKING

from globstar.proto.sip.message import Headers, Request, Response
from globstar.proto.sip.user import SessionUser

if TYPE_CHECKING:
    from globstar.proto.sip.dialog import Dialog
    from globstar.proto.sip.flow import Flow
    from globstar.proto.sip.transaction import ClientTransaction, ServerTransaction


class SessionState(Enum):
    """Life of a session, the same for both directions."""

    CALLING = "calling"  # INVITE sent, no response with a To tag yet
    INCOMING = "incoming"  # INVITE received, nothing but 100 sent
    EARLY = "early"  # a provisional response with a To tag went either way
    CONNECTING = "connecting"  # 2xx sent or received, ACK not yet
    CONFIRMED = "confirmed"  # ACK sent or received
    TERMINATED = "terminated"


class InviteSession:
    """One INVITE session. Made by SipEndpoint.invite() and SipEndpoint.accept_invite() only."""

    user: SessionUser
    state: SessionState
    is_caller: bool
    """True when we sent the initial INVITE."""
    request: Request
    """The initial INVITE."""
    call_id: str
    dialog: Dialog | None
    """The confirmed dialog; before that, the early dialog of the latest provisional response."""
    flow: Flow
    auto_ack: bool
    hold_ack: bool

    # -- we are called -------------------------------------------------------------------------------------------
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

        100 carries no To tag and no other header. Header order: Server, then ``headers``.
        """
        raise NotImplementedError

    def accept(
        self,
        headers: Headers = (),
        body: bytes = b"",
        content_type: str = "application/sdp",
        status: int = 200,
    ) -> None:
        """Answer the INVITE with 2xx; it is repeated until the ACK, and after 64*T1 without one the session ends with BYE."""
        raise NotImplementedError

    def reject(
        self,
        status: int,
        reason: str | None = None,
        headers: Headers = (),
        body: bytes = b"",
        content_type: str = "application/sdp",
    ) -> None:
        """Refuse the INVITE with 3xx to 6xx. The session is over; ``ended`` is not called."""
        raise NotImplementedError

    # -- we call -------------------------------------------------------------------------------------------------
    def acknowledge(self, headers: Headers = (), body: bytes = b"", content_type: str = "application/sdp") -> None:
        """Send the ACK for the 2xx of our INVITE or re-INVITE; repeated by itself when the 2xx is."""
        raise NotImplementedError

    def cancel(self, headers: Headers = ()) -> None:
        """Give up our unanswered INVITE: CANCEL leaves after the first provisional response (RFC 3261 9.1)."""
        raise NotImplementedError

    def prack(
        self, response: Response, headers: Headers = (), body: bytes = b"", content_type: str = "application/sdp"
    ) -> ClientTransaction:
        """Acknowledge a reliable provisional response (RFC 3262)."""
        raise NotImplementedError

    # -- either way ----------------------------------------------------------------------------------------------
    def bye(self, headers: Headers = ()) -> None:
        """End the answered session. ``ended(BYE_SENT)`` is called when the BYE is answered or given up."""
        raise NotImplementedError

    def terminate(self, status: int = 603, headers: Headers = ()) -> None:
        """End the session in whatever state it is: cancel(), reject(status) or bye()."""
        raise NotImplementedError

    def reinvite(
        self, headers: Headers = (), body: bytes = b"", content_type: str = "application/sdp"
    ) -> ClientTransaction:
        """Send a re-INVITE; LocalFault while another INVITE is pending (see can_reinvite)."""
        raise NotImplementedError

    @property
    def can_reinvite(self) -> bool:
        """True when the session is confirmed and no INVITE of either side is pending (RFC 3261 14.1)."""
        raise NotImplementedError

    def update(
        self, headers: Headers = (), body: bytes = b"", content_type: str = "application/sdp"
    ) -> ClientTransaction:
        """Send an UPDATE (RFC 3311)."""
        raise NotImplementedError

    def send_request(
        self, method: str, headers: Headers = (), body: bytes = b"", content_type: str = ""
    ) -> ClientTransaction:
        """Send INFO, MESSAGE, REFER, NOTIFY, OPTIONS ... inside the dialog; its end comes to user.response_received."""
        raise NotImplementedError

    def respond(
        self,
        transaction: ServerTransaction,
        status: int,
        reason: str | None = None,
        headers: Headers = (),
        body: bytes = b"",
        content_type: str = "application/sdp",
    ) -> None:
        """Answer a request inside the dialog; 2xx to a re-INVITE is repeated until its ACK."""
        raise NotImplementedError

    def start_session_timer(self, interval: int, *, we_refresh: bool) -> None:
        """Run the session timer (RFC 4028 10): refresh_due at half time when it is our turn, else BYE near the end."""
        raise NotImplementedError

    def stop_session_timer(self) -> None:
        """Stop the session timer."""
        raise NotImplementedError
