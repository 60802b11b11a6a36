"""Danish: units before tens, "et" before neuter nouns, "og" after the hundred."""

from __future__ import annotations

from globstar.core.say_languages.scandinavian import Scandinavian


class Danish(Scandinavian):
    """Danish. ``gender``: ``n`` et, otherwise en."""

    code = "da"
    datetime_form = "A dBY HMS"

    def below_hundred(self, number: int, gender: str) -> list[str]:
        """0 to 99: 21 is one-and, twenty."""
        if number == 1 and gender == "n":
            return ["digits/1N"]
        if number <= 20 or number % 10 == 0:
            return [f"digits/{number}"]
        return [f"digits/{number % 10}-and", f"digits/{number // 10 * 10}"]

    def ordinal(self, number: int, gender: str = "") -> list[str]:
        """The unit stands before the ordinal ten."""
        if 20 < number < 100 and number % 10:
            return [f"digits/{number % 10}-and", f"digits/h-{number // 10 * 10}"]
        return super().ordinal(number, gender)

    def year(self, year: int) -> list[str]:
        """1999 is nineteen hundred, nine-and-ninety."""
        if not 1100 <= year < 2000:
            return self.number(year)
        century, rest = divmod(year, 100)
        return [*self.number(century), "digits/hundred", *(["digits/and", *self.number(rest)] if rest else ())]


LANGUAGES = (Danish(),)
