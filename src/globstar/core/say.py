"""Saying numbers, characters, dates and amounts: which sound files to play, by language.

Pure: text and times go in, names of sound files without extension come out. A language is a file in ``core/say_languages``;
``en_AU`` is said as ``en`` is, and a language without a file as English.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from datetime import UTC, datetime

from globstar.base.zones import zone_or_utc
from globstar.core.say_languages import FILES, load_language
from globstar.core.say_languages.base import Language, SayFault
from globstar.core.say_rules import RuleLanguage

__all__ = [
    "OPTIONAL_FILES", "SayFault", "built_in_language", "find_language", "say", "say_characters", "say_date", "say_datetime",
    "say_digits", "say_money", "say_number", "say_ordinal", "say_phonetic", "say_time", "say_time_form", "use_rules",
]  # fmt: skip

#: Files that a player passes over in silence where they are missing.
OPTIONAL_FILES = frozenset(("uppercase", "lowercase"))

_NUMBER = re.compile(r"\s*([+-]?\d+)")
_AMOUNT = re.compile(r"\s*(-?)\$?(\d*)(?:\.(\d*))?")
_LIMIT = 2**31


#: Languages by rules of say.conf; they come before those that are built in.
_by_rules: dict[str, Language] = {}


def use_rules(languages: Mapping[str, Language]) -> None:
    """Say things by say.conf from now on, in this process; with no languages as built in."""
    _by_rules.clear()
    _by_rules.update(languages)


def built_in_language(code: str) -> Language:
    """The language that is built in: the exact code, else its part before ``_``, else English."""
    key = code.lower()
    while key:
        if key in FILES:
            return load_language(key)
        key = key.rpartition("_")[0]
    return load_language("en")


def find_language(code: str) -> Language:
    """The language to say things in: of say.conf where it has it, else the built-in one."""
    key = code.lower() if _by_rules else ""
    while key:
        if key in _by_rules:
            return _by_rules[key]
        key = key.rpartition("_")[0]
    return built_in_language(code)


def parse_number(text: str) -> int:
    """The number at the start of ``text``, a signed 32 bit integer; raises :class:`SayFault`."""
    match = _NUMBER.match(text)
    if match is None or len(match[1]) > 11:
        raise SayFault(f"not a number: '{text}'")
    number = int(match[1])
    if not -_LIMIT <= number < _LIMIT:
        raise SayFault(f"number out of range: '{text}'")
    return number


def say_number(number: int, language: str = "en", gender: str = "") -> list[str]:
    """A whole number; ``gender`` is f, m, n or c where the language has genders."""
    return find_language(language).number(number, gender.lower()[:1])


def say_ordinal(number: int, language: str = "en", gender: str = "") -> list[str]:
    """First, second, third ..."""
    return find_language(language).ordinal(number, gender.lower()[:1])


def say_digits(text: str, language: str = "en") -> list[str]:
    """Digit by digit."""
    return find_language(language).digits(text)


def say_characters(text: str, language: str = "en", case: str = "n") -> list[str]:
    """Letter by letter; see :meth:`Language.characters` for ``case``."""
    return find_language(language).characters(text, case.lower()[:1])


def say_phonetic(text: str, language: str = "en") -> list[str]:
    """By the spelling alphabet."""
    return find_language(language).phonetic(text)


def say_money(amount: str, language: str = "en") -> list[str]:
    """``12.34`` as dollars and cents; digits beyond the cents are left out."""
    match = _AMOUNT.match(amount)
    if match is None or not (match[2] or match[3]) or len(match[2]) > 10:
        raise SayFault(f"not an amount: '{amount}'")
    cents = ((match[3] or "") + "00")[:2]
    hundredths = int(match[2] or "0") * 100 + int(cents)
    return find_language(language).money(-hundredths if match[1] else hundredths)


def _local(wall_time: float, zone: str) -> datetime:
    try:
        return datetime.fromtimestamp(wall_time, UTC).astimezone(zone_or_utc(zone))
    except (OverflowError, ValueError, OSError) as error:
        raise SayFault(f"no such time: {wall_time}") from error


def say_time_form(wall_time: float, form: str, *, now: float, zone: str = "", language: str = "en") -> list[str]:
    """A time in a form of voicemail.conf's letters, as SayUnixTime() and ``SAY DATETIME`` take it.

    ``'file'`` plays a file; A or a weekday, B b h month, m month as ordinal, d e day, Y year, I l hour of 12, H hour of
    24 with "oh", k without, M minute, N minute in military style, S second, P p a.m. or p.m., Q today, yesterday, tomorrow
    or date, q the same but nothing for today and a weekday for the last week, R hour and minute, T with second. An empty form is
    the language's own. Unknown letters are logged and left out.
    """
    speaker = find_language(language)
    moment = _local(wall_time, zone)
    return speaker.time_form(moment, _local(now, zone).date(), form or speaker.datetime_form)


def say_date(wall_time: float, *, zone: str = "", language: str = "en") -> list[str]:
    """The date, as ``SAY DATE`` says it."""
    return find_language(language).date(_local(wall_time, zone).date())


def say_time(wall_time: float, *, zone: str = "", language: str = "en") -> list[str]:
    """The time of day, as ``SAY TIME`` says it."""
    return find_language(language).time(_local(wall_time, zone))


def say_datetime(wall_time: float, *, now: float, zone: str = "", language: str = "en") -> list[str]:
    """Date and time in the language's usual form."""
    return say_time_form(wall_time, "", now=now, zone=zone, language=language)


def say(kind: str, text: str, language: str = "en") -> list[str]:
    """``text`` said as ``kind``: alpha, digits, money, number, ordinal or phonetic (SAYFILES()); raises :class:`SayFault`."""
    speaker = find_language(language)
    if isinstance(speaker, RuleLanguage):
        said = speaker.say(f"{kind}:{text}")
        if said is not None:
            return said
    match kind.lower():
        case "alpha" | "":
            return say_characters(text, language)
        case "digits":
            return say_digits(text, language)
        case "money":
            return say_money(text, language)
        case "number":
            return say_number(parse_number(text), language)
        case "ordinal":
            return say_ordinal(parse_number(text), language)
        case "phonetic":
            return say_phonetic(text, language)
    raise SayFault(f"no way to say '{kind}'")
