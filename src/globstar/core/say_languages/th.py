"""Thai: a word for each power of ten, the Buddhist year."""

from __future__ import annotations

from typing import ClassVar

from globstar.core.say_languages.base import Substitutes
from globstar.core.say_languages.scaled import Scaled

_POWERS = ((100_000, "san"), (10_000, "muan"), (1000, "pan"), (100, "roi"))
#: years between the Buddhist and the common era
_ERA = 543


class Thai(Scaled):
    """Thai."""

    code = "th"
    datetime_form = "AdBY 'digits/wela' HM"
    substitutes: ClassVar[Substitutes] = {"digits/lop": ("digits/minus",)}
    scales = (1_000_000,)

    def number(self, number: int, gender: str = "") -> list[str]:
        """A whole number; the word for minus is another than that of the digit."""
        if number < 0:
            return ["digits/lop", *self.number(-number, gender)]
        return super().number(number, gender)

    def times(self, count: int, scale: int) -> list[str]:
        """So many larn."""
        return [*self.number(count), "digits/larn"]

    def small(self, number: int, gender: str) -> list[str]:
        """0 to 999,999: a digit and its power, down to the tens."""
        files: list[str] = []
        rest = number
        for value, word in _POWERS:
            count, rest = divmod(rest, value)
            if count:
                files += [f"digits/{count}", f"digits/{word}"]
        if rest or not files:
            files += self._last(rest, is_alone=not files)
        return files

    def _last(self, number: int, *, is_alone: bool) -> list[str]:
        """0 to 99: sip for ten, yi sip for twenty, et for a one at the end."""
        tens, unit = divmod(number, 10)
        files: list[str] = []
        if tens:
            files = [*({1: [], 2: ["digits/yi"]}.get(tens, [f"digits/{tens}"])), "digits/10"]
        if unit == 1 and not (is_alone and tens == 0):
            return [*files, "digits/et"]
        return [*files, f"digits/{unit}"] if unit or not files else files

    def ordinal(self, number: int, gender: str = "") -> list[str]:
        """Thi and the number."""
        return ["digits/tee", *self.number(number)]

    def day_of_month(self, day: int) -> list[str]:
        """An ordinal: it follows the day of the week (wan chan thi ha)."""
        return self.ordinal(day)

    def month(self, month: int) -> list[str]:
        """Duean and its name."""
        return ["digits/duan", *super().month(month)]

    def year(self, year: int) -> list[str]:
        """The year of the Buddhist era."""
        return ["digits/posor", *self.number(year + _ERA)]


LANGUAGES = (Thai(),)
