"""The manager's lists of parking lots and parked calls."""

from __future__ import annotations

from typing import TYPE_CHECKING

from globstar.core.manager import (
    ActionFault,
    ActionRequest,
    Answer,
    ListItem,
    Permission,
    channel_fields,
    listing,
    manager_action,
)
from globstar.modules.res.parking.service import SERVICE, ParkingService

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
