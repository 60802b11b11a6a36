"""What alarm panels send as DTMF: the formats of Ademco by their length and type, and the checksum (SIA DC-05 for Contact ID)."""

from __future__ import annotations

from dataclasses import dataclass

#: What each key counts in the checksum: 0 is ten, the others of a hexadecimal digit follow from eleven (B) on.
_VALUES = {**{str(n): n or 10 for n in range(10)}, "*": 11, "#": 12, "A": 13, "B": 14, "C": 15}


@dataclass(frozen=True, slots=True)
class EventFormat:
    """A format: how many digits a message has, checksum included, and what stands behind the account number."""

    name: str
    length: int
    types: tuple[str, ...] = ()


#: Contact ID: account (4), 18 or 98, qualifier, event (3), group (2), zone (3). Express: account, 17 or 27, event (1 or 2).
#: High Speed: account, eight zones, status.
FORMATS = (
    EventFormat("ADEMCO_CONTACT_ID", 16, ("18", "98")),
    EventFormat("ADEMCO_EXPRESS_4_1", 8, ("17",)),
    EventFormat("ADEMCO_EXPRESS_4_2", 9, ("27",)),
    EventFormat("ADEMCO_HIGH_SPEED", 14),
)
#: No message is longer.
LONGEST = max(each.length for each in FORMATS)


def find_format(digits: str) -> EventFormat | None:
    """The format of a message; None if it has none of their lengths and types."""
    return next((each for each in FORMATS if len(digits) == each.length and (not each.types or digits[4:6] in each.types)), None)


def is_intact(digits: str) -> bool:
    """Whether the checksum is right: all digits together are a multiple of 15."""
    return all(digit in _VALUES for digit in digits) and sum(_VALUES[digit] for digit in digits) % 15 == 0


def checksum_digit(digits: str) -> str:
    """The digit that makes a message of ``digits`` intact."""
    rest = -sum(_VALUES[digit] for digit in digits) % 15 or 15
    return next(digit for digit, value in _VALUES.items() if value == rest)
