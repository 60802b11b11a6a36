"""``pjsip set maintenance`` and ``pjsip show maintenance``."""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING

from globstar.core.cli import CliFailure, CliUsage, cli_command
from globstar.modules.channels.pjsip.cli_show import driver_of, names
from globstar.modules.channels.pjsip.supplements.maintenance import Maintenance, maintenance_of

if TYPE_CHECKING:
    from globstar.core.system import System

_ENDPOINTS = names("endpoints")


def _maintenance(system: System) -> Maintenance:
    found = maintenance_of(driver_of(system))
    if found is None:
        raise CliFailure("res_pjsip_maintenance is not loaded")
    return found


def _words(system: System, args: list[str]) -> Iterable[str]:
    if len(args) == 1:
        return ("on", "off")
    return [*_ENDPOINTS(system, args[1:]), "all"] if len(args) == 2 else ()


@cli_command("pjsip set maintenance", usage="pjsip set maintenance <on|off> <endpoint|all>", complete=_words)
def set_maintenance(system: System, args: list[str]) -> str:
    """Begin or end the maintenance of an endpoint.

    Its new requests are answered with 503 and no calls go to it; calls and subscriptions that stand go on.
    """
    if len(args) != 2 or args[0].lower() not in ("on", "off"):
        raise CliUsage
    is_on = args[0].lower() == "on"
    maintenance = _maintenance(system)
    endpoints = driver_of(system).settings.endpoints
    if args[1].lower() == "all":
        maintenance.set(sorted(endpoints), is_on)
        return f"Maintenance mode {'enabled' if is_on else 'disabled'} for all endpoints\n"
    if args[1] not in endpoints:
        raise CliFailure(f"Unable to retrieve endpoint {args[1]}")
    maintenance.set([args[1]], is_on)
    return f"Maintenance mode {'enabled' if is_on else 'disabled'} for endpoint {args[1]}\n"


@cli_command("pjsip show maintenance", usage="pjsip show maintenance [endpoint]", complete=_ENDPOINTS)
def show_maintenance(system: System, args: list[str]) -> str:
    """Show which endpoints are in maintenance, or whether one is."""
    if len(args) > 1:
        raise CliUsage
    maintenance = _maintenance(system)
    if args and args[0] not in driver_of(system).settings.endpoints:
        raise CliFailure(f"Unable to retrieve endpoint {args[0]}")
    shown = args or sorted(maintenance.endpoints)
    rows = [f"{name:<40} {'enabled' if name in maintenance.endpoints else 'disabled'}" for name in shown]
    return "\n".join([f"{'Endpoint':<40} Maintenance", *rows, "", f"{maintenance.refused} requests refused"]) + "\n"
