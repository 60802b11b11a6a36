"""``pjsip qualify``, ``pjsip show qualify ...`` and ``pjsip show scheduled_tasks``: signs of life, and what is due when."""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING

from globstar.core.cli import LIKE, CliFailure, CliUsage, cli_command
from globstar.modules.channels.pjsip.cli_show import driver_of, filtered, names
from globstar.modules.channels.pjsip.supplements.outbound_registration import registrations_of

if TYPE_CHECKING:
    from globstar.core.system import System
    from globstar.modules.channels.pjsip.driver import PjsipDriver
    from globstar.modules.channels.pjsip.endpoint import EndpointObject

_AORS = names("aors")
_ENDPOINTS = names("endpoints")


def _ask(driver: PjsipDriver, aors: tuple[str, ...]) -> int:
    contacts = [contact for aor in aors for contact in driver.contacts.contacts(aor)]
    return sum(driver.qualifier.ask(contact) for contact in contacts)


def _endpoint(driver: PjsipDriver, args: list[str]) -> EndpointObject:
    if len(args) != 1:
        raise CliUsage
    endpoint = driver.settings.endpoints.get(args[0])
    if endpoint is None:
        raise CliFailure(f"Unable to retrieve endpoint '{args[0]}'")
    return endpoint


def _aor(driver: PjsipDriver, args: list[str]) -> str:
    if len(args) != 1:
        raise CliUsage
    if args[0] not in driver.settings.aors:
        raise CliFailure(f"Unable to retrieve aor '{args[0]}'")
    return args[0]


@cli_command("pjsip qualify", usage="pjsip qualify <endpoint>", complete=_ENDPOINTS)
def qualify(system: System, args: list[str]) -> str:
    """Ask the contacts of an endpoint for signs of life now."""
    if len(args) != 1:
        raise CliUsage
    driver = driver_of(system)
    endpoint = driver.settings.endpoints.get(args[0])
    if endpoint is None:
        raise CliFailure(f"Unable to retrieve endpoint {args[0]}")
    count = _ask(driver, endpoint.aors)
    driver.drain()
    return f"Qualifying all {count} contact(s) on endpoint {endpoint.name}\n"


@cli_command("pjsip reload qualify endpoint", usage="pjsip reload qualify endpoint <id>", complete=_ENDPOINTS)
def reload_qualify_endpoint(system: System, args: list[str]) -> str:
    """Begin anew to qualify the contacts of an endpoint."""
    driver = driver_of(system)
    endpoint = _endpoint(driver, args)
    for aor in endpoint.aors:
        driver.qualifier.restart(aor)
    return "".join(f"Synchronizing AOR '{aor}' on endpoint '{endpoint.name}'\n" for aor in endpoint.aors)


@cli_command("pjsip reload qualify aor", usage="pjsip reload qualify aor <id>", complete=_AORS)
def reload_qualify_aor(system: System, args: list[str]) -> str:
    """Begin anew to qualify the contacts of an aor."""
    driver = driver_of(system)
    aor = _aor(driver, args)
    driver.qualifier.restart(aor)
    return f"Synchronizing AOR '{aor}'\n"


_HEADER = f"{'Aor/Contact':<50} {'Status':<8} {'RTT(ms)':>9} {'Every(s)':>8} {'Timeout(s)':>10} {'Next(s)':>8}"


def _qualify_rows(driver: PjsipDriver, aors: Iterable[str]) -> str:
    lines = [_HEADER]
    for aor in aors:
        for contact in driver.contacts.contacts(aor):
            options = driver.contacts.qualify_options(contact)
            if options is None:
                continue
            rtt = f"{contact.round_trip * 1000:.3f}" if contact.round_trip is not None else "nan"
            due = driver.qualifier.seconds_until(contact)
            following = f"{due:.1f}" if due is not None else "never"
            name = f"{aor}/{contact.uri}"
            lines.append(
                f"{name:<50} {contact.status.value:<8} {rtt:>9} {options.qualify_frequency:>8} "
                f"{options.qualify_timeout:>10.1f} {following:>8}"
            )
    return "\n".join(lines) + "\n"


@cli_command("pjsip show qualify endpoint", usage="pjsip show qualify endpoint <id>", complete=_ENDPOINTS)
def show_qualify_endpoint(system: System, args: list[str]) -> str:
    """Show how the contacts of an endpoint are asked for signs of life, and what they answered."""
    driver = driver_of(system)
    return _qualify_rows(driver, _endpoint(driver, args).aors)


@cli_command("pjsip show qualify aor", usage="pjsip show qualify aor <id>", complete=_AORS)
def show_qualify_aor(system: System, args: list[str]) -> str:
    """Show how the contacts of an aor are asked for signs of life, and what they answered."""
    driver = driver_of(system)
    return _qualify_rows(driver, [_aor(driver, args)])


@cli_command("pjsip show scheduled_tasks", usage="pjsip show scheduled_tasks [like <pattern>]", complete=LIKE)
def show_scheduled_tasks(system: System, args: list[str]) -> str:
    """List what SIP does by itself and when: questions to contacts, and registrations with other servers."""
    driver = driver_of(system)
    rows: list[tuple[float, str]] = []
    for contact in driver.contacts.all():
        due = driver.qualifier.seconds_until(contact)
        if due is not None:
            rows.append((due, f"pjsip/qualify/{contact.aor}/{contact.uri}"))
    supplement = registrations_of(driver)
    rows += [
        (one.next_at - system.now(), f"pjsip/registration/{one.name}")
        for one in (supplement.registrations.values() if supplement is not None else ())
        if one.next_at is not None
    ]
    rows = sorted(filtered(rows, args, lambda row: row[1]))
    lines = [f"{'Task Name':<70} {'Next in (s)':>12}", "=" * 83]
    lines += [f"{name:<70} {due:>12.1f}" for due, name in rows]
    return "\n".join([*lines, "", f"Total Scheduled Tasks: {len(rows)}"]) + "\n"
