"""SRV related dialplan functions."""

from __future__ import annotations

from globstar.core.channel import Channel
from globstar.core.functions import FunctionError
from globstar.core.registry import function
from globstar.dialplan.arguments import argument, split_arguments
from globstar.net.dns import Resolver, order_services

#: where a channel keeps what it has looked up
_KEY = "srv results"
#: Services that a channel remembers; the oldest are forgotten.
MAX_RESULTS = 32
_FIELDS = ("priority", "weight", "port", "host")

Service = tuple[int, int, int, str]


async def _look_up(channel: Channel | None, service: str) -> list[Service]:
    """The records of a service in the order in which its hosts are to be tried (RFC 2782)."""
    if channel is None:
        raise FunctionError("a channel is needed")
    if not service:
        raise FunctionError("a service is needed: _sip._udp.example.org")
    resolver = channel.system.service("dns", Resolver)
    if resolver is None:
        raise FunctionError("res_resolver_unbound is not loaded")
    held: dict[str, list[Service]] = channel.data.setdefault(_KEY, {})
    records = order_services([record for record in await resolver.query("SRV", service) if record[3] not in ("", ".")])
    while len(held) >= MAX_RESULTS:
        del held[next(iter(held))]
    held[service] = records
    return records


@function("SRVQUERY", syntax="SRVQUERY(service)")
async def srv_query(channel: Channel | None, args: str) -> str:
    """Look up the SRV records of a service (``_ldap._tcp.example.com``); the value is an id for SRVRESULT()."""
    service = args.strip()
    await _look_up(channel, service)
    return service


@function("SRVRESULT", syntax="SRVRESULT(id,resultnum[,field])")
async def srv_result(channel: Channel | None, args: str) -> str:
    """A result of SRVQUERY(), from 1, or with ``getnum`` how many there are.

    ``id`` may be the service itself, which is looked up then. ``field`` is host (when none is given), port, priority or weight.
    """
    arguments = split_arguments(args, 3)
    service, number = argument(arguments, 0).strip(), argument(arguments, 1).strip()
    field = argument(arguments, 2, "host").strip().lower()
    if not service or not number:
        raise FunctionError("syntax is SRVRESULT(id,resultnum[,field])")
    if field not in _FIELDS:
        raise FunctionError(f"'{field}' is none of host, port, priority and weight")
    held: dict[str, list[Service]] = channel.data.get(_KEY, {}) if channel is not None else {}
    records = held[service] if service in held else await _look_up(channel, service)
    if number.lower() == "getnum":
        return str(len(records))
    if not number.isdecimal() or not 1 <= int(number) <= len(records):
        raise FunctionError(f"{service} has no result {number}")
    return str(records[int(number) - 1][_FIELDS.index(field)])
