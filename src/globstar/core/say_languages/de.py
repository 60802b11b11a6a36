"""German: units before tens, "ein" in three genders, the 24 hour clock."""

from __future__ import annotations

from globstar.core.say_languages.base import Language


class German(Language):
    """German. ``gender``: ``f`` eine, ``n`` ein, otherwise eins."""

    code = "de"
    datetime_form = "A dBY HMS"

    def number(self, number: int, gender: str = "") -> list[str]:
        """A whole number."""
        if number < 0:
            return ["digits/minus", *self.number(-number, gender)]
        if number < 1000:
            return self.below_thousand(number, gender)
        if number < 1_000_000:
            count, rest = divmod(number, 1000)
            head = ["digits/1N"] if count == 1 else self.below_thousand(count, "n")
            return [*head, "digits/thousand", *(self.number(rest, gender) if rest else ())]
        for value, one, many in (
            (1_000_000_000, "digits/milliard", "digits/milliards"),
            (1_000_000, "digits/million", "digits/millions"),
        ):
            if number >= value:
                count, rest = divmod(number, value)
                head = ["digits/1F", one] if count == 1 else [*self.number(count, "f"), many]
                return [*head, *(self.number(rest, gender) if rest else ())]
        raise AssertionError("unreachable")

    def below_thousand(self, number: int, gender: str) -> list[str]:
        """0 to 999."""
        if number >= 100:
            hundreds, rest = divmod(number, 100)
            files = ["digits/1N" if hundreds == 1 else f"digits/{hundreds}", "digits/hundred"]
            return [*files, *self.below_hundred(rest, gender)] if rest else files
        return self.below_hundred(number, gender)

    def below_hundred(self, number: int, gender: str) -> list[str]:
        """0 to 99: 21 is one-and, twenty."""
        if number == 1 and gender in ("f", "n"):
            return ["digits/1F" if gender == "f" else "digits/1N"]
        if number <= 20 or number % 10 == 0:
            return [f"digits/{number}"]
        return [f"digits/{number % 10}-and", f"digits/{number // 10 * 10}"]

    def ordinal(self, number: int, gender: str = "") -> list[str]:
        """Ordinals are recorded whole up to 19 and for the tens; others end on the tens."""
        if 0 <= number <= 20 or (number < 100 and number % 10 == 0):
            return [f"digits/h-{number}"]
        if 0 < number < 100:
            return [f"digits/{number % 10}-and", f"digits/h-{number // 10 * 10}"]
        return super().ordinal(number, gender)

    def year(self, year: int) -> list[str]:
        """1999 is nineteen hundred ninety-nine."""
        if not 1100 <= year < 2000:
            return self.number(year)
        century, rest = divmod(year, 100)
        return [*self.number(century), "digits/hundred", *(self.number(rest) if rest else ())]

    def minute(self, minute: int) -> list[str]:
        """The full hour needs no minute."""
        return ["digits/oclock", *(self.number(minute) if minute else ())]

    def second(self, second: int) -> list[str]:
        """The second with its unit."""
        return [*self.number(second, "f"), "seconds"]

    def hour_24(self, hour: int, *, is_padded: bool) -> list[str]:
        """The hour, never padded."""
        return self.number(hour, "n")

    def hour_12(self, hour: int) -> list[str]:
        """The hour by the clock's face."""
        return self.number(hour % 12 or 12, "n")


LANGUAGES = (German(),)
