"""MESSAGE (RFC 3428), inside and outside of calls."""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING

from globstar.base.log import Logger
from globstar.core.cause import Cause
from globstar.core.frame import Frame, FrameType
from globstar.core.party import PartyId
from globstar.core.switches import SwitchWaits, asking
from globstar.core.tech import RequestFailed
from globstar.core.testevents import tell_state
from globstar.core.textmessage import SERVICE, MessageBus, MessageDatum, TextMessage
from globstar.modules.channels.pjsip.authenticate import outbound_credentials
from globstar.modules.channels.pjsip.identity import from_address
from globstar.modules.channels.pjsip.outgoing import Target, find_target, route
from globstar.modules.channels.pjsip.redirects import RedirectTargets
from globstar.modules.channels.pjsip.requests import hold_for_plan
from globstar.modules.channels.pjsip.supplement import Supplement
from globstar.proto.sip.errors import SipParseError
from globstar.proto.sip.headers.address import NameAddr
from globstar.proto.sip.uri import SipUri
from globstar.proto.sip.user import RequestUser

if TYPE_CHECKING:
    from globstar.modules.channels.pjsip.driver import PjsipDriver
    from globstar.modules.channels.pjsip.endpoint import EndpointObject
    from globstar.modules.channels.pjsip.leg import Leg
    from globstar.proto.sip.message import Header, Request, Response
    from globstar.proto.sip.session import InviteSession
    from globstar.proto.sip.transaction import ClientTransaction, ServerTransaction

logger = Logger("res_pjsip_messaging")

#: Headers of a received MESSAGE that are no data of the message, and that the dialplan cannot set on one that it sends.
_OWN_HEADERS = frozenset((
    "accept", "accept-encoding", "accept-language", "allow", "authorization", "call-id", "contact", "content-length",
    "content-type", "cseq", "from", "max-forwards", "proxy-authorization", "record-route", "require", "route", "server",
    "supported", "to", "unsupported", "user-agent", "via", "www-authenticate", "pjsip_recvaddr",
))  # fmt: skip

_TOKEN = re.compile(r"[A-Za-z0-9.!%*_+`'~-]+")


class Messaging(Supplement):
    """Texts: in a call they are frames of its channel, elsewhere messages for the dialplan."""

    module = "res_pjsip_messaging"

    def __init__(self, driver: PjsipDriver) -> None:
        super().__init__(driver)
        self.sent = 0
        self.failed = 0
        self._unregister: Callable[[], None] | None = None

    async def start(self) -> None:
        """Send what the dialplan addresses to ``pjsip:``."""
        bus = self.driver.system.service(SERVICE, MessageBus)
        if bus is not None:
            self._unregister = bus.register("pjsip", self.send)

    async def stop(self) -> None:
        """No more."""
        if self._unregister is not None:
            self._unregister()

    # -- received ----------------------------------------------------------------------------------------------------

    def request_received(self, endpoint: EndpointObject, transaction: ServerTransaction) -> bool:
        """A MESSAGE outside a call is accepted for extensions that exist: 202, and the dialplan gets it."""
        request = transaction.request
        if request.method != "MESSAGE":
            return False
        if not _is_text(request):
            transaction.respond(415, headers=[("Accept", "text/plain")])
            return True
        system = self.driver.system
        context = endpoint.message_context or endpoint.context
        user = endpoint.user_of(request.uri) or "s"
        if not request.uri.is_sip:
            transaction.respond(416)
            return True
        try:
            is_there = asking(lambda: system.plan.exists(context, user, 1, endpoint.caller_number))
        except SwitchWaits as waits:
            hold_for_plan(self.driver, transaction, waits, lambda: self._hold_no_more(endpoint, transaction))
            return True
        if not is_there:
            transaction.respond(404)
            return True
        bus = system.service(SERVICE, MessageBus)
        if bus is None or not bus.deliver(self._received(endpoint, transaction, context, user)):
            transaction.respond(503)
            return True
        transaction.respond(202)
        return True

    def _hold_no_more(self, endpoint: EndpointObject, transaction: ServerTransaction) -> None:
        self.request_received(endpoint, transaction)

    def _received(self, endpoint: EndpointObject, transaction: ServerTransaction, context: str, extension: str) -> TextMessage:
        request, flow = transaction.request, transaction.flow
        scheme, _, rest = str(request.to.uri).partition(":")
        data = {name: MessageDatum(value) for name, value in request.headers if name.lower() not in _OWN_HEADERS}
        data["PJSIP_RECVADDR"] = MessageDatum(f"{flow.host}:{flow.port}")
        return TextMessage(
            to=f"pjsip:{rest}" if scheme in ("sip", "sips") else str(request.to.uri),
            from_=str(request.from_.without_tag()),
            body=request.body.decode("utf-8", "replace"),
            context=context,
            extension=extension,
            technology="pjsip",
            endpoint=endpoint.name,
            data=data,
        )

    def session_request(self, leg: Leg, session: InviteSession, transaction: ServerTransaction) -> bool:
        """A text of the party in a call."""
        request = transaction.request
        if request.method != "MESSAGE":
            return False
        if not _is_text(request):
            session.respond(transaction, 415, headers=[("Accept", "text/plain"), *leg.reason()])
            return True
        session.respond(transaction, 202)
        if leg.channel is not None:
            leg.channel.deliver(Frame(FrameType.TEXT, 0, request.body.decode("utf-8", "replace")))
        return True

    # -- sent --------------------------------------------------------------------------------------------------------

    def send(self, message: TextMessage, destination: str, from_: str, to: str) -> bool:
        """Send a message of the dialplan; False if there is nowhere to send it. Its answer is only logged."""
        driver = self.driver
        try:
            target = self._find(destination)
        except (RequestFailed, SipParseError) as error:
            logger.notice(f"a message to 'pjsip:{destination}' cannot be sent: {error}")
            tell_state(driver.system, "MSG_ENDPOINT_URI_FAIL", MsgTo=destination)
            self.failed += 1
            return False
        flow = route(driver, target)
        if flow is None:
            logger.notice(f"a message to 'pjsip:{destination}' cannot be sent: no transport leads to {target.uri}")
            self.failed += 1
            return False
        endpoint, contact = target.endpoint, target.contact
        host = driver.transports.local_address(flow.transport, flow.host)
        default_user = driver.settings.globals.default_from_user
        plain = from_address(endpoint, PartyId.of(None, default_user), host, default_user)
        headers: list[Header] = [(name, value) for name, value in message.outbound if _may_send(name)]
        request = driver.sip.new_request(
            "MESSAGE",
            target.uri,
            from_=_sender(from_ or message.from_, plain),
            to=_recipient(to or message.to, target.uri),
            contact=driver.transports.contact(flow.transport, endpoint.contact_user or plain.uri.user or "", flow.host),
            headers=headers,
            body=message.body.encode("utf-8", "replace"),
            content_type="text/plain;charset=UTF-8" if not message.body.isascii() else "text/plain",
            routes=(*endpoint.routes, *(contact.routes if contact is not None else ())),
        )
        tell_state(
            driver.system, "MSG_FROMTO_URI", MsgTo=request.to.uri, MsgFrom=request.from_.uri, MsgUri=target.uri,
            MsgEndpoint=endpoint.name,
        )  # fmt: skip
        driver.sip.send_request(
            request, flow, _Answer(self, destination, endpoint), outbound_credentials(driver.settings, endpoint)
        )
        driver.output_pending()
        self.sent += 1
        return True

    def _find(self, destination: str) -> Target:
        """Read a destination; raises RequestFailed or SipParseError."""
        driver = self.driver
        endpoints = driver.settings.endpoints
        text = destination.strip()
        if text.upper().startswith("PJSIP/"):
            return find_target(driver, text[6:])
        if text.lower().startswith(("sip:", "sips:", "<", '"')):
            return self._by_uri(driver.settings.globals.default_outbound_endpoint, text)
        name, slash, rest = text.partition("/")
        if slash and name in endpoints:
            if rest in driver.settings.aors:
                return find_target(driver, text)
            return self._by_uri(name, rest)
        name = text.partition("@")[0]
        if name in endpoints:  # endpoint, endpoint@domain
            return find_target(driver, name)
        return self._by_uri(driver.settings.globals.default_outbound_endpoint, text)

    def _by_uri(self, name: str, text: str) -> Target:
        """A URI, an address with a name, ``host`` or ``user@host``, by way of an endpoint."""
        endpoint = self.driver.settings.endpoints.get(name)
        if endpoint is None:
            raise RequestFailed(Cause.NO_ROUTE_DESTINATION, f"there is no endpoint '{name}'")
        if not text.lower().startswith(("sip:", "sips:", "<", '"')) and "<" not in text:
            text = f"sip:{text}"
        return Target(endpoint, NameAddr.parse(text).uri)

    def describe(self) -> dict[str, object]:
        """For the CLI."""
        return {"sent": self.sent, "failed": self.failed}


