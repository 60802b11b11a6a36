"""Reading times as the C library's strptime does (POSIX.1-2017, strptime), in the C locale, with zeros for what is not given."""

from __future__ import annotations

import re
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta, tzinfo

_WEEKDAYS = ("sunday", "monday", "tuesday", "wednesday", "thursday", "friday", "saturday")
_MONTHS = (
    "january", "february", "march", "april", "may", "june", "july", "august", "september", "october", "november", "december",
)  # fmt: skip
_NUMBER = re.compile(r"[ \t\n\r\v\f]*(\d+)", re.ASCII)
_OFFSET = re.compile(r"[ \t\n\r\v\f]*(?:(Z)|([+-])(\d{2}):?(\d{2})?)", re.ASCII)
_SIGNED = re.compile(r"[ \t\n\r\v\f]*([+-]?\d{1,12})", re.ASCII)

#: Letters that stand for others.
_COMPOSED = {
    "T": "%H:%M:%S", "D": "%m/%d/%y", "R": "%H:%M", "F": "%Y-%m-%d", "c": "%a %b %e %H:%M:%S %Y", "x": "%m/%d/%y",
    "X": "%H:%M:%S", "r": "%I:%M:%S %p", "h": "%b",
}  # fmt: skip
#: Most digits, least and greatest number of numeric letters.
_NUMERIC = {
    "Y": (4, 0, 9999), "C": (2, 0, 99), "y": (2, 0, 99), "m": (2, 1, 12), "d": (2, 1, 31), "e": (2, 1, 31), "H": (2, 0, 23),
    "k": (2, 0, 23), "I": (2, 1, 12), "l": (2, 1, 12), "M": (2, 0, 59), "S": (2, 0, 61), "j": (3, 1, 366), "u": (1, 1, 7),
    "w": (1, 0, 6), "U": (2, 0, 53), "W": (2, 0, 53), "V": (2, 0, 53), "g": (2, 0, 99), "G": (4, 0, 9999),
}  # fmt: skip


@dataclass(slots=True)
class ParsedTime:
    """The parts that were read; months count from zero, as in C."""

    year: int = 1900
    month: int = 0
    day: int = 0
    hour: int = 0
    minute: int = 0
    second: int = 0
    day_of_year: int | None = None
    has_day: bool = False
    is_afternoon: bool | None = None
    offset: timedelta | None = None
    epoch: int | None = None

    def timestamp(self, zone: tzinfo | None) -> int:
        """Seconds since 1970; days, hours and so on beyond their range carry over. ``zone`` None is the machine's own."""
        if self.epoch is not None:
            return self.epoch
        if self.day_of_year is not None and not self.has_day:
            start = datetime(self.year, 1, 1) + timedelta(days=self.day_of_year - 1)
        else:
            start = datetime(self.year, self.month + 1, 1) + timedelta(days=self.day - 1)
        hour = self.hour
        if self.is_afternoon is not None:
            hour = hour % 12 + 12 * self.is_afternoon
        moment = start + timedelta(hours=hour, minutes=self.minute, seconds=self.second)
        if self.offset is not None:
            return int((moment.replace(tzinfo=UTC) - datetime(1970, 1, 1, tzinfo=UTC) - self.offset).total_seconds())
        aware = moment.replace(tzinfo=zone) if zone is not None else moment.astimezone()
        return int((aware - datetime(1970, 1, 1, tzinfo=UTC)).total_seconds())


def parse_time(text: str, form: str) -> ParsedTime | None:
    """Read ``text`` by ``form``; None if it does not fit. Text behind what the form asks for is passed over."""
    parsed = ParsedTime()
    position = _read(text, 0, form, parsed)
    return None if position is None else parsed


def _read(text: str, position: int, form: str, parsed: ParsedTime) -> int | None:
    index = 0
    while index < len(form):
        character = form[index]
        index += 1
        if character.isspace():
            position = _skip_blanks(text, position)
            continue
        if character != "%" or index == len(form):
            if text[position : position + 1] != character:
                return None
            position += 1
            continue
        while index < len(form) - 1 and form[index] in "EO_-0^#":
            index += 1
        letter = form[index]
        index += 1
        after = _read_letter(text, position, letter, parsed)
        if after is None:
            return None
        position = after
    return position


def _skip_blanks(text: str, position: int) -> int:
    while position < len(text) and text[position].isspace():
        position += 1
    return position


def _read_letter(text: str, position: int, letter: str, parsed: ParsedTime) -> int | None:
    if letter in _COMPOSED:
        return _read(text, position, _COMPOSED[letter], parsed)
    if letter in _NUMERIC:
        return _read_number(text, position, letter, parsed)
    match letter:
        case "%":
            return position + 1 if text.startswith("%", position) else None
        case "n" | "t":
            return _skip_blanks(text, position)
        case "a" | "A":
            _, after = _read_name(text, position, _WEEKDAYS)
            return after
        case "b" | "B":
            month, after = _read_name(text, position, _MONTHS)
            if after is not None:
                parsed.month = month
            return after
        case "p" | "P":
            half, after = _read_name(text, position, ("am", "pm"))
            if after is not None:
                parsed.is_afternoon = bool(half)
            return after
        case "s":
            found = _SIGNED.match(text, position)
            if found is not None:
                parsed.epoch = int(found[1])
            return found.end() if found is not None else None
        case "z":
            return _read_offset(text, position, parsed)
        case "Z":
            return position
    return None


def _read_name(text: str, position: int, names: tuple[str, ...]) -> tuple[int, int | None]:
    """The index of the name that stands there, whole or in three letters, and where it ends."""
    position = _skip_blanks(text, position)
    rest = text[position : position + 10].lower()
    for index, name in enumerate(names):
        for form in (name, name[:3]):
            if rest.startswith(form):
                return index, position + len(form)
    return 0, None


def _read_number(text: str, position: int, letter: str, parsed: ParsedTime) -> int | None:
    most, low, high = _NUMERIC[letter]
    found = _NUMBER.match(text, position)
    if found is None:
        return None
    digits = found[1][:most]
    number = int(digits)
    while number > high and len(digits) > 1:
        digits = digits[:-1]
        number = int(digits)
    if not low <= number <= high:
        return None
    match letter:
        case "Y":
            parsed.year = number
        case "y":
            parsed.year = number + (1900 if number >= 69 else 2000)
        case "C":
            parsed.year = number * 100 + parsed.year % 100
        case "m":
            parsed.month = number - 1
        case "d" | "e":
            parsed.day, parsed.has_day = number, True
        case "H" | "k":
            parsed.hour, parsed.is_afternoon = number, None
        case "I" | "l":
            parsed.hour = number % 12
        case "M":
            parsed.minute = number
        case "S":
            parsed.second = number
        case "j":
            parsed.day_of_year = number
        case _:  # weeks and weekdays are checked and have no effect, as in C
            pass
    return found.start(1) + len(digits)


def _read_offset(text: str, position: int, parsed: ParsedTime) -> int | None:
    found = _OFFSET.match(text, position)
    if found is None:
        return None
    if found[1]:
        parsed.offset = timedelta(0)
    else:
        offset = timedelta(hours=int(found[3]), minutes=int(found[4] or "0"))
        parsed.offset = -offset if found[2] == "-" else offset
    return found.end()
