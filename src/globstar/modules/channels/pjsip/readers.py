"""Readers of option values that only pjsip.conf has, and how values are shown by the CLI."""

from __future__ import annotations

import ipaddress
from collections.abc import Callable
from dataclasses import dataclass
from enum import Enum
from typing import Any

from globstar.config.values import address_and_port, is_false, is_true
from globstar.core.party import PRESENTATION_NAMES, PRESENTATIONS
from globstar.proto.sip.grammar import split_list
from globstar.proto.sip.headers.address import NameAddr

Network = ipaddress.IPv4Network | ipaddress.IPv6Network


@dataclass(frozen=True, slots=True)
class YesNo:
    """A truth value that the CLI shows as yes and no, where others are true and false."""

    value: bool

    def __bool__(self) -> bool:
        return self.value


def yes_no(text: str) -> YesNo:
    """Read yes or no."""
    if is_true(text):
        return YesNo(True)
    if is_false(text):
        return YesNo(False)
    raise ValueError("expected yes or no")


def presentation(text: str) -> int:
    """Read a caller id presentation by its name."""
    try:
        return PRESENTATIONS[text.strip().lower()]
    except KeyError:
        raise ValueError("expected one of " + ", ".join(PRESENTATIONS)) from None


def proxy_routes(text: str) -> tuple[NameAddr, ...]:
    """Read the URIs of proxies in a row, with or without angle brackets; raises SipParseError.

    A proxy is a loose router where its URI says so (``sip:proxy\\;lr`` in the file), and a strict one where it does not
    (RFC 3261 16.12): then it gets its own URI as Request-URI.
    """
    return tuple(NameAddr.parse(part if "<" in part else f"<{part}>") for part in split_list(text))


def groups(text: str) -> frozenset[int]:
    """Read call group numbers 0 to 63: ``1,3-5``."""
    found: set[int] = set()
    for part in text.split(","):
        first, dash, last = (piece.strip() for piece in part.partition("-"))
        if not first and not dash:
            continue
        if not first.isdecimal() or (dash and not last.isdecimal()):
            raise ValueError("expected group numbers like 1,3-5")
        low, high = int(first), int(last) if dash else int(first)
        if not 0 <= low <= high <= 63:
            raise ValueError("groups go from 0 to 63")
        found.update(range(low, high + 1))
    return frozenset(found)


def network(text: str) -> Network:
    """Read an address or a network (``10.0.0.0/8``, ``10.0.0.0/255.0.0.0``)."""
    return ipaddress.ip_network(text.strip().strip("[]"), strict=False)


def networks(text: str) -> tuple[Network, ...]:
    """Read a comma separated list of addresses and networks."""
    return tuple(network(part) for part in text.split(",") if part.strip())


@dataclass(frozen=True, slots=True)
class HostPort:
    """An address to bind to: host without brackets, port 0 when none is given."""

    host: str
    port: int = 0

    def __str__(self) -> str:
        host = f"[{self.host}]" if ":" in self.host else self.host
        return f"{host}:{self.port}"


def host_port(text: str) -> HostPort:
    """Read ``host``, ``host:port``, ``[v6]`` or ``[v6]:port``; the host must be an address."""
    return HostPort(*address_and_port(text))


def variable(text: str) -> tuple[tuple[str, str], ...]:
    """Read ``NAME=value`` of set_var."""
    name, equals, value = text.partition("=")
    if not equals or not name.strip():
        raise ValueError("expected NAME=value")
    return ((name.strip(), value.strip()),)


def one_of(*words: str, **synonyms: str) -> Callable[[str], str]:
    """Return a reader of one word; ``synonyms`` map other spellings."""
    known = {word.lower(): word for word in words} | synonyms

    def read(text: str) -> str:
        try:
            return known[text.strip().lower()]
        except KeyError:
            raise ValueError("expected one of " + ", ".join(words)) from None

    return read


def shown(value: Any) -> str:
    """A value as ``pjsip show`` prints it."""
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, YesNo):
        return "yes" if value else "no"
    if isinstance(value, float):
        return f"{value:f}"
    if isinstance(value, Enum):
        return str(value.value)
    if isinstance(value, frozenset):
        return ranges(sorted(value))
    if isinstance(value, tuple):
        return ",".join("=".join(item) if isinstance(item, tuple) else str(item) for item in value)
    return str(value)


def ranges(numbers: list[Any]) -> str:
    """``1,3-5`` for group numbers; names are joined by commas."""
    if not all(isinstance(number, int) for number in numbers):
        return ",".join(map(str, numbers))
    parts: list[str] = []
    start = 0
    for index, number in enumerate(numbers):
        if index + 1 == len(numbers) or numbers[index + 1] != number + 1:
            first = numbers[start]
            parts.append(str(first) if first == number else f"{first}-{number}")
            start = index + 1
    return ", ".join(parts)


def shown_presentation(value: int) -> str:
    """The name of a caller id presentation."""
    return PRESENTATION_NAMES.get(value, "unavailable")


def sdp_name(text: str) -> str:
    """Read the name of a session, which RFC 8866 section 5.3 does not let be empty."""
    if not text.strip():
        raise ValueError("a session has a name")
    return text


def sdp_user(text: str) -> str:
    """Read the user of an origin, which is one word (RFC 8866 section 5.2)."""
    if len(text.split()) != 1:
        raise ValueError("expected one word")
    return text.strip()


#: Names of DSCP values (RFC 2474, 2597, 3246, 5865) as the TOS octet has them.
_TOS_NAMES = {
    **{f"cs{number}": number << 5 for number in range(8)},
    **{f"af{row}{column}": (row << 3 | column << 1) << 2 for row in range(1, 5) for column in range(1, 4)},
    "ef": 46 << 2,
    "voice-admit": 44 << 2,
}


def tos_value(text: str) -> int:
    """The TOS octet for ``ef``, ``af41``, ``cs3`` or a number (decimal, or hexadecimal with 0x); ValueError for others."""
    name = text.strip().lower()
    if name in _TOS_NAMES:
        return _TOS_NAMES[name]
    value = int(name, 16 if name.startswith("0x") else 10)
    if not 0 <= value <= 255:
        raise ValueError("a TOS octet goes from 0 to 255")
    return value


def tos(text: str) -> str:
    """Read the mark of packets; it is kept as it is written."""
    try:
        tos_value(text)
    except ValueError:
        raise ValueError("expected a name like ef, af41 or cs3, or a number from 0 to 255") from None
    return text.strip()
