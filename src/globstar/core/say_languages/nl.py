"""Dutch: units before tens, joined by "en"."""

from __future__ import annotations

from globstar.core.say_languages.scaled import Scaled


class Dutch(Scaled):
    """Dutch."""

    code = "nl"
    datetime_form = "AdBY 'digits/nl-om' HM"
    says_one_hundred = False

    def times(self, count: int, scale: int) -> list[str]:
        """Duizend alone, een miljoen, een miljard."""
        if scale == 1000:
            return ["digits/thousand"] if count == 1 else [*self.number(count), "digits/thousand"]
        return [*self.number(count), "digits/million" if scale == 1_000_000 else "digits/milliard"]

    def below_hundred(self, number: int, gender: str) -> list[str]:
        """0 to 99: 21 is one-and-twenty."""
        if number <= 20 or number % 10 == 0:
            return [f"digits/{number}"]
        return [f"digits/{number % 10}", "digits/nl-en", f"digits/{number // 10 * 10}"]

    def hour_24(self, hour: int, *, is_padded: bool) -> list[str]:
        """The hour with its noun."""
        return [*self.number(hour), "digits/nl-uur"]

    def hour_12(self, hour: int) -> list[str]:
        """The hour by the clock's face."""
        return [*self.number(hour % 12 or 12), "digits/nl-uur"]


LANGUAGES = (Dutch(),)
