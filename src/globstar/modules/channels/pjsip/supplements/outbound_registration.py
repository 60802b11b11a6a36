"""Registration with other servers (``type=registration``): REGISTER as a client (RFC 3261 10.2), kept up and tried again.

A registration is one object with one timer and at most one request on its way. What comes of a request is in one place,
:meth:`Registration._settled`; which failures pass by themselves is :data:`TEMPORARY`.
"""

from __future__ import annotations

import asyncio
import uuid
from collections.abc import Callable
from dataclasses import replace
from enum import Enum
from typing import TYPE_CHECKING

from globstar.base.log import Logger
from globstar.core.events import NetworkChanged, RegistryChanged
from globstar.modules.channels.pjsip.connections import PING
from globstar.modules.channels.pjsip.exchange import Exchange, Outcome, credentials_of, until_idle, way_to
from globstar.modules.channels.pjsip.readers import proxy_routes, shown
from globstar.modules.channels.pjsip.supplement import Supplement
from globstar.proto.sip.errors import SipParseError
from globstar.proto.sip.flow import Flow
from globstar.proto.sip.headers.address import NameAddr
from globstar.proto.sip.message import Header, Request, Response
from globstar.proto.sip.uri import SipUri

if TYPE_CHECKING:
    from globstar.modules.channels.pjsip.driver import PjsipDriver
    from globstar.modules.channels.pjsip.endpoint import EndpointObject
    from globstar.modules.channels.pjsip.objects_outbound import RegistrationObject
    from globstar.modules.channels.pjsip.settings import PjsipSettings

logger = Logger("res_pjsip_outbound_registration")

#: Answers after which the same request may succeed later; so may any that carries Retry-After (RFC 3261 20.33).
TEMPORARY = frozenset((408, 413, 480, 486, 500, 502, 503, 504))
#: Seconds before the end of a registration that it is refreshed.
REFRESH_MARGIN = 10.0
SHUTDOWN_PATIENCE = 1.5


_LINE_LETTERS = "abcdefghijklmnopqrstuvwxyz"
_URN_SPACE = uuid.UUID("6ba7b811-9dad-11d1-80b4-00c04fd430c8")


class RegistrationState(Enum):
    """The words of ``pjsip show registrations`` and of the event Registry."""

    UNREGISTERED = "Unregistered"
    REGISTERED = "Registered"
    REJECTED = "Rejected"
    STOPPED = "Stopped"


