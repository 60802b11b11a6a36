"""``a=candidate`` lines (RFC 8839 section 5.1) and the priorities of ICE (RFC 8445 section 5.1.2)."""

from __future__ import annotations

import ipaddress
from dataclasses import dataclass

_HOST_PREFERENCE, _PEER_REFLEXIVE_PREFERENCE, _REFLEXIVE_PREFERENCE, _RELAYED_PREFERENCE = 126, 110, 100, 0


@dataclass(frozen=True, slots=True)
class Candidate:
    """One address where a component can be reached."""

    foundation: str
    component: int
    priority: int
    address: tuple[str, int]
    type: str = "host"
    #: where a reflexive or relayed one comes from (raddr, rport); None for those of a host
    related: tuple[str, int] | None = None

    def __str__(self) -> str:
        host, port = self.address
        text = f"{self.foundation} {self.component} UDP {self.priority} {host} {port} typ {self.type}"
        return f"{text} raddr {self.related[0]} rport {self.related[1]}" if self.related is not None else text


def priority(type_preference: int, component: int, place: int = 0) -> int:
    """The priority of a candidate (RFC 8445 section 5.1.2.1); ``place`` is that of its address among those of its type."""
    return (type_preference << 24) + (max(65535 - place, 0) << 8) + 256 - component


def host_candidate(component: int, address: tuple[str, int], place: int = 0) -> Candidate:
    """An address of ours."""
    return Candidate(_foundation("H", address), component, priority(_HOST_PREFERENCE, component, place), address)


def reflexive_candidate(component: int, address: tuple[str, int], base: tuple[str, int]) -> Candidate:
    """Our address ``base`` as a STUN server sees it."""
    return Candidate(_foundation("S", base), component, priority(_REFLEXIVE_PREFERENCE, component), address, "srflx", base)


def relayed_candidate(component: int, address: tuple[str, int], mapped: tuple[str, int]) -> Candidate:
    """An address that a TURN server has for us; ``mapped`` is ours as it sees it."""
    return Candidate(_foundation("R", address), component, priority(_RELAYED_PREFERENCE, component), address, "relay", mapped)


def _foundation(kind: str, base: tuple[str, int]) -> str:
    """The same for candidates of one type and address (RFC 8445 section 5.1.1.3)."""
    return kind + ipaddress.ip_address(base[0]).packed[-4:].hex()


def peer_reflexive_priority(component: int) -> int:
    """What a check says its source would have as a peer-reflexive candidate (RFC 8445 section 7.1.1)."""
    return priority(_PEER_REFLEXIVE_PREFERENCE, component)


def pair_priority(controlling: int, controlled: int) -> int:
    """The priority of a pair of candidates (RFC 8445 section 6.1.2.3)."""
    return (min(controlling, controlled) << 32) + 2 * max(controlling, controlled) + (controlling > controlled)


def parse_candidate(text: str) -> Candidate | None:
    """A line that can be used: UDP and a numeric address; None for all others."""
    parts = text.split()
    if len(parts) < 8 or parts[2].upper() != "UDP" or parts[6].lower() != "typ":
        return None
    numbers = (parts[1], parts[3], parts[5])
    if not all(number.isascii() and number.isdigit() and len(number) <= 10 for number in numbers):
        return None
    component, rank, port = map(int, numbers)
    try:
        host = str(ipaddress.ip_address(parts[4]))
    except ValueError:  # a name (of a local network, RFC 8828), which its owner reveals by checking us
        return None
    if not (1 <= component <= 256 and 0 < port < 65536 and rank < 1 << 32):
        return None
    return Candidate(parts[0], component, rank, (host, port), parts[7].lower())
