"""Bridges and their technologies."""

from __future__ import annotations

from globstar.core.bridge import Bridge, BridgeMember, LeaveReason
from globstar.core.bridgetech import BridgeCapability, BridgeTechnologySpec, suspend
from globstar.core.channel import Channel
from globstar.core.gather import Gathering, can_be_gathered, gather
from globstar.core.local import LocalPair
from globstar.core.manager import (
    ActionFault,
    ActionRequest,
    Answer,
    ListItem,
    Permission,
    bridge_fields,
    channel_fields,
    failure,
    listing,
    manager_action,
    requested_channel,
    success,
)

SYSTEM = Permission.SYSTEM
#: How long two channels that are to be bridged may take to come, seconds.
PATIENCE = 10.0
_TYPES = {
    BridgeCapability.HOLDING: "Holding",
    BridgeCapability.EARLY: "Early",
    BridgeCapability.NATIVE: "Native",
    BridgeCapability.ONE_TO_ONE: "1to1Mix",
    BridgeCapability.MULTIMIX: "MultiMix",
}


@manager_action("Bridge", Permission.CALL, synopsis="Bridge two channels already in the PBX.")
def bridge(request: ActionRequest) -> Answer:
    """Connect two channels, whatever they do: with ``Tone`` (Channel1, Channel2, Both) they hear the courtesy tone before."""
    if not request.get("Channel1") or not request.get("Channel2"):
        return failure("Missing channel parameter in request")
    channels = []
    for header in ("Channel1", "Channel2"):
        try:
            channels.append(requested_channel(request, header))
        except ActionFault:
            return failure(f"{header} does not exist")
    one, two = channels
    if one is two:
        return failure("Channel1 and Channel2 are the same channel")
    for header, channel in zip(("Channel1", "Channel2"), channels, strict=True):
        if not can_be_gathered(channel):
            return failure(f"{header} cannot be taken from what it does")
    tone = request.get("Tone", "no").lower()
    meeting = Bridge(request.system)
    gathered: list[BridgeMember] = []
    for name, channel in (("channel1", one), ("channel2", two)):
        how = Gathering(hears_tone=tone in (name, "both", *(("yes", "true", "1", "on") if channel is two else ())))
        gather(channel, meeting, how, gathered.append)

    def give_up() -> None:
        if len(gathered) < 2:
            meeting.dissolve()

    request.system.loop.call_later(PATIENCE, give_up)
    return success("Channels have been bridged")


@manager_action("LocalOptimizeAway", SYSTEM | Permission.CALL, synopsis="Optimize away a local channel when possible.")
def local_optimize_away(request: ActionRequest) -> Answer:
    """Let the halves of a Local channel step out of the call, though it was made with ``/n``."""
    channel = requested_channel(request, missing="'Channel' not specified.")
    if not isinstance(channel.private, LocalPair):
        return failure("Unable to find channel")
    channel.private.may_optimise = True
    return success("Queued channel to be optimized away")


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
    items = [ListItem("BridgeInfoChannel", channel_fields(channel)) for channel in sorted(bridge.channels, key=_age)]
    return listing("Bridge channel listing will follow", "BridgeInfoComplete", items, *bridge_fields(bridge))


def _age(channel: Channel) -> tuple[float, str]:
    return channel.created_at, channel.unique_id


@manager_action("BridgeKick", synopsis="Kick a channel from a bridge.")
def bridge_kick(request: ActionRequest) -> Answer:
    """Take a channel out of its bridge."""
    if not request.get("Channel"):
        return failure("Channel must be provided")
    bridge = _bridge(request) if request.get("BridgeUniqueid") else None
    try:
        channel = requested_channel(request)
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
            suspend(request.system, spec, is_suspended=is_suspended)
    return success(f"Bridge technology has been {'suspended' if is_suspended else 'unsuspended'}")


@manager_action("BridgeTechnologySuspend", synopsis="Suspend a bridging technology.")
def bridge_technology_suspend(request: ActionRequest) -> Answer:
    """Use a technology for no more bridges."""
    return _suspend(request, is_suspended=True)


@manager_action("BridgeTechnologyUnsuspend", synopsis="Unsuspend a bridging technology.")
def bridge_technology_unsuspend(request: ActionRequest) -> Answer:
    """Use it again."""
    return _suspend(request, is_suspended=False)
