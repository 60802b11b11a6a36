"""Icelandic: one to four in three genders, "og" before the last part."""

from __future__ import annotations

from globstar.core.say_languages.scaled import Scaled

_AND = "digits/and"
_SUFFIXES = {"m": "kk", "f": "kvk", "n": "hk"}


class Icelandic(Scaled):
    """Icelandic. ``gender``: ``m`` einn, ``f`` ein, ``n`` eitt; bare numbers are counted in the masculine."""

    code = "is"
    datetime_form = "AdBY 'digits/at' HM"

    def times(self, count: int, scale: int) -> list[str]:
        """Eitt thusund, ein milljon, tvaer milljonir."""
        if scale == 1000:
            return [*self.number(count, "n"), "digits/thousand"]
        noun = "digits/million" if scale == 1_000_000 else "digits/milliard"
        return [*self.number(count, "f"), noun if count % 10 == 1 and count % 100 != 11 else f"{noun}s"]

    def rest(self, number: int, gender: str) -> list[str]:
        """A last part of one word is joined by "og"."""
        is_single = number <= 20 or (number < 100 and number % 10 == 0) or (number < 1000 and number % 100 == 0)
        return [*([_AND] if is_single else []), *self.number(number, gender)]

    def below_thousand(self, number: int, gender: str) -> list[str]:
        """0 to 999: hundrad is neuter."""
        hundreds, rest = divmod(number, 100)
        if hundreds == 0:
            return self.below_hundred(rest, gender)
        return [*self.below_hundred(hundreds, "n"), "digits/hundred", *(self.rest(rest, gender) if rest else ())]

    def below_hundred(self, number: int, gender: str) -> list[str]:
        """0 to 99."""
        if 1 <= number <= 4 and gender in _SUFFIXES:
            return [f"digits/{number}{_SUFFIXES[gender]}"]
        if number <= 20 or number % 10 == 0:
            return [f"digits/{number}"]
        return [f"digits/{number // 10 * 10}", _AND, *self.below_hundred(number % 10, gender)]

    def day_of_month(self, day: int) -> list[str]:
        """An ordinal."""
        return self.ordinal(day)

    def ordinal(self, number: int, gender: str = "") -> list[str]:
        """In compounds both the ten and the unit are ordinals."""
        if 20 < number < 100 and number % 10:
            return [f"digits/h-{number // 10 * 10}", _AND, f"digits/h-{number % 10}"]
        return super().ordinal(number, gender)


LANGUAGES = (Icelandic(),)
