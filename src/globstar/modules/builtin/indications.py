"""indications.conf: the tone zones, and the commands that show and change them."""

from __future__ import annotations

from globstar.base.log import Logger
from globstar.core.cli import CliFailure, CliUsage, by_place, cli_command
from globstar.core.cli_data import CliText
from globstar.core.indications import IndicationFault
from globstar.core.system import System
from globstar.dsp.tones import ToneFault

logger = Logger("indications")


def load(system: System) -> None:
    """Read indications.conf; without one the zone of the United States is built in."""
    config = system.configuration.read("indications.conf")
    if config is not None:
        for problem in system.tones.indications.load(config):
            logger.warning(problem)


reload = load


_zones = by_place(lambda system: system.tones.indications.zones)


@cli_command("indication show", usage="indication show [<country> ...]", complete=_zones)
def show(system: System, args: list[str]) -> str:
    """Show the tone zones, or the tones of some."""
    indications = system.tones.indications
    wanted = [word.lower() for word in args]
    data = {
        zone.country: {"description": zone.description, "tones": dict(zone.tones)}
        for zone in indications
        if not wanted or zone.country in wanted
    }
    return CliText("\n".join(indications.show_zones(args) if args else indications.show()), data)


@cli_command("indication add", usage='indication add <country> <indication> "<tonelist>"', complete=_zones)
def add(system: System, args: list[str]) -> str:
    """Define a tone of a zone; a zone that does not exist is made."""
    if len(args) != 3 or not all(args):
        raise CliUsage
    is_new = args[0].lower() not in system.tones.indications.zones
    try:
        system.tones.indications.add(*args)
    except ToneFault as fault:
        raise CliFailure(str(fault)) from fault
    if is_new:
        logger.notice(f"there was no tone zone '{args[0]}'; it is made")
    return ""


@cli_command("indication remove", usage="indication remove <country> [indication]", complete=_zones)
def remove(system: System, args: list[str]) -> str:
    """Remove a tone, or a whole zone."""
    if len(args) not in (1, 2):
        raise CliUsage
    try:
        system.tones.indications.remove(*args)
    except IndicationFault as fault:
        raise CliFailure(str(fault)) from fault
    return ""
