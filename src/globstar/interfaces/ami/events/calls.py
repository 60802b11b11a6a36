"""Events about several channels: dialling, bridges, transfers, parking."""

from __future__ import annotations

from collections.abc import Iterator

from globstar.core import events
from globstar.core.channel import Channel
from globstar.core.manager import ManagerEvent, Permission, bridge_fields, channel_fields, manager_event
from globstar.interfaces.ami.events.channels import shown_fields

CALL = Permission.CALL
Lines = list[tuple[str, "str | None"]]


def _caller(caller: Channel | None) -> Lines:
    return channel_fields(caller) if caller is not None else []


@manager_event(events.DialBegan)
def dial_begin(event: events.DialBegan) -> Iterator[ManagerEvent]:
    peer = [(f"Dest{name}", value) for name, value in shown_fields(event.peer)]
    fields = [*_caller(event.caller), *peer, ("DialString", event.dial_string)]
    yield ManagerEvent("DialBegin", CALL, fields)


@manager_event(events.DialStateChanged)
def dial_state(event: events.DialStateChanged) -> Iterator[ManagerEvent]:
    yield ManagerEvent("DialState", CALL, _dial_status(event))


@manager_event(events.DialEnded)
def dial_end(event: events.DialEnded) -> Iterator[ManagerEvent]:
    yield ManagerEvent("DialEnd", CALL, _dial_status(event))


def _dial_status(event: events.DialStateChanged | events.DialEnded) -> Lines:
    fields = [*_caller(event.caller), *channel_fields(event.peer, "Dest"), ("DialStatus", event.status)]
    if event.forward:
        fields.append(("Forward", event.forward))
    return fields


@manager_event(events.BridgeCreated)
def bridge_create(event: events.BridgeCreated) -> Iterator[ManagerEvent]:
    yield ManagerEvent("BridgeCreate", CALL, bridge_fields(event.bridge))


@manager_event(events.BridgeDestroyed)
def bridge_destroy(event: events.BridgeDestroyed) -> Iterator[ManagerEvent]:
    yield ManagerEvent("BridgeDestroy", CALL, bridge_fields(event.bridge))


@manager_event(events.BridgeEntered)
def bridge_enter(event: events.BridgeEntered) -> Iterator[ManagerEvent]:
    fields = [*bridge_fields(event.bridge), *channel_fields(event.channel)]
    if event.swapped is not None:
        fields.append(("SwapUniqueid", event.swapped.unique_id))
    yield ManagerEvent("BridgeEnter", CALL, fields)


@manager_event(events.BridgeLeft)
def bridge_leave(event: events.BridgeLeft) -> Iterator[ManagerEvent]:
    yield ManagerEvent("BridgeLeave", CALL, [*bridge_fields(event.bridge), *shown_fields(event.channel)])


@manager_event(events.BridgesMerged)
def bridge_merge(event: events.BridgesMerged) -> Iterator[ManagerEvent]:
    yield ManagerEvent("BridgeMerge", CALL, [*bridge_fields(event.bridge, "To"), *bridge_fields(event.origin, "From")])


@manager_event(events.VideoSourceChanged)
def bridge_video_source_update(event: events.VideoSourceChanged) -> Iterator[ManagerEvent]:
    previous = event.previous.unique_id if event.previous is not None else ""
    yield ManagerEvent("BridgeVideoSourceUpdate", CALL, [*bridge_fields(event.bridge), ("BridgePreviousVideoSource", previous)])


@manager_event(events.LocalBridged)
def local_bridge(event: events.LocalBridged) -> Iterator[ManagerEvent]:
    fields = [*channel_fields(event.one, "LocalOne"), *channel_fields(event.two, "LocalTwo")]
    fields += [("Context", event.context), ("Exten", event.exten)]
    fields.append(("LocalOptimization", "Yes" if event.is_optimised else "No"))
    yield ManagerEvent("LocalBridge", CALL, fields)


