"""Objects in a database that may change at any time: what a request or a call concerns is read again before it is treated.

All objects are read with the configuration; a row that is new, gone or different is taken over when somebody needs it. A request
that has to wait for the database is held, with its transaction, and treated as if it came now.
"""

from __future__ import annotations

import asyncio
import inspect
from collections.abc import Awaitable, Callable, Iterable
from typing import TYPE_CHECKING, Any

from globstar.base.log import Logger
from globstar.config.options import Report
from globstar.core.realtime.engine import RealtimeFault
from globstar.core.registry import FunctionSpec
from globstar.core.sorcery import SorceryObject, TypeStore
from globstar.modules.channels.pjsip.contacts import Contact
from globstar.modules.channels.pjsip.objectstores import ObjectStores, as_category
from globstar.modules.channels.pjsip.replacing import replace_objects
from globstar.proto.sip.errors import SipParseError
from globstar.proto.sip.headers.digest import Credentials
from globstar.proto.sip.message import Request

if TYPE_CHECKING:
    from globstar.modules.channels.pjsip.driver import PjsipDriver
    from globstar.modules.channels.pjsip.endpoint import EndpointObject
    from globstar.proto.sip.flow import Flow
    from globstar.proto.sip.transaction import ServerTransaction

logger = Logger("res_pjsip")

#: Requests that may wait for the database; more are answered 503.
MAX_HELD = 500
#: Identify objects are read again after so long, or when nothing known fits a request; seconds.
IDENTIFY_LIFE = 1.0
#: Complaints that are remembered, so that each is told once.
MAX_TOLD = 1000
#: Changes are told to features that look at all objects once in so long, seconds.
TELL_AFTER = 1.0
#: Functions that tell of objects; their first argument is the name of an endpoint, of an aor, or of a contact of one.
_FUNCTIONS = ("PJSIP_DIAL_CONTACTS", "PJSIP_ENDPOINT", "PJSIP_AOR", "PJSIP_CONTACT")
#: Commands and manager actions that list objects of these kinds begin like this.
_LISTS = ("endpoint", "aor", "auth", "contact", "identif")

Change = tuple[str, str, SorceryObject | None]


