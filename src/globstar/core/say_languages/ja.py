"""Japanese: counted by ten thousands, each unit of time with its counter."""

from __future__ import annotations

from datetime import date, datetime

from globstar.core.say_languages.scaled import Scaled


class Japanese(Scaled):
    """Japanese."""

    code = "ja"
    datetime_form = "YBdA PIM"
    scales = (100_000_000, 10_000)

    def times(self, count: int, scale: int) -> list[str]:
        """Ichi oku, ichi man."""
        return [*self.number(count), "digits/oku" if scale == 100_000_000 else "digits/man"]

    def small(self, number: int, gender: str) -> list[str]:
        """0 to 9,999: sen alone; 3,000 and 8,000 change their sounds and are recorded whole, as every thousand is."""
        thousands, rest = divmod(number, 1000)
        if thousands == 0:
            return self.below_thousand(rest, gender)
        head = "digits/thousand" if thousands == 1 else f"digits/{thousands}000"
        return [head, *(self.below_thousand(rest, gender) if rest else ())]

    def below_thousand(self, number: int, gender: str) -> list[str]:
        """0 to 999: every hundred is recorded whole (sanbyaku, roppyaku, happyaku)."""
        hundreds, rest = divmod(number, 100)
        if hundreds == 0:
            return self.below_hundred(rest, gender)
        head = "digits/hundred" if hundreds == 1 else f"digits/{hundreds}00"
        return [head, *(self.below_hundred(rest, gender) if rest else ())]

    def below_hundred(self, number: int, gender: str) -> list[str]:
        """0 to 99."""
        tens, unit = divmod(number, 10)
        if tens == 0 or unit == 0:
            return [f"digits/{number}"]
        return [f"digits/{tens * 10}", f"digits/{unit}"]

    def year(self, year: int) -> list[str]:
        """The number and nen."""
        return [*self.number(year), "digits/nen"]

    def day_of_month(self, day: int) -> list[str]:
        """The number and nichi."""
        return [*self.number(day), "digits/nichi"]

    def hour_24(self, hour: int, *, is_padded: bool) -> list[str]:
        """The number and ji; four and nine change their sounds."""
        number = {4: ["digits/4_2"], 9: ["digits/9_2"]}.get(hour) or self.number(hour)
        return [*number, "digits/ji"]

    def hour_12(self, hour: int) -> list[str]:
        """The hour by the clock's face; noon and midnight are hour zero after their half of the day."""
        return self.hour_24(hour % 12, is_padded=False)

    def minute(self, minute: int) -> list[str]:
        """The number and fun."""
        return [*self.number(minute), "digits/fun"] if minute else []

    def second(self, second: int) -> list[str]:
        """The number and byou."""
        return [*self.number(second), "digits/byou"]

    def date(self, moment: date) -> list[str]:
        """Year, month, day, weekday."""
        return [
            *self.year(moment.year), *self.month(moment.month), *self.day_of_month(moment.day), *self.weekday(moment)
        ]  # fmt: skip

    def time(self, moment: datetime) -> list[str]:
        """The half of the day goes first."""
        return [*self.half_of_day(moment.hour), *self.hour_12(moment.hour), *self.minute(moment.minute)]


LANGUAGES = (Japanese(),)
