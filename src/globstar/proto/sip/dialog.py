"""A dialog: identifiers, sequence numbers, route set, remote target (RFC 3261 12)."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from enum import Enum
from typing import TYPE_CHECKING

from globstar.base.errors import LocalFault
from globstar.proto.sip.errors import SipParseError
from globstar.proto.sip.flow import Flow, bracket
from globstar.proto.sip.headers.address import NameAddr
from globstar.proto.sip.headers.cseq import MAX_CSEQ
from globstar.proto.sip.message import Header, Headers, Message, Request, Response
from globstar.proto.sip.uri import SipUri

if TYPE_CHECKING:
    from globstar.proto.sip.session import InviteSession
    from globstar.proto.sip.user import DialogUser

TARGET_REFRESH = frozenset(("INVITE", "UPDATE", "SUBSCRIBE", "NOTIFY", "REFER"))
"""Requests whose Contact replaces the remote target, and which carry ours (RFC 3261 12.2, RFC 3311, RFC 6665)."""


class DialogState(Enum):
    """Early until a 2xx, then confirmed."""

    EARLY = "early"
    CONFIRMED = "confirmed"
    TERMINATED = "terminated"


DialogKey = tuple[str, str, str]


class Dialog:
    """One dialog. Everything here is bookkeeping: nothing is sent, no timer runs.

    ``user`` gets the requests inside the dialog: the InviteSession, or a DialogUser. ``remote_target`` and ``flow``
    may be changed by the driver.
    """

    __slots__ = (
        "call_id",
        "contact",
        "flow",
        "is_uac",
        "key",
        "local",
        "local_cseq",
        "local_tag",
        "remote",
        "remote_cseq",
        "remote_rseq",
        "remote_tag",
        "remote_target",
        "rewrite_contact",
        "route_set",
        "state",
        "user",
    )

    def __init__(
        self,
        *,
        is_uac: bool,
        call_id: str,
        local: str,
        local_tag: str,
        remote: NameAddr,
        local_cseq: int,
        remote_cseq: int | None,
        remote_target: SipUri,
        route_set: Sequence[NameAddr],
        contact: str,
        flow: Flow,
        user: InviteSession | DialogUser,
    ) -> None:
        self.is_uac = is_uac
        self.call_id = call_id
        self.local_tag = local_tag
        self.remote_tag = remote.tag or ""
        self.key: DialogKey = (call_id, local_tag, self.remote_tag)
        """(Call-ID, local tag, remote tag)."""
        self.local = local
        """What our requests have in From; ``remote`` what they have in To."""
        self.remote = remote.in_from_to
        self.local_cseq = local_cseq
        self.remote_cseq = remote_cseq
        self.remote_rseq: int | None = None
        self.remote_target = remote_target
        self.route_set = tuple(route_set)
        self.contact = contact
        self.flow = flow
        self.user = user
        self.rewrite_contact = False
        self.state = DialogState.EARLY

    @classmethod
    def as_uas(
        cls,
        request: Request,
        local_tag: str,
        flow: Flow,
        contact: str,
        user: InviteSession | DialogUser,
        first_cseq: int,
        *,
        rewrite_contact: bool = False,
    ) -> Dialog:
        """Make the dialog of a request we received (12.1.1). SipParseError 400 when its Contact is missing or bad."""
        to = request.to
        dialog = cls(
            is_uac=False,
            call_id=request.call_id,
            local=f"{to.in_from_to};tag={local_tag}" if to.tag is None else to.with_tag(local_tag).in_from_to,
            local_tag=local_tag,
            remote=request.from_,
            local_cseq=first_cseq,
            remote_cseq=request.cseq.number,
            remote_target=request.contact.uri,
            route_set=request.record_route,
            contact=contact,
            flow=flow,
            user=user,
        )
        dialog.rewrite_contact = rewrite_contact
        if rewrite_contact:
            dialog.remote_target = at_source(dialog.remote_target, flow)
        return dialog

    @classmethod
    def as_uac(cls, request: Request, response: Response, contact: str, flow: Flow, user: InviteSession | DialogUser) -> Dialog:
        """Make the dialog of a response to our request (12.1.2). A bad Contact or Record-Route counts as none."""
        return cls(
            is_uac=True,
            call_id=request.call_id,
            local=request.from_.in_from_to,
            local_tag=request.from_.tag or "",
            remote=response.to,
            local_cseq=request.cseq.number,
            remote_cseq=None,
            remote_target=_target_of(response) or request.uri,
            route_set=_routes_of(response),
            contact=contact,
            flow=flow,
            user=user,
        )

    @property
    def next_hop(self) -> SipUri:
        """The URI whose address the next request goes to (12.2.1.1)."""
        return self.route_set[0].uri if self.route_set else self.remote_target

    def confirm(self, response: Response) -> None:
        """Take the final route set and target from a 2xx (13.2.2.4)."""
        self.state = DialogState.CONFIRMED
        if self.is_uac:
            self.route_set = _routes_of(response)
        self.refresh_target(response, self.flow)

    def refresh_target(self, message: Message, flow: Flow) -> None:
        """Take the remote target from a Contact, if the message has one (12.2.2).

        SipParseError for a bad one in a request; in a response, which cannot be refused, it counts as none.
        """
        if isinstance(message, Response):
            uri = _target_of(message)
        else:
            contacts = message.contacts
            uri = contacts[0].uri if contacts else None
        if uri is not None:
            self.remote_target = at_source(uri, flow) if self.rewrite_contact else uri

    def receive_request(self, request: Request, flow: Flow) -> None:
        """Check the order of a request inside the dialog and take what it changes (12.2.2).

        Raises SipParseError 500 with Asterisk's reason when its CSeq is too low.
        """
        number = request.cseq.number
        if self.remote_cseq is not None and number < self.remote_cseq:
            raise SipParseError("too low", status=500, reason="Invalid CSeq", header="CSeq", message=request)
        self.remote_cseq = number
        self.flow = flow
        if request.method in TARGET_REFRESH:
            self.refresh_target(request, flow)

    def next_cseq(self) -> int:
        """Count up and return the sequence number for a new request."""
        if self.local_cseq >= MAX_CSEQ:
            raise LocalFault("sequence numbers of the dialog are used up")
        self.local_cseq += 1
        return self.local_cseq

    def make_request(
        self,
        method: str,
        headers: Headers,
        closing_headers: Headers,
        body: bytes = b"",
        content_type: str = "",
        cseq: int | None = None,
    ) -> Request:
        """Build a request inside the dialog without Via (12.2.1.1), in Asterisk's header order.

        From, To, Contact (target refresh requests only), Call-ID, CSeq, Route, ``headers``, Max-Forwards, User-Agent,
        Content-Type. ``cseq`` is given for ACK only; any other request counts up.
        """
        number = self.next_cseq() if cseq is None else cseq
        out: list[Header] = [("From", self.local), ("To", self.remote)]
        if method in TARGET_REFRESH:
            out.append(("Contact", self.contact))
        out.append(("Call-ID", self.call_id))
        out.append(("CSeq", f"{number} {method}"))
        uri = self.remote_target
        if self.route_set:
            uri, routes = route_request(uri, self.route_set)
            out += [("Route", route) for route in routes]
        out += headers
        out += closing_headers
        if body:
            out.append(("Content-Type", content_type))
        return Request(method, uri.for_request_line(), out, body)

    def __repr__(self) -> str:
        return f"<Dialog {self.call_id} {self.local_tag}/{self.remote_tag} {self.state.value}>"


def _target_of(response: Response) -> SipUri | None:
    try:
        contacts = response.contacts
    except SipParseError:
        return None
    return contacts[0].uri if contacts else None


def _routes_of(response: Response) -> tuple[NameAddr, ...]:
    try:
        return tuple(reversed(response.record_route))
    except SipParseError:
        return ()


def route_request(target: SipUri, route_set: Sequence[NameAddr]) -> tuple[SipUri, list[str]]:
    """Return Request-URI and Route values for a route set, loose or strict (12.2.1.1)."""
    first = route_set[0].uri
    if first.params.has("lr"):
        return target, [str(route) for route in route_set]
    return first.for_request_line(), [*(str(route) for route in route_set[1:]), f"<{target}>"]


def at_source(uri: SipUri, flow: Flow) -> SipUri:
    """Return ``uri`` with the address a message came from: the option rewrite_contact of endpoints behind NAT."""
    return replace(uri, host=bracket(flow.host), port=flow.port) if uri.is_sip else uri