class DynamicObjects:
    """The objects of one configuration that are looked up as they are needed."""

    def __init__(self, driver: PjsipDriver, stores: ObjectStores) -> None:
        self.driver = driver
        self._stores = stores
        self._dynamic = stores.dynamic
        self._ready: set[ServerTransaction] = set()
        self._held = 0
        self._report = Report()
        self._told = 0
        self._asking: dict[tuple[str, str], asyncio.Future[SorceryObject | RealtimeFault | None]] = {}
        self._identified_at = driver.system.now()
        #: when each domain was looked up last
        self._aliased_at: dict[str, float] = {}
        self._telling: asyncio.TimerHandle | None = None
        self._functions: list[tuple[FunctionSpec, Callable[[Any, str], Any]]] = []
        self._handlers: list[tuple[Any, Callable[..., Any]]] = []
        self.counters = {"held": 0, "refused": 0, "changed": 0}

    # -- requests ----------------------------------------------------------------------------------------------------

    def holds(self, transaction: ServerTransaction) -> bool:
        """Whether a request waits for the database, and comes again; False when it has waited."""
        if transaction in self._ready:
            self._ready.discard(transaction)
            return False
        if self._held >= MAX_HELD:
            self.counters["refused"] += 1
            self.driver.sip.answer_statelessly(transaction, 503, [("Retry-After", "5")])
            return True
        self._held += 1
        self.counters["held"] += 1
        self.driver.tasks.start(self._look_up(transaction), name="objects of a request")
        return True

    async def _look_up(self, transaction: ServerTransaction) -> None:
        try:
            await self._refresh_for(transaction.request, transaction.flow)
        except RealtimeFault as fault:  # told once by realtime; what is known counts
            logger.debug(1, f"objects are used as they were read last: {fault}")
        finally:
            self._held -= 1
        if transaction.is_answered or transaction.is_terminated:
            return
        self._ready.add(transaction)
        try:
            self.driver.sip.resume(transaction)
        finally:
            self._ready.discard(transaction)
            self.driver.drain()

    async def _refresh_for(self, request: Request, flow: Flow) -> None:
        """Read again what the sender of a request is known by, then what its endpoint refers to."""
        driver = self.driver
        before = driver.identifier.identify(request, flow)
        # user@domain and anonymous are asked for when there is such an endpoint, or none of the plain name
        names = self._names(request)
        known = driver.settings.endpoints
        first = [name for name in names if name in known or ("@" not in name and name != "anonymous")]
        if before is not None:
            first.append(before.name)
        await self._refresh("endpoint", first)
        if driver.identifier.identify(request, flow) is None:
            await self._refresh("endpoint", [name for name in names if name not in first])
        endpoint = driver.identifier.identify(request, flow)
        now = driver.system.now()
        if "domain_alias" in self._dynamic and self._asks_for_alias(request.from_.uri.host, now, is_known=endpoint is not None):
            await self._refresh("domain_alias", [request.from_.uri.host])
            endpoint = driver.identifier.identify(request, flow)
        if "identify" in self._dynamic and (endpoint is None or now - self._identified_at >= IDENTIFY_LIFE):
            await self._refresh_identifies()
            endpoint = driver.identifier.identify(request, flow)
        if endpoint is None:
            return
        if endpoint.auth and not request.has("Authorization"):  # it is challenged: what it wants is looked up when it comes back
            await self._refresh("auth", endpoint.auth)
        else:
            await self.refresh_endpoint(endpoint)

    def _asks_for_alias(self, host: str, now: float, *, is_known: bool) -> bool:
        """Whether a domain is looked up: for a stranger each time, else now and then, as a shared row is read by every phone."""
        if is_known and now - self._aliased_at.get(host, -IDENTIFY_LIFE) < IDENTIFY_LIFE:
            return False
        if len(self._aliased_at) >= MAX_HELD:
            self._aliased_at.clear()
        self._aliased_at[host] = now
        return True

    def _names(self, request: Request) -> list[str]:
        """Names that the endpoint of a request may have."""
        settings = self.driver.settings
        uri = request.from_.uri
        pairs = [(self._cut(uri.user or ""), uri.host)]
        for value in request.get_all("Authorization"):
            try:
                credentials = Credentials.parse(value)
            except SipParseError:
                continue
            pairs.append((credentials.username, credentials.realm))
        if "anonymous" in settings.globals.endpoint_identifier_order:
            pairs.append(("anonymous", uri.host))
        found: list[str] = []
        for user, domain in pairs:
            if not user:
                continue
            if not settings.globals.disable_multi_domain:
                found.append(f"{user}@{domain}")
                alias = settings.domain_aliases.get(domain.lower())
                if alias:
                    found.append(f"{user}@{alias}")
            found.append(user)
        return found

    def _cut(self, user: str) -> str:
        return user.partition(";")[0] if self.driver.settings.globals.ignore_uri_user_options else user

    # -- calls and functions -----------------------------------------------------------------------------------------

    async def refresh_destination(self, destination: str) -> None:
        """Read again what a call to ``endpoint[/...]`` or ``user@endpoint`` concerns; faults are told and no obstacle."""
        first, _, rest = destination.partition("/")
        names = [first, *([first.rpartition("@")[2]] if "@" in first else [])]
        try:
            await self._refresh("endpoint", names)
            for name in names:
                endpoint = self.driver.settings.endpoints.get(name)
                if endpoint is not None:
                    await self.refresh_endpoint(endpoint, [rest] if rest and ":" not in rest else [])
                    return
        except RealtimeFault as fault:
            logger.debug(1, f"objects are used as they were read last: {fault}")

    async def refresh_endpoint(self, endpoint: EndpointObject, more_aors: Iterable[str] = ()) -> None:
        """Read again what an endpoint refers to. Raises RealtimeFault."""
        aors = [*endpoint.aors, *more_aors]
        await asyncio.gather(
            self._refresh("auth", [*endpoint.auth, *endpoint.outbound_auth]),
            self._refresh("aor", aors),
            self._refresh_contacts(aors),
        )

    def attach(self) -> None:
        """Have the functions, commands and manager actions that tell of objects read them again first."""
        system = self.driver.system
        for spec in system.registry("cli command"):
            words = spec.name.split()
            if words[0] == "pjsip" and words[1] in ("show", "list") and words[2].startswith(_LISTS):
                self._wrap(spec)
        for spec in system.registry("manager action"):
            if spec.name.lower().removeprefix("pjsipshow").startswith(_LISTS):
                self._wrap(spec)
        registry = system.function_registry
        for name in _FUNCTIONS:
            spec = registry.get(name)
            if spec is None or spec.read is None:
                continue
            self._functions.append((spec, spec.read))
            spec.read, spec.is_blocking = self._reading(spec.read, is_aor=name in ("PJSIP_AOR", "PJSIP_CONTACT")), True
        registry.generation += 1

    def _wrap(self, spec: Any) -> None:
        """Have what lists objects read all of them again first."""
        handler: Callable[..., Any] = spec.handler

        async def listing(*args: Any) -> Any:
            await self.refresh_all()
            result = handler(*args)
            return await result if inspect.isawaitable(result) else result

        self._handlers.append((spec, handler))
        spec.handler = listing

    async def refresh_all(self) -> None:
        """Take all objects and contacts as they are now; faults are told and no obstacle."""
        for kind, store in self._dynamic.items():
            try:
                objects = {one.id: one for one in await store.retrieve_all()}
            except RealtimeFault as fault:
                logger.debug(1, f"objects are used as they were read last: {fault}")
                return
            names = objects.keys() | self._stores.known.get(kind, {}).keys()
            self._take([(kind, name, objects.get(name)) for name in names])
        try:
            await self._refresh_contacts(list(self.driver.settings.aors), is_all=True)
        except RealtimeFault as fault:
            logger.debug(1, f"contacts are used as they were read last: {fault}")

    def _reading(self, read: Callable[[Any, str], Any], *, is_aor: bool) -> Callable[[Any, str], Awaitable[Any]]:
        async def reading(channel: Any, args: str) -> Any:
            name = args.partition(",")[0].strip().partition(";@")[0].partition("@@")[0]
            if is_aor:
                try:
                    await asyncio.gather(self._refresh("aor", [name]), self._refresh_contacts([name]))
                except RealtimeFault as fault:
                    logger.debug(1, f"objects are used as they were read last: {fault}")
            else:
                await self.refresh_destination(name)
            return read(channel, args)

        return reading

    def detach(self) -> None:
        """Undo :meth:`attach`; nothing is looked up any more."""
        for one, handler in self._handlers:
            one.handler = handler
        self._handlers.clear()
        for spec, read in self._functions:
            spec.read, spec.is_blocking = read, False
        if self._functions:
            self.driver.system.function_registry.generation += 1
        self._functions.clear()
        if self._telling is not None:
            self._telling.cancel()
            self._telling = None

    # -- reading -----------------------------------------------------------------------------------------------------

    async def _refresh(self, kind: str, names: Iterable[str]) -> None:
        store = self._dynamic.get(kind)
        wanted = [name for name in dict.fromkeys(names) if name]
        if store is None or not wanted:
            return
        found = await asyncio.gather(*(self._ask(store, name) for name in wanted))
        self._take([(kind, name, one) for name, one in zip(wanted, found, strict=True)])

    async def _ask(self, store: TypeStore, name: str) -> SorceryObject | None:
        """Ask for an object; several who ask for the same at a time wait for one answer."""
        key = (store.type, name)
        answer = self._asking.get(key)
        if answer is None:
            answer = self._asking[key] = self.driver.system.loop.create_future()
            self.driver.tasks.start(self._retrieve(store, name, answer), name=f"{store.type} {name}")
        found = await asyncio.shield(answer)
        if isinstance(found, RealtimeFault):
            raise found
        return found

    async def _retrieve(self, store: TypeStore, name: str, answer: asyncio.Future[SorceryObject | RealtimeFault | None]) -> None:
        found: SorceryObject | RealtimeFault | None = None
        try:
            found = await store.retrieve(name)
        except RealtimeFault as fault:
            found = fault
        finally:
            del self._asking[store.type, name]
            if not answer.done():
                answer.set_result(found)

    async def _refresh_identifies(self) -> None:
        self._identified_at = self.driver.system.now()
        objects = {one.id: one for one in await self._dynamic["identify"].retrieve_all()}
        names = objects.keys() | self._stores.known.get("identify", {}).keys()
        await self._refresh("endpoint", [one.get("endpoint") for one in objects.values() if self._is_new("identify", one)])
        self._take([("identify", name, objects.get(name)) for name in sorted(names)])

    def _is_new(self, kind: str, one: SorceryObject) -> bool:
        return self._stores.known.get(kind, {}).get(one.id) != one

    def _take(self, found: list[Change]) -> None:
        """Take over what differs from what was read before."""
        changes: list[Change] = []
        for kind, name, one in found:
            known = self._stores.known.setdefault(kind, {})
            if known.get(name) == one:
                continue
            if one is None:
                del known[name]
            else:
                known[name] = one
            changes.append((kind, name, one))
        if not changes:
            return
        self.counters["changed"] += len(changes)
        driver = self.driver
        replace_objects(driver, [(kind, name, as_category(one) if one else None) for kind, name, one in changes], self._report)
        for warning in self._report.warnings[self._told :]:
            logger.warning(str(warning))
        self._told = len(self._report.warnings)
        if self._told > MAX_TOLD:
            self._report, self._told = Report(), 0
        if self._telling is None:
            self._telling = driver.system.loop.call_later(TELL_AFTER, self._tell)

    def _tell(self) -> None:
        """Features that look at all objects learn of changes, once for all of a second."""
        self._telling = None
        self.driver.objects_changed()

    async def _refresh_contacts(self, aors: Iterable[str], *, is_all: bool = False) -> None:
        """Take over contacts that other servers have registered, and forget those that they have removed."""
        store = self._stores.contacts
        if store is None or not store.is_dynamic:
            return
        own = self.driver.contacts
        wanted = [aor for aor in dict.fromkeys(aors) if aor in self.driver.settings.aors]
        found: dict[str, list[SorceryObject]] = {aor: [] for aor in wanted}
        # what is on its way to the database while it is read may be newer than what is read
        as_known = {aor: own.changes(aor) for aor in wanted if not own.is_writing(aor)}
        if is_all:
            for one in await store.retrieve_all():
                found.setdefault(one.id.rpartition(";@")[0], []).append(one)
        for aor in wanted:
            if not is_all:
                found[aor] = await store.retrieve_all(f"{aor};@")
            if as_known.get(aor) != own.changes(aor) or own.is_writing(aor):
                continue
            contacts: list[Contact] = []
            for one in found[aor]:
                try:
                    contacts.append(Contact.of_fields(aor, dict(one.fields)))
                except ValueError as error:
                    logger.debug(1, f"contact {one.id} cannot be read: {error}")
            own.take_over(aor, contacts)


def follow(driver: PjsipDriver, stores: ObjectStores) -> DynamicObjects | None:
    """Look objects of a new configuration up as they are needed, and those of the one before no more; None if there are none."""
    if driver.dynamic is not None:
        driver.dynamic.detach()
    is_shared = stores.contacts is not None and stores.contacts.is_dynamic
    if not stores.dynamic and not is_shared:
        return None
    dynamic = DynamicObjects(driver, stores)
    dynamic.attach()
    return dynamic
