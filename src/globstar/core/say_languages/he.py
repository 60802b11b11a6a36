"""Hebrew: masculine and feminine numbers, "ve" or "u" before the last part."""

from __future__ import annotations

from typing import ClassVar

from globstar.core.say_languages.base import Substitutes
from globstar.core.say_languages.scaled import Scaled

_AND, _AND_SOFT = "digits/ve", "digits/uu"
#: "ve" is spoken "u" before these, which begin with two consonants (shtayim, shmona) or with "m"
_SOFT = frozenset(
    f"digits/{name}"
    for name in (*(f"{number}{suffix}" for number in (2, 8, 12, 13, 18) for suffix in ("", "m")), "3m", "30", "80",
                 "hundred", "200", "300", "800")
)  # fmt: skip


def _joined(files: list[str]) -> list[str]:
    """What comes last, with its "and"."""
    return [_AND_SOFT if files[0] in _SOFT else _AND, *files]


class Hebrew(Scaled):
    """Hebrew. ``gender``: ``m`` masculine, otherwise feminine, which bare numbers are."""

    code = "he"
    datetime_form = "AdBY 'digits/at' HM"
    substitutes: ClassVar[Substitutes] = {_AND_SOFT: (_AND,)}

    def times(self, count: int, scale: int) -> list[str]:
        """Elef, alpayim, shloshet alafim to ten; then the plain number and elef."""
        if scale != 1000:
            if count == 2 and scale == 1_000_000:
                return ["digits/twomillion"]
            noun = "digits/million" if scale == 1_000_000 else "digits/billion"
            return [noun] if count == 1 else [*self.number(count, "m"), noun]
        if count <= 10:
            return ["digits/thousand" if count == 1 else f"digits/{count * 1000}"]
        return [*self.number(count, "m"), "digits/thousand"]

    def rest(self, number: int, gender: str) -> list[str]:
        """A last part of one word is joined by "ve"."""
        is_single = number <= 20 or (number < 100 and number % 10 == 0) or (number < 1000 and number % 100 == 0)
        files = self.number(number, gender)
        return _joined(files) if is_single else files

    def below_thousand(self, number: int, gender: str) -> list[str]:
        """0 to 999."""
        hundreds, rest = divmod(number, 100)
        if hundreds == 0:
            return self.below_hundred(rest, gender)
        head = "digits/hundred" if hundreds == 1 else f"digits/{hundreds * 100}"
        return [head, *(self.rest(rest, gender) if rest else ())]

    def below_hundred(self, number: int, gender: str) -> list[str]:
        """0 to 99: masculine forms have their own files up to 19."""
        suffix = "m" if gender == "m" else ""
        if number <= 20 or number % 10 == 0:
            return [f"digits/{number}{suffix if 0 < number < 20 else ''}"]
        return [f"digits/{number // 10 * 10}", *_joined([f"digits/{number % 10}{suffix}"])]

    def day_of_month(self, day: int) -> list[str]:
        """The day is masculine."""
        return self.number(day, "m")

    def minute(self, minute: int) -> list[str]:
        """Minutes are joined by "ve"."""
        return _joined(self.number(minute)) if minute else []


LANGUAGES = (Hebrew(),)
