"""res_parking.conf: the parking lots and what they do."""

from __future__ import annotations

from dataclasses import dataclass, field

from globstar.base.log import Logger
from globstar.config import ConfigFile
from globstar.config.options import Options, Report, option
from globstar.config.values import boolean, enumeration, integer, string

logger = Logger("res_parking")

DEFAULT_LOT = "default"
#: Places of one lot at most.
LARGEST = 100_000

_who = enumeration("no", "caller", "callee", "both")


def positions(text: str) -> tuple[int, int]:
    """Read ``first-last``."""
    first, dash, last = (part.strip() for part in text.partition("-"))
    if not (dash and first.isdecimal() and last.isdecimal()) or len(last) > 9 or not 0 < int(first) <= int(last):
        raise ValueError("expected two numbers, the first not above the last: 701-750")
    if int(last) - int(first) >= LARGEST:
        raise ValueError(f"a lot has {LARGEST} places at most")
    return int(first), int(last)


class LotSettings(Options):
    """One parking lot."""

    name: str = ""

    context = option(string, "parkedcalls", help="Context of its extensions.")
    parkext = option(string, "", help="Extension that parks.")
    parkext_exclusive = option(boolean, False, help="The extension parks in this lot only.")
    parkpos = option(positions, (701, 750), help="Places.")
    parkinghints = option(boolean, False, help="Make a hint of every place.")
    parkingtime = option(integer(0), 45, unit="s", help="How long a call may be parked.")
    parkedmusicclass = option(string, "", help="Music for parked calls.")
    comebacktoorigin = option(boolean, True, help="After that time call the one who parked.")
    comebackdialtime = option(integer(0), 30, unit="s", help="For so long.")
    comebackcontext = option(string, "parkedcallstimeout", help="Where calls go instead that do not come back to their origin.")
    courtesytone = option(string, "", help="Sound when a call is taken out.")
    parkedplay = option(_who, "caller", help="Who hears it: the one who takes the call out, the parked one, both.")
    parkedcalltransfers = option(_who, "no", help="Who may transfer after that.")
    parkedcallreparking = option(_who, "no", help="Who may park after that.")
    parkedcallhangup = option(_who, "no", help="Who may hang up by code after that.")
    parkedcallrecording = option(_who, "no", help="Who may record after that.")
    findslot = option(enumeration("first", "next"), "first", help="Take the first free place, or the one after the last taken.")


@dataclass(slots=True)
class ParkingSettings:
    """The whole file."""

    is_dynamic: bool = False
    lots: dict[str, LotSettings] = field(default_factory=dict)


def read_parking(config: ConfigFile | None) -> ParkingSettings:
    """Read res_parking.conf; what cannot be used is logged by file and line. There is always a lot called default."""
    settings = ParkingSettings()
    report = Report()
    for category in config or ():
        name = category.name
        if name.lower() == "general":
            for variable in category:
                if variable.name.lower() != "parkeddynamic":
                    report(variable, f"unknown option '{variable.name}' of [general]")
                    continue
                try:
                    settings.is_dynamic = boolean(variable.value)
                except ValueError as fault:
                    report(variable, f"bad value of 'parkeddynamic': {fault}")
            continue
        lot = LotSettings.read(category, report)
        lot.name = name
        settings.lots[name] = lot
    for warning in report.warnings:
        logger.warning(str(warning))
    if DEFAULT_LOT not in settings.lots:
        lot = settings.lots[DEFAULT_LOT] = LotSettings()
        lot.name = DEFAULT_LOT
    return settings
