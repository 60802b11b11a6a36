"""Hungarian: ten and twenty have another form before a unit."""

from __future__ import annotations

from globstar.core.say_languages.scaled import Scaled


class Hungarian(Scaled):
    """Hungarian."""

    code = "hu"
    datetime_form = "YBdA HM"
    says_one_hundred = False

    def times(self, count: int, scale: int) -> list[str]:
        """Ezer alone, ketezer; egymillio."""
        noun = {1000: "digits/thousand", 1_000_000: "digits/million"}.get(scale, "digits/milliard")
        return [noun] if count == 1 and scale == 1000 else [*self.number(count), noun]

    def below_hundred(self, number: int, gender: str) -> list[str]:
        """0 to 99: tizenegy, huszonegy."""
        tens, unit = divmod(number, 10)
        if tens == 0 or unit == 0:
            return [f"digits/{number}"]
        head = {1: "digits/10en", 2: "digits/20on"}.get(tens, f"digits/{tens * 10}")
        return [head, f"digits/{unit}"]

    def day_of_month(self, day: int) -> list[str]:
        """An ordinal."""
        return self.ordinal(day)


LANGUAGES = (Hungarian(),)
