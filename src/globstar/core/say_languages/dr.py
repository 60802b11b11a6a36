"""Dari: "o" between all parts, hundreds recorded whole."""

from __future__ import annotations

from globstar.core.say_languages.scaled import Scaled

_AND = "digits/o"


class Dari(Scaled):
    """Dari."""

    code = "dr"
    datetime_form = "AdBY IMp"

    def times(self, count: int, scale: int) -> list[str]:
        """Hazar alone, du hazar."""
        noun = {1000: "digits/thousand", 1_000_000: "digits/million"}.get(scale, "digits/billion")
        return [noun] if count == 1 and scale == 1000 else [*self.number(count), noun]

    def rest(self, number: int, gender: str) -> list[str]:
        """Joined by "o"."""
        return [_AND, *self.number(number, gender)]

    def below_thousand(self, number: int, gender: str) -> list[str]:
        """0 to 999."""
        hundreds, rest = divmod(number, 100)
        if hundreds == 0:
            return self.below_hundred(rest, gender)
        return [f"digits/{hundreds * 100}", *([_AND, *self.below_hundred(rest, gender)] if rest else ())]

    def below_hundred(self, number: int, gender: str) -> list[str]:
        """0 to 99."""
        if number <= 20 or number % 10 == 0:
            return [f"digits/{number}"]
        return [f"digits/{number // 10 * 10}", _AND, f"digits/{number % 10}"]


LANGUAGES = (Dari(),)
