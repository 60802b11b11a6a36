"""udptl.conf: the ports of fax over IP."""

from __future__ import annotations

from globstar.base.log import Logger
from globstar.config.options import Options, Report, option
from globstar.config.values import boolean, integer
from globstar.core.cli import cli_command
from globstar.core.system import System
from globstar.media.udptl import UdptlSettings

logger = Logger("udptl")

#: Name of the service that holds the settings.
SERVICE = "udptl"

_NO_EFFECT = {
    "udptlfecentries": "packets of faxes are passed on as they come, with the error correction of their sender",
    "udptlfecspan": "packets of faxes are passed on as they come, with the error correction of their sender",
    "udptlchecksums": "UDP checksums are always sent",
    "use_even_ports": "only even ports are given out anyway",
}


class UdptlOptions(Options):
    """``[general]`` of udptl.conf."""

    udptlstart = option(integer(1024, 65535), 4000, help="First port of UDPTL.")
    udptlend = option(integer(1024, 65535), 4999, help="Last port of UDPTL.")
    udptlchecksums = option(boolean, True, help="UDP checksums.")
    udptlfecentries = option(integer(0), 0, help="Parity packets in a packet.")
    udptlfecspan = option(integer(0), 0, help="Packets that one parity packet covers.")
    use_even_ports = option(boolean, False, help="Only even ports.")


def load(system: System) -> None:
    """Read udptl.conf; without one there are the defaults."""
    config = system.configuration.read("udptl.conf")
    category = config.category("general") if config is not None else None
    options = UdptlOptions()
    if category is not None:
        report = Report()
        options = UdptlOptions.read(category, report)
        for info, value in options.items():
            variable = category.find(info.name)
            if variable is not None and info.name in _NO_EFFECT and value != info.default:
                report(variable, f"option '{info.name}' has no effect: {_NO_EFFECT[info.name]}")
        for warning in report.warnings:
            logger.warning(str(warning))
        if options.udptlend <= options.udptlstart:
            logger.error(f"udptl.conf: udptlend {options.udptlend} is not above udptlstart; both are ignored")
            options.udptlstart, options.udptlend = UdptlOptions().udptlstart, UdptlOptions().udptlend
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
