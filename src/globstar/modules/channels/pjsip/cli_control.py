"""``pjsip`` commands about the SIP stack itself: settings, counters, its transactions and dates, unidentified requests."""

from __future__ import annotations

from typing import TYPE_CHECKING

from globstar.core.cli import CliUsage, cli_command
from globstar.core.cli_data import CliText
from globstar.modules.channels.pjsip import cli_tables as tables
from globstar.modules.channels.pjsip.cli_show import driver_of
from globstar.proto.sip.flow import bracket
from globstar.proto.sip.transaction import ClientTransaction, ServerTransaction

if TYPE_CHECKING:
    from globstar.core.system import System


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
    names = [*("name not specified" for _ in identifier.unnamed), *identifier.order]
    return CliText("\n".join(["Identifier Names:", *names]) + "\n", names)


@cli_command("pjsip show unidentified_requests")
def show_unidentified(system: System, args: list[str]) -> str:
    """Show who sends requests that belong to no endpoint."""
    driver = driver_of(system)
    rows = [f"{host:<40} {count:>10}" for host, count in driver.unidentified.items()]
    lines = [f"{'Source':<40} {'Requests':>10}", *rows, "", f"{driver.unidentified.total} since start"]
    data = {"sources": dict(driver.unidentified.items()), "total": driver.unidentified.total}
    return CliText("\n".join(lines) + "\n", data)


@cli_command("pjsip show version")
def show_version(system: System, args: list[str]) -> str:
    """Show which SIP stack this is."""
    from globstar import __version__

    return f"Globstar's own SIP stack, version {__version__}\n"


@cli_command("pjsip dump endpt", usage="pjsip dump endpt [details]", complete=lambda system, args: ["details"])
def dump_endpoint(system: System, args: list[str]) -> str:
    """Show what the SIP stack holds: transports, dialogs, transactions and timers; with ``details`` each transaction."""
    if args and args != ["details"]:
        raise CliUsage
    driver = driver_of(system)
    layer = driver.sip.layer
    rows = [
        f" {bound.name:<20} {bound.transport.name:<5} {len(list(bound.carrier.flows()))} connections"
        for bound in driver.transports
    ]
    lines = ["Transports:", *rows, "", f"Dialogs: {driver.sip.dialogs}", ""]
    for title, table in (("Client transactions", layer.clients), ("Server transactions", layer.servers)):
        lines.append(f"{title}: {len(table)}")
        if args:
            lines += [_transaction_row(one) for one in table.values() if isinstance(one, ClientTransaction | ServerTransaction)]
    lines += ["", "Timers:", *(f" {name:<30} : {count}" for name, count in sorted(layer.timers.describe().items()))]
    return "\n".join(lines) + "\n"


def _transaction_row(transaction: ClientTransaction | ServerTransaction) -> str:
    request, flow = transaction.request, transaction.flow
    return f" {request.method:<10} {transaction.state.name.lower():<12} {bracket(flow.host)}:{flow.port:<6} {request.call_id}"
