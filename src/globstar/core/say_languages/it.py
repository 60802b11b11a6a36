"""Italian: tens with one and eight are recorded whole, hours and years have recordings of their own."""

from __future__ import annotations

from globstar.core.say_languages.scaled import Scaled


class Italian(Scaled):
    """Italian."""

    code = "it"
    datetime_form = "AdBY 'digits/at' IMp"
    says_one_hundred = False

    def times(self, count: int, scale: int) -> list[str]:
        """Mille alone, duemila; un milione, due milioni."""
        if scale == 1000:
            return ["digits/thousand"] if count == 1 else [*self.number(count), "digits/thousands"]
        if scale == 1_000_000:
            return ["digits/un", "digits/million"] if count == 1 else [*self.number(count), "digits/millions"]
        return ["digits/un", "digits/billion"] if count == 1 else [*self.number(count), "digits/billion"]

    def below_hundred(self, number: int, gender: str) -> list[str]:
        """0 to 99: the vowel of the ten goes before one and eight (ventuno), so that these are whole."""
        if number <= 20 or number % 10 in (0, 1, 8):
            return [f"digits/{number}"]
        return [f"digits/{number // 10 * 10}", f"digits/{number % 10}"]

    def day_of_month(self, day: int) -> list[str]:
        """Only the first is an ordinal."""
        return ["digits/h-1"] if day == 1 else self.number(day)

    def year(self, year: int) -> list[str]:
        """1900 and 2000 are recorded, the rest follows."""
        for base in (1900, 2000):
            if base <= year < base + 100:
                return [f"digits/ore-{base}", *(self.number(year - base) if year > base else ())]
        return self.number(year)

    def minute(self, minute: int) -> list[str]:
        """Minutes are joined by "and"."""
        return ["digits/e", *self.number(minute)] if minute else []

    def hour_24(self, hour: int, *, is_padded: bool) -> list[str]:
        """Midnight and one o'clock have words of their own."""
        return {0: ["digits/ore-mezzanotte"], 1: ["digits/ore-una"]}.get(hour) or self.number(hour)

    def hour_12(self, hour: int) -> list[str]:
        """The hour by the clock's face."""
        if hour == 0:
            return ["digits/ore-mezzanotte"]
        return ["digits/ore-una"] if hour % 12 == 1 else self.number(hour % 12 or 12)


LANGUAGES = (Italian(),)
