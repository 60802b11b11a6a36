"""``pjsip set logger``, ``pjsip set history`` and ``pjsip show history``: SIP messages as they pass, and those that passed."""

from __future__ import annotations

import time
from collections.abc import Iterable
from typing import TYPE_CHECKING

from globstar.core.cli import CliFailure, CliUsage, by_place, cli_command
from globstar.core.cli_data import CliText
from globstar.modules.channels.pjsip.cli_show import driver_of
from globstar.modules.channels.pjsip.history_filter import FilterError, compile_filter
from globstar.modules.channels.pjsip.messages import readable
from globstar.proto.sip.settings import ALL_METHODS

if TYPE_CHECKING:
    from globstar.core.system import System


def _logger_words(system: System, args: list[str]) -> Iterable[str]:
    if len(args) == 1:
        return ("on", "off", "host", "add", "method", "methodadd", "verbose", "pcap")
    if len(args) == 2:
        return {"verbose": ("on", "off"), "method": ALL_METHODS, "methodadd": ALL_METHODS}.get(args[0].lower(), ())
    return ()


@cli_command(
    "pjsip set logger",
    usage=(
        "pjsip set logger {on|off|host <name/subnet>|add <name/subnet>|method <method>|methodadd <method>|verbose <on/off>|"
        "pcap <filename>}"
    ),
    complete=_logger_words,
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
    if what == "verbose" and len(args) == 2 and args[1].lower() in ("on", "off"):
        log.is_verbose = args[1].lower() == "on"
        return f"PJSIP Logging to verbose has been {'enabled' if log.is_verbose else 'disabled'}\n"
    if what == "pcap" and len(args) == 2:
        try:
            log.write_to(args[1])
        except OSError as error:
            raise CliFailure(f"'{args[1]}' cannot be written: {error.strerror}") from None
        return f"PJSIP logging to pcap file '{args[1]}'\n"
    raise CliUsage


@cli_command("pjsip set history", usage="pjsip set history {on|off|clear}", complete=lambda system, args: ("on", "off", "clear"))
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


@cli_command(
    "pjsip show history",
    usage="pjsip show history [entry <num>|where <expression>]",
    complete=by_place(("entry", "where")),
)
def show_history(system: System, args: list[str]) -> str:
    """List the SIP messages that were kept, or show one of them.

    ``where`` keeps those for which an expression is so: number, timestamp, addr, sip.msg.request.method or sip.msg.call-id
    compared with <, <=, >, >=, =, != or like (a regular expression); and, or, not and parentheses, which stand apart.
    """
    history = driver_of(system).history
    if len(args) == 2 and args[0].lower() == "entry" and args[1].isdecimal():
        entry = next((e for e in history.entries if e.number == int(args[1])), None)
        if entry is None:
            raise CliFailure(f"Unable to find entry '{args[1]}'")
        way = "Received from" if entry.is_received else "Sent to"
        stamp = time.strftime("%H:%M:%S", time.localtime(entry.wall_time))
        return f"<--- History Entry {entry.number} {way} {entry.address} at {stamp} --->\n{readable(entry.data)}\n"
    entries = list(history.entries)
    if len(args) > 1 and args[0].lower() == "where":
        try:
            is_wanted = compile_filter(args[1:])
        except FilterError as error:
            raise CliFailure(str(error)) from None
        entries = [entry for entry in entries if is_wanted(entry)]
    elif args:
        raise CliUsage
    lines = [
        f"{'No.':<5} {'Timestamp':<10} {'(Dir) Address':<30} {'SIP Message':<35}",
        f"{'=' * 5} {'=' * 10} {'=' * 30} {'=' * 35}",
    ]
    data = []
    for entry in entries:
        way = "<==" if entry.is_received else "==>"
        lines.append(f"{entry.number:05} {entry.wall_time:<10.0f} * {way} {entry.address:<24} {entry.first_line:<35}")
        data.append({
            "number": entry.number, "timestamp": round(entry.wall_time), "received": entry.is_received, "address": entry.address,
            "message": entry.first_line,
        })  # fmt: skip
    return CliText("\n".join(lines) + "\n", data)
