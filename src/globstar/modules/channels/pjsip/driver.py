"""The root of the PJSIP driver: configuration, SIP machine, transports, registrar and calls of one system."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import TYPE_CHECKING

from globstar import __version__
from globstar.base.chance import PooledRandom
from globstar.base.log import Logger
from globstar.base.tasks import TaskOwner
from globstar.core.acl import SERVICE as ACCESS_LISTS
from globstar.core.acl import NamedLists
from globstar.core.devicestate import DeviceState
from globstar.core.limits import Full, Limits
from globstar.core.security import SecurityEventType
from globstar.core.testevents import tell_state
from globstar.modules.channels.pjsip import access, incoming, requests
from globstar.modules.channels.pjsip.authenticate import Authenticator
from globstar.modules.channels.pjsip.contacts import Contact, ContactStore
from globstar.modules.channels.pjsip.contactstorage import SorceryContacts, make_storage
from globstar.modules.channels.pjsip.defence import Defence, Offence, offended
from globstar.modules.channels.pjsip.device_states import state_of
from globstar.modules.channels.pjsip.dynamic import DynamicObjects, follow
from globstar.modules.channels.pjsip.endpoint import EndpointObject
from globstar.modules.channels.pjsip.identify import Identifier, UnidentifiedRequests
from globstar.modules.channels.pjsip.messages import MessageHistory, MessageLogger
from globstar.modules.channels.pjsip.objectstores import ObjectStores
from globstar.modules.channels.pjsip.overload import Overload
from globstar.modules.channels.pjsip.qualify import Qualifier
from globstar.modules.channels.pjsip.security import UNKNOWN, SecurityReports
from globstar.modules.channels.pjsip.supplement import Hooks, Supplement
from globstar.modules.channels.pjsip.supplement import discover as discover_supplements
from globstar.modules.channels.pjsip.supplement import make as make_supplements
from globstar.modules.channels.pjsip.transports import Transports, is_alive
from globstar.net.flow import Address
from globstar.proto.sip.auth import Verdict
from globstar.proto.sip.dialog import at_source
from globstar.proto.sip.endpoint import RandomSource, SipEndpoint
from globstar.proto.sip.errors import SipParseError
from globstar.proto.sip.flow import Flow, Transport
from globstar.proto.sip.message import Request
from globstar.proto.sip.peek import response_key
from globstar.proto.sip.settings import SipSettings
from globstar.proto.sip.uri import SipUri
from globstar.proto.sip.user import SipHandler

if TYPE_CHECKING:
    from globstar.core.system import System
    from globstar.media.engine import RtpEngine
    from globstar.modules.channels.pjsip.leg import Leg
    from globstar.modules.channels.pjsip.network import Network
    from globstar.modules.channels.pjsip.objects import AclObject, TransportObject
    from globstar.modules.channels.pjsip.settings import PjsipSettings
    from globstar.modules.channels.pjsip.tech import PjsipTech
    from globstar.proto.sip.transaction import ServerTransaction

logger = Logger("res_pjsip")


class PjsipDriver(SipHandler):
    """One running SIP stack. ``start`` and ``stop`` frame its life, ``apply`` changes its configuration."""

    def __init__(
        self,
        system: System,
        tech: PjsipTech,
        settings: PjsipSettings,
        *,
        network: Network,
        rtp: RtpEngine,
        rng: RandomSource | None = None,
        stores: ObjectStores | None = None,
    ) -> None:
        self.system = system
        self.tech = tech
        self.settings = settings
        self.rtp = rtp
        self.rng: RandomSource = rng if rng is not None else PooledRandom()
        self.tasks = TaskOwner("pjsip")
        self.sip = SipEndpoint(self, clock=system.now, rng=self.rng, settings=_sip_settings(settings))
        self.transports = Transports(network, self, system.now, self.rng.getrandbits)
        rtp.find_host = self.transports.names.find_address
        #: objects that sorcery.conf keeps elsewhere, and those that are looked up as they are needed (None: there are none)
        self.stores = stores or ObjectStores()
        self.dynamic: DynamicObjects | None = None
        self._contact_storage = make_storage(system, self.stores.contacts, self.tasks)
        self.contacts = ContactStore(self._contact_storage, system.wall_time, system.options.systemname)
        self.contacts.on_change = self._contact_changed
        self.unidentified = UnidentifiedRequests()
        self.qualifier = Qualifier(self)
        self.message_log = MessageLogger()
        self.history = MessageHistory()
        self.legs: dict[Leg, None] = {}
        self._legs_by_endpoint: dict[str, dict[Leg, None]] = {}
        self.identifier = Identifier(settings)
        self.authenticator = Authenticator(settings, self.rng.getrandbits)
        self.security = SecurityReports(self)
        #: who is not heard at all; set by its supplement, None when it is off
        self.defence: Defence | None = None
        self.overload = Overload(self)
        self.limits = Limits(system)
        #: calls that came in and are up
        self.incoming_calls = 0
        self.counters: dict[str, int] = dict.fromkeys(
            ("unidentified", "challenged", "authentication failed", "refused by address", "refused as full"), 0
        )
        self.supplements = make_supplements(self, system.loader.parts.left_out)
        self.hooks = Hooks(self.supplements)
        self._draining = False
        self._timer: asyncio.TimerHandle | None = None
        self._timer_at = 0.0
        self._expiry: asyncio.TimerHandle | None = None
        self._is_running = False

    # -- life --------------------------------------------------------------------------------------------------------

    async def start(self) -> None:
        """Bind the transports, read the registrations that live on, begin to serve."""
        self._is_running = True
        self._configure(self.settings)
        self._follow(self.stores)
        if isinstance(self._contact_storage, SorceryContacts):
            await self._contact_storage.fetch()
        kept = self.contacts.load()
        if kept:
            logger.verbose(2, f"{kept} registrations are still valid")
        for name, config in self.settings.transports.items():
            await self.transports.open(name, config)
        self.qualifier.start()
        self.contact_expiry_changed()
        for supplement in self.supplements:
            await supplement.start()

    async def add_supplement(self, cls: type[Supplement]) -> None:
        """Hook in a feature of another package while the driver runs."""
        supplement = cls(self)
        supplement.configure(self.settings)
        await supplement.start()
        self.supplements.append(supplement)
        self._hook_in()
        self.identifier.set_unnamed(self.hooks.identify)

    def _hook_in(self) -> None:
        """There are other features than before, for the calls that run, too."""
        self.hooks = Hooks(self.supplements)
        for leg in self.legs:
            leg.hooks = self.hooks.of(leg.endpoint)

    async def start_part(self, module: str) -> None:
        """Hook in the features of an Asterisk module (``module load``)."""
        for cls in discover_supplements():
            if cls.module == module:
                await self.add_supplement(cls)

    async def stop_part(self, module: str) -> None:
        """Leave out the features of an Asterisk module from now on (``module unload``)."""
        gone = [one for one in self.supplements if type(one).module == module]
        self.supplements = [one for one in self.supplements if one not in gone]
        self._hook_in()
        for supplement in gone:
            await supplement.stop()

    async def stop(self) -> None:
        """Give everything back. Channels are gone by now."""
        self._is_running = False
        for supplement in reversed(self.supplements):
            await supplement.stop()
        if self.dynamic is not None:
            self.dynamic.detach()
            self.dynamic = None
        self.qualifier.stop()
        self.overload.stop()
        for handle in (self._timer, self._expiry):
            if handle is not None:
                handle.cancel()
        self._timer = self._expiry = None
        self.drain()
        if isinstance(self._contact_storage, SorceryContacts):
            await self._contact_storage.flush()
        await self.tasks.close()
        await self.transports.close_all()
        self.message_log.disable()

    def _follow(self, stores: ObjectStores) -> None:
        """Look up objects of a database as they are needed from now on, where there are any."""
        self.stores, self.dynamic = stores, follow(self, stores)

    def renew_identifier(self) -> None:
        """Requests are recognised by other objects from now on."""
        self.identifier = Identifier(self.settings, self.hooks.identify)

    def objects_changed(self) -> None:
        """Objects of the configuration in force were replaced: features that look at all of them do so again."""
        for hook in self.hooks.configure:
            hook(self.settings)
        self.qualifier.start()

    async def apply(self, settings: PjsipSettings, stores: ObjectStores | None = None) -> None:
        """Take over a new configuration; running calls keep what they have, transports that did not change stay bound."""
        old = self.settings
        self.settings = settings
        if stores is not None:
            self._follow(stores)
        await self._apply_transports(old.transports, settings.transports)
        self._configure(settings)
        self.qualifier.start()
        self.contact_expiry_changed()

    async def _apply_transports(self, old: dict[str, TransportObject], new: dict[str, TransportObject]) -> None:
        """Bind, exchange and give back transports; those whose address changes only where that is allowed."""
        for name in old.keys() - new.keys():
            await self.transports.close(name)
        for name, config in new.items():
            bound = self.transports.get(name)
            if bound is None:
                await self.transports.open(name, config)
            elif (config.protocol, config.bind) == (bound.config.protocol, bound.config.bind):
                await self.transports.reconfigure(name, config)
            elif config.allow_reload:
                await self.transports.close(name)
                await self.transports.open(name, config)
            else:
                logger.warning(f"transport '{name}' stays as it is: its address or protocol changed and allow_reload is no")
                new[name] = bound.config

    def _configure(self, settings: PjsipSettings) -> None:
        self.identifier = Identifier(settings, self.hooks.identify)
        self.authenticator = Authenticator(settings, self.rng.getrandbits)
        trigger = settings.globals.taskprocessor_overload_trigger
        self.overload.configure(settings.overload, trigger != "none", self.sip.settings.user_agent)
        for problem in self.contacts.configure(settings.aors, settings.contacts.values()):
            logger.warning(problem)
        debug = settings.globals.debug.strip().lower()
        if debug in ("yes", "true", "on", "1"):
            self.message_log.enable()
        elif debug not in ("no", "false", "off", "0", ""):
            self.message_log.enable(debug)
        for hook in self.hooks.configure:
            hook(settings)

    # -- bytes in ----------------------------------------------------------------------------------------------------

    def datagram_received(self, data: bytes, source: Address, transport: Transport) -> None:
        """A UDP datagram."""
        now = self.system.now()
        defence = self.defence
        if defence is not None and not defence.admits(source[0], now) and not self._is_expected(data, source[0], now):
            return
        overload = self.overload
        if not self._draining:
            overload.begin_turn(now)
        if (overload.pending or now >= overload.turn_ends) and overload.take(data, source, transport, now):
            return
        self.deliver_datagram(data, source, transport)

    def _is_expected(self, data: bytes, host: str, now: float) -> bool:
        """Whether a message over the limit is a response to a request of ours: then its source is a peer, and left alone."""
        key = response_key(data)
        if key is None or key not in self.sip.layer.clients or self.defence is None or self.defence.is_dropped(host, now):
            return False
        self.defence.proved(host, now)
        return True

    def deliver_datagram(self, data: bytes, source: Address, transport: Transport) -> None:
        """Handle a datagram whose turn it is."""
        if self.message_log.is_on or self.history.is_on:
            self._note("received", Flow(transport, source[0], source[1]), data)
        try:
            self.sip.receive_datagram(data, source, transport, self.system.now())
        finally:  # a bug in a call is logged by the loop, and the 500 that its peer gets must go out
            self.output_pending()

    def bytes_received(self, data: bytes, flow: Flow) -> None:
        """A piece of a stream."""
        if self._is_shut_out(flow):
            return
        try:
            self.sip.receive_stream_data(flow, data, self.system.now())
        finally:
            self.drain()

    def message_framed(self, data: bytes, flow: Flow) -> None:
        """A message of a stream, one by one however they came."""
        if self.message_log.is_on or self.history.is_on:
            self._note("received", flow, data)

    def message_received(self, data: bytes, flow: Flow) -> None:
        """A message of a WebSocket."""
        if self._is_shut_out(flow):
            return
        if self.message_log.is_on or self.history.is_on:
            self._note("received", flow, data)
        try:
            self.sip.receive_message(data, flow, self.system.now())
        finally:
            self.drain()

    def connection_opened(self, flow: Flow) -> None:
        """A connection stands."""
        for hook in self.hooks.connection_opened:
            hook(flow)

    def _is_shut_out(self, flow: Flow) -> bool:
        """Whether the other end of a connection is ignored; the connection is closed then."""
        if self.defence is None or not self.defence.is_dropped(flow.host, self.system.now()):
            return False
        self.transports.disconnect(flow)
        return True

    def connection_lost(self, flow: Flow) -> None:
        """A connection is gone."""
        self.sip.connection_closed(flow, self.system.now())
        for hook in self.hooks.connection_lost:
            hook(flow)
        self.drain()

    def send_failed(self, flow: Flow, reason: str) -> None:
        """A message could not be sent."""
        logger.debug(1, f"sending to {flow.host}:{flow.port} failed: {reason}")
        self.system.loop.call_soon(self._transport_failed, flow, reason)

    def _transport_failed(self, flow: Flow, reason: str) -> None:
        if self._is_running:
            self.sip.transport_failed(flow, reason, self.system.now())
            self.drain()

    # -- bytes out ---------------------------------------------------------------------------------------------------

    def drain(self) -> None:
        """Send what the SIP machine has to say and set the timer for its next deadline."""
        sip = self.sip
        is_noted = self.message_log.is_on or self.history.is_on
        for flow, data in sip.take_output():
            if is_noted:
                self._note("transmitted", flow, data)
            self.transports.send(flow, data)
        deadline = sip.next_deadline()
        if deadline is not None and self._is_running and (self._timer is None or deadline < self._timer_at):
            if self._timer is not None:
                self._timer.cancel()
            self._timer_at = deadline
            self._timer = self.system.loop.call_at(deadline, self._on_timer)

    def _on_timer(self) -> None:
        self._timer = None
        try:
            self.sip.handle_timer(self.system.now())
        finally:
            self.drain()

    def output_pending(self) -> None:
        """There may be something to send: soon, once for all messages that are read in one go."""
        if not self._draining:
            self._draining = True
            self.system.loop.call_soon(self._drain_soon)

    def _drain_soon(self) -> None:
        self._draining = False
        self.drain()

    def _note(self, what: str, flow: Flow, data: bytes) -> None:
        now = self.system.wall_time()
        self.message_log.note(what, flow, data, now)
        self.history.note(what, flow, data, now)

    def find_targets(self, flow: Flow, found: Callable[[list[Flow]], None]) -> None:
        """See SipHandler."""
        self.transports.find_targets(flow, found)

    def target_failed(self, flow: Flow) -> None:
        """See SipHandler."""
        self.transports.target_failed(flow)

    def select_flow(self, uri: SipUri, current: Flow) -> Flow:
        """See SipHandler: a connection is used as long as it stands; then there is another way, or the same address again."""
        if current.connection is None or is_alive(current):
            return current
        return self.transports.flow_to(current.transport.label, uri) or current._replace(connection=None)

    def large_request(self, request: Request, size: int, flow: Flow) -> Flow:
        """See SipHandler."""
        return flow if self.settings.system.disable_tcp_switch else self.transports.larger(flow)

    def close_connection(self, flow: Flow, reason: str) -> None:
        """A stream that makes no sense any more."""
        logger.notice(f"closing the connection from {flow.host}:{flow.port}: {reason}")
        self.transports.disconnect(flow)

    def message_discarded(self, error: SipParseError, data: bytes, flow: Flow) -> None:
        """A message that cannot be used; the SIP machine counts them."""
        logger.debug(1, f"a message from {flow.host}:{flow.port} was discarded: {error}")
        offended(self, flow.host, Offence.MALFORMED)

    # -- requests ----------------------------------------------------------------------------------------------------

    def request_received(self, transaction: ServerTransaction) -> None:
        """A request outside of any dialog: who is it, may it, what does it want."""
        request, flow = transaction.request, transaction.flow
        method = request.method
        if self.overload.lag and self.overload.refuses(transaction, self.system.now()):
            return
        if self.dynamic is not None and self.dynamic.holds(transaction):
            return
        for stray in self.hooks.stray_request:
            if stray(transaction):
                return
        endpoint = self.identifier.identify(request, flow)
        now = self.system.now()
        if endpoint is None:
            self._stranger(transaction, now)
            return
        transaction.force_rport = endpoint.force_rport
        if endpoint.has_access_rules and self.is_refused(endpoint, transaction):
            return
        if endpoint.auth and not (method == "OPTIONS" and endpoint.allow_unauthenticated_options):
            verdict, challenge = self.authenticator.check(endpoint, request, now)
            if self.system.test_events:
                tell_state(self.system, "INCOMING_AUTH_VERIFY_RESULT", Endpoint=endpoint.name, Result=verdict.name)
            if verdict is not Verdict.OK:
                self._challenge(transaction, endpoint, verdict)
                self.sip.answer_statelessly(transaction, 401, challenge)
                return
            self.security.succeeded(transaction, endpoint.name)
            if self.defence is not None:
                self.defence.proved(flow.host, now)
        refusal = requests.not_understood(request) if method != "INVITE" else ()
        if refusal:
            self.sip.answer_statelessly(transaction, 420, refusal)
            return
        for hook in self.hooks.request_received:
            if hook(endpoint, transaction):
                return
        if method == "INVITE":
            incoming.invite_received(self, endpoint, transaction)
        elif method == "OPTIONS":
            requests.answer_options(self, endpoint, transaction)
        else:
            requests.answer_other(transaction)

    def is_refused(self, rules: EndpointObject | AclObject, transaction: ServerTransaction) -> bool:
        """Whether the access lists of an endpoint or an acl object refuse a request, which is then answered with 403."""
        request, flow = transaction.request, transaction.flow
        found = access.refusal(rules, self.system.service(ACCESS_LISTS, NamedLists), request, flow)
        if found is None:
            return False
        self.counters["refused by address"] += 1
        logger.notice(
            f"Request '{request.method}' of {rules.kind} '{rules.name}' refused: {found.address} is denied by '{found.acl}'"
        )
        account = rules.name if rules.kind == "endpoint" else UNKNOWN
        self.security.report(SecurityEventType.FAILED_ACL, transaction, account, ACLName=found.acl)
        self.sip.answer_statelessly(transaction, 403)
        return True

    def _challenge(self, transaction: ServerTransaction, endpoint: EndpointObject, verdict: Verdict) -> None:
        if verdict is not Verdict.BAD:
            self.counters["challenged"] += 1
            self.security.challenged(transaction, endpoint.name)
            return
        self.counters["authentication failed"] += 1
        self._tell_failure(transaction, "Failed to authenticate")
        self.security.failed(transaction, endpoint.name)
        if self.authenticator.proves_address(transaction.request):
            offended(self, transaction.flow.host, Offence.WRONG_PASSWORD)

    def _tell_failure(self, transaction: ServerTransaction, why: str) -> None:
        request, flow = transaction.request, transaction.flow
        logger.notice(
            f"Request '{request.method}' from '{request.get('From')}' failed for '{flow.host}:{flow.port}' "
            f"(callid: {request.call_id}) - {why}"
        )

    def _stranger(self, transaction: ServerTransaction, now: float) -> None:
        """A request that belongs to no endpoint gets the challenge that everybody gets, whatever it answers."""
        options = self.settings.globals
        self.counters["unidentified"] += 1
        host = transaction.flow.host
        if self.unidentified.count(host, now, options.unidentified_request_period, options.unidentified_request_count):
            self._tell_failure(transaction, "No matching endpoint found")
        self.security.stranger(transaction)
        verdict, challenge = self.authenticator.check_stranger(transaction.request, now)
        if verdict is Verdict.MISSING:
            self.security.challenged(transaction, UNKNOWN)
        else:
            self.security.failed(transaction, UNKNOWN)
        self.sip.answer_statelessly(transaction, 401, challenge)
        offended(self, host, Offence.UNKNOWN_ACCOUNT)

    def is_full(self, transaction: ServerTransaction) -> bool:
        """Whether a new call is refused: shutting down, not started yet, or no room by asterisk.conf."""
        system = self.system
        if not system.accepts_calls or not system.is_booted:
            self.counters["refused as full"] += 1
            return True
        options = system.options
        if not (options.maxcalls or options.maxload or options.minmemfree):
            return False
        reason = self.limits.check(self.incoming_calls)
        if reason is None:
            return False
        self.counters["refused as full"] += 1
        user = transaction.request.from_.uri.user or UNKNOWN
        self.security.report(_FULL_EVENTS[reason], transaction, user)
        return True

    # -- calls -------------------------------------------------------------------------------------------------------

    def leg_started(self, leg: Leg) -> None:
        """A leg has a channel now."""
        self.legs[leg] = None
        leg.hooks = self.hooks.of(leg.endpoint)
        self.incoming_calls += not leg.is_caller
        self._legs_by_endpoint.setdefault(leg.endpoint.name, {})[leg] = None

    def leg_ended(self, leg: Leg) -> None:
        """A leg's channel is gone."""
        if leg in self.legs:
            del self.legs[leg]
            self.incoming_calls -= not leg.is_caller
            name = leg.endpoint.name
            legs = self._legs_by_endpoint[name]
            del legs[leg]
            if not legs:
                del self._legs_by_endpoint[name]

    def legs_of(self, endpoint: str) -> list[Leg]:
        """The legs of an endpoint."""
        return list(self._legs_by_endpoint.get(endpoint, ()))

    # -- contacts and states -----------------------------------------------------------------------------------------

    def rewritten(self, uri: SipUri, flow: Flow) -> SipUri:
        """A contact as it is reached from here: at the address it registered from (rewrite_contact)."""
        uri = at_source(uri, flow)
        name = flow.transport.name
        if name in ("WS", "WSS") or (name != "UDP" and uri.transport is None):
            uri = uri.with_params(uri.params.replace("transport", name.lower()))
        return uri

    def endpoints_of(self, aor: str) -> list[EndpointObject]:
        """The endpoints that use an aor."""
        return self.settings.endpoints_of(aor)

    def _contact_changed(self, contact: Contact, is_new: bool) -> None:
        self.qualifier.contact_changed(contact, is_new)
        for hook in self.hooks.contact_changed:
            hook(contact, is_new)
        self.aor_changed(contact.aor)

    def aor_changed(self, aor: str) -> None:
        """Whether an aor can be reached may have changed: its endpoints' device states are looked at."""
        states = getattr(self.system, "device_states", None)
        if states is None:
            return
        for endpoint in self.endpoints_of(aor):
            states.changed(f"PJSIP/{endpoint.name}")

    def device_state(self, name: str) -> DeviceState:
        """The state of an endpoint as a device."""
        return state_of(self, name)

    def contact_expiry_changed(self) -> None:
        """Set the timer for the next registration that ends."""
        if self._expiry is not None:
            self._expiry.cancel()
            self._expiry = None
        due = self.contacts.next_expiry()
        if due is not None and self._is_running:
            delay = max(due - self.system.wall_time(), 0.0) + 0.05
            delay = min(delay, float(self.settings.globals.contact_expiration_check_interval))
            self._expiry = self.system.loop.call_later(delay, self._expire_contacts)

    def _expire_contacts(self) -> None:
        self._expiry = None
        for contact in self.contacts.expire():
            logger.verbose(3, f"Contact {contact.aor}/{contact.uri} has been deleted: it expired")
        self.unidentified.prune(self.system.now(), self.settings.globals.unidentified_request_prune_interval)
        self.contact_expiry_changed()


_FULL_EVENTS = {
    Full.CALLS: SecurityEventType.SESSION_LIMIT,
    Full.LOAD: SecurityEventType.LOAD_AVERAGE_LIMIT,
    Full.MEMORY: SecurityEventType.MEMORY_LIMIT,
}


def _sip_settings(settings: PjsipSettings) -> SipSettings:
    options, machine = settings.globals, settings.system
    return SipSettings(
        t1=machine.timer_t1 / 1000,
        timer_b=machine.timer_b / 1000,
        timer_d=machine.timer_b / 1000,
        user_agent=options.user_agent or f"Globstar {__version__}",
        max_forwards=options.max_forwards,
        rport=not machine.disable_rport,
        compact_headers=machine.compact_headers,
    )


NetworkMaker = Callable[["System"], "Network"]
