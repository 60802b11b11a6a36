"""``parking show``."""

from __future__ import annotations

from globstar.core.cli import CliUsage, by_place, cli_command
from globstar.core.cli_data import CliText
from globstar.core.system import System
from globstar.modules.res.parking.lot import ParkingLot
from globstar.modules.res.parking.service import SERVICE, ParkingService

_LINE = "-" * 74


def _lot_names(system: System) -> list[str]:
    service = system.service(SERVICE, ParkingService)
    return list(service.lots) if service is not None else []


@cli_command("parking show", usage="parking show [name]", complete=by_place(_lot_names))
def parking_show(system: System, args: list[str]) -> str:
    """Show the parking lots, or one of them with the calls that are parked in it."""
    service = system.service(SERVICE, ParkingService)
    if service is None:
        return "Parking is not loaded\n"
    if len(args) > 1:
        raise CliUsage
    if not args:
        return _lots(service)
    lot = service.lots.get(args[0])
    if lot is None:
        return f"Could not find parking lot '{args[0]}'\n\n"
    return _one(lot)


def _lots(service: ParkingService) -> str:
    out = ["", "Parking General Options", "-----------------------"]
    out += [f"Dynamic Parking     :  {_yes(service.settings.is_dynamic)}", ""]
    for lot in service.lots.values():
        out += _details(lot)
    return CliText("\n".join([*out, "", ""]), [_data(lot) for lot in service.lots.values()])


def _one(lot: ParkingLot) -> str:
    out = ["", *_details(lot), "Parked Calls", "------------"]
    for space, call in sorted(lot.calls.items()):
        out += [
            f"  Space               :  {space}",
            f"  Channel             :  {call.channel.name}",
            f"  Parker Dial String  :  {call.request.parker}",
            "",
        ]
    if not lot.calls:
        out += ["  (none)", ""]
    return CliText("\n".join([*out, "", ""]), _data(lot))


def _options(lot: ParkingLot) -> list[tuple[str, str]]:
    settings = lot.settings
    first, last = settings.parkpos
    unused = " (comebacktoorigin=yes, not used)" if settings.comebacktoorigin else ""
    return [
        ("Parking Extension", settings.parkext),
        ("Parking Context", settings.context),
        ("Parking Spaces", f"{first}-{last}"),
        ("Parking Time", f"{settings.parkingtime} sec"),
        ("Comeback to Origin", _yes(settings.comebacktoorigin)),
        ("Comeback Context", f"{settings.comebackcontext}{unused}"),
        ("Comeback Dial Time", f"{settings.comebackdialtime} sec"),
        ("MusicOnHold Class", settings.parkedmusicclass),
        ("Enabled", "yes"),
        ("Dynamic", _yes(lot.is_dynamic)),
    ]


def _details(lot: ParkingLot) -> list[str]:
    return [f"Parking Lot: {lot.name}", _LINE, *(f"{name:<20}:  {value}" for name, value in _options(lot)), ""]


def _data(lot: ParkingLot) -> dict[str, object]:
    calls = [
        {"space": space, "channel": call.channel.name, "parker_dial_string": call.request.parker}
        for space, call in sorted(lot.calls.items())
    ]
    return {"Parking Lot": lot.name, **dict(_options(lot)), "calls": calls}


def _yes(value: bool) -> str:
    return "yes" if value else "no"
