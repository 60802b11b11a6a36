"""Lists of resources (RFC 4662): one subscription follows many, their states come as parts of one body."""

from __future__ import annotations

from typing import TYPE_CHECKING

from globstar.base.log import Logger
from globstar.modules.channels.pjsip.pubsub.bodies.extension import xml
from globstar.modules.channels.pjsip.pubsub.package import EventPackage, Resource
from globstar.modules.channels.pjsip.pubsub.subscription import Subscription
from globstar.proto.sip.message import Header, Headers

if TYPE_CHECKING:
    from globstar.modules.channels.pjsip.endpoint import EndpointObject
    from globstar.modules.channels.pjsip.objects_events import ResourceListObject
    from globstar.modules.channels.pjsip.supplements.pubsub import PubSub
    from globstar.proto.sip.notifier import Notifier
    from globstar.proto.sip.transaction import ServerTransaction

logger = Logger("res_pjsip_pubsub")

RLMI = "application/rlmi+xml"
MULTIPART = "multipart/related"
REQUIRE: Header = ("Require", "eventlist")
#: resources of one subscription, lists within lists counted through
MAX_RESOURCES = 1000
#: a body above this does not fit into a UDP datagram with its headers
MAX_DATAGRAM = 63000


class ListNode:
    """A list within a subscription: its resources, and lists of its own."""

    __slots__ = ("changed", "children", "config", "local", "name", "version")

    def __init__(self, name: str, local: str, config: ResourceListObject) -> None:
        self.name = name
        self.local = local
        self.config = config
        self.children: dict[str, ListNode | Resource] = {}
        #: names of those that are told next
        self.changed: dict[str, None] = {}
        self.version = -1


