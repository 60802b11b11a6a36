"""Urdu: every number below a hundred is a word of its own; lac and crore."""

from __future__ import annotations

from globstar.core.say_languages.scaled import Scaled


class Urdu(Scaled):
    """Urdu."""

    code = "ur"
    datetime_form = "AdBY IMp"
    scales = (10_000_000, 100_000, 1000)

    def times(self, count: int, scale: int) -> list[str]:
        """So many crore, lac or thousand."""
        return [*self.number(count), {1000: "digits/thousand", 100_000: "digits/lac"}.get(scale, "digits/crore")]

    def below_hundred(self, number: int, gender: str) -> list[str]:
        """0 to 99."""
        return [f"digits/{number}"]


LANGUAGES = (Urdu(),)