@dataclass(slots=True)
class _Answer(RequestUser):
    """Hears what became of a message."""

    messaging: Messaging
    destination: str
    endpoint: EndpointObject
    targets: RedirectTargets = field(default_factory=RedirectTargets)

    def response_received(self, transaction: ClientTransaction, response: Response) -> None:
        """Taken, refused, or sent elsewhere (follow_redirect_methods)."""
        if response.status >= 300 and not self.targets.follow(self.messaging.driver, self.endpoint, transaction, response, self):
            self.request_failed(transaction, response.status, response.reason)

    def request_failed(self, transaction: ClientTransaction, status: int, reason: str) -> None:
        """Refused, or nobody answered."""
        self.messaging.failed += 1
        logger.notice(f"the message to 'pjsip:{self.destination}' was not taken: {status} {reason}")


def _may_send(name: str) -> bool:
    """Whether the dialplan may add a header of that name."""
    return name.lower() not in _OWN_HEADERS and bool(_TOKEN.fullmatch(name))


def _address(text: str) -> NameAddr | None:
    """An address of the dialplan; ``pjsip:`` is another word for ``sip:``."""
    if text.lower().startswith("pjsip:"):
        text = f"sip:{text[6:]}"
    try:
        address = NameAddr.parse(text)
    except SipParseError:
        return None
    return address if address.uri.is_sip else None


def _sender(text: str, plain: NameAddr) -> NameAddr:
    """From: an address, ``name <number>``, ``user@host`` or a user; what is missing comes from ``plain``."""
    if not text:
        return plain
    address = _address(text)
    if address is not None:
        return NameAddr(address.uri, address.display)
    display, _, rest = text.rpartition("<") if "<" in text else ("", "", text)
    user, _, host = rest.rstrip("> ").strip().partition("@")
    return NameAddr(replace(plain.uri, user=user or plain.uri.user, host=host or plain.uri.host), display.strip().strip('"'))


def _recipient(text: str, uri: SipUri) -> NameAddr:
    """To: what the dialplan says, if that is an address, else where the message goes."""
    address = _address(text) if text else None
    return NameAddr(address.uri, address.display) if address is not None else NameAddr(uri)


def _is_text(request: Request) -> bool:
    kind = request.content_type
    return kind is not None and kind.value.lower().startswith("text/")
