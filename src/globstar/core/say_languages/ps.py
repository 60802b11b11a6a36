"""Pashto: units before tens, hundreds and thousands have a plural."""

from __future__ import annotations

from typing import ClassVar

from globstar.core.say_languages.base import Substitutes
from globstar.core.say_languages.scaled import Scaled


class Pashto(Scaled):
    """Pashto."""

    code = "ps"
    datetime_form = "AdBY IMp"
    substitutes: ClassVar[Substitutes] = {
        "digits/zara": ("digits/thousand",),
        "digits/sawa": ("digits/hundred",),
        "digits/wesht": ("digits/20",),
    }

    def times(self, count: int, scale: int) -> list[str]:
        """Zer alone, dwa zara."""
        if scale == 1000:
            return ["digits/1", "digits/thousand"] if count == 1 else [*self.number(count), "digits/zara"]
        return [*self.number(count), "digits/million" if scale == 1_000_000 else "digits/billion"]

    def rest(self, number: int, gender: str) -> list[str]:
        """Joined by "aw"."""
        return ["digits/o", *self.number(number, gender)]

    def below_thousand(self, number: int, gender: str) -> list[str]:
        """0 to 999: sal alone, dwa sawa."""
        hundreds, rest = divmod(number, 100)
        if hundreds == 0:
            return self.below_hundred(rest, gender)
        head = ["digits/1", "digits/hundred"] if hundreds == 1 else [f"digits/{hundreds}", "digits/sawa"]
        return [*head, *(["digits/o", *self.below_hundred(rest, gender)] if rest else ())]

    def below_hundred(self, number: int, gender: str) -> list[str]:
        """0 to 99: yawisht, dwa wisht; twenty alone is shal."""
        tens, unit = divmod(number, 10)
        if number <= 20 or unit == 0:
            return [f"digits/{number}"]
        return [f"digits/{unit}", "digits/wesht" if tens == 2 else f"digits/{tens * 10}"]


LANGUAGES = (Pashto(),)
