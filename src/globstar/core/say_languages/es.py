"""Spanish: hundreds with names of their own, "y" between tens and units."""

from __future__ import annotations

from typing import ClassVar

from globstar.core.say_languages.base import Language, Substitutes


class Spanish(Language):
    """Spanish. ``gender``: ``f`` una, ``m`` un, otherwise uno."""

    code = "es"
    datetime_form = "'digits/es-el' Ad 'digits/es-de' B 'digits/es-de' Y 'digits/at' IMp"
    substitutes: ClassVar[Substitutes] = {"digits/100-and": ("digits/100",)}

    def number(self, number: int, gender: str = "") -> list[str]:
        """A whole number."""
        if number < 0:
            return ["digits/minus", *self.number(-number, gender)]
        if number < 1000:
            return self.below_thousand(number, gender)
        if number < 1_000_000:
            count, rest = divmod(number, 1000)
            head = [] if count == 1 else self.below_thousand(count, "m")
            return [*head, "digits/thousand", *(self.number(rest, gender) if rest else ())]
        count, rest = divmod(number, 1_000_000)
        head = ["digits/1M", "digits/million"] if count == 1 else [*self.number(count, "m"), "digits/millions"]
        return [*head, *(self.number(rest, gender) if rest else ())]

    def below_thousand(self, number: int, gender: str) -> list[str]:
        """0 to 999: exactly a hundred is cien, more is ciento."""
        if number < 100:
            return self.below_hundred(number, gender)
        hundreds, rest = divmod(number, 100)
        head = "digits/100" if number == 100 else "digits/100-and" if hundreds == 1 else f"digits/{hundreds * 100}"
        return [head, *(self.below_hundred(rest, gender) if rest else ())]

    def below_hundred(self, number: int, gender: str) -> list[str]:
        """0 to 99: recorded whole up to 30."""
        if number == 1 and gender in ("f", "m"):
            return ["digits/1F" if gender == "f" else "digits/1M"]
        if number <= 30 or number % 10 == 0:
            return [f"digits/{number}"]
        return [f"digits/{number // 10 * 10}", "digits/and", *self.below_hundred(number % 10, gender)]

    def day_of_month(self, day: int) -> list[str]:
        """A plain number."""
        return self.number(day)

    def year(self, year: int) -> list[str]:
        """Always the whole number."""
        return self.number(year)

    def minute(self, minute: int) -> list[str]:
        """The full hour needs no minute."""
        return self.number(minute) if minute else []

    def hour_24(self, hour: int, *, is_padded: bool) -> list[str]:
        """The hour, never padded."""
        return self.number(hour, "f")

    def hour_12(self, hour: int) -> list[str]:
        """The hour by the clock's face."""
        return self.number(hour % 12 or 12, "f")


LANGUAGES = (Spanish(),)
