"""SUBSCRIBE and NOTIFY (RFC 6665): dispatches subscriptions to event packages and keeps those that live."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterable
from typing import TYPE_CHECKING

from globstar.base.log import Logger
from globstar.core import events
from globstar.modules.channels.pjsip.authenticate import outbound_credentials
from globstar.modules.channels.pjsip.leg import ALLOW
from globstar.modules.channels.pjsip.pubsub.owners import PackageOwner
from globstar.modules.channels.pjsip.pubsub.package import EventPackage
from globstar.modules.channels.pjsip.pubsub.persistence import SubscriptionRecords
from globstar.modules.channels.pjsip.pubsub.resource_list import MULTIPART, REQUIRE, RLMI, ListSubscription
from globstar.modules.channels.pjsip.pubsub.subscription import Subscription
from globstar.modules.channels.pjsip.refer import EVENTS
from globstar.modules.channels.pjsip.requests import SUPPORTED
from globstar.modules.channels.pjsip.supplement import Supplement
from globstar.proto.sip.errors import SipParseError
from globstar.proto.sip.notifier import Notifier, event_of

if TYPE_CHECKING:
    from globstar.modules.channels.pjsip.driver import PjsipDriver
    from globstar.modules.channels.pjsip.endpoint import EndpointObject
    from globstar.modules.channels.pjsip.pubsub.cli import Row
    from globstar.modules.channels.pjsip.settings import PjsipSettings
    from globstar.proto.sip.message import Request
    from globstar.proto.sip.transaction import ServerTransaction

logger = Logger("res_pjsip_pubsub")

#: Seconds of a subscription that asks for none.
DEFAULT_EXPIRES = 3600
#: Subscriptions of one endpoint; more are refused with 503.
MAX_PER_ENDPOINT = 10000
#: After a restart so many are told at once, then so many seconds pass.
BATCH = 50
BATCH_PAUSE = 0.1


class PubSub(Supplement):
    """All subscriptions that we serve. Other supplements add packages with ``add_package``."""

    module = "res_pjsip_pubsub"
    priority = 50

    def __init__(self, driver: PjsipDriver) -> None:
        super().__init__(driver)
        self.packages: dict[str, EventPackage] = {}
        self.subscriptions: dict[Subscription, None] = {}
        #: subscriptions that we have with others, kept by those who made them
        self.outbound: dict[Row, None] = {}
        self._by_endpoint: dict[str, int] = {}
        self.counters = dict.fromkeys(("accepted", "refused", "ended"), 0)
        self.records = SubscriptionRecords(self)
        self._is_stopping = False
        self._unsubscribe: Callable[[], None] | None = None

    @property
    def left_out(self) -> frozenset[str]:
        """Modules that modules.conf leaves out, body generators among them."""
        return frozenset(self.driver.system.loader.parts.left_out)

    def configure(self, settings: PjsipSettings) -> None:
        """Subscriptions of endpoints that are gone, or may subscribe no more, end; the others follow the new options."""
        for subscription in list(self.subscriptions):
            endpoint = settings.endpoints.get(subscription.endpoint.name)
            if endpoint is None or not endpoint.allow_subscribe:
                subscription.notifier.terminate("configuration", says="deactivated")
            else:
                subscription.endpoint = endpoint

    def add_package(self, package: EventPackage) -> None:
        """Serve subscriptions to an event."""
        self.packages[package.event] = package

    def remove_packages(self, events_of: Iterable[str]) -> None:
        """Serve some events no more; their subscriptions end."""
        for event in events_of:
            self.packages.pop(event, None)
        for subscription in list(self.subscriptions):
            if subscription.package.event not in self.packages and not self._is_stopping:
                subscription.notifier.terminate("module unloaded", says="deactivated")

    async def start(self) -> None:
        """What outlived a restart goes on once everything is loaded: packages and hints."""
        self._is_stopping = False
        for owner in self.driver.supplements:
            if isinstance(owner, PackageOwner):
                owner.offer(self)
        system = self.driver.system
        if system.is_booted:
            system.loop.call_soon(self._restore)
        else:
            self._unsubscribe = system.bus.subscribe(events.FullyBooted, lambda event: self._restore())

    def _restore(self) -> None:
        if self._is_stopping:
            return
        found = self.records.restore()
        if found:
            logger.verbose(2, f"{len(found)} subscriptions go on")
            for subscription in found:
                self.add(subscription)
            self.driver.tasks.start(self._tell(found), name="restored subscriptions")

    async def _tell(self, restored: list[Subscription]) -> None:
        """Tell the subscribers the state after a restart, some at a time."""
        for number, subscription in enumerate(restored, 1):
            subscription.notifier.notify_now()
            if number % BATCH == 0:
                await asyncio.sleep(BATCH_PAUSE)

    async def stop(self) -> None:
        """The driver ends: subscriptions end without a word; their records let them go on after the next start."""
        self._is_stopping = True
        if self._unsubscribe is not None:
            self._unsubscribe()
            self._unsubscribe = None
        for subscription in list(self.subscriptions):
            subscription.notifier.drop("shutdown")

    # -- requests ----------------------------------------------------------------------------------------------------

    def request_received(self, endpoint: EndpointObject, transaction: ServerTransaction) -> bool:
        """A SUBSCRIBE outside of dialogs."""
        if transaction.request.method != "SUBSCRIBE":
            return False
        status = self._subscribe(endpoint, transaction)
        if status != 200:
            self.counters["refused"] += 1
            if not transaction.is_answered:
                transaction.respond(status)
        return True

    def _subscribe(self, endpoint: EndpointObject, transaction: ServerTransaction) -> int:
        request = transaction.request
        if not endpoint.allow_subscribe:
            logger.warning(f"Subscriptions of endpoint '{endpoint.name}' are not allowed (allow_subscribe=no)")
            return 603
        if not request.uri.is_sip:
            return 416
        expires = request.expires
        if expires is None:
            expires = DEFAULT_EXPIRES
        elif expires == 0:
            return 400
        elif expires < endpoint.sub_min_expiry:
            transaction.respond(423, headers=[("Min-Expires", str(endpoint.sub_min_expiry))])
            return 423
        event, event_id = event_of(request.get("Event") or "")
        package = self.packages.get(event)
        if package is None:
            logger.warning(f"Endpoint '{endpoint.name}' subscribes to the unknown event '{event}'")
            return 489
        content_type = package.choose_type(self.accepted(request))
        if content_type is None:
            logger.warning(f"Endpoint '{endpoint.name}' takes no body that tells of '{event}'")
            return 489
        if self._by_endpoint.get(endpoint.name, 0) >= MAX_PER_ENDPOINT:
            return 503
        request.contact  # noqa: B018 - raises the 400 that a SUBSCRIBE without Contact gets
        subscription = self.make(endpoint, package, content_type, request)
        status = subscription.open(transaction)
        if status != 200:
            logger.notice(f"Subscription of endpoint '{endpoint.name}' to {event} of '{subscription.name}' refused: {status}")
            return status
        self._start(subscription, transaction, event, event_id, expires)
        return 200

    def make(self, endpoint: EndpointObject, package: EventPackage, content_type: str, request: Request) -> Subscription:
        """The subscription that a request asks for."""
        user = request.uri.user or ""
        listed = self.driver.settings.resource_lists.get(user)
        is_list = listed is not None and listed.event == package.event and request.supports("eventlist")
        cls = ListSubscription if is_list else Subscription
        return cls(self, endpoint, package, content_type, user, str(request.to.uri), str(request.from_.uri))

    def _start(self, subscription: Subscription, transaction: ServerTransaction, event: str, event_id: str, expires: int) -> None:
        endpoint, flow = subscription.endpoint, transaction.flow
        contact = self.driver.transports.contact(flow.transport, endpoint.contact_user, flow.host)
        subscription.notifier = self.new_notifier(subscription, event, event_id)
        try:
            subscription.notifier.accept(transaction, contact, expires, rewrite_contact=endpoint.rewrite_contact)
        except SipParseError:
            subscription.close()
            raise
        self.add(subscription)
        self.counters["accepted"] += 1
        subscription.notifier.notify_now()
        self.subscription_refreshed(subscription, transaction)

    def new_notifier(self, subscription: Subscription, event: str, event_id: str) -> Notifier:
        """The SIP side of a subscription."""
        endpoint = subscription.endpoint
        return Notifier(
            self.driver.sip, subscription, event, event_id, headers=[EVENTS],
            answer_headers=[ALLOW, SUPPORTED, *((REQUIRE,) if isinstance(subscription, ListSubscription) else ())],
            credentials=outbound_credentials(self.driver.settings, endpoint), usual=DEFAULT_EXPIRES,
        )  # fmt: skip

    @staticmethod
    def accepted(request: Request) -> tuple[str, ...]:
        """The content types that a subscriber takes for a state, in its order; those of lists are no states."""
        kinds = (token.partition(";")[0].strip().lower() for token in request.tokens("Accept"))
        return tuple(kind for kind in kinds if kind not in (RLMI, MULTIPART, "multipart/mixed"))

    # -- life of subscriptions ---------------------------------------------------------------------------------------

    def add(self, subscription: Subscription) -> None:
        """A subscription lives."""
        self.subscriptions[subscription] = None
        name = subscription.endpoint.name
        self._by_endpoint[name] = self._by_endpoint.get(name, 0) + 1

    def subscription_refreshed(self, subscription: Subscription, transaction: ServerTransaction) -> None:
        """It began, or was renewed."""
        self.records.save(subscription, transaction)

    def subscription_ended(self, subscription: Subscription, reason: str) -> None:
        """It is over."""
        if not self._is_stopping:
            self.records.remove(subscription)
        if subscription in self.subscriptions:
            del self.subscriptions[subscription]
            name = subscription.endpoint.name
            self._by_endpoint[name] -= 1
            if not self._by_endpoint[name]:
                del self._by_endpoint[name]
            self.counters["ended"] += 1
            logger.debug(1, f"Subscription of '{name}' to {subscription.package.event} of '{subscription.name}' ended: {reason}")

    def describe(self) -> dict[str, object]:
        """See Supplement."""
        return {"subscriptions": len(self.subscriptions), **self.counters}


def pubsub_of(driver: PjsipDriver) -> PubSub | None:
    """The supplement that serves subscriptions; None when it is left out."""
    return next((one for one in driver.supplements if isinstance(one, PubSub)), None)
