"""Who is on the line: caller, dialled, connected and redirecting party information.

Names, numbers and subaddresses are values that parties share; another one is put in their place where something changes.
"""

from __future__ import annotations

from dataclasses import dataclass, field, replace

#: Presentation values: names and numbers as CALLERID(pres) uses them (bits 0x60 presentation, 0x03 screening).
PRESENTATIONS: dict[str, int] = {
    "allowed_not_screened": 0x00,
    "allowed_passed_screen": 0x01,
    "allowed_failed_screen": 0x02,
    "allowed": 0x03,
    "prohib_not_screened": 0x20,
    "prohib_passed_screen": 0x21,
    "prohib_failed_screen": 0x22,
    "prohib": 0x23,
    "unavailable": 0x43,
}
PRESENTATION_NAMES = {value: name for name, value in PRESENTATIONS.items()}
PRESENTATION_TEXTS: dict[int, str] = {
    0x00: "Presentation Allowed, Not Screened",
    0x01: "Presentation Allowed, Passed Screen",
    0x02: "Presentation Allowed, Failed Screen",
    0x03: "Presentation Allowed, Network Number",
    0x20: "Presentation Prohibited, Not Screened",
    0x21: "Presentation Prohibited, Passed Screen",
    0x22: "Presentation Prohibited, Failed Screen",
    0x23: "Presentation Prohibited, Network Number",
    0x43: "Number Unavailable",
}
UNAVAILABLE = 0x43


@dataclass(frozen=True, slots=True)
class PartyName:
    """A name; ``valid`` tells whether one is known at all."""

    text: str = ""
    valid: bool = False
    charset: int = 1
    presentation: int = 0


@dataclass(frozen=True, slots=True)
class PartyNumber:
    """A number with its numbering plan and presentation."""

    text: str = ""
    valid: bool = False
    plan: int = 0
    presentation: int = 0


@dataclass(frozen=True, slots=True)
class PartySubaddress:
    """An ISDN subaddress."""

    text: str = ""
    valid: bool = False
    type: int = 0
    odd_even_indicator: bool = False


_NO_NAME = PartyName()
_NO_NUMBER = PartyNumber()
_NO_SUBADDRESS = PartySubaddress()


@dataclass(slots=True)
class PartyId:
    """Name, number, subaddress and tag of one party."""

    name: PartyName = _NO_NAME
    number: PartyNumber = _NO_NUMBER
    subaddress: PartySubaddress = _NO_SUBADDRESS
    tag: str = ""

    @classmethod
    def of(cls, name: str | None, number: str | None) -> PartyId:
        """A party with what is given marked valid."""
        party = cls()
        if name is not None:
            party.name = PartyName(name, True)
        if number is not None:
            party.number = PartyNumber(number, True)
        return party

    def copy(self) -> PartyId:
        """An independent copy."""
        return PartyId(self.name, self.number, self.subaddress, self.tag)

    def set_name(self, text: str) -> None:
        """Know the name from now on."""
        name = self.name
        self.name = PartyName(text, True, name.charset, name.presentation)

    def set_number(self, text: str) -> None:
        """Know the number from now on."""
        number = self.number
        self.number = PartyNumber(text, True, number.plan, number.presentation)

    def set_presentation(self, presentation: int) -> None:
        """Say of name and number how they may be shown."""
        self.name = replace(self.name, presentation=presentation)
        self.number = replace(self.number, presentation=presentation)

    @property
    def presentation(self) -> int:
        """The combined presentation of name and number: what is known and most restricted of the two."""
        name, number = self.name, self.number
        if not number.valid:
            return name.presentation if name.valid else UNAVAILABLE
        if name.valid and _RANK[name.presentation & 0x60] > _RANK[number.presentation & 0x60]:
            return name.presentation
        return number.presentation


#: How much a presentation (bits 0x60) says: prohibited is most, unavailable least.
_RANK = {0x20: 2, 0x00: 1, 0x40: 0, 0x60: 0}


@dataclass(slots=True)
class Caller:
    """The calling party."""

    id: PartyId = field(default_factory=PartyId)
    ani: PartyId = field(default_factory=PartyId)
    private: PartyId = field(default_factory=PartyId)
    ani2: int = 0


@dataclass(slots=True)
class Dialed:
    """The number that the caller dialled."""

    number: str = ""
    plan: int = 0
    subaddress: PartySubaddress = _NO_SUBADDRESS
    transit_network_select: int = 0


@dataclass(slots=True)
class Connected:
    """The party at the other end; ``source`` says why it changed (0 unknown, 1 answer, 3 transfer, 4 alerting transfer)."""

    id: PartyId = field(default_factory=PartyId)
    ani: PartyId = field(default_factory=PartyId)
    private: PartyId = field(default_factory=PartyId)
    ani2: int = 0
    source: int = 0


@dataclass(slots=True)
class RedirectingReason:
    """Why a call was redirected: a code and, where the code is not enough, words."""

    code: int = 0
    text: str = ""


@dataclass(slots=True)
class Redirecting:
    """How the call came to be redirected."""

    orig: PartyId = field(default_factory=PartyId)
    from_: PartyId = field(default_factory=PartyId)
    to: PartyId = field(default_factory=PartyId)
    private_orig: PartyId = field(default_factory=PartyId)
    private_from: PartyId = field(default_factory=PartyId)
    private_to: PartyId = field(default_factory=PartyId)
    reason: RedirectingReason = field(default_factory=RedirectingReason)
    orig_reason: RedirectingReason = field(default_factory=RedirectingReason)
    count: int = 0


def parse_caller_id(text: str) -> tuple[str, str]:
    """Split ``"Name" <number>`` into name and number; either may be empty.

    A lone value counts as a number when it consists of number characters, else as a name.
    """
    text = text.strip()
    left = text.find("<")
    right = text.rfind(">")
    if left >= 0 and right > left:
        name, number = text[:left].strip(), text[left + 1 : right].strip()
        if len(name) >= 2 and name[0] == '"' and name[-1] == '"':
            name = name[1:-1].replace('\\"', '"').replace("\\\\", "\\")
        return name, number
    if text and all(character in "0123456789*#+-()" for character in text.replace(" ", "")):
        return "", text
    if len(text) >= 2 and text[0] == '"' and text[-1] == '"':
        text = text[1:-1]
    return text, ""


def format_caller_id(name: str, number: str, unknown: str = "") -> str:
    """``"Name" <number>``, or the one that is known, or ``unknown``."""
    if name and number:
        return f'"{name}" <{number}>'
    return name or number or unknown
