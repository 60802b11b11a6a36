"""Bridges and their technologies."""

from __future__ import annotations

from globstar.core.bridge import Bridge, LeaveReason
from globstar.core.bridgetech import BridgeCapability, BridgeTechnologySpec
from globstar.core.manager import (
    ActionFault,
    ActionRequest,
    Answer,
    ListItem,
    bridge_fields,
    channel_fields,
    failure,
    listing,
    manager_action,
    success,
)
from globstar.interfaces.ami.actions.channels import channel_of

_TYPES = {
    BridgeCapability.HOLDING: "Holding",
    BridgeCapability.EARLY: "Early",
    BridgeCapability.NATIVE: "Native",
    BridgeCapability.ONE_TO_ONE: "1to1Mix",
    BridgeCapability.MULTIMIX: "MultiMix",
}


def _bridge(request: ActionRequest) -> Bridge:
    name = request.get("BridgeUniqueid")
    if not name:
        raise ActionFault("BridgeUniqueid must be provided")
    bridge = request.system.bridges.get(name)
    if bridge is None:
        raise ActionFault("Specified BridgeUniqueid not found")
    return bridge


@manager_action("BridgeList", synopsis="Get a list of bridges in the system.")
def bridge_list(request: ActionRequest) -> Answer:
    """List the bridges, all or those of a type."""
    wanted = request.get("BridgeType")
    found = [bridge for bridge in request.system.bridges.values() if not wanted or bridge.kind == wanted]
    items = [ListItem("BridgeListItem", bridge_fields(bridge)) for bridge in found]
    return listing("Bridge listing will follow", "BridgeListComplete", items)


@manager_action("BridgeInfo", synopsis="Get information about a bridge.")
def bridge_info(request: ActionRequest) -> Answer:
    """List the channels of a bridge."""
    bridge = _bridge(request)
    items = [ListItem("BridgeInfoChannel", channel_fields(channel)) for channel in bridge.channels]
    return listing("Bridge channel listing will follow", "BridgeInfoComplete", items, *bridge_fields(bridge))


@manager_action("BridgeKick", synopsis="Kick a channel from a bridge.")
def bridge_kick(request: ActionRequest) -> Answer:
    """Take a channel out of its bridge."""
    if not request.get("Channel"):
        return failure("Channel must be provided")
    bridge = _bridge(request) if request.get("BridgeUniqueid") else None
    try:
        channel = channel_of(request)
    except ActionFault:
        return failure("Channel does not exist")
    member = channel.bridge_member
    if member is None or (bridge is not None and member.bridge is not bridge):
        return failure("Channel not in a bridge" if member is None else "Channel is not in the specified bridge")
    member.leave(LeaveReason.DISSOLVED)
    return success("Channel has been kicked")


@manager_action("BridgeDestroy", synopsis="Destroy a bridge.")
def bridge_destroy(request: ActionRequest) -> Answer:
    """End a bridge; every channel leaves it."""
    _bridge(request).dissolve()
    return success("Bridge has been destroyed")


@manager_action("BridgeTechnologyList", synopsis="List available bridging technologies and their statuses.")
def bridge_technology_list(request: ActionRequest) -> Answer:
    """List the technologies, the preferred first."""
    specs: list[BridgeTechnologySpec] = sorted(request.system.bridge_technologies, key=lambda spec: -spec.technology.preference)
    items = [
        ListItem(
            "BridgeTechnologyListItem",
            (
                ("BridgeTechnology", spec.technology.name),
                ("BridgeType", _TYPES.get(spec.technology.capability, "")),
                ("BridgePriority", str(spec.technology.preference)),
                ("BridgeSuspended", "Yes" if spec.is_suspended else "No"),
            ),
            id_last=True,
        )
        for spec in specs
    ]
    return listing("Bridge technology listing will follow", "BridgeTechnologyListComplete", items)


def _suspend(request: ActionRequest, is_suspended: bool) -> Answer:
    name = request.get("BridgeTechnology")
    if not name:
        return failure("BridgeTechnology must be provided")
    for spec in request.system.bridge_technologies:
        if spec.technology.name.lower() == name.lower():
            spec.is_suspended = is_suspended
    return success(f"Bridge technology has been {'suspended' if is_suspended else 'unsuspended'}")


@manager_action("BridgeTechnologySuspend", synopsis="Suspend a bridging technology.")
def bridge_technology_suspend(request: ActionRequest) -> Answer:
    """Use a technology for no more bridges."""
    return _suspend(request, is_suspended=True)


@manager_action("BridgeTechnologyUnsuspend", synopsis="Unsuspend a bridging technology.")
def bridge_technology_unsuspend(request: ActionRequest) -> Answer:
    """Use it again."""
    return _suspend(request, is_suspended=False)
