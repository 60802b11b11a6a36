"""What the dialplan can ask of parking lots."""

from __future__ import annotations

from globstar.core.channel import Channel
from globstar.core.functions import FunctionError
from globstar.core.registry import function
from globstar.dialplan.arguments import argument, split_arguments
from globstar.modules.res.parking.service import SERVICE, ParkingService
from globstar.modules.res.parking.settings import DEFAULT_LOT


@function("PARK_GET_CHANNEL", syntax="PARK_GET_CHANNEL(parking_space,parking_lot)")
def park_get_channel(channel: Channel | None, args: str) -> str:
    """The name of the channel in a place of a parking lot; empty where nobody is parked.

    Without ``parking_lot`` it is the default one.
    """
    if channel is None:
        raise FunctionError("PARK_GET_CHANNEL needs a channel")
    arguments = split_arguments(args)
    space, name = argument(arguments, 0).strip(), argument(arguments, 1).strip() or DEFAULT_LOT
    if not (space.isascii() and space.isdigit()):
        raise FunctionError(f"'{space}' is no parking space")
    service = channel.system.service(SERVICE, ParkingService)
    lot = service.lots.get(name) if service is not None else None
    if lot is None:
        raise FunctionError(f"there is no parking lot '{name}'")
    call = lot.calls.get(int(space))
    return call.channel.name if call is not None else ""
