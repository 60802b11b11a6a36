"""``pjsip show registrations``, ``pjsip send register`` and their like: registrations with other servers."""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING

from globstar.core.cli import LIKE, CliFailure, CliUsage, cli_command
from globstar.modules.channels.pjsip import cli_tables as tables
from globstar.modules.channels.pjsip.cli_show import driver_of, filtered
from globstar.modules.channels.pjsip.driver import PjsipDriver
from globstar.modules.channels.pjsip.supplements.outbound_registration import (
    OutboundRegistration,
    Registration,
    registrations_of,
)

if TYPE_CHECKING:
    from globstar.core.system import System


def _registrations(system: System) -> OutboundRegistration:
    found = registrations_of(driver_of(system))
    if found is None:
        raise CliFailure("res_pjsip_outbound_registration is not loaded")
    return found


def _names(system: System, args: list[str]) -> Iterable[str]:
    driver = system.service("pjsip", PjsipDriver)
    found = registrations_of(driver) if driver is not None else None
    return sorted(found.registrations) if found is not None and len(args) == 1 else []


def _names_and_all(system: System, args: list[str]) -> Iterable[str]:
    names = list(_names(system, args))
    return [*names, "*all"] if names else []


def _row(registration: Registration) -> str:
    config = registration.config
    left = registration.seconds_left
    status = registration.state.value
    if left is not None:
        status = f"{status:<16}  (exp. {left}s)" if left >= 0 else f"{status:<16}  (exp. {-left}s ago)"
    return tables.place(
        tables.REGISTRATION, f"{registration.name}/{config.server_uri}", ",".join(config.outbound_auth) or "n/a", status
    )


@cli_command("pjsip show registrations", usage="pjsip show registrations [like <pattern>]", complete=LIKE)
def show_registrations(system: System, args: list[str]) -> str:
    """List registrations with other servers."""
    wanted = filtered(_registrations(system).registrations.values(), args, lambda one: one.name)
    return tables.listing((tables.REGISTRATION,), ([_row(one)] for one in wanted), spaced=False)


@cli_command("pjsip list registrations", usage="pjsip list registrations [like <pattern>]", complete=LIKE)
def list_registrations(system: System, args: list[str]) -> str:
    """List registrations with other servers."""
    text: str = show_registrations(system, args)
    return text


@cli_command("pjsip show registration", usage="pjsip show registration <id>", complete=_names)
def show_registration(system: System, args: list[str]) -> str:
    """Show one registration with another server and its parameters."""
    if len(args) != 1:
        raise CliUsage
    found = _registrations(system).get(args[0])
    if found is None:
        return f"Unable to find object {args[0]}.\n\n"
    pairs = tables.registration_pairs(found.config)
    return f"\n{tables.REGISTRATION}\n{tables.RULE}\n\n{_row(found)}\n\n\n{tables.parameters(pairs)}"


def _chosen(system: System, args: list[str]) -> list[Registration]:
    if len(args) != 1:
        raise CliUsage
    registrations = _registrations(system)
    if args[0] == "*all":
        return list(registrations.registrations.values())
    found = registrations.get(args[0])
    if found is None:
        raise CliFailure(f"Unable to retrieve registration {args[0]}")
    return [found]


@cli_command("pjsip send register", usage="pjsip send register <registration> | *all", complete=_names_and_all)
def send_register(system: System, args: list[str]) -> str:
    """Register with another server now.

    Begins the registration anew, as at the start: REGISTER is sent after a random part of max_random_initial_delay.
    """
    for registration in _chosen(system, args):
        registration.register()
    return ""


@cli_command("pjsip send unregister", usage="pjsip send unregister <registration> | *all", complete=_names_and_all)
def send_unregister(system: System, args: list[str]) -> str:
    """End a registration with another server.

    It stays ended until ``pjsip send register`` or a change of its configuration.
    """
    for registration in _chosen(system, args):
        registration.unregister()
    driver_of(system).drain()
    return ""
