"""Swedish, by the code that Asterisk has for it."""

from __future__ import annotations

from globstar.core.say_languages.scaled import Scaled


class Swedish(Scaled):
    """Swedish. ``gender``: ``c`` en, otherwise ett."""

    code = "se"
    datetime_form = "AdBY 'digits/at' HM"

    def times(self, count: int, scale: int) -> list[str]:
        """Ett tusen; en miljon, tva miljoner; en miljard, tva miljarder."""
        if scale == 1000:
            return [*self.number(count), "digits/thousand"]
        noun = "million" if scale == 1_000_000 else "milliard"
        return [*self.number(count, "c"), f"digits/{noun}{'s' if count > 1 else ''}"]

    def below_hundred(self, number: int, gender: str) -> list[str]:
        """0 to 99."""
        if number <= 20 or number % 10 == 0:
            return ["digits/1N"] if number == 1 and gender == "c" else [f"digits/{number}"]
        return [f"digits/{number // 10 * 10}", *self.below_hundred(number % 10, gender)]

    def day_of_month(self, day: int) -> list[str]:
        """An ordinal."""
        return self.ordinal(day)

    def year(self, year: int) -> list[str]:
        """1999 is nineteen hundred ninety-nine."""
        if not 1100 <= year < 2000:
            return self.number(year)
        century, rest = divmod(year, 100)
        return [*self.number(century), "digits/hundred", *(self.number(rest) if rest else ())]


LANGUAGES = (Swedish(),)
