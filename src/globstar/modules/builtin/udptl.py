"""udptl.conf: the ports of fax over IP."""

from __future__ import annotations

import ipaddress

from globstar.base.log import Logger
from globstar.config.file import Category
from globstar.config.options import Options, Report, option
from globstar.config.values import address_and_port, boolean, integer
from globstar.core.cli import CliFailure, CliUsage, cli_command
from globstar.core.system import System
from globstar.media.udptl import UdptlSettings, UdptlTrace

logger = Logger("udptl")

#: Name of the service that holds the settings.
SERVICE = "udptl"
#: Name of the service that says which packets are shown.
TRACE = "udptl trace"

_NO_EFFECT = {
    "udptlfecentries": "packets of faxes are passed on as they come, with the error correction of their sender",
    "udptlfecspan": "packets of faxes are passed on as they come, with the error correction of their sender",
}
_REMOVED = {
    "t38faxudpec": "t38_udptl_ec of an endpoint is meant",
    "t38faxmaxdatagram": "t38_udptl_maxdatagram of an endpoint is meant",
}


class UdptlOptions(Options):
    """``[general]`` of udptl.conf."""

    udptlstart = option(integer(1024, 65535), 4000, help="First port of UDPTL.")
    udptlend = option(integer(1024, 65535), 4999, help="Last port of UDPTL.")
    udptlchecksums = option(boolean, True, help="UDP checksums, over IPv4; over IPv6 they are always sent.")
    udptlfecentries = option(integer(0), 0, help="Parity packets in a packet.")
    udptlfecspan = option(integer(0), 0, help="Packets that one parity packet covers.")
    use_even_ports = option(boolean, False, help="Only even ports; they are the only ones that are given out.")


def load(system: System) -> None:
    """Read udptl.conf; without one there are the defaults."""
    config = system.configuration.read("udptl.conf")
    category = config.category("general") if config is not None else None
    category = category if category is not None else Category("general")
    report = Report()
    report.unknown_sections(config or (), "general")
    options = UdptlOptions.read(category, report, _REMOVED)
    for name, reason in _REMOVED.items():
        if (variable := category.find(name)) is not None:
            report(variable, f"option '{name}' has no effect: {reason}")
    for info, value in options.items():
        variable = category.find(info.name)
        if variable is not None and info.name in _NO_EFFECT and value != info.default:
            report(variable, f"option '{info.name}' has no effect: {_NO_EFFECT[info.name]}")
    for warning in report.warnings:
        logger.warning(str(warning))
    if options.udptlend <= options.udptlstart:
        at = category.find("udptlend") or category.find("udptlstart")
        where = f"{at.file}:{at.line}" if at is not None else "udptl.conf"
        wrong = f"udptlend {options.udptlend} is not above udptlstart {options.udptlstart}"
        logger.error(f"{where}: {wrong}; both are ignored")
        options.udptlstart, options.udptlend = UdptlOptions().udptlstart, UdptlOptions().udptlend
    system.services.setdefault(TRACE, UdptlTrace())
    system.services[SERVICE] = UdptlSettings(
        options.udptlstart,
        options.udptlend,
        options.udptlchecksums,
        options.udptlfecentries,
        options.udptlfecspan,
        options.use_even_ports,
    )


reload = load


@cli_command("udptl show config")
def show(system: System, args: list[str]) -> str:
    """Show the settings of UDPTL."""
    settings = system.services[SERVICE]
    rows = (
        ("udptlstart:     ", settings.port_start),
        ("udptlend:       ", settings.port_end),
        ("udptlfecentries:", settings.fec_entries),
        ("udptlfecspan:   ", settings.fec_span),
        ("use_even_ports: ", "Yes" if settings.even_ports else "No"),
        ("udptlchecksums:", "Yes" if settings.checksums else "No"),
    )
    return "UDPTL Global options\n--------------------\n" + "".join(f"{name} {value}\n" for name, value in rows)


@cli_command(
    "udptl set debug",
    usage="udptl set debug {on|off|ip host[:port]}",
    complete=lambda system, args: ["on", "off", "ip"] if len(args) <= 1 else [],
)
def set_debug(system: System, args: list[str]) -> str:
    """Show the UDPTL packets of faxes, of all or of one peer."""
    trace: UdptlTrace = system.services[TRACE]
    how = args[0].lower() if args else ""
    if how in ("on", "off") and len(args) == 1:
        trace.is_on, trace.peer = how == "on", None
        return f"UDPTL Debugging {'Enabled' if trace.is_on else 'Disabled'}"
    if how != "ip" or len(args) != 2:
        raise CliUsage
    try:
        host, number = address_and_port(args[1])
    except ValueError as error:
        raise CliFailure(f"'{args[1]}' is no address: {error}") from error
    address = str(ipaddress.ip_address(host))  # as addresses of packets are written
    trace.is_on, trace.peer = True, (address, number)
    shown = f"{address}:{number}" if number else address
    return f"UDPTL Debugging Enabled for IP: {shown}"
