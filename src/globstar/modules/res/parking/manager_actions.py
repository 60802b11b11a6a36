"""The manager's lists of parking lots and parked calls."""

from __future__ import annotations

from typing import TYPE_CHECKING

from globstar.core import say
from globstar.core.announce import start_announcement
from globstar.core.manager import (
    ActionFault,
    ActionRequest,
    Answer,
    ListItem,
    Permission,
    channel_fields,
    listing,
    manager_action,
    requested_channel,
    success,
)
from globstar.modules.res.parking.lot import ParkRequest
from globstar.modules.res.parking.service import SERVICE, ParkingService, dial_string

if TYPE_CHECKING:
    from globstar.modules.res.parking.lot import ParkedCall


def _service(request: ActionRequest) -> ParkingService:
    service = request.system.service(SERVICE, ParkingService)
    if service is None:
        raise ActionFault("res_parking is not loaded")
    return service


@manager_action("Parkinglots", Permission.CALL, synopsis="Get a list of parking lots")
def manager_parking_lots(request: ActionRequest) -> Answer:
    """List the parking lots with their places and the seconds that a call may stay."""
    items = []
    for name, lot in sorted(_service(request).lots.items()):
        first, last = lot.settings.parkpos
        fields = (
            ("Name", name), ("StartSpace", str(first)), ("StopSpace", str(last)), ("Timeout", str(lot.settings.parkingtime)),
        )  # fmt: skip
        items.append(ListItem("Parkinglot", fields))
    return listing("Parking lots will follow", "ParkinglotsComplete", items)


@manager_action("ParkedCalls", Permission.CALL, synopsis="List parked calls.")
def manager_parked_calls(request: ActionRequest) -> Answer:
    """List the parked calls of one lot or of all."""
    lots, wanted = _service(request).lots, request.get("ParkingLot")
    if wanted and wanted not in lots:
        raise ActionFault("Requested parking lot could not be found.")
    chosen = [lots[wanted]] if wanted else [lot for _, lot in sorted(lots.items())]
    calls = [call for lot in chosen for _, call in sorted(lot.calls.items())]
    items = [ListItem("ParkedCall", _fields(call)) for call in calls]
    return listing("Parked calls will follow", "ParkedCallsComplete", items, ("Total", str(len(items))))


@manager_action("Park", Permission.CALL, synopsis="Park a channel.")
def manager_park(request: ActionRequest) -> Answer:
    """Take a bridged channel out of its call and park it.

    ``TimeoutChannel`` is called back after ``Timeout`` milliseconds (else who parked it, which is the channel itself),
    ``AnnounceChannel`` is told the place, ``Parkinglot`` and ``ParkingSpace`` say where it is to wait.
    """
    service, text = _service(request), request.get("Timeout")
    if not request.get("Channel"):
        raise ActionFault("Channel not specified")
    try:
        channel = requested_channel(request)
    except ActionFault:
        raise ActionFault(f"Channel does not exist: {request.get('Channel')}") from None
    timeout = int(text) if text.isdecimal() and len(text) < 12 else None
    if text and timeout is None:
        raise ActionFault("Invalid Timeout value.")
    space = request.get("ParkingSpace")
    if space and not (space.isdecimal() and len(space) < 10):
        raise ActionFault("Invalid ParkingSpace value.")
    lot = service.find_lot(channel, request.get("Parkinglot"))
    if lot is None:
        raise ActionFault(f"Could not find parking lot: {request.get('Parkinglot')}")
    if channel.bridge_member is None:
        raise ActionFault("Channel is not bridged")
    name = request.get("TimeoutChannel")
    back = request.system.find_channel(name) if name else None
    if name and back is None and "/" not in name:
        raise ActionFault(f"TimeoutChannel does not exist: {name}")
    asked = ParkRequest(
        parker=dial_string(back) if back is not None else name or dial_string(channel), parker_channel=back,
        space=int(space or 0), timeout=timeout // 1000 if timeout is not None else None,
    )  # fmt: skip
    place = service.reserve(lot, asked)
    if not place:
        raise ActionFault("Park action failed")
    member, announced = channel.bridge_member, request.get("AnnounceChannel")
    member.digit_filter = None
    lot.bridge.move(member)
    lot.park(place, member, asked)
    listener = request.system.find_channel(announced) if announced else None
    if listener is not None and listener.bridge_member is not None:
        start_announcement(listener.bridge_member, say.say_digits(str(place), listener.language))
    return success("Park successful")


def _fields(call: ParkedCall) -> list[tuple[str, str | None]]:
    now = call.channel.system.loop.time()
    passed = int(now - call.parked_at)
    return [
        *channel_fields(call.channel, "Parkee"),
        ("ParkerDialString", call.request.parker),
        ("Parkinglot", call.lot.settings.name),
        ("ParkingSpace", str(call.space)),
        ("ParkingTimeout", str(max(0, call.timeout - passed))),
        ("ParkingDuration", str(passed)),
    ]
