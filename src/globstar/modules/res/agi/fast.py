"""FastAGI: scripts of a server on the network."""

from __future__ import annotations

import asyncio
import ipaddress
from typing import TYPE_CHECKING

from globstar.base.log import Logger
from globstar.modules.res.agi.script import ScriptRefused, StreamScript
from globstar.net.dns import DnsOptions, Resolver, order_services
from globstar.proto.agi import FASTAGI_PORT, MAX_LINE, FastAgiPlace

if TYPE_CHECKING:
    from globstar.core.system import System

logger = Logger("res_agi")

#: How long each address may take to answer, seconds.
CONNECT_PATIENCE = 2.0
#: The most addresses that are tried for one script.
MAX_ADDRESSES = 16
SERVICE = "_agi._tcp"


async def start_fast(system: System, place: FastAgiPlace) -> StreamScript:
    """Connect to a FastAGI server, to its addresses one after the other; raises :class:`ScriptRefused`."""
    failures: list[str] = []
    own = Resolver(system.loop, DnsOptions(system_only=True)) if system.services.get("dns") is None else None
    resolver: Resolver = own or system.services["dns"]
    try:
        for host, port in await _servers(resolver, place):
            for address in await _addresses(resolver, host):
                if len(failures) >= MAX_ADDRESSES:
                    break
                try:
                    async with asyncio.timeout(CONNECT_PATIENCE):
                        reader, writer = await asyncio.open_connection(address, port, limit=MAX_LINE)
                except (OSError, TimeoutError) as error:
                    failures.append(f"{address} port {port}: {str(error) or 'no answer in time'}")
                    continue
                logger.debug(3, f"connected to FastAGI server {address} port {port}")
                return StreamScript(f"{place.host}/{place.script}", reader, writer)
    finally:
        if own is not None:
            await own.close()
    reason = "; ".join(failures) or "its name has no address"
    raise ScriptRefused(f"FastAGI server {place.host} cannot be reached: {reason}")


async def _servers(resolver: Resolver, place: FastAgiPlace) -> list[tuple[str, int]]:
    """Host and port of the servers, in the order in which they are tried: those of the SRV records (RFC 2782), if asked for."""
    if not place.is_service:
        return [(place.host, place.port)]
    records = await resolver.query("SRV", f"{SERVICE}.{place.host}")
    if not records:
        return [(place.host, FASTAGI_PORT)]
    return [(target, port) for _, _, port, target in order_services(list(records)) if target not in ("", ".")]


async def _addresses(resolver: Resolver, host: str) -> list[str]:
    try:
        return [str(ipaddress.ip_address(host))]
    except ValueError:
        found = await asyncio.gather(resolver.query("AAAA", host), resolver.query("A", host))
        return [str(address) for records in found for address in records]
