"""One subscription that an endpoint has with us."""

from __future__ import annotations

from typing import TYPE_CHECKING

from globstar.core.testevents import tell_state
from globstar.modules.channels.pjsip.pubsub.package import EventPackage, Resource
from globstar.proto.sip.message import Headers
from globstar.proto.sip.notifier import Notifier, NotifierUser

if TYPE_CHECKING:
    from globstar.modules.channels.pjsip.endpoint import EndpointObject
    from globstar.modules.channels.pjsip.supplements.pubsub import PubSub
    from globstar.proto.sip.transaction import ServerTransaction


class Subscription(NotifierUser):
    """A subscription to one resource; ``notifier`` is its SIP side."""

    def __init__(
        self,
        owner: PubSub,
        endpoint: EndpointObject,
        package: EventPackage,
        content_type: str,
        name: str,
        local: str,
        remote: str,
    ) -> None:
        self.owner = owner
        self.endpoint = endpoint
        self.package = package
        self.content_type = content_type
        self.name = name
        self.local = local
        self.remote = remote
        #: key of its record in the AstDB
        self.record = ""
        #: the SUBSCRIBE that began it
        self.packet = ""
        self.notifier: Notifier
        self.resource: Resource | None = None

    @property
    def version(self) -> int:
        """How often its state changed; bodies count with it."""
        return self.resource.version if self.resource is not None else 0

    @version.setter
    def version(self, version: int) -> None:
        if self.resource is not None:
            self.resource.version = version

    @property
    def host(self) -> str:
        """Our own name as the subscriber calls us."""
        return self.local.rpartition("@")[2].partition(":")[0] if "[" not in self.local else self.local.partition("@")[2]

    @property
    def what(self) -> str:
        """Resource and event, for the CLI."""
        return f"{self.name}/{self.package.event}"

    @property
    def remaining(self) -> int:
        """Seconds that are left."""
        return self.notifier.remaining

    @property
    def call_id(self) -> str:
        """Call-ID of its dialog."""
        dialog = self.notifier.dialog
        return dialog.call_id if dialog is not None else ""

    def details(self) -> list[tuple[str, str]]:
        """What the CLI tells of one subscription."""
        pairs = [("Subscriber", self.remote), ("Content-Type", self.content_type), ("State", self.notifier.describe())]
        if self.resource is not None:
            pairs += self.package.describe(self.resource).items()
        return pairs

    def open(self, request_body: ServerTransaction | None) -> int:
        """Begin to follow what is subscribed to; 200, or the status that refuses."""
        resource = Resource(self.package, self, self.name, self.local, self.host, self.content_type)
        status = self.package.open(resource, self.endpoint, request_body.request if request_body is not None else None)
        if status == 200:
            self.resource = resource
            system = self.package.driver.system
            tell_state(system, "SUBSCRIPTION_ESTABLISHED", Endpoint=self.endpoint.name, Resource=self.name)
            tell_state(system, "SUBSCRIPTION_STATE_SET", StateText="ACTIVE", Endpoint=self.endpoint.name)
        return status

    def close(self) -> None:
        """Follow it no more."""
        if self.resource is not None:
            self.package.close(self.resource)

    # -- changes -----------------------------------------------------------------------------------------------------

    def resource_changed(self, resource: Resource) -> None:
        """Tell the subscriber."""
        tell_state(self.package.driver.system, "SUBSCRIPTION_STATE_CHANGED", Endpoint=self.endpoint.name, Resource=self.name)
        self.notifier.notify_now()

    def resource_removed(self, resource: Resource) -> None:
        """The end (RFC 6665 4.1.3 noresource)."""
        self.notifier.terminate("no resource", says="noresource")

    # -- for the notifier --------------------------------------------------------------------------------------------

    def notification(self, subscription: Notifier) -> tuple[bytes, str, Headers]:
        """See NotifierUser."""
        resource = self.resource
        assert resource is not None
        body, content_type = resource.content()
        return body, content_type, self.package.headers(resource)

    def refuses(self, subscription: Notifier, transaction: ServerTransaction) -> int:
        """See NotifierUser."""
        return self.package.refuses(self.resource, transaction.request) if self.resource is not None else 0

    def subscription_refreshed(self, subscription: Notifier, transaction: ServerTransaction) -> None:
        """See NotifierUser."""
        if self.resource is not None:
            self.package.refreshed(self.resource, transaction.request)
        tell_state(self.package.driver.system, "SUBSCRIPTION_REFRESHED", Endpoint=self.endpoint.name, Resource=self.name)
        self.owner.subscription_refreshed(self, transaction)

    def subscription_ended(self, subscription: Notifier, reason: str) -> None:
        """See NotifierUser."""
        self.close()
        system = self.package.driver.system
        tell_state(system, "SUBSCRIPTION_STATE_SET", StateText="TERMINATED", Endpoint=self.endpoint.name)
        tell_state(system, "SUBSCRIPTION_TERMINATED", Endpoint=self.endpoint.name, Resource=self.name)
        self.owner.subscription_ended(self, reason)
