"""Hungarian: ten and twenty have another form before a unit."""

from __future__ import annotations

from globstar.core.say_languages.scaled import Scaled


class Hungarian(Scaled):
    """Hungarian."""

    code = "hu"
    datetime_form = "YBdA HM"

    def times(self, count: int, scale: int) -> list[str]:
        """Ezer alone, ketezer; egymillio."""
        noun = {1000: "digits/thousand", 1_000_000: "digits/million"}.get(scale, "digits/milliard")
        return [noun] if count == 1 and scale == 1000 else [*self.number(count), noun]

    def below_thousand(self, number: int, gender: str) -> list[str]:
        """0 to 999: szaz alone, ketszaz."""
        hundreds, rest = divmod(number, 100)
        if hundreds == 0:
            return self.below_hundred(rest, gender)
        head = [] if hundreds == 1 else [f"digits/{hundreds}"]
        return [*head, "digits/hundred", *(self.below_hundred(rest, gender) if rest else ())]

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
