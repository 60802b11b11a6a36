"""Locating SIP servers (RFC 3263): from the host of a URI to the addresses to try, in order. A generator asks and is told."""

from __future__ import annotations

from collections.abc import Callable, Generator, Iterable, Sequence
from dataclasses import dataclass
from ipaddress import ip_address
from typing import NamedTuple

from globstar.proto.sip.flow import DEFAULT_PORTS

MAX_TARGETS = 24
"""Addresses that are tried for one request at most."""
MAX_QUERIES = 64
"""Questions that one look-up asks at most, however many records point at others."""

SERVICES = {
    "SIP+D2U": "UDP",
    "SIP+D2T": "TCP",
    "SIPS+D2T": "TLS",
    "SIP+D2W": "WS",
    "SIPS+D2W": "WSS",
}
"""NAPTR services (RFC 3263 4.1, RFC 7118 5.2) and the transports they stand for."""
SRV_PREFIX = {"UDP": "_sip._udp.", "TCP": "_sip._tcp.", "TLS": "_sips._tcp."}
"""What SRV names begin with (RFC 3263 4.2); WebSocket has none."""
SECURE = frozenset(("TLS", "WSS"))


class Query(NamedTuple):
    """A question: ``kind`` is NAPTR, SRV, A or AAAA."""

    kind: str
    name: str


class Naptr(NamedTuple):
    """A NAPTR record; ``service`` in upper case, ``replacement`` without the last dot."""

    order: int
    preference: int
    flags: str
    service: str
    replacement: str


class Srv(NamedTuple):
    """An SRV record; ``target`` without the last dot, empty where the service is not offered."""

    priority: int
    weight: int
    port: int
    target: str


#: What is told: Naptr, Srv, or addresses as text; nothing where there is no such record.
Records = Sequence[object]


class Target(NamedTuple):
    """One place to try."""

    protocol: str
    host: str
    port: int


@dataclass(frozen=True, slots=True)
class Lookup:
    """What is looked for.

    ``protocol`` is empty where the URI leaves it open, ``port`` 0 where it names none. ``protocols`` are those that can be
    used, the preferred one first, each with its families of addresses (4, 6). ``via`` is the driver's own: the name of the
    transport that it must be, or empty.
    """

    host: str
    port: int = 0
    protocol: str = ""
    is_secure: bool = False
    protocols: tuple[tuple[str, tuple[int, ...]], ...] = (("UDP", (4,)),)
    via: str = ""


def locate(lookup: Lookup, getrandbits: Callable[[int], int]) -> Generator[Query, Records, list[Target]]:
    """Ask for records until the targets are known; returns them in the order to try them (RFC 3263 4.1, 4.2)."""
    families = dict(lookup.protocols)
    usable = [name for name in families if not lookup.is_secure or name in SECURE]
    asked = _Questions()
    protocol, host = lookup.protocol, lookup.host.rstrip(".")
    if protocol:
        usable = [name for name in usable if name == protocol]
    if not usable:
        return []
    found: list[Target] = []
    if lookup.port or _is_address(host) or "." not in host:
        # a port or an address leaves nothing to look for but addresses; a single label has no services
        name = usable[0] if protocol or "UDP" not in usable else "UDP"
        yield from _addresses(asked, name, host, lookup.port or DEFAULT_PORTS[name], families[name], found)
        return found
    if not protocol:
        records = yield from asked.ask(Query("NAPTR", host))
        naptr = [one for one in records if isinstance(one, Naptr) and SERVICES.get(one.service) in usable and one.replacement]
        for one in sorted(naptr, key=lambda record: (record.order, record.preference)):
            name = SERVICES[one.service]
            if one.flags == "S":
                yield from _services(asked, name, one.replacement, families[name], found, getrandbits)
            elif one.flags == "A":
                yield from _addresses(asked, name, one.replacement, DEFAULT_PORTS[name], families[name], found)
        if naptr:
            return found
    for name in usable:
        if name in SRV_PREFIX:
            offered = yield from _services(asked, name, SRV_PREFIX[name] + host, families[name], found, getrandbits)
            if offered and not protocol:
                continue
            if offered:
                return found
    if not found:
        name = usable[0] if protocol or "UDP" not in usable else "UDP"
        yield from _addresses(asked, name, host, DEFAULT_PORTS[name], families[name], found)
    return found


class _Questions:
    """Bounds the questions of one look-up."""

    def __init__(self) -> None:
        self.left = MAX_QUERIES

    def ask(self, query: Query) -> Generator[Query, Records, Records]:
        """The records, none when there were too many questions."""
        if self.left <= 0:
            return ()
        self.left -= 1
        return (yield query)


def _services(
    asked: _Questions,
    protocol: str,
    name: str,
    families: tuple[int, ...],
    found: list[Target],
    getrandbits: Callable[[int], int],
) -> Generator[Query, Records, bool]:
    """Add the targets of SRV records; whether there are any records."""
    records = yield from asked.ask(Query("SRV", name))
    srv = [one for one in records if isinstance(one, Srv)]
    for one in in_order(srv, getrandbits):
        if one.target:
            yield from _addresses(asked, protocol, one.target, one.port, families, found)
    return bool(srv)


def _addresses(
    asked: _Questions, protocol: str, host: str, port: int, families: tuple[int, ...], found: list[Target]
) -> Generator[Query, Records, None]:
    if _is_address(host):
        _add(found, Target(protocol, host, port))
        return
    for family in families:
        records = yield from asked.ask(Query("AAAA" if family == 6 else "A", host))
        for address in records:
            if isinstance(address, str):
                _add(found, Target(protocol, address, port))


def _add(found: list[Target], target: Target) -> None:
    if len(found) < MAX_TARGETS and target not in found:
        found.append(target)


def in_order(records: Iterable[Srv], getrandbits: Callable[[int], int]) -> list[Srv]:
    """SRV records by priority, and by weighted chance among equals (RFC 2782)."""
    by_priority: dict[int, list[Srv]] = {}
    for record in records:
        by_priority.setdefault(record.priority, []).append(record)
    out: list[Srv] = []
    for priority in sorted(by_priority):
        left = sorted(by_priority[priority], key=lambda record: record.weight != 0)  # those of weight 0 first
        while left:
            total = sum(record.weight for record in left)
            chosen = getrandbits(32) % (total + 1)
            running = 0
            for index, record in enumerate(left):
                running += record.weight
                if running >= chosen:
                    out.append(left.pop(index))
                    break
    return out


def _is_address(host: str) -> bool:
    try:
        ip_address(host)
    except ValueError:
        return False
    return True
