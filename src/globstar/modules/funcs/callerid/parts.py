"""The parts of a party's identification as CALLERID, CONNECTEDLINE and REDIRECTING name them: num, name-pres, subaddr-type ..."""

from __future__ import annotations

import re
from dataclasses import replace

from globstar.core.functions import FunctionError
from globstar.core.numbers import leading_integer
from globstar.core.party import PRESENTATION_NAMES, PRESENTATIONS, PartyId, PartySubaddress, parse_caller_id

#: Character sets of names, by number.
CHARSETS = (
    "unknown", "iso8859-1", "withdrawn", "iso8859-2", "iso8859-3", "iso8859-4", "iso8859-5", "iso8859-7", "bmp", "utf8",
)  # fmt: skip

_WHOLE = re.compile(r"[+-]?\d{1,9}$", re.ASCII)
#: What people write into numbers: blanks, parentheses, dots before the end, hyphens outside of brackets.
_DECORATION = re.compile(r"(\[[^\]]*\])|[ ()]|-|\.(?!$)")


class UnknownPart(FunctionError):
    """There is no part of that name."""


def presentation_name(presentation: int) -> str:
    """The name of a presentation value."""
    return PRESENTATION_NAMES.get(presentation, "unknown")


def parse_presentation(text: str) -> int:
    """A presentation by its name or number; raises :class:`FunctionError`."""
    text = text.strip()
    found = PRESENTATIONS.get(text.lower())
    if found is None and text.isascii() and text.isdigit() and int(text[:4]) in PRESENTATION_NAMES:
        found = int(text[:4])
    if found is None:
        raise FunctionError(f"unknown presentation '{text}'")
    return found


def parse_whole(text: str) -> int:
    """A whole number and nothing else; raises :class:`FunctionError`."""
    text = text.strip()
    if not _WHOLE.match(text):
        raise FunctionError(f"'{text}' is no whole number")
    return int(text)


def split_party(text: str) -> tuple[str, str]:
    """Name and number of ``"Name" <number>``, the number without decoration."""
    name, number = parse_caller_id(text)
    return name, _DECORATION.sub(lambda found: found[1] or "", number)


def read_part(party: PartyId, part: str) -> str:
    """The value of one part of a party; raises :class:`UnknownPart`."""
    name, number = party.name, party.number
    match part:
        case "num" | "number":
            return number.text if number.valid else ""
        case "name":
            return name.text if name.valid else ""
        case "all":
            return f'"{name.text if name.valid else ""}" <{number.text if number.valid else ""}>'
        case "pres":
            return presentation_name(party.presentation)
        case "tag":
            return party.tag
        case "num-valid" | "number-valid":
            return str(int(number.valid))
        case "num-plan" | "number-plan" | "ton":
            return str(number.plan)
        case "num-pres" | "number-pres":
            return presentation_name(number.presentation)
        case "name-valid":
            return str(int(name.valid))
        case "name-charset":
            return CHARSETS[name.charset] if 0 <= name.charset < len(CHARSETS) else CHARSETS[0]
        case "name-pres":
            return presentation_name(name.presentation)
    return read_subaddress(party.subaddress, part)


def read_subaddress(subaddress: PartySubaddress, part: str) -> str:
    """The value of one part of a subaddress; raises :class:`UnknownPart`."""
    match part:
        case "subaddr":
            return subaddress.text if subaddress.valid else ""
        case "subaddr-valid":
            return str(int(subaddress.valid))
        case "subaddr-type":
            return str(subaddress.type)
        case "subaddr-odd":
            return str(int(subaddress.odd_even_indicator))
    raise UnknownPart(f"unknown data type '{part}'")


def write_part(party: PartyId, part: str, value: str) -> None:
    """Change one part of a party; raises :class:`UnknownPart` or, for a value that cannot be, :class:`FunctionError`."""
    match part:
        case "num" | "number":
            party.set_number(value.strip())
        case "name":
            party.set_name(value.strip())
        case "all":
            name, number = split_party(value)
            party.set_name(name)
            party.set_number(number)
        case "pres":
            party.set_presentation(parse_presentation(value))
        case "tag":
            party.tag = value
        case "num-valid" | "number-valid":
            party.number = replace(party.number, valid=leading_integer(value) != 0)
        case "num-plan" | "number-plan" | "ton":
            party.number = replace(party.number, plan=parse_whole(value))
        case "num-pres" | "number-pres":
            party.number = replace(party.number, presentation=parse_presentation(value))
        case "name-valid":
            party.name = replace(party.name, valid=leading_integer(value) != 0)
        case "name-charset":
            wanted = value.strip().lower()
            if wanted not in CHARSETS:
                raise FunctionError(f"unknown character set '{value}'")
            party.name = replace(party.name, charset=CHARSETS.index(wanted))
        case "name-pres":
            party.name = replace(party.name, presentation=parse_presentation(value))
        case _:
            party.subaddress = written_subaddress(party.subaddress, part, value)


def written_subaddress(subaddress: PartySubaddress, part: str, value: str) -> PartySubaddress:
    """A subaddress with another value of one part; raises as :func:`write_part` does."""
    match part:
        case "subaddr":
            return replace(subaddress, text=value.strip(), valid=True)
        case "subaddr-valid":
            return replace(subaddress, valid=leading_integer(value) != 0)
        case "subaddr-type":
            return replace(subaddress, type=parse_whole(value))
        case "subaddr-odd":
            return replace(subaddress, odd_even_indicator=leading_integer(value) != 0)
    raise UnknownPart(f"unknown data type '{part}'")
