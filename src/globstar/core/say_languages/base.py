"""What a language must know; English's answers are the default.

Every method gives names of sound files without extension, in the order in which they are played.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from datetime import date, datetime, timedelta
from typing import ClassVar

from globstar.base.errors import RemoteFault
from globstar.base.log import Logger

logger = Logger("say")

_DIGIT_NAMES = {"*": "digits/star", "#": "digits/pound", "-": "digits/minus"}
_CHARACTER_NAMES = {
    "*": "digits/star",
    "#": "digits/pound",
    "!": "letters/exclaimation-point",
    "@": "letters/at",
    "$": "letters/dollar",
    "=": "letters/equals",
    "+": "letters/plus",
    "/": "letters/slash",
    " ": "letters/space",
    ".": "letters/dot",
    "-": "letters/dash",
}
#: a letter of a form, or a file in quotation marks
_TOKEN = re.compile(r"'[^']*'|\S")
_ENGLISH_DATE = "ABdY"
#: a number in a gender, a case, or as it sounds beside others (1F, 2kvk, 20on, 4_2, 5-2, 1000.5), and words in the plural
_INFLECTED_NUMBER = re.compile(r"(digits/\d+)(?:[FMNmnsz]|kk|kvk|hk|en|on|_2?|-2|\.[25])")
_INFLECTED_WORD = re.compile(r"(digits/(?:thousand|million|milliard|billion))(?:s|s-i|-a)")
_SCALES = ((1_000_000_000, "billion"), (1_000_000, "million"), (1000, "thousand"))

#: recordings that take the place of a missing one, the best first
Substitutes = Mapping[str, tuple[str, ...]]


class SayFault(RemoteFault):
    """What is to be said is not a number, an amount or a known form."""


def is_digit(character: str) -> bool:
    """Whether ``character`` is one of 0 to 9."""
    return "0" <= character <= "9"


class Language:
    """English; a subclass overrides what differs. ``code`` is what ``CHANNEL(language)`` holds, with or without region."""

    code = "en"
    #: what ``SAY DATETIME`` and SayUnixTime say when nothing else is asked for
    datetime_form = "ABdY 'digits/at' IMp"
    #: whether what it gives is played as it is, even where recordings are missing
    is_final = False
    #: for words that the rules of :meth:`nearest` do not cover
    substitutes: ClassVar[Substitutes] = {}

    def nearest(self, name: str) -> tuple[str, ...]:
        """Recordings that say nearly what a missing one does, the best first: the word without its gender, case or plural."""
        if name in self.substitutes:
            return self.substitutes[name]
        if name == "phonetic/9_p":
            return ("digits/9",)
        if name.startswith("digits/milliard"):  # packages by the English list of names have it as billion
            return ("digits/milliard", "digits/billion")
        inflected = _INFLECTED_NUMBER.fullmatch(name) or _INFLECTED_WORD.fullmatch(name)
        return (inflected[1],) if inflected is not None else ()

    # -- characters -------------------------------------------------------------------------------------------------

    def digits(self, text: str) -> list[str]:
        """Each digit, ``*``, ``#`` and ``-`` by itself; the rest is passed over."""
        return [f"digits/{c}" if is_digit(c) else _DIGIT_NAMES[c] for c in text if is_digit(c) or c in _DIGIT_NAMES]

    def character(self, character: str) -> str:
        """The file of one character."""
        if is_digit(character):
            return f"digits/{character}"
        known = _CHARACTER_NAMES.get(character)
        if known is not None:
            return known
        folded = character.lower()
        if "a" <= folded <= "z":
            return f"letters/{folded}"
        return f"letters/ascii{ord(character)}"

    def characters(self, text: str, case: str = "n") -> list[str]:
        """Letter by letter. ``case``: ``n`` none, ``a`` say upper and lower case, ``l`` lower only, ``u`` upper only.

        The announcing files ``uppercase`` and ``lowercase`` (:data:`OPTIONAL_FILES`) are left out where they are missing.
        """
        files: list[str] = []
        for character in text:
            if case in ("a", "u") and "A" <= character <= "Z":
                files.append("uppercase")
            elif case in ("a", "l") and "a" <= character <= "z":
                files.append("lowercase")
            files.append(self.character(character))
        return files

    def phonetic(self, text: str) -> list[str]:
        """Letters by the NATO alphabet; of the digits only nine has its own ("niner")."""
        files: list[str] = []
        for character in text:
            folded = character.lower()
            if "a" <= folded <= "z" or character == "9":
                files.append(f"phonetic/{folded}_p")
            else:
                files.append(self.character(character))
        return files

    # -- numbers ----------------------------------------------------------------------------------------------------

    def number(self, number: int, gender: str = "") -> list[str]:
        """A whole number."""
        if number < 0:
            return ["digits/minus", *self.number(-number, gender)]
        if number < 1000:
            return self.below_thousand(number, gender)
        for value, name in _SCALES:
            if number >= value:
                count, rest = divmod(number, value)
                return [*self.number(count), f"digits/{name}", *(self.rest(rest, gender) if rest else ())]
        raise AssertionError("unreachable")

    def rest(self, number: int, gender: str) -> list[str]:
        """What follows thousand, million or billion."""
        return self.number(number, gender)

    def below_thousand(self, number: int, gender: str) -> list[str]:
        """0 to 999."""
        if number >= 100:
            hundreds, rest = divmod(number, 100)
            files = [f"digits/{hundreds}", "digits/hundred"]
            return [*files, *self.after_hundred(rest, gender)] if rest else files
        return self.below_hundred(number, gender)

    def after_hundred(self, number: int, gender: str) -> list[str]:
        """1 to 99 after a hundred."""
        return self.below_hundred(number, gender)

    def below_hundred(self, number: int, gender: str) -> list[str]:
        """0 to 99."""
        if number <= 20 or number % 10 == 0:
            return [f"digits/{number}"]
        return [f"digits/{number // 10 * 10}", f"digits/{number % 10}"]

    def ordinal(self, number: int, gender: str = "") -> list[str]:
        """First, second ... : all but the last word as in the number."""
        if number < 0:
            return ["digits/minus", *self.ordinal(-number, gender)]
        if number <= 20 or (number < 100 and number % 10 == 0):
            return [f"digits/h-{number}"]
        if number < 100:
            return [f"digits/{number // 10 * 10}", f"digits/h-{number % 10}"]
        for value, name in (*_SCALES, (100, "hundred")):
            if number >= value:
                count, rest = divmod(number, value)
                if rest:
                    return [*self.number(count), f"digits/{name}", *self.ordinal(rest, gender)]
                return [*self.number(count), f"digits/h-{name}"]
        raise AssertionError("unreachable")

    def money(self, hundredths: int) -> list[str]:
        """An amount in dollars and cents. "dollar" ends on a falling pitch where nothing follows."""
        if hundredths < 0:
            return ["digits/minus", *self.money(-hundredths)]
        dollars, cents = divmod(hundredths, 100)
        files: list[str] = []
        if dollars:
            files += self.number(dollars)
            files.append("dollars" if dollars > 1 else "letters/dollar" if cents else "letters/dollar_")
            if cents:
                files.append("and")
        if cents or not dollars:
            files += self.number(cents)
            files.append("cent" if cents == 1 else "cents")
        return files

    # -- dates and times --------------------------------------------------------------------------------------------

    def weekday(self, moment: date) -> list[str]:
        """The day of the week; 0 is Sunday."""
        return [f"digits/day-{moment.isoweekday() % 7}"]

    def month(self, month: int) -> list[str]:
        """The month, counted from 1; its files are counted from 0."""
        return [f"digits/mon-{month - 1}"]

    def day_of_month(self, day: int) -> list[str]:
        """The day within a date that names the month."""
        return self.ordinal(day)

    def year(self, year: int) -> list[str]:
        """The year: 1999 in two halves, 2024 as a number."""
        if not 1100 <= year < 2000:
            return self.number(year)
        century, rest = divmod(year, 100)
        files = self.number(century)
        if rest == 0:
            return [*files, "digits/hundred"]
        return [*files, *(["digits/oh"] if rest < 10 else []), *self.number(rest)]

    def minute(self, minute: int) -> list[str]:
        """The minute after an hour."""
        if minute == 0:
            return ["digits/oclock"]
        return ["digits/oh", f"digits/{minute}"] if minute < 10 else self.number(minute)

    def second(self, second: int) -> list[str]:
        """The second after a minute."""
        if second == 0:
            return ["digits/0"]
        return ["digits/oh", f"digits/{second}"] if second < 10 else self.number(second)

    def hour_24(self, hour: int, *, is_padded: bool) -> list[str]:
        """The hour of the day; ``is_padded`` says "oh eight"."""
        if hour == 0:
            return ["digits/oh"]
        return [*(["digits/oh"] if is_padded and hour < 10 else []), *self.number(hour)]

    def hour_12(self, hour: int) -> list[str]:
        """The hour by the clock's face."""
        return self.number(hour % 12 or 12)

    def half_of_day(self, hour: int) -> list[str]:
        """Morning or afternoon."""
        return ["digits/p-m" if hour >= 12 else "digits/a-m"]

    def relative_day(self, moment: date, today: date, *, is_short: bool) -> list[str]:
        """``Q``: today, yesterday, tomorrow or the date; ``q`` (short): nothing for today, the weekday within the last week."""
        if moment == today:
            return [] if is_short else ["digits/today"]
        if moment == today - timedelta(days=1):
            return ["digits/yesterday"]
        if moment == today + timedelta(days=1):
            return ["digits/tomorrow"]
        if is_short and timedelta(0) < today - moment < timedelta(days=7):
            return self.weekday(moment)
        return _said(self, moment, date_part(self.datetime_form))

    def time_form(self, moment: datetime, today: date, form: str) -> list[str]:
        """``form`` in the letters of voicemail.conf's zone messages; see :func:`globstar.core.say.say_time_form`."""
        files: list[str] = []
        position = 0
        while position < len(form):
            letter = form[position]
            position += 1
            if letter == "'":
                end = form.find("'", position)
                if end < 0:
                    end = len(form)
                if form[position:end].strip():
                    files.append(form[position:end].strip())
                position = end + 1
            elif letter not in " \t\r\n,":
                part = self._letter(letter, moment, today)
                if part is None:
                    logger.warning(f"no such letter in a time format: '{letter}' in '{form}'")
                else:
                    files += part
        return files

    def _letter(self, letter: str, moment: datetime, today: date) -> list[str] | None:
        match letter:
            case "A" | "a":
                return self.weekday(moment)
            case "B" | "b" | "h":
                return self.month(moment.month)
            case "m":
                return self.ordinal(moment.month)
            case "d" | "e":
                return self.day_of_month(moment.day)
            case "Y":
                return self.year(moment.year)
            case "I" | "l":
                return self.hour_12(moment.hour)
            case "H":
                return self.hour_24(moment.hour, is_padded=True)
            case "k":
                return self.hour_24(moment.hour, is_padded=False)
            case "M":
                return self.minute(moment.minute)
            case "N":
                return ["digits/hundred"] if moment.minute == 0 else self.minute(moment.minute)
            case "S":
                return self.second(moment.second)
            case "P" | "p":
                return self.half_of_day(moment.hour)
            case "Q":
                return self.relative_day(moment.date(), today, is_short=False)
            case "q":
                return self.relative_day(moment.date(), today, is_short=True)
            case "R":
                return [*self.hour_24(moment.hour, is_padded=True), *self.minute(moment.minute)]
            case "T":
                return [
                    *self.hour_24(moment.hour, is_padded=True), *self.minute(moment.minute), *self.second(moment.second)
                ]  # fmt: skip
        return None

    def date(self, moment: date) -> list[str]:
        """``SAY DATE``, in the language's order; in English the day is a plain number there."""
        form = date_part(self.datetime_form)
        if form == _ENGLISH_DATE:
            return [
                *self.weekday(moment), *self.month(moment.month), *self.number(moment.day), *self.year(moment.year)
            ]  # fmt: skip
        return _said(self, moment, form)

    def time(self, moment: datetime) -> list[str]:
        """``SAY TIME``: as in the language's form, without seconds."""
        return _said(self, moment, time_part(self.datetime_form))


def _said(speaker: Language, moment: date, form: str) -> list[str]:
    """A date, or a date and time, in a form."""
    whole = moment if isinstance(moment, datetime) else datetime.combine(moment, datetime.min.time())
    return speaker.time_form(whole, whole.date(), form)


def date_part(form: str) -> str:
    """What of a form of date and time says the date: from its first letter of that kind to its last one."""
    return _part(form, "AaBbhmdeY")


def time_part(form: str) -> str:
    """What of a form of date and time says the time of day, without seconds."""
    return _part(form, "IlHkMNPpR")


def _part(form: str, letters: str) -> str:
    tokens: list[str] = _TOKEN.findall(form)
    places = [place for place, token in enumerate(tokens) if token in letters]
    return "".join(tokens[places[0] : places[-1] + 1]) if places else ""
