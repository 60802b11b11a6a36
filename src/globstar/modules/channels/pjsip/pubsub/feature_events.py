"""The package ``as-feature-event``: the keys of phones for do-not-disturb and forwarding stay in step with the AstDB.

The state is where dialplans (FreePBX among them) keep it: DND/<number> is set while do-not-disturb is on; CF, CFB and CFU
hold the number to forward to, always, when busy, and without an answer. Whoever changes it, phones that subscribe are told.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from globstar.base.log import Logger
from globstar.modules.channels.pjsip.pubsub.bodies import feature_event
from globstar.modules.channels.pjsip.pubsub.bodies.feature_event import BadRequest, Change
from globstar.modules.channels.pjsip.pubsub.package import EventPackage, Resource

if TYPE_CHECKING:
    from globstar.modules.channels.pjsip.endpoint import EndpointObject
    from globstar.proto.sip.message import Request

logger = Logger("res_pjsip_pubsub")

#: AstDB family by feature
FAMILIES = {"dnd": "DND", "always": "CF", "busy": "CFB", "no answer": "CFU"}
DND_ON = "YES"
_BOUNDARY = "feature-events"
#: Longest number to forward to.
MAX_TARGET = 80


class _Watch:
    """The features of one number; ``changed`` are told next, all when it is empty."""

    __slots__ = ("changed", "is_setting", "resource")

    def __init__(self, resource: Resource) -> None:
        self.resource = resource
        self.changed: dict[str, None] = {}
        self.is_setting = False

    def value_changed(self, family: str) -> None:
        """The AstDB has another value."""
        for feature, name in FAMILIES.items():
            if name == family:
                self.changed[feature] = None
        if not self.is_setting:
            self.resource.changed()


class FeatureEventPackage(EventPackage):
    """``as-feature-event``."""

    event = "as-feature-event"
    types = (feature_event.CONTENT_TYPE,)

    def open(self, resource: Resource, endpoint: EndpointObject, request: Request | None) -> int:
        """An endpoint follows its own number only: its name, one of its aors, or its caller id."""
        if resource.name not in (endpoint.name, endpoint.caller_number, *endpoint.aors):
            return 403
        watch = resource.data = _Watch(resource)
        if request is not None and request.body:
            change = self._read(request)
            if change is None:
                return 400
            self._apply(watch, change)
        database = self.driver.system.database
        for family in FAMILIES.values():
            database.watch(family, resource.name, watch.value_changed)
        watch.changed.clear()
        return 200

    def close(self, resource: Resource) -> None:
        """See EventPackage."""
        for family in FAMILIES.values():
            self.driver.system.database.unwatch(family, resource.name, resource.data.value_changed)

    def refuses(self, resource: Resource, request: Request) -> int:
        """400 for a body that cannot be read."""
        return 400 if request.body and self._read(request) is None else 0

    def refreshed(self, resource: Resource, request: Request) -> None:
        """A SUBSCRIBE inside the dialog sets a feature; without a body it asks for all."""
        watch: _Watch = resource.data
        watch.changed.clear()
        change = self._read(request) if request.body else None
        if change is not None:
            self._apply(watch, change)

    def _read(self, request: Request) -> Change | None:
        kind = request.content_type
        if kind is None or kind.value.lower() != feature_event.CONTENT_TYPE:
            return None
        try:
            change = feature_event.parse(request.body)
        except BadRequest as error:
            logger.notice(f"a feature event cannot be read: {error}")
            return None
        return change if len(change.target) <= MAX_TARGET else None

    def _apply(self, watch: _Watch, change: Change) -> None:
        """Write it to the AstDB; this phone is told by the NOTIFY that follows its SUBSCRIBE, others by their own."""
        database, number, family = self.driver.system.database, watch.resource.name, FAMILIES[change.feature]
        watch.is_setting = True
        watch.changed[change.feature] = None
        try:
            if not change.is_on:
                database.delete(family, number)
            elif change.feature == "dnd":
                database.put(family, number, DND_ON)
            elif change.target:
                database.put(family, number, change.target)
        finally:
            watch.is_setting = False

    def content(self, resource: Resource) -> tuple[bytes, str]:
        """One document, or all in a multipart/mixed body."""
        watch: _Watch = resource.data
        features = list(watch.changed) or list(FAMILIES)
        watch.changed.clear()
        documents = [self._document(resource.name, feature) for feature in features]
        if len(documents) == 1:
            return documents[0], feature_event.CONTENT_TYPE
        parts = b"".join(
            f"--{_BOUNDARY}\r\nContent-Type: {feature_event.CONTENT_TYPE}\r\nContent-Length: {len(part)}\r\n\r\n".encode()
            + part + b"\r\n"
            for part in documents
        )  # fmt: skip
        return parts + f"--{_BOUNDARY}--\r\n".encode(), f"multipart/mixed;boundary={_BOUNDARY}"

    def _document(self, number: str, feature: str) -> bytes:
        value = self.driver.system.database.get(FAMILIES[feature], number) or ""
        if feature == "dnd":
            return feature_event.render_dnd(number, bool(value))
        return feature_event.render_forwarding(number, feature, value)

    def describe(self, resource: Resource) -> dict[str, str]:
        """See EventPackage."""
        return {"SubscriptionType": "as-feature-event", "Extension": resource.name}