@manager_event(events.LocalOptimizationBegan)
def local_optimization_begin(event: events.LocalOptimizationBegan) -> Iterator[ManagerEvent]:
    fields = [*channel_fields(event.one, "LocalOne"), *channel_fields(event.two, "LocalTwo")]
    if event.source is not None:
        fields += channel_fields(event.source, "Source")
    fields += [("DestUniqueId", event.two.unique_id), ("Id", str(event.number))]
    yield ManagerEvent("LocalOptimizationBegin", CALL, fields)


@manager_event(events.LocalOptimizationEnded)
def local_optimization_end(event: events.LocalOptimizationEnded) -> Iterator[ManagerEvent]:
    fields = [*channel_fields(event.one, "LocalOne"), *channel_fields(event.two, "LocalTwo")]
    # Asterisk says No of those that succeeded
    fields += [("Success", "No" if event.is_success else "Yes"), ("Id", str(event.number))]
    yield ManagerEvent("LocalOptimizationEnd", CALL, fields)


@manager_event(events.BlindTransferred)
def blind_transfer(event: events.BlindTransferred) -> Iterator[ManagerEvent]:
    fields: Lines = [("Result", event.result or ("Success" if event.is_success else "Fail"))]
    fields += channel_fields(event.transferer, "Transferer")
    if event.transferee is not None:
        fields += channel_fields(event.transferee, "Transferee")
    if event.bridge is not None:
        fields += bridge_fields(event.bridge, technology=event.technology)
    fields += [("IsExternal", _yes(event.is_external)), ("Context", event.context), ("Extension", event.exten)]
    yield ManagerEvent("BlindTransfer", CALL, fields)


@manager_event(events.AttendedTransferred)
def attended_transfer(event: events.AttendedTransferred) -> Iterator[ManagerEvent]:
    fields: Lines = [("Result", event.result)]
    for channel, bridge, count, prefix in (
        (event.first, event.first_bridge, event.members[0], "Orig"),
        (event.second, event.second_bridge, event.members[1], "Second"),
    ):
        fields += channel_fields(channel, f"{prefix}Transferer")
        if bridge is not None:
            fields += bridge_fields(bridge, prefix, members=count)
    if event.transferee is not None:
        fields += channel_fields(event.transferee, "Transferee")
    if event.target is not None:
        shown = dict(channel_fields(event.target, "TransferTarget"))
        if event.target_linked_id:
            shown["TransferTargetLinkedid"] = event.target_linked_id
        fields += shown.items()
    fields += [("IsExternal", _yes(event.is_external)), ("DestType", event.destination)]
    if event.destination == "Bridge" and event.bridge is not None:
        fields.append(("DestBridgeUniqueid", event.bridge.unique_id))
    elif event.destination == "App":
        fields.append(("DestApp", event.application))
    elif event.destination == "Link" and event.link is not None:
        one, two = event.link
        fields += [*channel_fields(one, "LocalOne"), *channel_fields(two, "LocalTwo")]
    elif event.destination == "Threeway" and event.bridge is not None:
        fields += [("DestBridgeUniqueid", event.bridge.unique_id), *channel_fields(event.first, "DestTransferer")]
    yield ManagerEvent("AttendedTransfer", CALL, fields)


@manager_event(events.ParkingChanged)
def parking(event: events.ParkingChanged) -> Iterator[ManagerEvent]:
    fields = channel_fields(event.parkee, "Parkee")
    if event.destination is not None:
        context, extension, priority = event.destination
        place = {"ParkeeContext": context, "ParkeeExten": extension, "ParkeePriority": str(priority)}
        fields = [(name, place.get(name, value)) for name, value in fields]
    if event.kind == "ParkedCallSwap" and event.parker is not None:
        fields += channel_fields(event.parker, "Parker")
    if event.retriever is not None:
        fields += channel_fields(event.retriever, "Retriever")
    fields += [
        ("ParkerDialString", event.parker_dial_string),
        ("Parkinglot", event.lot),
        ("ParkingSpace", str(event.space)),
        ("ParkingTimeout", str(event.timeout)),
        ("ParkingDuration", str(event.duration)),
    ]
    yield ManagerEvent(event.kind, CALL, fields)


def _yes(value: bool) -> str:
    return "Yes" if value else "No"
