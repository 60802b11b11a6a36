"""Readers of single option values: each turns text into a value or raises ValueError with the reason."""

from __future__ import annotations

import enum
import ipaddress
import math
import re
from collections.abc import Callable
from typing import TypeVar, overload

T = TypeVar("T")
E = TypeVar("E", bound=enum.Enum)

TRUE_WORDS = frozenset({"yes", "true", "y", "t", "1", "on"})
FALSE_WORDS = frozenset({"no", "false", "n", "f", "0", "off"})

_DURATION = re.compile(r"([0-9]+(?:\.[0-9]*)?|\.[0-9]+)\s*(ms|s|m|h|d)?\Z")
_SECONDS = {"ms": 0.001, "s": 1.0, "m": 60.0, "h": 3600.0, "d": 86400.0}


def is_true(text: str | None) -> bool:
    """Tell whether Asterisk takes the text as true (yes, true, y, t, 1, on; without case)."""
    return text is not None and text.strip().lower() in TRUE_WORDS


def is_false(text: str | None) -> bool:
    """Tell whether Asterisk takes the text as false (no, false, n, f, 0, off; without case)."""
    return text is not None and text.strip().lower() in FALSE_WORDS


def boolean(text: str) -> bool:
    """Read yes or no in any of Asterisk's spellings."""
    if is_true(text):
        return True
    if is_false(text):
        return False
    raise ValueError("expected yes or no")


def string(text: str) -> str:
    """Take the text as it is."""
    return text


def integer(minimum: int | None = None, maximum: int | None = None) -> Callable[[str], int]:
    """Return a reader of decimal whole numbers within bounds."""

    def read(text: str) -> int:
        if not re.fullmatch(r"[+-]?[0-9]{1,40}", text.strip(), re.ASCII):
            raise ValueError("expected a whole number")
        return _bounded(int(text), minimum, maximum)

    return read


def floating(minimum: float | None = None, maximum: float | None = None) -> Callable[[str], float]:
    """Return a reader of finite decimal numbers within bounds."""

    def read(text: str) -> float:
        try:
            value = float(text)
        except ValueError:
            raise ValueError("expected a number") from None
        if not math.isfinite(value):
            raise ValueError("expected a number")
        return _bounded(value, minimum, maximum)

    return read


def decibels(text: str) -> float:
    """A gain in dB from -50 to 50, none where nothing stands."""
    return floating(-50, 50)(text) if text.strip() else 0.0


def duration(unit: str = "s") -> Callable[[str], float]:
    """Return a reader of lengths of time in seconds; `unit` (ms, s, m, h, d) is that of a bare number."""

    def read(text: str) -> float:
        found = _DURATION.match(text.strip().lower())
        if not found:
            raise ValueError("expected a length of time")
        value = float(found[1]) * _SECONDS[found[2] or unit]
        if not math.isfinite(value):
            raise ValueError("expected a length of time")
        return value

    return read


@overload
def enumeration(first: type[E], /) -> Callable[[str], E]: ...
@overload
def enumeration(first: str, /, *others: str) -> Callable[[str], str]: ...
def enumeration(first: type[E] | str, /, *others: str) -> Callable[[str], E] | Callable[[str], str]:
    """Return a reader of one word out of several, without case: given as words, or as an Enum of words."""
    if isinstance(first, str):
        words = {word.lower(): word for word in (first, *others)}
        return lambda text: _choose(text, words)
    members = {str(member.value).lower(): member for member in first}
    return lambda text: _choose(text, members)


def listing(item: Callable[[str], T], separators: str = ",") -> Callable[[str], tuple[T, ...]]:
    """Return a reader of lists; blanks around items and empty items are dropped."""
    split = re.compile("[" + re.escape(separators) + "]").split

    def read(text: str) -> tuple[T, ...]:
        return tuple(item(part.strip()) for part in split(text) if part.strip())

    return read


N = TypeVar("N", int, float)


def _bounded(value: N, minimum: N | None, maximum: N | None) -> N:
    if minimum is not None and value < minimum:
        raise ValueError(f"expected at least {minimum}")
    if maximum is not None and value > maximum:
        raise ValueError(f"expected at most {maximum}")
    return value


def _choose(text: str, words: dict[str, T]) -> T:
    try:
        return words[text.strip().lower()]
    except KeyError:
        raise ValueError("expected one of " + ", ".join(words)) from None


def address(text: str) -> str:
    """Read an IP address, an IPv6 one with or without brackets."""
    text = text.strip().strip("[]")
    ipaddress.ip_address(text)
    return text


def address_and_port(text: str) -> tuple[str, int]:
    """Read ``address`` or ``address:port`` (``[v6]:port``); port 0 when none is given."""
    text = text.strip()
    if text.startswith("["):
        host, _, rest = text[1:].partition("]")
        port = rest.removeprefix(":")
    elif text.count(":") > 1:
        host, port = text, ""
    else:
        host, _, port = text.partition(":")
    ipaddress.ip_address(host)
    if port and (not port.isdecimal() or int(port) > 65535):
        raise ValueError("expected a port")
    return host, int(port or 0)


def host_and_port(default_port: int) -> Callable[[str], tuple[str, int]]:
    """A reader of ``host[:port]``: a name or an address, an IPv6 one in brackets."""

    def read(text: str) -> tuple[str, int]:
        text = text.strip()
        host, colon, port = text.rpartition(":")
        if not colon or text.endswith("]"):
            host, port = text, str(default_port)
        if not host.strip("[]") or not (port.isascii() and port.isdigit() and 0 < int(port[:6]) < 65536):
            raise ValueError(f"'{text}' is no host[:port]")
        return host.strip("[]"), int(port)

    return read
