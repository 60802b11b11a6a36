"""``pjsip show defence`` and ``pjsip defence ...``: who is kept away, and why."""

from __future__ import annotations

from globstar.core.cli import CliFailure, CliUsage, cli_command
from globstar.core.system import System
from globstar.modules.channels.pjsip.cli_show import driver_of
from globstar.modules.channels.pjsip.defence import Defence


def _defence(system: System) -> Defence:
    defence = driver_of(system).defence
    if defence is None:
        raise CliFailure("The defence is off (enabled=no in type=defence of pjsip.conf)")
    return defence


@cli_command("pjsip show defence")
def show_defence(system: System, args: list[str]) -> str:
    """Show who is ignored, and what floods and scanners have been kept away."""
    if args:
        raise CliUsage
    defence, now = _defence(system), system.now()
    lines = [f"{'Source':<45} {'Reason':<16} {'Left':>8} {'Ignored':>10}"]
    for source, entry in defence.dropped(now):
        lines.append(f"{source:<45} {entry.reason:<16} {entry.until - now:>6.0f} s {entry.ignored:>10}")
    lines.append("")
    lines += [f"{name:<30}: {value}" for name, value in defence.describe(now).items()]
    return "\n".join(lines) + "\n"


@cli_command("pjsip defence drop", usage="pjsip defence drop <address> [seconds]")
def drop(system: System, args: list[str]) -> str:
    """Ignore everything from an address (IPv6: its /64), for drop_time or so many seconds."""
    if not 1 <= len(args) <= 2 or (len(args) == 2 and not args[1].isdecimal()):
        raise CliUsage
    defence = _defence(system)
    try:
        source = defence.drop(args[0], system.now(), float(args[1]) if len(args) == 2 else 0.0)
    except ValueError:
        raise CliFailure(f"'{args[0]}' is no address") from None
    return f"'{source}' is ignored\n"


@cli_command("pjsip defence allow", usage="pjsip defence allow <address>")
def allow(system: System, args: list[str]) -> str:
    """Listen to an address again, and leave it alone for trust_time."""
    if len(args) != 1:
        raise CliUsage
    try:
        source = _defence(system).allow(args[0], system.now())
    except ValueError:
        raise CliFailure(f"'{args[0]}' is no address") from None
    return f"'{source}' is heard again\n"


@cli_command("pjsip defence flush")
def flush(system: System, args: list[str]) -> str:
    """Listen to everybody again and forget all counts."""
    if args:
        raise CliUsage
    return f"{_defence(system).flush()} sources are heard again\n"


@cli_command("pjsip show overload")
def show_overload(system: System, args: list[str]) -> str:
    """Show whether new requests wait or are refused, and how late the event loop is."""
    if args:
        raise CliUsage
    driver = driver_of(system)
    rows: dict[str, object] = {**driver.overload.describe(), "calls refused as full": driver.counters["refused as full"]}
    rows |= {f"calls refused by {reason.value}": count for reason, count in driver.limits.refused.items()}
    return "".join(f"{name:<30}: {value}\n" for name, value in rows.items())
