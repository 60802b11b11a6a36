"""NOTIFY on request: ``pjsip send notify``, the application PJSIPNotify, and what AMI's action of that name asks for.

``pjsip_notify.conf`` names requests: headers and lines of a body. They go to all contacts of an endpoint, to a URI by way of
the default outbound endpoint, or inside a call.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from globstar.base.errors import LocalFault
from globstar.base.log import Logger
from globstar.config.errors import ConfigError
from globstar.core.cli import CliCommandSpec, CliFailure, CliUsage
from globstar.modules.channels.pjsip.authenticate import outbound_credentials
from globstar.modules.channels.pjsip.exchange import Exchange, Outcome
from globstar.modules.channels.pjsip.outgoing import Target, route
from globstar.modules.channels.pjsip.supplement import Supplement
from globstar.proto.sip.errors import SipParseError
from globstar.proto.sip.headers.address import NameAddr
from globstar.proto.sip.message import Header
from globstar.proto.sip.uri import SipUri

if TYPE_CHECKING:
    from globstar.core.channel import Channel
    from globstar.core.system import System
    from globstar.modules.channels.pjsip.contacts import Contact
    from globstar.modules.channels.pjsip.driver import PjsipDriver
    from globstar.modules.channels.pjsip.endpoint import EndpointObject
    from globstar.modules.channels.pjsip.settings import PjsipSettings

logger = Logger("res_pjsip_notify")

FILE = "pjsip_notify.conf"

#: headers that nobody but the SIP stack may set
RESERVED = frozenset(("call-id", "contact", "cseq", "to", "from", "record-route", "route", "via", "content-length"))
USAGE = "pjsip send notify <type> {endpoint|uri|channel} <peer> [<peer>...]"


class NotifyFailed(ValueError):
    """It could not be sent; the message says why."""


@dataclass(frozen=True, slots=True)
class Notice:
    """What a NOTIFY carries."""

    headers: tuple[Header, ...] = ()
    content_type: str = ""
    body: bytes = b""

    @classmethod
    def of(cls, pairs: Iterable[tuple[str, str]]) -> Notice:
        """Headers and lines of the body (``Content``) in order; NotifyFailed for a header that is reserved."""
        headers: list[Header] = []
        lines: list[str] = []
        content_type = ""
        for name, value in pairs:
            lower = name.strip().lower()
            if lower == "content":
                lines.append(value)
            elif lower == "content-type":
                content_type = value.strip()
            elif lower in RESERVED or not lower:
                raise NotifyFailed(f"the header '{name}' cannot be set")
            else:
                headers.append((name.strip(), value))
        if lines and not content_type:
            raise NotifyFailed("a body needs a Content-Type")
        return cls(tuple(headers), content_type, "\r\n".join(lines).encode("utf-8", "surrogateescape"))


class Notify(Supplement):
    """Sends NOTIFY outside of subscriptions."""

    module = "res_pjsip_notify"

    def __init__(self, driver: PjsipDriver) -> None:
        super().__init__(driver)
        self.notices: dict[str, Notice] = {}
        self.sent = self.refused = 0
        self._command: CliCommandSpec | None = None

    # -- configuration -----------------------------------------------------------------------------------------------

    def configure(self, settings: PjsipSettings) -> None:
        """Read pjsip_notify.conf; without the file there is no CLI command either, as with Asterisk."""
        try:
            config = self.driver.system.configuration.read(FILE)
        except ConfigError as error:
            logger.error(f"{FILE}: {error}; what it said before stays in force")
            return
        self.notices = {}
        for category in config or ():
            if category.name.lower() == "general":
                continue
            try:
                self.notices[category.name] = Notice.of((variable.name, variable.value) for variable in category)
            except NotifyFailed as error:
                logger.warning(f"{category.file}:{category.line}: [{category.name}]: {error}; it is left out")
        self._offer_command(config is not None)

    async def start(self) -> None:
        """Offer the service."""
        self.driver.system.services["sip notify"] = self

    async def stop(self) -> None:
        """The command and the service go."""
        self._offer_command(False)
        self.driver.system.services.pop("sip notify", None)

    def _offer_command(self, wanted: bool) -> None:
        registry = self.driver.system.registry("cli command")
        if wanted and self._command is None:
            self._command = CliCommandSpec(
                name="pjsip send notify",
                module="chan_pjsip",
                handler=self._send_command,
                usage=f"Usage: {USAGE}\n       Send a NOTIFY of a type that {FILE} describes.\n",
                synopsis="Send a NOTIFY to endpoints, URIs or inside the calls of channels.",
                complete=self._complete,
            )
            registry.register(self._command)
        elif not wanted and self._command is not None:
            registry.unregister(self._command)
            self._command = None

    # -- sending -----------------------------------------------------------------------------------------------------

    def send(
        self,
        *,
        endpoint: str = "",
        uri: str = "",
        channel: Channel | None = None,
        option: str = "",
        variables: Sequence[tuple[str, str]] = (),
    ) -> None:
        """See SipNotifier."""
        if bool(endpoint) + bool(uri) + (channel is not None) != 1:
            raise NotifyFailed("one of endpoint, URI and channel is needed")
        if bool(option) == bool(variables):
            raise NotifyFailed("either a type or variables are needed")
        notice = self.notice(option) if option else Notice.of(variables)
        if channel is not None:
            self.to_channel(channel, notice)
        elif endpoint:
            self.to_endpoint(endpoint, notice)
        else:
            self.to_uri(uri, notice)
        self.driver.output_pending()

    def notice(self, option: str) -> Notice:
        """The notice called ``option`` in pjsip_notify.conf; raises NotifyFailed."""
        found = self.notices.get(option)
        if found is None:
            raise NotifyFailed(f"there is no notification type '{option}'")
        return found

    def to_endpoint(self, name: str, notice: Notice) -> int:
        """Notify every contact of an endpoint; returns how many. Raises NotifyFailed without any."""
        driver = self.driver
        endpoint = driver.settings.endpoints.get(name)
        if endpoint is None:
            raise NotifyFailed(f"there is no endpoint '{name}'")
        contacts = [contact for aor in endpoint.aors for contact in driver.contacts.contacts(aor)]
        if not contacts:
            raise NotifyFailed(f"endpoint '{name}' has no contact")
        return sum(self._send(endpoint, contact.parsed, contact, notice) for contact in contacts)

    def to_uri(self, text: str, notice: Notice) -> None:
        """Notify a URI on behalf of the default outbound endpoint; raises NotifyFailed."""
        name = self.driver.settings.globals.default_outbound_endpoint
        endpoint = self.driver.settings.endpoints.get(name)
        if endpoint is None:
            raise NotifyFailed(f"there is no endpoint '{name}' (default_outbound_endpoint) to send to URIs with")
        try:
            uri = NameAddr.parse(text).uri
        except SipParseError as error:
            raise NotifyFailed(f"'{text}' is no SIP URI: {error}") from None
        if not uri.is_sip or not self._send(endpoint, uri, None, notice):
            raise NotifyFailed(f"nothing can be sent to '{text}'")

    def to_channel(self, channel: Channel, notice: Notice) -> None:
        """Notify inside the call of a PJSIP channel; raises NotifyFailed."""
        if channel.tech is not self.driver.tech:
            raise NotifyFailed(f"'{channel.name}' is no PJSIP channel")
        session = channel.private.session
        try:
            if session is None:
                raise LocalFault("no session")
            session.send_request("NOTIFY", [*_default_headers(notice), *notice.headers], notice.body, notice.content_type)
        except LocalFault as error:
            raise NotifyFailed(f"'{channel.name}' has no dialog: {error}") from None
        self.sent += 1

    def _send(self, endpoint: EndpointObject, uri: SipUri, contact: Contact | None, notice: Notice) -> bool:
        driver = self.driver
        flow = route(driver, Target(endpoint, uri, contact))
        if flow is None:
            logger.warning(f"no transport leads to {uri}")
            return False
        user = endpoint.from_user or endpoint.contact_user or driver.settings.globals.default_from_user
        host = endpoint.from_domain or driver.transports.local_address(flow.transport, flow.host)
        request = driver.sip.new_request(
            "NOTIFY", uri, from_=NameAddr(SipUri("sip", user, host=host)), to=NameAddr(uri),
            contact=driver.transports.contact(flow.transport, endpoint.contact_user or user, flow.host),
            headers=[*_default_headers(notice), *notice.headers], body=notice.body, content_type=notice.content_type,
            routes=contact.routes if contact is not None else (),
        )  # fmt: skip
        exchange = Exchange(driver, self._settled, outbound_credentials(driver.settings, endpoint))
        driver.sip.send_request(request, flow, exchange)
        self.sent += 1
        return True

    def _settled(self, outcome: Outcome) -> None:
        if outcome.status >= 300:
            self.refused += 1
            logger.notice(f"NOTIFY to {outcome.request.uri} failed: {outcome.status} {outcome.reason}")

    # -- command line ------------------------------------------------------------------------------------------------

    def _send_command(self, system: System, args: list[str]) -> str:
        if len(args) < 3 or args[1].lower() not in ("endpoint", "uri", "channel"):
            raise CliUsage
        option, how, peers = args[0], args[1].lower(), args[2:]
        try:
            notice = self.notice(option)
        except NotifyFailed as error:
            raise CliFailure(f"Unable to find notify type '{option}'") from error
        lines = []
        for peer in peers:
            lines.append(f"Sending NOTIFY of type '{option}' to '{peer}'")
            try:
                if how == "endpoint":
                    self.to_endpoint(peer, notice)
                elif how == "uri":
                    self.to_uri(peer, notice)
                else:
                    channel = next((c for c in system.channels.values() if c.name.lower() == peer.lower()), None)
                    if channel is None:
                        raise NotifyFailed(f"there is no channel '{peer}'")
                    self.to_channel(channel, notice)
            except NotifyFailed as error:
                lines.append(f"Unable to send NOTIFY - {error}")
        self.driver.drain()
        return "\n".join(lines) + "\n"

    def _complete(self, system: System, args: list[str]) -> Iterable[str]:
        if len(args) == 1:
            return sorted(self.notices)
        if len(args) == 2:
            return ["channel", "endpoint", "uri"]
        if args[1] == "endpoint":
            return sorted(self.driver.settings.endpoints)
        if args[1] == "channel":
            return sorted(c.name for c in system.channels.values() if c.tech is self.driver.tech)
        return []

    def describe(self) -> dict[str, object]:
        """For the CLI."""
        return {"types of NOTIFY": len(self.notices), "NOTIFY sent": self.sent, "NOTIFY refused": self.refused}


def _default_headers(notice: Notice) -> list[Header]:
    """A NOTIFY outside of subscriptions says that none goes on (RFC 6665 8.2.3), unless its own headers say something."""
    names = {name.lower() for name, _ in notice.headers}
    return [] if "subscription-state" in names else [("Subscription-State", "terminated")]


def notifier(driver: PjsipDriver) -> Notify | None:
    """The feature of a driver; None when it is left out."""
    return next((one for one in driver.supplements if isinstance(one, Notify)), None)
