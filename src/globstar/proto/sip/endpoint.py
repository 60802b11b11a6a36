"""The user agent core: one object that a driver feeds and drains (RFC 3261 8, 18)."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Protocol

from globstar.proto.sip.answer import Answer
from globstar.proto.sip.auth import ClientAuthorizer, CredentialSource
from globstar.proto.sip.dialog import Dialog, DialogKey, route_request
from globstar.proto.sip.errors import SipParseError
from globstar.proto.sip.flow import Flow, Transport
from globstar.proto.sip.headers.address import NameAddr
from globstar.proto.sip.headers.cseq import CSeq
from globstar.proto.sip.layer import TransactionLayer
from globstar.proto.sip.message import Header, Headers, Request, Response
from globstar.proto.sip.parser import CSeqMismatch, parse
from globstar.proto.sip.retry import AuthorizingUser
from globstar.proto.sip.session import InviteSession
from globstar.proto.sip.settings import SipSettings
from globstar.proto.sip.stream import PONG, StreamParser
from globstar.proto.sip.transaction import ClientTransaction, ClientUser, ServerTransaction
from globstar.proto.sip.uri import SipUri
from globstar.proto.sip.user import DialogUser, SessionUser, SipHandler

_OUTSIDE_DIALOGS = frozenset(("REGISTER", "PUBLISH"))
"""Methods that a To tag does not put into a dialog."""


class RandomSource(Protocol):
    """random.Random, random.SystemRandom or a test's fixed source."""

    def getrandbits(self, k: int, /) -> int:
        """Return ``k`` random bits."""
        ...


