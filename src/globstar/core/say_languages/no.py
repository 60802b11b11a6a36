"""Norwegian: "ett" before neuter nouns, "og" after the hundred."""

from __future__ import annotations

from typing import ClassVar

from globstar.core.say_languages.base import Substitutes
from globstar.core.say_languages.scandinavian import Scandinavian


class Norwegian(Scandinavian):
    """Norwegian. ``gender``: ``n`` ett, otherwise en."""

    code = "no"
    neuter_one = "digits/ett"
    substitutes: ClassVar[Substitutes] = {"digits/ett": ("digits/1",)}
    datetime_form = "AdBY 'digits/at' HM"

    def below_hundred(self, number: int, gender: str) -> list[str]:
        """0 to 99."""
        if number <= 20 or number % 10 == 0:
            return ["digits/ett"] if number == 1 and gender == "n" else [f"digits/{number}"]
        return [f"digits/{number // 10 * 10}", *self.below_hundred(number % 10, gender)]


LANGUAGES = (Norwegian(),)
