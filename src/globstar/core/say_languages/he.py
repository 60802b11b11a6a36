"""Hebrew: masculine and feminine numbers, "ve" before the last part."""

from __future__ import annotations

from globstar.core.say_languages.scaled import Scaled

_AND = "digits/ve"


class Hebrew(Scaled):
    """Hebrew. ``gender``: ``m`` masculine, otherwise feminine, which bare numbers are."""

    code = "he"
    datetime_form = "AdBY 'digits/at' HM"

    def times(self, count: int, scale: int) -> list[str]:
        """Elef, alpayim, shloshet alafim to ten; then the plain number and elef."""
        if scale != 1000:
            noun = "digits/million" if scale == 1_000_000 else "digits/billion"
            return [noun] if count == 1 else [*self.number(count, "m"), noun]
        if count <= 10:
            return ["digits/thousand" if count == 1 else f"digits/{count * 1000}"]
        return [*self.number(count, "m"), "digits/thousand"]

    def rest(self, number: int, gender: str) -> list[str]:
        """A last part of one word is joined by "ve"."""
        is_single = number <= 20 or (number < 100 and number % 10 == 0) or (number < 1000 and number % 100 == 0)
        return [*([_AND] if is_single else []), *self.number(number, gender)]

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
        return [f"digits/{number // 10 * 10}", _AND, f"digits/{number % 10}{suffix}"]

    def day_of_month(self, day: int) -> list[str]:
        """The day is masculine."""
        return self.number(day, "m")

    def minute(self, minute: int) -> list[str]:
        """Minutes are joined by "ve"."""
        return [_AND, *self.number(minute)] if minute else []


LANGUAGES = (Hebrew(),)