@dataclass(slots=True)
class Counters:
    """What an endpoint has seen."""

    requests: int = 0
    responses: int = 0
    discarded: int = 0
    unmatched_responses: int = 0
    keepalives: int = 0
    stray_acks: int = 0


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
        self.handler = handler
        self.settings = settings or SipSettings()
        self.counters = Counters()
        self.layer = TransactionLayer(self.settings, clock, rng.getrandbits, handler)
        self._methods = frozenset(self.settings.methods)
        self._dialogs: dict[DialogKey, Dialog] = {}
        #: dialogs that a BYE has ended, the oldest first, and until when they are known
        self._ended: dict[DialogKey, float] = {}
        self._streams: dict[Flow, StreamParser] = {}
        self._expected: dict[tuple[str, str], Callable[[ServerTransaction], None]] = {}
        self._tag_key = rng.getrandbits(128).to_bytes(16, "big")

    # -- input ---------------------------------------------------------------------------------------------------
    def receive_datagram(self, data: bytes, source: tuple[str, int], transport: Transport, now: float) -> None:
        """Take one UDP datagram."""
        self.receive_message(data, Flow(transport, source[0], source[1]), now)

    def receive_message(self, data: bytes, flow: Flow, now: float) -> None:
        """Take one whole message: a datagram or a WebSocket frame. Keep-alives of line ends and NULs are dropped."""
        if len(data) <= 4 and not data.strip(b"\r\n\0 "):
            self.counters.keepalives += 1
            return
        layer = self.layer
        layer.busy += 1
        try:
            message = parse(data)
            if type(message) is Response:
                self.counters.responses += 1
                if not layer.receive_response(message, now):
                    self.counters.unmatched_responses += 1
                    self.handler.response_unmatched(message, flow)
            elif isinstance(message, Request):
                self.counters.requests += 1
                self._receive_request(message, flow, now)
        except SipParseError as error:
            self._discard(error, data, flow)
        finally:
            layer.busy -= 1

    def receive_stream_data(self, flow: Flow, data: bytes, now: float) -> None:
        """Take bytes of a TCP or TLS connection, cut anywhere."""
        parser = self._streams.get(flow)
        if parser is None:
            parser = self._streams[flow] = StreamParser(self.settings.max_message_bytes)
            parser.since = now
        elif parser.fault is not None:
            return
        self.layer.busy += 1
        try:
            had_part, messages = parser.is_partial, parser.messages
            items = parser.feed(data)
            if parser.messages != messages or not had_part:
                parser.since = now if messages or parser.messages else parser.since
            for item in items:
                if item:
                    self.handler.message_framed(item, flow)
                    self.receive_message(item, flow, now)
                else:
                    self.counters.keepalives += 1
                    self.layer.send(flow, PONG)
        finally:
            self.layer.busy -= 1
        if parser.fault is not None:
            self.counters.discarded += 1
            self.handler.message_discarded(parser.fault, data, flow)
            self.handler.close_connection(flow, str(parser.fault))

    def connection_closed(self, flow: Flow, now: float) -> None:
        """A connection ended: its half message is dropped, requests waiting on it fail with 503."""
        self._streams.pop(flow, None)
        self.transport_failed(flow, "connection closed", now)

    def stalled_streams(self, before: float) -> list[tuple[Flow, bool]]:
        """Connections of slow peers: no whole message since they began before then, or (True) a half one that long ago."""
        return [
            (flow, parser.is_partial)
            for flow, parser in self._streams.items()
            if parser.since < before and (parser.is_partial or not parser.messages)
        ]

    def transport_failed(self, flow: Flow, reason: str, now: float) -> None:
        """A message could not be sent on ``flow``: requests waiting on it fail with 503."""
        self.layer.transport_failed(flow, now)

    def handle_timer(self, now: float) -> None:
        """Fire everything that is due."""
        self.layer.busy += 1
        try:
            self.layer.timers.expire(now)
        finally:
            self.layer.busy -= 1

    # -- output --------------------------------------------------------------------------------------------------
    def take_output(self) -> list[tuple[Flow, bytes]]:
        """Return what is to be sent, in order, and forget it."""
        layer = self.layer
        output = layer.output
        layer.output = []
        layer.notified = False
        return output

    def next_deadline(self) -> float | None:
        """When handle_timer() is to be called next."""
        return self.layer.timers.next_deadline()

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
        """Build a request outside any dialog in Asterisk's header order; From gets a tag when it has none, no Via yet.

        From, To, Contact, Call-ID, CSeq, Route, ``headers``, Max-Forwards, User-Agent, Content-Type. A REGISTER, whose
        Contact comes after CSeq, has it in ``headers`` instead of ``contact``. A first route without ``lr`` is a strict
        router and gets its own URI (RFC 3261 12.2.1.1).
        """
        if isinstance(uri, str):
            uri = SipUri.parse(uri)
        ours = from_.in_from_to if from_.tag is not None else f"{from_.in_from_to};tag={self.layer.new_tag()}"
        out: list[Header] = [("From", ours), ("To", to.in_from_to)]
        if contact is not None:
            out.append(("Contact", contact))
        call_id = call_id or self.new_call_id()
        number = self.first_cseq() if cseq is None else cseq
        out.append(("Call-ID", call_id))
        out.append(("CSeq", f"{number} {method}"))
        if routes:
            uri, way = route_request(uri, routes)
            out += [("Route", route) for route in way]
        out += headers
        out += self.layer.closing_headers
        if body:
            out.append(("Content-Type", content_type))
        request = Request(method, uri.for_request_line(), out, body)
        request.call_id, request.cseq = call_id, CSeq(number, method)
        return request

    def send_request(
        self, request: Request, flow: Flow, user: ClientUser, credentials: CredentialSource | None = None
    ) -> ClientTransaction:
        """Send a non-INVITE request. A challenge is answered once per realm (again when stale) with ``credentials``."""
        if credentials is not None:
            user = AuthorizingUser(user, ClientAuthorizer(credentials, self.layer.getrandbits))
        return self.layer.send_request(request, flow, user)

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
        """Start a call. ``contact`` is the whole value of our Contact header."""
        request = self.new_request(
            "INVITE",
            uri,
            from_=from_,
            to=to,
            contact=contact,
            headers=headers,
            body=body,
            content_type=content_type,
            call_id=call_id,
            routes=routes,
        )
        session = InviteSession(self, user, request, flow, contact, is_caller=True, credentials=credentials)
        session.start_outgoing()
        return session

    def accept_invite(
        self, transaction: ServerTransaction, user: SessionUser, *, contact: str, rewrite_contact: bool = False
    ) -> InviteSession:
        """Make a session of a received INVITE (sends nothing).

        SipParseError 400 ``Missing Contact header`` when there is no Contact. With ``rewrite_contact`` the address
        that messages come from replaces the one in the other side's Contact.
        """
        session = InviteSession(self, user, transaction.request, transaction.flow, contact, is_caller=False)
        session.start_incoming(transaction, rewrite_contact=rewrite_contact)
        return session

    def create_dialog(
        self, transaction: ServerTransaction, user: DialogUser, *, contact: str, rewrite_contact: bool = False
    ) -> Dialog:
        """Make a dialog of a received SUBSCRIBE or REFER; respond() on its transaction then carries the dialog's tag."""
        dialog = Dialog.as_uas(
            transaction.request, transaction.local_tag, transaction.flow, contact, user, self.first_cseq(),
            rewrite_contact=rewrite_contact,
        )  # fmt: skip
        self.add_dialog(dialog)
        return dialog

    def answer_statelessly(self, transaction: ServerTransaction, status: int, headers: Headers = ()) -> None:
        """Answer and forget (RFC 3261 8.2.7): a copy of the request is a new one, and a flood of them fills no memory."""
        transaction.local_tag = self._stateless_tag(transaction.request)
        transaction.respond_and_forget(status, headers)

    def send_in_dialog(
        self,
        dialog: Dialog,
        method: str,
        user: ClientUser,
        headers: Headers = (),
        body: bytes = b"",
        content_type: str = "",
        credentials: CredentialSource | None = None,
    ) -> ClientTransaction:
        """Send a request inside a dialog that is not an INVITE session (NOTIFY)."""
        request = dialog.make_request(method, headers, self.layer.closing_headers, body, content_type)
        if credentials is not None:
            user = AuthorizingUser(user, ClientAuthorizer(credentials, self.layer.getrandbits), dialog.next_cseq)
        return self.layer.send_request(request, self.flow_for(dialog), user)

    def find_dialog(self, call_id: str, local_tag: str, remote_tag: str) -> Dialog | None:
        """Return a dialog by its identifiers."""
        return self._dialogs.get((call_id, local_tag, remote_tag))

    def find_session(self, call_id: str, local_tag: str, remote_tag: str) -> InviteSession | None:
        """Return the session of a dialog, for Replaces (RFC 3891) and Join."""
        dialog = self._dialogs.get((call_id, local_tag, remote_tag))
        return dialog.user if dialog is not None and isinstance(dialog.user, InviteSession) else None

    # -- for sessions --------------------------------------------------------------------------------------------
    def add_dialog(self, dialog: Dialog) -> None:
        """Route requests of ``dialog`` to its user."""
        self._dialogs[dialog.key] = dialog

    def remove_dialog(self, dialog: Dialog) -> None:
        """Forget a dialog; requests in it are then answered 481."""
        if self._dialogs.get(dialog.key) is dialog:
            del self._dialogs[dialog.key]

    def dialog_ended(self, dialog: Dialog) -> None:
        """A BYE ended ``dialog``: another one for it is answered 200 for as long as its transaction may take."""
        now = self.layer.clock()
        ended = self._ended
        while ended:
            oldest = next(iter(ended))
            if ended[oldest] > now:
                break
            del ended[oldest]
        ended[dialog.key] = now + 64 * self.settings.t1

    def expect_notify(self, call_id: str, local_tag: str, taker: Callable[[ServerTransaction], None] | None) -> None:
        """Give a NOTIFY that comes before the answer to our SUBSCRIBE to ``taker`` (RFC 6665 4.4.1); None ends that."""
        if taker is None:
            self._expected.pop((call_id, local_tag), None)
        else:
            self._expected[call_id, local_tag] = taker

    def flow_for(self, dialog: Dialog) -> Flow:
        """Return the flow for the next request in ``dialog``."""
        return self.handler.select_flow(dialog.next_hop, dialog.flow)

    def first_cseq(self) -> int:
        """Return a sequence number to start with."""
        return self.layer.getrandbits(14) + 1

    def new_call_id(self) -> str:
        """Return a new Call-ID."""
        text = f"{self.layer.getrandbits(128):032x}"
        return f"{text[:8]}-{text[8:12]}-{text[12:16]}-{text[16:20]}-{text[20:]}"

    @property
    def dialogs(self) -> int:
        """How many dialogs there are."""
        return len(self._dialogs)

    # -- requests ------------------------------------------------------------------------------------------------
    def _receive_request(self, request: Request, flow: Flow, now: float) -> None:
        if request.method == "ACK":
            self._receive_ack(request, now)
            return
        transaction = self.layer.receive_request(request, flow, now)
        if transaction is None:
            return
        self._guarded(transaction, self._dispatch, transaction)

    def resume(self, transaction: ServerTransaction, treat: Callable[[], None] | None = None) -> None:
        """Treat a request that the handler held, as if it came now; nothing happens when it has ended meanwhile."""
        if transaction.is_answered or transaction.is_terminated:
            return
        if treat is None:
            self._guarded(transaction, self.handler.request_received, transaction)
        else:
            self._guarded(transaction, treat)

    def _guarded(self, transaction: ServerTransaction, treat: Callable[..., None], *given: ServerTransaction) -> None:
        """What the treatment of a request raises is answered."""
        try:
            treat(*given)
        except SipParseError as error:
            if not transaction.is_answered:
                transaction.respond(error.status or 400, error.reason or None)
        except Exception:
            if not transaction.is_answered:
                transaction.respond(500)
            raise

    def _dispatch(self, transaction: ServerTransaction) -> None:
        """RFC 3261 8.2 as far as it does not depend on configuration."""
        request = transaction.request
        method = request.method
        if method == "CANCEL":
            self._receive_cancel(transaction)
        elif method not in self._methods:
            transaction.respond(501)
        elif request.uri.scheme not in ("sip", "sips", "tel"):
            transaction.respond(416)
        elif self.settings.reject_zero_max_forwards and request.max_forwards == 0:
            transaction.respond(483)
        elif request.to.tag and method not in _OUTSIDE_DIALOGS:
            dialog = self._dialogs.get((request.call_id, request.to.tag, request.from_.tag or ""))
            if dialog is None:
                expected = self._expected.get((request.call_id, request.to.tag)) if method == "NOTIFY" else None
                if expected is not None:
                    expected(transaction)
                else:
                    transaction.respond(200 if method == "BYE" and self._has_ended(transaction) else 481)
                return
            dialog.receive_request(request, transaction.flow)
            user = dialog.user
            if isinstance(user, InviteSession):
                user.receive_request(dialog, transaction)
            else:
                user.dialog_request_received(dialog, transaction)
        else:
            self.handler.request_received(transaction)

    def _has_ended(self, transaction: ServerTransaction) -> bool:
        """Whether a BYE has ended the dialog of a request just now: Asterisk answers its repetition as it did the first."""
        request = transaction.request
        ended = self._ended.get((request.call_id, request.to.tag or "", request.from_.tag or ""), 0.0)
        return ended > transaction.received_at

    def _receive_ack(self, request: Request, now: float) -> None:
        """An ACK ends a refused INVITE (its branch), or goes to the session it confirms (its tags)."""
        invite = self.layer.find_invite(request)
        if isinstance(invite, ServerTransaction) and invite.receive_ack(now):
            return
        dialog = self._dialogs.get((request.call_id, request.to.tag or "", request.from_.tag or ""))
        if dialog is not None and isinstance(dialog.user, InviteSession):
            dialog.user.receive_ack(dialog, request)
        elif invite is None and request.to.tag != self._stateless_tag(request):
            self.counters.stray_acks += 1

    def _receive_cancel(self, transaction: ServerTransaction) -> None:
        """RFC 3261 9.2: 200 with the INVITE's To tag, or 481; then the INVITE is told."""
        invite = self.layer.find_invite(transaction.request)
        if invite is None:
            transaction.respond(481)
            return
        transaction.local_tag = invite.local_tag
        if not isinstance(invite, ServerTransaction):
            transaction.respond(200)
            return
        transaction.force_rport = invite.force_rport
        transaction.respond(200)
        if invite.is_answered:
            return
        if invite.user is not None:
            invite.user.invite_cancelled(invite, transaction.request)
        else:
            self.handler.cancelled(invite, transaction.request)
            if not invite.is_answered:
                invite.respond(487, server_first=True)

    # -- what cannot be parsed -----------------------------------------------------------------------------------
    def _discard(self, error: SipParseError, data: bytes, flow: Flow) -> None:
        """Count, perhaps answer without a transaction (RFC 3261 8.2.7), and report a message that cannot be used."""
        self.counters.discarded += 1
        status = error.status
        if isinstance(error, CSeqMismatch):
            status = status and self.settings.cseq_mismatch_status
        elif not self.settings.answer_malformed:
            status = 0
        request = error.message
        if status and isinstance(request, Request) and request.has("Via"):
            try:
                answer = Answer(request, flow, force_rport=self.settings.force_rport)
            except SipParseError:
                answer = None  # not even Via can be read: nowhere to answer to
            if answer is not None:
                reason = error.reason or None if status == error.status else None
                user_agent = self.settings.user_agent
                tag = self._stateless_tag(request)
                self.layer.send(answer.flow, answer.build(status, reason, tag, user_agent, (), b"", "", False))
                error.answered = status
        self.handler.message_discarded(error, data, flow)

    def _stateless_tag(self, request: Request) -> str:
        """Return the same tag for the same request, and its ACK (RFC 3261 8.2.7)."""
        text = f"{request.get('Via')}\n{request.get('Call-ID')}\n{(request.get('CSeq') or '').partition(' ')[0]}"
        data = text.encode("utf-8", "surrogateescape")
        return hashlib.blake2s(data, key=self._tag_key, digest_size=8).hexdigest()
