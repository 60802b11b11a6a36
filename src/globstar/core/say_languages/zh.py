"""Chinese: counted by ten thousands, "ling" for a gap."""

from __future__ import annotations

from datetime import date

from globstar.core.say_languages.scaled import Scaled


class Chinese(Scaled):
    """Mandarin."""

    code = "zh"
    datetime_form = "YBdA pIM"
    scales = (100_000_000, 10_000)

    def times(self, count: int, scale: int) -> list[str]:
        """So many yi (10^8) or wan."""
        return [*self.number(count), "digits/yi" if scale == 100_000_000 else "digits/wan"]

    def rest(self, number: int, gender: str) -> list[str]:
        """A gap below the scale is said as zero."""
        return [*(["digits/0"] if number < 1000 else []), *self.number(number, gender)]

    def small(self, number: int, gender: str) -> list[str]:
        """0 to 9,999; a gap inside is said once."""
        files: list[str] = []
        gap = False
        for value, word in ((1000, "thousand"), (100, "hundred"), (10, "10")):
            count = number // value % 10
            if count:
                one = count == 1 and value == 10 and not files  # shi, not yi shi, for ten to nineteen
                files += [*(["digits/0"] if gap and files else []), *([] if one else [f"digits/{count}"]), f"digits/{word}"]
            gap = not count
        unit = number % 10
        if unit or not files:
            files += [*(["digits/0"] if gap and files else []), f"digits/{unit}"]
        return files

    def year(self, year: int) -> list[str]:
        """Digit by digit, and nian."""
        return [*self.digits(str(year)), "digits/year"]

    def day_of_month(self, day: int) -> list[str]:
        """The number and its counter."""
        return [*self.number(day), "digits/day"]

    def hour_24(self, hour: int, *, is_padded: bool) -> list[str]:
        """The number and dian."""
        return [*self.number(hour), "digits/oclock"]

    def hour_12(self, hour: int) -> list[str]:
        """The hour by the clock's face."""
        return [*self.number(hour % 12 or 12), "digits/oclock"]

    def minute(self, minute: int) -> list[str]:
        """The number and fen; nothing for the full hour."""
        return [*(["digits/0"] if minute < 10 else []), *self.number(minute), "minute"] if minute else []

    def second(self, second: int) -> list[str]:
        """The number and miao."""
        return [*self.number(second), "second"]

    def half_of_day(self, hour: int) -> list[str]:
        """Morning, noon or evening by the hour."""
        return ["digits/p-m" if hour >= 12 else "digits/a-m"]

    def date(self, moment: date) -> list[str]:
        """Year, month, day, weekday."""
        return [
            *self.year(moment.year), *self.month(moment.month), *self.day_of_month(moment.day), *self.weekday(moment)
        ]  # fmt: skip


LANGUAGES = (Chinese(),)