class ListSubscription(Subscription):
    """A subscription to a list."""

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
        super().__init__(owner, endpoint, package, content_type, name, local, remote)
        self.root: ListNode | None = None
        self._parents: dict[Resource, ListNode] = {}
        self._above: dict[ListNode, ListNode] = {}
        self._ended: dict[Resource, None] = {}
        self._is_full = True
        self._is_waiting = False
        self._is_closed = False
        self._is_too_large = False
        self._content_ids = 0

    @property
    def version(self) -> int:
        """How often the list, or the most restless of its resources, was told."""
        nodes = [self.root, *self._above] if self.root is not None else []
        return max([*(node.version for node in nodes), *(resource.version for resource in self._parents)], default=0)

    @version.setter
    def version(self, version: int) -> None:
        for node in [self.root, *self._above] if self.root is not None else []:
            node.version = version
        for resource in self._parents:
            resource.version = version

    # -- the tree ----------------------------------------------------------------------------------------------------

    def open(self, transaction: ServerTransaction | None) -> int:
        """Follow all of the list that there is; 404 when that is nothing."""
        config = self.owner.driver.settings.resource_lists[self.name]
        self.root = self._make(self.name, config, (self.name,))
        return 200 if self._parents else 404

    def _uri(self, name: str) -> str:
        return f"sip:{name}@{self.local.rpartition('@')[2]}"

    def _make(self, name: str, config: ResourceListObject, path: tuple[str, ...]) -> ListNode:
        node = ListNode(name, self._uri(name), config)
        lists = self.owner.driver.settings.resource_lists
        for item in config.list_item:
            inner = lists.get(item)
            if item in node.children:
                continue
            if len(self._parents) >= MAX_RESOURCES:
                logger.warning(f"resource list '{self.name}' has more than {MAX_RESOURCES} resources; the rest is left out")
                break
            if inner is not None and inner.event == config.event:
                if item in path:
                    logger.warning(f"resource list '{item}' contains itself by way of {' > '.join(path)}; it is left out there")
                    continue
                child = self._make(item, inner, (*path, item))
                if child.children:
                    node.children[item] = child
                    self._above[child] = node
                continue
            resource = Resource(self.package, self, item, self._uri(item), self.host, self.content_type)
            status = self.package.open(resource, self.endpoint, None)
            if status == 200:
                node.children[item] = resource
                self._parents[resource] = node
            else:
                logger.warning(f"resource list '{name}': nothing is known of '{item}' ({status}); it is left out")
        return node

    def close(self) -> None:
        """Follow nothing any more."""
        self._is_closed = True
        for resource in self._parents:
            if resource not in self._ended:
                self.package.close(resource)
        self._parents.clear()

    def details(self) -> list[tuple[str, str]]:
        """What the CLI tells of one subscription."""
        names = ",".join(resource.name for resource in self._parents)
        return [("Subscriber", self.remote), ("State", self.notifier.describe()), ("Resources", names)]

    # -- changes -----------------------------------------------------------------------------------------------------

    def resource_changed(self, resource: Resource) -> None:
        """Tell of it, with what else changes within the interval of the list."""
        node: ListNode | None = self._parents.get(resource)
        name = resource.name
        while node is not None:
            node.changed[name] = None
            name, node = node.name, self._above.get(node)
        assert self.root is not None
        interval = self.root.config.notification_batch_interval
        if not interval:
            self.notifier.notify_now()
        elif not self._is_waiting:
            self._is_waiting = True
            self.owner.driver.system.loop.call_later(interval / 1000, self._interval_over)

    def _interval_over(self) -> None:
        self._is_waiting = False
        if not self._is_closed:
            self.notifier.notify_now()
            self.owner.driver.drain()

    def resource_removed(self, resource: Resource) -> None:
        """It is told as terminated and then left out."""
        self._ended[resource] = None
        self.resource_changed(resource)

    def subscription_refreshed(self, subscription: Notifier, transaction: ServerTransaction) -> None:
        """See NotifierUser."""
        self._is_full = True
        self.owner.subscription_refreshed(self, transaction)

    # -- the body ----------------------------------------------------------------------------------------------------

    def notification(self, subscription: Notifier) -> tuple[bytes, str, Headers]:
        """See NotifierUser. The state of all after SUBSCRIBE and at the end, else of those that changed."""
        assert self.root is not None
        body, content_type = self._multipart(self.root, is_full=self._is_full or subscription.is_over)
        self._is_full = False
        flow = subscription.flow
        if len(body) > MAX_DATAGRAM and flow is not None and not flow.transport.reliable and not self._is_too_large:
            self._is_too_large = True
            logger.warning(
                f"the state of resource list '{self.name}' takes {len(body)} bytes, which no datagram holds: endpoint "
                f"'{self.endpoint.name}' must subscribe over TCP or TLS"
            )
        return body, content_type, (REQUIRE,)

    def _content_id(self, name: str) -> str:
        self._content_ids += 1
        return f"{self._content_ids}.{name}@{self.host}"

    def _multipart(self, node: ListNode, *, is_full: bool) -> tuple[bytes, str]:
        """A list as multipart/related, its rlmi document first (RFC 4662 5.1 to 5.5)."""
        is_full = is_full or bool(node.config.full_state)
        node.version += 1
        names = list(node.children) if is_full else [name for name in node.changed if name in node.children]
        node.changed.clear()
        root_id = self._content_id(node.name)
        extent = f'version="{node.version}" fullState="{str(is_full).lower()}"'
        lines = [
            '<?xml version="1.0" encoding="UTF-8"?>',
            f'<list xmlns="urn:ietf:params:xml:ns:rlmi" uri="{xml(node.local)}" {extent}>',
        ]
        if node.config.resource_display_name:
            lines.append(f" <name>{xml(node.name)}</name>")
        parts: list[tuple[str, str, bytes]] = []
        for name in names:
            child = node.children[name]
            lines.append(f' <resource uri="{xml(child.local)}">')
            if node.config.resource_display_name:
                lines.append(f"  <name>{xml(self.display_name(name))}</name>")
            if isinstance(child, Resource) and child in self._ended:
                lines.append(f'  <instance id="{xml(name)}" state="terminated" reason="noresource" />')
                del node.children[name]
                self._parents.pop(child, None)
            else:
                content_id = self._content_id(name)
                lines.append(f'  <instance id="{xml(name)}" state="active" cid="{xml(content_id)}" />')
                if isinstance(child, Resource):
                    part, kind = child.content()
                    parts.append((content_id, kind, part))
                else:
                    inner, kind = self._multipart(child, is_full=is_full)
                    parts.append((content_id, kind, inner))
            lines.append(" </resource>")
        lines += ["</list>", ""]
        document = "\n".join(lines).encode()
        boundary = f"list-{self._content_ids:x}-{self.owner.driver.rng.getrandbits(32):08x}"
        body = b"".join(_part(boundary, *part) for part in [(root_id, f'{RLMI};charset="UTF-8"', document), *parts])
        content_type = f'{MULTIPART};type="{RLMI}";start="<{root_id}>";boundary="{boundary}"'
        return body + f"--{boundary}--\r\n".encode(), content_type

    def display_name(self, extension: str) -> str:
        """The name that the dialplan gives the hint of an extension, else the extension."""
        context = self.endpoint.subscribe_context or self.endpoint.context
        step = self.owner.driver.system.plan.hint(context, extension)
        return step.data if step is not None and step.data else extension


def _part(boundary: str, content_id: str, content_type: str, body: bytes) -> bytes:
    head = (
        f"--{boundary}\r\nContent-Transfer-Encoding: binary\r\nContent-ID: <{content_id}>\r\nContent-Type: {content_type}\r\n"
        f"Content-Length: {len(body)}\r\n\r\n"
    )
    return head.encode() + body + b"\r\n"
