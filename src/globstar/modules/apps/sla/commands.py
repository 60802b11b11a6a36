"""sla show ...: what the CLI tells of shared lines."""

from __future__ import annotations

from globstar.core.cli import CliUsage, cli_command
from globstar.core.cli_data import CliText
from globstar.core.system import System
from globstar.modules.apps.sla.service import service_of

_BAR = "============================================================="
_RULE = "=== ---------------------------------------------------------"


def _heading(title: str) -> list[str]:
    return ["", _BAR, f"=== {title} {'=' * (len(_BAR) - len(title) - 5)}", _BAR, "==="]


def _time(seconds: int) -> str:
    return f"{seconds}s" if seconds else "(none)"


def _hold(is_private: bool) -> str:
    return "Private" if is_private else "Open"


@cli_command("sla show trunks")
def show_trunks(system: System, args: list[str]) -> str:
    """List the trunks of sla.conf with their stations."""
    if args:
        raise CliUsage
    lines = _heading("Configured SLA Trunks")
    for trunk in service_of(system).trunks.values():
        settings = trunk.settings
        lines += [
            _RULE,
            f"=== Trunk Name:       {settings.name}",
            f"=== ==> Device:       {settings.device}",
            f"=== ==> AutoContext:  {settings.autocontext or '(none)'}",
            f"=== ==> RingTimeout:  {_time(settings.ring_timeout)}",
            f"=== ==> BargeAllowed: {'Yes' if settings.may_barge else 'No'}",
            f"=== ==> HoldAccess:   {_hold(settings.is_private)}",
            "=== ==> Stations ...",
            *(f"===    ==> Station name: {line.station.settings.name}" for line in trunk.lines),
            _RULE,
            "===",
        ]
    data = [
        {
            "trunk": trunk.settings.name, "device": trunk.settings.device, "autocontext": trunk.settings.autocontext,
            "ringtimeout": trunk.settings.ring_timeout, "bargeallowed": trunk.settings.may_barge,
            "holdaccess": _hold(trunk.settings.is_private).lower(),
            "stations": [line.station.settings.name for line in trunk.lines],
        }
        for trunk in service_of(system).trunks.values()
    ]  # fmt: skip
    return CliText("\n".join([*lines, _BAR, ""]), data)


@cli_command("sla show stations")
def show_stations(system: System, args: list[str]) -> str:
    """List the stations of sla.conf with their lines and what those show."""
    if args:
        raise CliUsage
    lines = _heading("Configured SLA Stations")
    for station in service_of(system).stations.values():
        settings = station.settings
        lines += [
            _RULE,
            f"=== Station Name:    {settings.name}",
            f"=== ==> Device:      {settings.device}",
            f"=== ==> AutoContext: {settings.autocontext or '(none)'}",
            f"=== ==> RingTimeout: {_time(settings.ring_timeout)}",
            f"=== ==> RingDelay:   {_time(settings.ring_delay)}",
            f"=== ==> HoldAccess:  {_hold(settings.is_private)}",
            "=== ==> Trunks ...",
        ]
        for line in station.lines:
            lines += [
                f"===    ==> Trunk Name: {line.trunk.settings.name}",
                f"===       ==> State:       {line.state.value}",
                f"===       ==> RingTimeout: {_time(line.settings.ring_timeout)}",
                f"===       ==> RingDelay:   {_time(line.settings.ring_delay)}",
            ]
        lines += [_RULE, "==="]
    data = [
        {
            "station": station.settings.name, "device": station.settings.device, "autocontext": station.settings.autocontext,
            "ringtimeout": station.settings.ring_timeout, "ringdelay": station.settings.ring_delay,
            "holdaccess": _hold(station.settings.is_private).lower(),
            "trunks": [{"trunk": line.trunk.settings.name, "state": line.state.value} for line in station.lines],
        }
        for station in service_of(system).stations.values()
    ]  # fmt: skip
    return CliText("\n".join([*lines, _BAR, ""]), data)
