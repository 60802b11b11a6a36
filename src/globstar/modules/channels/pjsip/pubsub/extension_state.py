"""The packages ``presence`` and ``dialog``: both tell the state of extensions that have a hint."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, ClassVar

from globstar.core.channel import Channel, ChannelState
from globstar.core.devicestate import EXTENSION_STATE_TEXT, device_of
from globstar.core.hints import Hint, HintChange
from globstar.modules.channels.pjsip.pubsub.bodies import dialog_info, pidf, xpidf
from globstar.modules.channels.pjsip.pubsub.bodies.extension import ExtensionBody, Party
from globstar.modules.channels.pjsip.pubsub.package import EventPackage, Resource

if TYPE_CHECKING:
    from globstar.core.party import PartyId
    from globstar.modules.channels.pjsip.driver import PjsipDriver
    from globstar.modules.channels.pjsip.endpoint import EndpointObject
    from globstar.proto.sip.message import Request

_RENDERERS: dict[str, Callable[[ExtensionBody], bytes]] = {
    pidf.CONTENT_TYPE: pidf.render,
    pidf.CPIM_TYPE: pidf.render,
    xpidf.CONTENT_TYPE: xpidf.render,
    dialog_info.CONTENT_TYPE: dialog_info.render,
}
_MODULES = {
    pidf.CONTENT_TYPE: pidf.MODULE,
    pidf.CPIM_TYPE: pidf.MODULE,
    xpidf.CONTENT_TYPE: xpidf.MODULE,
    dialog_info.CONTENT_TYPE: dialog_info.MODULE,
}


class _Watch:
    """A resource that follows a hint."""

    __slots__ = ("hint", "resource", "state")

    def __init__(self, resource: Resource) -> None:
        self.resource = resource
        self.hint: Hint | None = None
        self.state = 0

    def changed(self, hint: Hint, change: HintChange) -> None:
        """See globstar.core.hints.Watcher."""
        if change is HintChange.REMOVED:
            self.hint = None
            self.resource.removed()
        else:
            self.resource.changed()


class ExtensionStatePackage(EventPackage):
    """What ``presence`` and ``dialog`` share."""

    offered: ClassVar[tuple[str, ...]] = ()

    def __init__(self, driver: PjsipDriver, left_out: frozenset[str]) -> None:
        super().__init__(driver)
        self.types = tuple(kind for kind in self.offered if _MODULES[kind] not in left_out)

    def open(self, resource: Resource, endpoint: EndpointObject, request: Request | None) -> int:
        """404 for an extension without a hint."""
        watch = _Watch(resource)
        context = endpoint.subscribe_context or endpoint.context
        watch.hint = self.driver.system.device_states.hints.watch(context, resource.name, watch.changed)
        resource.data = watch
        return 200 if watch.hint is not None else 404

    def close(self, resource: Resource) -> None:
        """See EventPackage."""
        watch: _Watch = resource.data
        if watch.hint is not None:
            self.driver.system.device_states.hints.unwatch(watch.hint, watch.changed)
            watch.hint = None

    def render(self, resource: Resource) -> bytes:
        """See EventPackage."""
        hint: Hint | None = resource.data.hint
        subscription = resource.subscription
        body = ExtensionBody(
            resource.name, resource.local, subscription.remote, 4 if hint is None or hint.state is None else hint.state,
            resource.host, resource.version, tells_early_in_use=subscription.endpoint.notify_early_inuse_ringing,
        )  # fmt: skip
        if hint is not None:
            if hint.presence:
                body.presence = self.driver.system.device_states.presence_of(hint.presence)
            if body.state in (8, 9):
                channel = self._ringing(hint)
                if channel is not None:
                    body.caller, body.callee = _party(channel.connected.id), _party(channel.caller.id)
        return _RENDERERS[resource.content_type](body)

    def _ringing(self, hint: Hint) -> Channel | None:
        """The channel that rings at one of the hint's devices."""
        for device in hint.devices:
            tech, slash, name = device.partition("/")
            if not slash:
                continue
            if tech.lower() == "pjsip":
                channels = [leg.channel for leg in self.driver.legs_of(name) if leg.channel is not None]
            else:
                channels = [one for one in self.driver.system.channels.values() if device_of(one).lower() == device.lower()]
            for channel in channels:
                if channel.state is ChannelState.RINGING:
                    return channel
        return None

    def describe(self, resource: Resource) -> dict[str, str]:
        """See EventPackage."""
        hint: Hint | None = resource.data.hint
        state = hint.state if hint is not None else None
        return {
            "SubscriptionType": "extension_state",
            "Extension": resource.name,
            "ExtensionStates": EXTENSION_STATE_TEXT.get(state if state is not None else -1, "Unknown"),
        }


def _party(party: PartyId) -> Party:
    return Party(party.name.text if party.name.valid else "", party.number.text if party.number.valid else "")


class PresencePackage(ExtensionStatePackage):
    """``presence`` (RFC 3856)."""

    event = "presence"
    offered = (pidf.CONTENT_TYPE, xpidf.CONTENT_TYPE, pidf.CPIM_TYPE)


class DialogPackage(ExtensionStatePackage):
    """``dialog`` (RFC 4235)."""

    event = "dialog"
    offered = (dialog_info.CONTENT_TYPE,)
