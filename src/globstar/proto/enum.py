"""ENUM: telephone numbers as names of the DNS, and NAPTR records as URIs (RFC 6116). No look-up happens here."""

from __future__ import annotations

import re
from collections.abc import Iterable

#: Country codes of two digits; 1 and 7 have one, all others three (E.164).
_TWO_DIGITS = frozenset(
    "20 27 30 31 32 33 34 36 39 40 41 43 44 45 46 47 48 49 51 52 53 54 55 56 57 58 60 61 62 63 64 65 66 81 82 84 86 90 91 92 93 "
    "94 95 98".split()
)
#: Names of services for one another.
_SAME = {"pjsip": "sip"}

#: order, preference, flags, service, regular expression, replacement
Naptr = tuple[int, int, str, str, str, str]


def digits_of(number: str) -> str:
    """The digits of a number."""
    return "".join(character for character in number if character.isascii() and character.isdigit())


def country_code_length(digits: str) -> int:
    """How many digits the country code has that a number begins with."""
    if digits[:1] in ("1", "7"):
        return 1
    return 2 if digits[:2] in _TWO_DIGITS else 3


def name_of(number: str, zone: str) -> str:
    """``+4969123`` in ``e164.arpa`` is ``3.2.1.9.6.9.4.e164.arpa``."""
    return ".".join([*reversed(digits_of(number)), zone])


def infrastructure_name(number: str, zone: str, label: str, position: int) -> str:
    """The name in the infrastructure tree: ``label`` stands before the first ``position`` digits."""
    digits = digits_of(number)
    return ".".join([*reversed(digits[position:]), label, *reversed(digits[:position]), zone])


def isn_name(number: str, zone: str) -> str:
    """``1234*256`` (ITAD subscriber number) in ``freenum.org`` is ``4.3.2.1.256.freenum.org``."""
    user, star, domain = number.partition("*")
    return ".".join([*reversed(digits_of(user)), *([domain] if star and domain else ()), zone])


def rewrite(expression: str, number: str) -> str:
    """Apply the substitution of a NAPTR record (``!^.*$!sip:x@y!``) to a number; empty where it does not match.

    Its regular expressions are POSIX extended ones; those that differ from Python's in effect are not in use.
    """
    if len(expression) < 3:
        return ""
    delimiter = expression[0]
    parts = expression[1:].split(delimiter)
    if len(parts) < 2 or len(parts[0]) > 200:
        return ""
    flags = re.IGNORECASE if len(parts) > 2 and "i" in parts[2] else 0
    try:
        found = re.search(parts[0], number, flags)
    except (re.error, OverflowError, RecursionError):
        return ""
    if found is None:
        return ""

    def group(reference: re.Match[str]) -> str:
        index = int(reference[1])
        return (found.group(index) or "") if index <= found.re.groups else ""

    return re.sub(r"\\([0-9])", group, parts[1])


def services_of(service: str) -> list[str]:
    """The enumservices of a record: ``E2U+sip+email:mailto`` and the older ``sip+E2U``, in lower case without subtypes."""
    words = [word.partition(":")[0] for word in service.lower().split("+")]
    return [word for word in words if word and word != "e2u"] if "e2u" in words else []


def uris_of(records: Iterable[Naptr], number: str, method: str) -> list[str]:
    """The URIs for a number, in order; those of one method, or of ``ALL``."""
    wanted = _SAME.get(method.lower(), method.lower())
    found: list[str] = []
    for _, _, flags, service, expression, _ in sorted(records, key=lambda record: record[:2]):
        services = services_of(service)
        if "u" not in flags.lower() or not services or not (wanted == "all" or wanted in services):
            continue
        uri = rewrite(expression, number)
        if uri:
            found.append(uri)
    return found


def without_scheme(uri: str) -> str:
    """What follows the scheme of a URI."""
    scheme, colon, rest = uri.partition(":")
    return rest if colon and scheme.isalnum() else uri
