"""Polish: three genders of one and two, hundreds recorded whole, three forms of thousand and million."""

from __future__ import annotations

from typing import ClassVar

from globstar.core.say_languages.base import Substitutes
from globstar.core.say_languages.scaled import Scaled, slavic_form

_FORMS = ("", ".2", ".5")


class Polish(Scaled):
    """Polish. ``gender``: ``f`` jedna, dwie; ``n`` jedno; otherwise jeden, dwa."""

    code = "pl"
    datetime_form = "AdBY 'digits/at' HM"
    substitutes: ClassVar[Substitutes] = {
        f"digits/{number}{form}": (f"digits/{number}", f"digits/{word}")
        for number, word in ((1000, "thousand"), (1_000_000, "million"), (1_000_000_000, "billion")) for form in ("", ".2", ".5")
    }  # fmt: skip

    def times(self, count: int, scale: int) -> list[str]:
        """Tysiac alone, dwa tysiace, piec tysiecy; the counted word's form is a suffix of its file."""
        if count == 1:
            return [f"digits/{scale}"]
        form = slavic_form(count)
        return [*self.number(count), f"digits/{scale}{_FORMS[form or 2]}"]

    def below_thousand(self, number: int, gender: str) -> list[str]:
        """0 to 999."""
        hundreds, rest = divmod(number, 100)
        head = [f"digits/{hundreds * 100}"] if hundreds else []
        return [*head, *(self.below_hundred(rest, gender if not hundreds else "") if rest or not hundreds else ())]

    def below_hundred(self, number: int, gender: str) -> list[str]:
        """0 to 99: only two takes the gender in compounds."""
        if number == 1 and gender in ("f", "n"):
            return ["digits/1z" if gender == "f" else "digits/1n"]
        if number == 2 and gender == "f":
            return ["digits/2z"]
        if number <= 20 or number % 10 == 0:
            return [f"digits/{number}"]
        unit = number % 10
        return [f"digits/{number // 10 * 10}", "digits/2z" if unit == 2 and gender == "f" else f"digits/{unit}"]

    def ordinal(self, number: int, gender: str = "") -> list[str]:
        """In compounds both the ten and the unit are ordinals."""
        if 20 < number < 100 and number % 10:
            return [f"digits/h-{number // 10 * 10}", f"digits/h-{number % 10}"]
        return super().ordinal(number, gender)

    def day_of_month(self, day: int) -> list[str]:
        """An ordinal."""
        return self.ordinal(day)

    def hour_24(self, hour: int, *, is_padded: bool) -> list[str]:
        """Hours are ordinals; midnight is the twenty-fourth or zero."""
        return ["digits/t-24"] if hour == 0 else [f"digits/t-{hour}"]

    def hour_12(self, hour: int) -> list[str]:
        """The hour by the clock's face."""
        return [f"digits/t-{hour % 12 or 12}"]


LANGUAGES = (Polish(),)
