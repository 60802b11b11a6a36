"""What an event package offers to subscribers: resources, and bodies that tell their state."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, ClassVar

from globstar.proto.sip.message import Headers

if TYPE_CHECKING:
    from globstar.modules.channels.pjsip.driver import PjsipDriver
    from globstar.modules.channels.pjsip.endpoint import EndpointObject
    from globstar.modules.channels.pjsip.pubsub.subscription import Subscription
    from globstar.proto.sip.message import Request


class Resource:
    """One thing that a subscription follows. ``data`` is the package's own; ``version`` counts its changes."""

    __slots__ = ("content_type", "data", "host", "local", "name", "package", "subscription", "version")

    def __init__(
        self, package: EventPackage, subscription: Subscription, name: str, local: str, host: str, content_type: str
    ) -> None:
        self.package = package
        self.subscription = subscription
        #: user part of what was subscribed to
        self.name = name
        #: its whole URI
        self.local = local
        self.host = host
        self.content_type = content_type
        self.version = 0
        self.data: Any = None

    def changed(self) -> None:
        """Its state is another one: subscribers are told."""
        self.version += 1
        self.subscription.resource_changed(self)

    def removed(self) -> None:
        """There is no such thing any more."""
        self.subscription.resource_removed(self)

    def content(self) -> tuple[bytes, str]:
        """Its state now, and the content type of that."""
        return self.package.content(self)


class EventPackage:
    """One event package (RFC 6665 5). Objects of it live as long as the driver."""

    #: name in the Event header
    event: ClassVar[str] = ""
    #: content types, the default one first
    types: tuple[str, ...] = ()

    def __init__(self, driver: PjsipDriver) -> None:
        self.driver = driver

    def choose_type(self, accept: tuple[str, ...]) -> str | None:
        """The content type for a subscriber that takes ``accept``, in its order; without any the default one."""
        if not accept:
            return self.types[0] if self.types else None
        for wanted in accept:
            if wanted in self.types:
                return wanted
            if wanted in ("*/*", "application/*") and self.types:
                return self.types[0]
        return None

    def open(self, resource: Resource, endpoint: EndpointObject, request: Request | None) -> int:
        """Begin to follow a resource: 200, or the status that refuses. ``request`` is None after a restart."""
        return 404

    def close(self, resource: Resource) -> None:
        """Follow it no more."""

    def refreshed(self, resource: Resource, request: Request) -> None:
        """Its subscriber sent another SUBSCRIBE, which may have a body."""

    def refuses(self, resource: Resource, request: Request) -> int:
        """The status that refuses a SUBSCRIBE inside the dialog; 0 takes it."""
        return 0

    def content(self, resource: Resource) -> tuple[bytes, str]:
        """Its state now, and the content type of that."""
        return self.render(resource), resource.content_type

    def render(self, resource: Resource) -> bytes:
        """Its state now in its content type."""
        raise NotImplementedError

    def headers(self, resource: Resource) -> Headers:
        """More headers for its NOTIFY."""
        return ()

    def describe(self, resource: Resource) -> dict[str, str]:
        """What AMI's InboundSubscriptionDetail tells of it: SubscriptionType, Extension, ExtensionStates or Mailboxes."""
        return {}
