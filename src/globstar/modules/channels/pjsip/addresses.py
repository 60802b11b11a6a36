"""Who sits at an address: a table of addresses and networks whose look-up costs the same however many there are."""

from __future__ import annotations

import ipaddress
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Generic, TypeVar

from globstar.core.acl import Network, read_network

T = TypeVar("T")

#: Answers kept for sources seen lately; when full they start anew.
MAX_REMEMBERED = 4096


@dataclass(frozen=True, slots=True)
class Match:
    """One address or network of ``match=``, with the source port that it asks for (0 any)."""

    network: Network
    port: int = 0

    def __str__(self) -> str:
        if not self.port:
            return str(self.network)
        return f"{self.network} port {self.port}"


def read_match(text: str) -> Match:
    """Read ``address[:port][/mask]``, an IPv6 address with a port in brackets; raises ValueError for anything else."""
    address, slash, mask = text.strip().partition("/")
    port = 0
    if address.startswith("["):
        address, _, rest = address[1:].partition("]")
        port = _port(rest.removeprefix(":")) if rest else 0
    elif address.count(":") == 1:
        address, _, digits = address.partition(":")
        port = _port(digits)
    return Match(read_network(address + slash + mask), port)


def _port(digits: str) -> int:
    if not digits.isdecimal() or not 0 < int(digits) < 65536:
        raise ValueError(f"'{digits}' is no port")
    return int(digits)


class AddressIndex(Generic[T]):
    """Finds what belongs to an address: the longest prefix wins, and of equal ones the first that was added."""

    def __init__(self) -> None:
        #: by version and length of prefix: network and port to what is there
        self._tables: dict[tuple[int, int], dict[tuple[int, int], list[tuple[T, tuple[Network, ...]]]]] = {}
        self._lengths: list[tuple[int, int]] = []
        self._remembered: dict[tuple[str, int], T | None] = {}
        self._sets: dict[str, tuple[T, tuple[Match, ...], tuple[Network, ...]]] = {}

    def __bool__(self) -> bool:
        return bool(self._tables)

    def add(self, what: T, matches: Iterable[Match], excluded: tuple[Network, ...] = ()) -> None:
        """Put ``what`` at addresses and networks, but not at those of ``excluded``."""
        for match in matches:
            net = match.network
            table = self._tables.setdefault((net.version, net.prefixlen), {})
            table.setdefault((int(net.network_address), match.port), []).append((what, excluded))
        self._lengths = sorted(self._tables, key=lambda key: -key[1])
        self._remembered.clear()

    def put(self, name: str, what: T, matches: tuple[Match, ...], excluded: tuple[Network, ...] = ()) -> None:
        """Like ``add``, for a set of addresses that changes: what was put under the same name before goes."""
        if self._sets.get(name) == (what, matches, excluded):
            return
        before = self._sets.get(name)
        if before is not None:
            for match in before[1]:
                net = match.network
                self._tables[net.version, net.prefixlen][int(net.network_address), match.port].remove((before[0], before[2]))
        self._sets[name] = (what, matches, excluded)
        self.add(what, matches, excluded)

    def find(self, host: str, port: int = 0) -> T | None:
        """What is at an address; None for a name or for an address where nothing is."""
        key = (host, port)
        remembered = self._remembered
        if key in remembered:
            return remembered[key]
        found = self._search(host, port)
        if len(remembered) >= MAX_REMEMBERED:
            remembered.clear()
        remembered[key] = found
        return found

    def _search(self, host: str, port: int) -> T | None:
        try:
            address = ipaddress.ip_address(host)
        except ValueError:
            return None
        number, version, bits = int(address), address.version, address.max_prefixlen
        for of_version, length in self._lengths:
            if of_version != version:
                continue
            shift = bits - length
            base = number >> shift << shift
            table = self._tables[of_version, length]
            for wanted in (port, 0) if port else (0,):
                for what, excluded in table.get((base, wanted), ()):
                    if not any(address in net for net in excluded):
                        return what
        return None
