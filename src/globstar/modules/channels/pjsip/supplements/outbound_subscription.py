"""Our subscriptions to mailboxes elsewhere (RFC 3842): ``type=outbound-subscription`` shows one as a mailbox of ours."""

from __future__ import annotations

from typing import TYPE_CHECKING

from globstar.base.log import Logger
from globstar.modules.channels.pjsip.authenticate import outbound_credentials
from globstar.modules.channels.pjsip.pubsub.bodies import message_summary
from globstar.modules.channels.pjsip.supplement import Supplement
from globstar.modules.channels.pjsip.supplements.pubsub import pubsub_of
from globstar.proto.sip.errors import SipParseError
from globstar.proto.sip.flow import Flow
from globstar.proto.sip.headers.address import NameAddr
from globstar.proto.sip.subscriber import Subscriber, SubscriberUser
from globstar.proto.sip.uri import SipUri

if TYPE_CHECKING:
    from globstar.modules.channels.pjsip.driver import PjsipDriver
    from globstar.modules.channels.pjsip.endpoint import EndpointObject
    from globstar.modules.channels.pjsip.objects_events import OutboundSubscriptionObject
    from globstar.modules.channels.pjsip.settings import PjsipSettings
    from globstar.proto.sip.message import Request

logger = Logger("res_pjsip_mwi")


class MailboxSubscription(SubscriberUser):
    """One mailbox elsewhere."""

    def __init__(self, driver: PjsipDriver, config: OutboundSubscriptionObject, endpoint: EndpointObject) -> None:
        self._driver = driver
        self.config = config
        self.endpoint = endpoint
        uri = SipUri.parse(config.server_uri)
        if config.client_uri:
            us = SipUri.parse(config.client_uri)
        else:
            flow = self._flow_to(uri)
            host = driver.transports.local_address(flow.transport, flow.host) if flow is not None else uri.host
            us = SipUri("sip", endpoint.from_user or endpoint.name, host=endpoint.from_domain or host)
        self.subscriber = Subscriber(
            driver.sip, self, uri=uri, from_=NameAddr(us), flow=lambda: self._flow_to(uri), contact=self._contact,
            event="message-summary", accept=message_summary.CONTENT_TYPE, expires=config.expiration, retry=config.retry_interval,
            credentials=outbound_credentials(driver.settings, endpoint),
        )  # fmt: skip

    def _flow_to(self, uri: SipUri) -> Flow | None:
        return self._driver.transports.flow_to(self.endpoint.transport, uri)

    def _contact(self, flow: Flow) -> str:
        user = self.endpoint.contact_user or self.endpoint.name
        return self._driver.transports.contact(flow.transport, user, flow.host)

    # -- what comes --------------------------------------------------------------------------------------------------

    def notified(self, subscription: Subscriber, request: Request) -> int:
        """See SubscriberUser."""
        if not request.body:
            return 200
        counts = message_summary.parse(request.body)
        if counts is None:
            return 400
        self._driver.system.mailboxes.update(self.config.mailbox, *counts, source=f"PJSIP/{self.endpoint.name}")
        return 200

    def subscription_failed(self, subscription: Subscriber, status: int, reason: str) -> None:
        """See SubscriberUser."""
        logger.warning(f"outbound-subscription '{self.config.name}' to {subscription.uri}: {status or 'ended'} {reason}")

    # -- for the CLI -------------------------------------------------------------------------------------------------

    @property
    def what(self) -> str:
        """Resource and event."""
        return f"{self.subscriber.uri.user or self.subscriber.uri}/message-summary"

    @property
    def remaining(self) -> int:
        """Seconds left."""
        return self.subscriber.remaining

    @property
    def call_id(self) -> str:
        """Of its dialog."""
        return self.subscriber.call_id

    def details(self) -> list[tuple[str, str]]:
        """What is told of one."""
        return [("Mailbox", self.config.mailbox), ("State", self.subscriber.describe())]


class OutboundSubscriptions(Supplement):
    """Keeps the subscriptions of the configuration."""

    module = "res_pjsip_mwi"
    priority = 200

    def __init__(self, driver: PjsipDriver) -> None:
        super().__init__(driver)
        self.subscriptions: dict[str, MailboxSubscription] = {}
        self._is_started = False

    async def start(self) -> None:
        """See Supplement."""
        self._is_started = True
        self._follow(self.driver.settings)

    async def stop(self) -> None:
        """See Supplement."""
        self._is_started = False
        for name in list(self.subscriptions):
            self._end(name)

    def configure(self, settings: PjsipSettings) -> None:
        """See Supplement."""
        if self._is_started:
            self._follow(settings)

    def _end(self, name: str) -> None:
        subscription = self.subscriptions.pop(name)
        subscription.subscriber.stop()
        pubsub = pubsub_of(self.driver)
        if pubsub is not None:
            pubsub.outbound.pop(subscription, None)

    def _follow(self, settings: PjsipSettings) -> None:
        for name, running in list(self.subscriptions.items()):
            config = settings.outbound_subscriptions.get(name)
            if config is None or config != running.config or settings.endpoints.get(config.endpoint) != running.endpoint:
                self._end(name)
        for name, config in settings.outbound_subscriptions.items():
            endpoint = settings.endpoints.get(config.endpoint)
            if name in self.subscriptions or endpoint is None:
                continue
            try:
                subscription = MailboxSubscription(self.driver, config, endpoint)
            except SipParseError as error:
                logger.error(f"outbound-subscription '{name}': {error}")
                continue
            self.subscriptions[name] = subscription
            pubsub = pubsub_of(self.driver)
            if pubsub is not None:
                pubsub.outbound[subscription] = None
            subscription.subscriber.start()