class Registration:
    """One ``type=registration`` at work."""

    def __init__(self, driver: PjsipDriver, config: RegistrationObject, settled: asyncio.Event) -> None:
        self.driver = driver
        self.config = config
        self._settled_event = settled
        self.state = RegistrationState.UNREGISTERED
        #: when the registration ends, or the next attempt is made; monotonic seconds
        self.ends_at: float | None = None
        self.next_at: float | None = None
        self.retries = 0
        self.line = "".join(_LINE_LETTERS[driver.rng.getrandbits(16) % 26] for _ in range(10)) if config.line else ""
        self._expiration = config.expiration
        self._exchange: Exchange | None = None
        self._flow: Flow | None = None
        self._timer: asyncio.TimerHandle | None = None
        self._keep_alive: asyncio.TimerHandle | None = None
        self._wants_end = False
        self._call_id = driver.sip.new_call_id()
        self._cseq = driver.sip.first_cseq()
        self._security_server: tuple[str, ...] = ()
        self._credentials = credentials_of(driver.settings, config.outbound_auth)

    # -- what can be asked -------------------------------------------------------------------------------------------

    @property
    def name(self) -> str:
        """The object's name."""
        return self.config.name

    @property
    def is_busy(self) -> bool:
        """Whether an answer is waited for."""
        return self._exchange is not None

    @property
    def seconds_left(self) -> int | None:
        """Seconds until the next REGISTER, or else since or until the end of the registration; None without either."""
        at = self.next_at if self.next_at is not None else self.ends_at
        return None if at is None else round(at - self.driver.system.now())

    def owns(self, uri: SipUri) -> bool:
        """Whether ``uri`` is our marked Contact."""
        return bool(self.line) and uri.params.get("line") == self.line

    def uses(self, flow: Flow) -> bool:
        """Whether a connection is the one that it is registered over."""
        ours = self._flow
        if ours is None or self.state is not RegistrationState.REGISTERED:
            return False
        same_host = ours.host == flow.host or not ours.host.replace(".", "").isdigit()
        return ours.transport is flow.transport and ours.port == flow.port and same_host

    # -- what can be done --------------------------------------------------------------------------------------------

    def initial_delay(self) -> float:
        """A random part of max_random_initial_delay, so that many do not come at once."""
        return self.config.max_random_initial_delay * self.driver.rng.getrandbits(16) / 65536

    def register(self) -> None:
        """Register soon, whatever the state is."""
        self.retries = 0
        self._wants_end = False
        self._schedule(self.initial_delay())

    def unregister(self) -> None:
        """End the registration at the server now, and stay away until told otherwise."""
        self._cancel_timer()
        self._wants_end = True
        if not self.is_busy:
            self._send(0)

    def connection_lost(self) -> None:
        """The server cannot reach us any more (RFC 5626 4.4): register again, soon."""
        self._schedule(min(self.initial_delay(), 1.0))

    def close(self) -> None:
        """Forget it without a word to the server."""
        self._cancel_timer()
        self._keep_flow(0)
        if self._exchange is not None:
            self._exchange.cancel()
            self._exchange = None

    def _cancel_timer(self) -> None:
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None
        self.next_at = None

    def _schedule(self, delay: float) -> None:
        self._cancel_timer()
        loop = self.driver.system.loop
        self.next_at = self.driver.system.now() + delay
        self._timer = loop.call_later(delay, self._due)

    def _keep_flow(self, seconds: int) -> None:
        """Send a keep-alive at random after 80 to 100 % of the server's Flow-Timer (RFC 5626 4.4), again and again."""
        if self._keep_alive is not None:
            self._keep_alive.cancel()
            self._keep_alive = None
        if seconds > 0:
            delay = seconds * (0.8 + 0.2 * self.driver.rng.getrandbits(16) / 65536)
            self._keep_alive = self.driver.system.loop.call_later(delay, self._keep_flow_now, seconds)

    def _keep_flow_now(self, seconds: int) -> None:
        if self.state is RegistrationState.REGISTERED and self._flow is not None:
            self.driver.transports.send(self._flow, PING)
            self._keep_flow(seconds)

    def _due(self) -> None:
        self._timer = None
        self.next_at = None
        if not self.is_busy:
            self._send(self._expiration)

    # -- the request -------------------------------------------------------------------------------------------------

    def _send(self, expires: int) -> None:
        config, driver = self.config, self.driver
        try:
            uri, client = SipUri.parse(config.server_uri), NameAddr(SipUri.parse(config.client_uri))
            routes = proxy_routes(config.outbound_proxy)
        except SipParseError as error:
            logger.error(f"registration '{self.name}': {error}")
            self._change(RegistrationState.REJECTED)
            return
        flow = way_to(driver, uri, config.transport, routes)
        if flow is None:
            logger.warning(f"registration '{self.name}': no transport leads to {uri}")
            self._try_later(config.retry_interval, 0, "no transport")
            return
        request = driver.sip.new_request(
            "REGISTER", uri, from_=client, to=client, call_id=self._call_id, cseq=self._cseq, routes=routes,
            headers=self._headers(uri, flow, expires),
        )  # fmt: skip
        if config.user_agent:
            request.set("User-Agent", config.user_agent)
        self._flow = flow
        self._exchange = Exchange(driver, self._settled, self._credentials, extra=self._security_answer)
        driver.sip.send_request(request, flow, self._exchange)

    def _headers(self, uri: SipUri, flow: Flow, expires: int) -> list[Header]:
        config = self.config
        headers: list[Header] = [("Contact", self._contact(uri, flow)), ("Expires", str(expires))]
        tags = [tag for tag, wanted in (("path", config.support_path), ("outbound", config.support_outbound)) if wanted]
        if tags:
            headers.append(("Supported", ", ".join(tags)))
        if config.security_negotiation == "mediasec" and config.security_mechanisms:
            # RFC 3329 2.3.1: offer, and once the server has told its mechanisms, show that they came unchanged.
            headers.append(("Security-Client", ", ".join(config.security_mechanisms)))
            headers += [("Security-Verify", value) for value in self._security_server]
            headers += [("Require", "mediasec"), ("Proxy-Require", "mediasec")]
        return headers

    def _contact(self, server: SipUri, flow: Flow) -> str:
        config = self.config
        uri = flow.transport.contact_uri(config.contact_user or "s", flow.host)
        if server.is_secure:
            uri = replace(uri, scheme="sips")
        if self.line:
            uri = uri.with_params(uri.params.replace("line", self.line))
        params = ""
        if config.support_outbound:
            # RFC 5626 4.2: the instance stays the same over restarts, and each registration is a flow of its own.
            uri = uri.with_params(uri.params.replace("ob", None))
            instance = uuid.uuid5(_URN_SPACE, f"{self.driver.system.options.entityid}/{self.name}")
            params = f';reg-id=1;+sip.instance="<urn:uuid:{instance}>"'
        if config.contact_header_params:
            params += ";" + config.contact_header_params.strip("; ")
        return f"<{uri}>{params}"

    def _security_answer(self, response: Response) -> list[Header]:
        """Security-Verify for the Security-Server of a challenge (RFC 3329 2.3.1)."""
        if self.config.security_negotiation != "mediasec":
            return []
        self._security_server = tuple(response.get_all("Security-Server"))
        return [("Security-Verify", value) for value in self._security_server]

    # -- what comes of it --------------------------------------------------------------------------------------------

    def _settled(self, outcome: Outcome) -> None:
        self._exchange = None
        self._settled_event.set()
        self._cseq = outcome.request.cseq.number + 1
        config, status = self.config, outcome.status
        was_end = outcome.request.get("Expires") == "0"
        if 200 <= status < 300:
            self._succeeded(outcome, was_end)
        elif was_end:
            self._change(RegistrationState.UNREGISTERED, outcome)
        elif status == 423 and outcome.min_expires > self._expiration:
            self._expiration = outcome.min_expires
            if not self._wants_end:
                self._send(self._expiration)
                return
        elif status == 494 and not self._security_server and outcome.response is not None:
            self._security_answer(outcome.response)  # RFC 3329 2.3.1: the server wants the agreement first
            if self._security_server and not self._wants_end:
                self._send(self._expiration)
                return
            self._give_up(outcome)
        elif status in (401, 407):
            self._refused(outcome)
        elif status in TEMPORARY or outcome.retry_after:
            self._try_later(config.retry_interval, outcome.retry_after, f"{status} {outcome.reason}", outcome)
        elif status == 403 and config.forbidden_retry_interval:
            self._try_later(config.forbidden_retry_interval, 0, "403 Forbidden", outcome)
        elif config.fatal_retry_interval:
            self._try_later(config.fatal_retry_interval, 0, f"{status} {outcome.reason}", outcome)
        else:
            self._give_up(outcome)
        if self._wants_end and not was_end and not self.is_busy:
            self._cancel_timer()
            self._send(0)
        elif was_end and not self._wants_end and self._timer is None and not self.is_busy:
            self._send(self._expiration)

    def _succeeded(self, outcome: Outcome, was_end: bool) -> None:
        now = self.driver.system.now()
        self.retries = 0
        if was_end:
            self.ends_at = None
            self._change(RegistrationState.UNREGISTERED, outcome)
            return
        assert outcome.response is not None
        self._keep_flow(outcome.flow_timer if self.config.support_outbound else 0)
        granted = float(self._granted(outcome.request, outcome.response))
        self.ends_at = now + granted
        self._change(RegistrationState.REGISTERED, outcome)
        self._schedule(max(granted - REFRESH_MARGIN, granted / 2, 1.0))

    def _granted(self, request: Request, response: Response) -> int:
        """The life of our contact: its own parameter, else Expires, else what was asked for (RFC 3261 10.2.4)."""
        try:
            ours = request.contacts[0].uri
            for contact in response.contacts:
                if contact.uri.is_equivalent(ours) and contact.expires is not None:
                    return contact.expires
            if response.expires is not None:
                return response.expires
        except SipParseError as error:
            logger.debug(1, f"registration '{self.name}': the answer's contacts cannot be read: {error}")
        return self._expiration

    def _refused(self, outcome: Outcome) -> None:
        """Our secret is wrong, or there is none for the realm."""
        config = self.config
        if not config.auth_rejection_permanent and config.retry_interval:
            self._try_later(config.retry_interval, outcome.retry_after, f"{outcome.status} {outcome.reason}", outcome)
        else:
            self._give_up(outcome)

    def _try_later(self, interval: int, retry_after: int, why: str, outcome: Outcome | None = None) -> None:
        config = self.config
        self.ends_at = None
        self._change(RegistrationState.REJECTED, outcome)
        if not interval or self.retries >= config.max_retries:
            logger.warning(
                f"Registration of '{config.client_uri}' with '{config.server_uri}' failed ({why}); it is not tried any more"
            )
            return
        pause = max(interval, retry_after)
        self.retries += 1
        logger.warning(f"Registration of '{config.client_uri}' with '{config.server_uri}' failed ({why}); again in {pause} s")
        self._schedule(pause)

    def _give_up(self, outcome: Outcome) -> None:
        config = self.config
        self.ends_at = None
        self._change(RegistrationState.REJECTED, outcome)
        logger.warning(
            f"Registration of '{config.client_uri}' with '{config.server_uri}' was refused for good "
            f"({outcome.status} {outcome.reason})"
        )

    def _change(self, state: RegistrationState, outcome: Outcome | None = None) -> None:
        """Each answer is told, also when the state stays."""
        self.state = state
        listeners = self.driver.system.bus.listeners(RegistryChanged)
        if listeners:
            failed = state is RegistrationState.REJECTED and outcome is not None
            cause = f"{outcome.status} {outcome.reason}" if failed and outcome is not None else ""
            self.driver.system.bus.publish(
                RegistryChanged("PJSIP", self.config.client_uri, self.config.server_uri, state.value, cause)
            )


