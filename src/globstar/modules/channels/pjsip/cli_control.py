"""Other ``pjsip ...`` commands: settings, message logging and history, qualify, unidentified requests."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING

from globstar.core.cli import CliFailure, CliUsage, cli_command
from globstar.modules.channels.pjsip import cli_tables as tables
from globstar.modules.channels.pjsip.cli_show import driver_of
from globstar.modules.channels.pjsip.messages import readable

if TYPE_CHECKING:
    from globstar.core.system import System
    from globstar.modules.channels.pjsip.driver import PjsipDriver


@cli_command("pjsip show settings")
def show_settings(system: System, args: list[str]) -> str:
    """Show the global and system settings, and what the SIP stack has counted."""
    driver = driver_of(system)
    sip = driver.sip
    counted = {
        "requests": sip.counters.requests,
        "responses": sip.counters.responses,
        "retransmissions": sip.layer.retransmissions,
        "messages discarded": sip.counters.discarded,
        "responses without transaction": sip.counters.unmatched_responses,
        "ACK without transaction": sip.counters.stray_acks,
        "keepalives": sip.counters.keepalives,
        "dialogs": sip.dialogs,
        "calls": len(driver.legs),
        **driver.counters,
    }
    counters = "".join(f" {name:<30} : {value}\n" for name, value in counted.items())
    timers = "".join(f" {name:<30} : {count}\n" for name, count in sorted(sip.layer.timers.describe().items()))
    return (
        f"\nGlobal Settings:\n\n{tables.parameters(tables.option_pairs(driver.settings.globals))}"
        f"System Settings:\n\n{tables.parameters(tables.option_pairs(driver.settings.system))}"
        f"Counters:\n\n{counters}\nTimers:\n\n{timers}\n"
    )


@cli_command("pjsip show identifiers")
def show_identifiers(system: System, args: list[str]) -> str:
    """Show how endpoints are looked for, in order."""
    identifier = driver_of(system).identifier
    return "\n".join(["Identifier Names:", *("name not specified" for _ in identifier.unnamed), *identifier.order]) + "\n"


@cli_command("pjsip show unidentified_requests")
def show_unidentified(system: System, args: list[str]) -> str:
    """Show who sends requests that belong to no endpoint."""
    driver = driver_of(system)
    rows = [f"{host:<40} {count:>10}" for host, count in driver.unidentified.items()]
    return "\n".join([f"{'Source':<40} {'Requests':>10}", *rows, "", f"{driver.unidentified.total} since start"]) + "\n"


@cli_command("pjsip show version")
def show_version(system: System, args: list[str]) -> str:
    """Show which SIP stack this is."""
    from globstar import __version__

    return f"Globstar's own SIP stack, version {__version__}\n"


# -- qualify -------------------------------------------------------------------------------------------------------------


def _ask(driver: PjsipDriver, aors: tuple[str, ...]) -> int:
    contacts = [contact for aor in aors for contact in driver.contacts.contacts(aor)]
    return sum(driver.qualifier.ask(contact) for contact in contacts)


@cli_command("pjsip qualify", usage="pjsip qualify <endpoint>")
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


@cli_command("pjsip reload qualify endpoint", usage="pjsip reload qualify endpoint <id>")
def reload_qualify_endpoint(system: System, args: list[str]) -> str:
    """Begin anew to qualify the contacts of an endpoint."""
    if len(args) != 1:
        raise CliUsage
    driver = driver_of(system)
    endpoint = driver.settings.endpoints.get(args[0])
    if endpoint is None:
        raise CliFailure(f"Unable to retrieve endpoint '{args[0]}'")
    for aor in endpoint.aors:
        driver.qualifier.restart(aor)
    return "".join(f"Synchronizing AOR '{aor}' on endpoint '{endpoint.name}'\n" for aor in endpoint.aors)


@cli_command("pjsip reload qualify aor", usage="pjsip reload qualify aor <id>")
def reload_qualify_aor(system: System, args: list[str]) -> str:
    """Begin anew to qualify the contacts of an aor."""
    if len(args) != 1:
        raise CliUsage
    driver = driver_of(system)
    if args[0] not in driver.settings.aors:
        raise CliFailure(f"Unable to retrieve aor '{args[0]}'")
    driver.qualifier.restart(args[0])
    return f"Synchronizing AOR '{args[0]}'\n"


# -- messages ------------------------------------------------------------------------------------------------------------


@cli_command(
    "pjsip set logger", usage="pjsip set logger {on|off|host <address>|add <address>|method <method>|methodadd <method>}"
)
def set_logger(system: System, args: list[str]) -> str:
    """Log SIP messages as they pass: all, or those of some hosts or methods."""
    log = driver_of(system).message_log
    what = args[0].lower() if args else ""
    if what == "on" and len(args) == 1:
        log.enable()
        return "PJSIP Logging enabled\n"
    if what == "off" and len(args) == 1:
        log.disable()
        return "PJSIP Logging disabled\n"
    if what in ("host", "add") and len(args) == 2:
        try:
            log.enable(args[1], add=what == "add")
        except ValueError:
            raise CliFailure(f"'{args[1]}' is no address or network") from None
        return f"PJSIP Logging Enabled for host: {args[1]}\n"
    if what in ("method", "methodadd") and len(args) == 2:
        method = args[1].upper()
        log.methods = log.methods | {method} if what == "methodadd" else {method}
        log.is_on = True
        return f"PJSIP Logging Enabled for SIP Method: {method}\n"
    raise CliUsage


@cli_command("pjsip set history", usage="pjsip set history {on|off|clear}")
def set_history(system: System, args: list[str]) -> str:
    """Keep the last SIP messages for ``pjsip show history``."""
    history = driver_of(system).history
    if args == ["on"]:
        history.is_on = True
        return "PJSIP History enabled\n"
    if args == ["off"]:
        history.is_on = False
        return "PJSIP History disabled\n"
    if args == ["clear"]:
        history.clear()
        return "PJSIP History cleared\n"
    raise CliUsage


@cli_command("pjsip show history", usage="pjsip show history [entry <num>]")
def show_history(system: System, args: list[str]) -> str:
    """List the SIP messages that were kept, or show one of them."""
    history = driver_of(system).history
    if len(args) == 2 and args[0].lower() == "entry" and args[1].isdecimal():
        entry = next((e for e in history.entries if e.number == int(args[1])), None)
        if entry is None:
            raise CliFailure(f"Unable to find entry '{args[1]}'")
        way = "Received from" if entry.is_received else "Sent to"
        stamp = time.strftime("%H:%M:%S", time.localtime(entry.wall_time))
        return f"<--- History Entry {entry.number} {way} {entry.address} at {stamp} --->\n{readable(entry.data)}\n"
    if args:
        raise CliUsage
    lines = [
        f"{'No.':<5} {'Timestamp':<10} {'(Dir) Address':<30} {'SIP Message':<35}",
        f"{'=' * 5} {'=' * 10} {'=' * 30} {'=' * 35}",
    ]
    for entry in history.entries:
        way = "<==" if entry.is_received else "==>"
        lines.append(f"{entry.number:05} {entry.wall_time:<10.0f} * {way} {entry.address:<24} {entry.first_line:<35}")
    return "\n".join(lines) + "\n"
