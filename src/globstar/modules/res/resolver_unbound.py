"""Unbound DNS Resolver Support: name look-ups as resolver_unbound.conf says, for SIP and whoever else asks."""

from __future__ import annotations

import ipaddress

from globstar.base.log import Logger
from globstar.config import ConfigFile
from globstar.config.options import Options, Report, option
from globstar.config.values import integer, string
from globstar.core.cli import CliFailure, CliUsage, cli_command
from globstar.core.system import System
from globstar.net.dns import DnsOptions, Resolver

logger = Logger("res_resolver_unbound")

SERVICE = "dns"


def _nameserver(text: str) -> tuple[str, ...]:
    """Read ``address`` or ``address@port``."""
    address, _, port = text.strip().partition("@")
    ipaddress.ip_address(address)
    if port and (not port.isdecimal() or not 0 < int(port) < 65536):
        raise ValueError("expected address@port")
    return (text.strip(),)


class UnboundOptions(Options):
    """``[general]``."""

    hosts = option(string, "system", help="File of host names; system for the system's own.")
    resolv = option(string, "system", help="File with name servers; system for the system's own.")
    nameserver = option(_nameserver, (), repeat="extend", help="A name server, address or address@port; may be repeated.")
    debug = option(integer(0), 0, help="Accepted for compatibility.")
    ta_file = option(string, "", help="Trust anchors; answers are not validated here.")


def read_options(config: ConfigFile | None, report: Report) -> DnsOptions:
    """Build the options of the resolver; what is wrong or has no effect goes to ``report``."""
    category = next((one for one in config or () if one.name.lower() == "general"), None)
    if category is None:
        return DnsOptions()
    read = UnboundOptions.read(category, report)
    for name, why in (("ta_file", "DNSSEC is left to the name servers"), ("debug", "there is no unbound library")):
        variable = category.find(name)
        if variable is not None:
            report(variable, f"option '{name}' has no effect: {why}")
    return DnsOptions(
        nameservers=read.nameserver,
        resolv="" if read.resolv == "system" else read.resolv,
        hosts="" if read.hosts == "system" else read.hosts,
    )


def _make(system: System) -> Resolver:
    report = Report()
    options = read_options(system.configuration.read("resolver_unbound.conf"), report)
    for warning in report.warnings:
        logger.warning(str(warning))
    return Resolver(system.loop, options)


def load(system: System) -> None:
    """Offer the resolver."""
    system.services[SERVICE] = _make(system)


async def reload(system: System) -> None:
    """Another resolver takes over; what was known is asked anew."""
    old = system.services.get(SERVICE)
    system.services[SERVICE] = _make(system)
    if old is not None:
        await old.close()


async def unload(system: System) -> None:
    """End all questions."""
    resolver = system.services.pop(SERVICE, None)
    if resolver is not None:
        await resolver.close()


@cli_command("dns show cache")
def dns_show_cache(system: System, args: list[str]) -> str:
    """Show how many answers of name servers are kept, and what was asked."""
    if args:
        raise CliUsage
    resolver = system.service(SERVICE, Resolver)
    if resolver is None:
        raise CliFailure("res_resolver_unbound is not loaded")
    counters = resolver.counters
    rows = [("Answers kept", len(resolver)), ("Questions", counters.queries), ("Answered from memory", counters.hits)]
    rows += [("No such record", counters.negative), ("No answer", counters.failures), ("Dropped when full", counters.evicted)]
    return "".join(f"{title + ':':<22}{value}\n" for title, value in rows)