class OutboundRegistration(Supplement):
    """All registrations of the driver."""

    module = "res_pjsip_outbound_registration"

    def __init__(self, driver: PjsipDriver) -> None:
        super().__init__(driver)
        self.registrations: dict[str, Registration] = {}
        self._leaving: list[Registration] = []
        self._settled = asyncio.Event()
        self._is_started = False
        self._unsubscribe: Callable[[], None] | None = None

    def _network_changed(self, event: NetworkChanged) -> None:
        """The registrars know us by an address that is not ours any more."""
        for registration in self.registrations.values():
            if registration.state is RegistrationState.REGISTERED:
                registration.register()

    def get(self, name: str) -> Registration | None:
        """The registration called ``name``."""
        return self.registrations.get(name)

    def names(self) -> list[str]:
        """See SipRegistrations."""
        return list(self.registrations)

    def fields(self, name: str) -> dict[str, str]:
        """See SipRegistrations."""
        registration = self.registrations[name]
        found = {"ObjectType": "registration", "ObjectName": name}
        for info, value in registration.config.items():
            if info.name != "type":
                found["".join(word.capitalize() for word in info.name.split("_"))] = shown(value)
        found["Status"] = registration.state.value
        left = registration.seconds_left
        found["NextReg"] = str(max(left, 0) if left is not None else 0)
        return found

    def begin(self, name: str) -> None:
        """See SipRegistrations."""
        self.registrations[name].register()

    def end(self, name: str) -> None:
        """See SipRegistrations."""
        self.registrations[name].unregister()

    def configure(self, settings: PjsipSettings) -> None:
        """Registrations that did not change go on; those that did end at their old server and begin anew."""
        old, self.registrations = self.registrations, {}
        for name, config in settings.registrations.items():
            known = old.get(name)
            if known is not None and known.config == config:
                known._credentials = credentials_of(settings, config.outbound_auth)
                self.registrations[name] = old.pop(name)
            elif config.server_uri and config.client_uri:
                self.registrations[name] = registration = Registration(self.driver, config, self._settled)
                if self._is_started:
                    registration.register()
            else:
                missing = "server_uri" if not config.server_uri else "client_uri"
                logger.error(f"registration '{name}' has no {missing} and is not used")
        self._leaving = [one for one in self._leaving if one.is_busy]
        for registration in old.values():
            if registration.state is RegistrationState.REGISTERED or registration.is_busy:
                registration.unregister()
                self._leaving.append(registration)
            else:
                registration.close()

    async def start(self) -> None:
        """Register, each after a random delay."""
        self._is_started = True
        self.driver.system.services["sip registrations"] = self
        self._unsubscribe = self.driver.system.bus.subscribe(NetworkChanged, self._network_changed)
        for registration in self.registrations.values():
            registration.register()

    async def stop(self) -> None:
        """End the registrations and wait shortly for the answers."""
        self.driver.system.services.pop("sip registrations", None)
        if self._unsubscribe is not None:
            self._unsubscribe()
        ending = [one for one in self.registrations.values() if one.state is RegistrationState.REGISTERED]
        for registration in self.registrations.values():
            if registration.state is RegistrationState.REGISTERED:
                registration.unregister()
            else:
                registration.close()
        self.driver.drain()
        if not await until_idle(lambda: any(one.is_busy for one in ending), self._settled, SHUTDOWN_PATIENCE):
            logger.notice("not every registrar has answered that our registration ends")
        for registration in (*self.registrations.values(), *self._leaving):
            registration.close()

    def identify(self, request: Request, flow: Flow) -> EndpointObject | None:
        """The endpoint of a registration with ``line=yes`` whose Contact is the Request-URI or To of a request."""
        uri, to = request.uri, request.to.uri
        if not uri.params.has("line") and not to.params.has("line"):
            return None
        for registration in self.registrations.values():
            if registration.owns(uri) or registration.owns(to):
                return self.driver.settings.endpoints.get(registration.config.endpoint)
        return None

    def connection_lost(self, flow: Flow) -> None:
        """Registrations that used a connection which is gone are made anew over another one."""
        for registration in self.registrations.values():
            if registration.uses(flow):
                registration.connection_lost()

    def describe(self) -> dict[str, object]:
        """For the CLI."""
        return {state.value: sum(one.state is state for one in self.registrations.values()) for state in RegistrationState}


def registrations_of(driver: PjsipDriver) -> OutboundRegistration | None:
    """The registrations of a driver; None when the module is left out."""
    return next((one for one in driver.supplements if isinstance(one, OutboundRegistration)), None)
