"""Danish: units before tens, "et" before neuter nouns, "og" after the hundred."""

from __future__ import annotations

from globstar.core.say_languages.scaled import Scaled


class Danish(Scaled):
    """Danish. ``gender``: ``n`` et, otherwise en."""

    code = "da"
    datetime_form = "A dBY HMS"

    def times(self, count: int, scale: int) -> list[str]:
        """Et tusind; en million, to millioner; en milliard, to milliarder."""
        if scale == 1000:
            return [*self.number(count, "n"), "digits/thousand"]
        noun = "million" if scale == 1_000_000 else "milliard"
        return [*self.number(count), f"digits/{noun}{'s' if count > 1 else ''}"]

    def rest(self, number: int, gender: str) -> list[str]:
        """Below a hundred it is joined by "and"."""
        return [*(["digits/and"] if number < 100 else []), *self.number(number, gender)]

    def below_thousand(self, number: int, gender: str) -> list[str]:
        """0 to 999."""
        hundreds, rest = divmod(number, 100)
        if hundreds == 0:
            return self.below_hundred(rest, gender)
        head = ["digits/1N" if hundreds == 1 else f"digits/{hundreds}", "digits/hundred"]
        return [*head, "digits/and", *self.below_hundred(rest, gender)] if rest else head

    def below_hundred(self, number: int, gender: str) -> list[str]:
        """0 to 99: 21 is one-and, twenty."""
        if number == 1 and gender == "n":
            return ["digits/1N"]
        if number <= 20 or number % 10 == 0:
            return [f"digits/{number}"]
        return [f"digits/{number % 10}-and", f"digits/{number // 10 * 10}"]

    def day_of_month(self, day: int) -> list[str]:
        """An ordinal."""
        return self.ordinal(day)

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
