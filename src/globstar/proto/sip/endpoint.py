"""The user agent core: one object that a driver feeds and drains (RFC 3261 8, 18)."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Protocol

from globstar.proto.sip.flow import Flow, Transport
from globstar.proto.sip.headers.address import NameAddr
from globstar.proto.sip.message import Headers, Request
from globstar.proto.sip.settings import SipSettings
from globstar.proto.sip.uri import SipUri
from globstar.proto.sip.user import DialogUser, RequestUser, SessionUser, SipHandler

if TYPE_CHECKING:
    from globstar.proto.sip.auth import CredentialSource
    from globstar.proto.sip.dialog import Dialog
    from globstar.proto.sip.session import InviteSession
    from globstar.proto.sip.transaction import ClientTransaction, ServerTransaction


class RandomSource(Protocol):
    """random.Random, random.SystemRandom or a test's fixed source."""

    def getrandbits(self, k: int, /) -> int:
        """Return ``k`` random bits."""
        ...


class SipEndpoint:
    """A SIP user agent core with any number of transports, transactions, dialogs and sessions."""

    def __init__(
        self,
        handler: SipHandler,
        *,
        clock: Callable[[], float],
        rng: RandomSource,
        settings: SipSettings | None = None,
    ) -> None:
        raise NotImplementedError

    # -- input ---------------------------------------------------------------------------------------------------
    def receive_datagram(self, data: bytes, source: tuple[str, int], transport: Transport, now: float) -> None:
        """Take one UDP datagram."""
        raise NotImplementedError

    def receive_message(self, data: bytes, flow: Flow, now: float) -> None:
        """Take one whole message (a datagram or a WebSocket frame)."""
        raise NotImplementedError

    def receive_stream_data(self, flow: Flow, data: bytes, now: float) -> None:
        """Take bytes of a TCP or TLS connection, cut anywhere."""
        raise NotImplementedError

    def connection_closed(self, flow: Flow, now: float) -> None:
        """A connection ended: its half message is dropped, requests waiting on it fail with 503."""
        raise NotImplementedError

    def transport_failed(self, flow: Flow, reason: str, now: float) -> None:
        """A message could not be sent on ``flow``: requests waiting on it fail with 503."""
        raise NotImplementedError

    def handle_timer(self, now: float) -> None:
        """Fire everything that is due."""
        raise NotImplementedError

    # -- output --------------------------------------------------------------------------------------------------
    def take_output(self) -> list[tuple[Flow, bytes]]:
        """Return what is to be sent, in order, and forget it."""
        raise NotImplementedError

    def next_deadline(self) -> float | None:
        """When handle_timer() is to be called next."""
        raise NotImplementedError

    # -- commands ------------------------------------------------------------------------------------------------
    def new_request(
        self,
        method: str,
        uri: SipUri | str,
        *,
        from_: NameAddr,
        to: NameAddr,
        contact: str | None = None,
        headers: Headers = (),
        body: bytes = b"",
        content_type: str = "",
        call_id: str | None = None,
        cseq: int | None = None,
        routes: Sequence[NameAddr] = (),
    ) -> Request:
        """Build a request outside any dialog in Asterisk's header order; From gets a tag when it has none, no Via yet."""
        raise NotImplementedError

    def send_request(
        self, request: Request, flow: Flow, user: RequestUser, credentials: CredentialSource | None = None
    ) -> ClientTransaction:
        """Send a non-INVITE request. A challenge is answered once per nonce when ``credentials`` can."""
        raise NotImplementedError

    def invite(
        self,
        uri: SipUri | str,
        user: SessionUser,
        *,
        flow: Flow,
        from_: NameAddr,
        to: NameAddr,
        contact: str,
        headers: Headers = (),
        body: bytes = b"",
        content_type: str = "application/sdp",
        call_id: str | None = None,
        routes: Sequence[NameAddr] = (),
        credentials: CredentialSource | None = None,
    ) -> InviteSession:
        """Start a call."""
        raise NotImplementedError

    def accept_invite(
        self, transaction: ServerTransaction, user: SessionUser, *, contact: str, rewrite_contact: bool = False
    ) -> InviteSession:
        """Make a session of a received INVITE (sends nothing). SipParseError 400 when Contact is missing or bad."""
        raise NotImplementedError

    def create_dialog(self, transaction: ServerTransaction, user: DialogUser, *, contact: str) -> Dialog:
        """Make a dialog of a received SUBSCRIBE or REFER; respond() on its transaction then carries the dialog's tag."""
        raise NotImplementedError

    def find_session(self, call_id: str, local_tag: str, remote_tag: str) -> InviteSession | None:
        """Return the session of a dialog, for Replaces (RFC 3891) and Join."""
        raise NotImplementedError
