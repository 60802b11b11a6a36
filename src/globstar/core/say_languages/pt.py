"""Portuguese: "e" between hundreds, tens and units; one, two and the hundreds have genders."""

from __future__ import annotations

from datetime import datetime
from typing import ClassVar

from globstar.core.say_languages.base import Substitutes
from globstar.core.say_languages.scaled import Scaled

_AND = "digits/pt-e"


class Portuguese(Scaled):
    """Portuguese. ``gender``: ``f`` uma, duas, duzentas, also before mil, but not before the noun milhao."""

    code = "pt"
    datetime_form = "Ad 'digits/pt-de' B 'digits/pt-de' Y IMp"
    substitutes: ClassVar[Substitutes] = {
        "digits/100-and": ("digits/100E", "digits/100"),
        "digits/millions": ("digits/1000000S", "digits/million"),
    }

    def number(self, number: int, gender: str = "") -> list[str]:
        """A whole number: duas mil horas, as the thousands are of the hours."""
        if gender != "f" or not 2000 <= number < 1_000_000:
            return super().number(number, gender)
        count, rest = divmod(number, 1000)
        return [*self.number(count, gender), "digits/thousand", *(self.rest(rest, gender) if rest else ())]

    def times(self, count: int, scale: int) -> list[str]:
        """Mil alone, um milhao, dois milhoes; mil milhoes for a billion."""
        if scale == 1000:
            return ["digits/thousand"] if count == 1 else [*self.number(count), "digits/thousand"]
        if scale == 1_000_000:
            return ["digits/1", "digits/million"] if count == 1 else [*self.number(count), "digits/millions"]
        return [*self.times(count, 1000), "digits/millions"]

    def rest(self, number: int, gender: str) -> list[str]:
        """The last group is joined by "e" when it is a single word: below a hundred, or whole hundreds."""
        joined = [_AND] if number < 100 or (number < 1000 and number % 100 == 0) else []
        return [*joined, *self.number(number, gender)]

    def below_thousand(self, number: int, gender: str) -> list[str]:
        """0 to 999: exactly a hundred is cem, more is cento e."""
        hundreds, rest = divmod(number, 100)
        if hundreds == 0:
            return self.below_hundred(rest, gender)
        if hundreds == 1:
            return ["digits/100-and", *self.below_hundred(rest, gender)] if rest else ["digits/100"]
        files = [f"digits/{hundreds * 100}{'F' if gender == 'f' else ''}"]
        return [*files, _AND, *self.below_hundred(rest, gender)] if rest else files

    def below_hundred(self, number: int, gender: str) -> list[str]:
        """0 to 99."""
        if number in (1, 2) and gender == "f":
            return [f"digits/{number}F"]
        if number <= 20 or number % 10 == 0:
            return [f"digits/{number}"]
        return [f"digits/{number // 10 * 10}", _AND, *self.below_hundred(number % 10, gender)]

    def minute(self, minute: int) -> list[str]:
        """Minutes are joined by "e"."""
        return [_AND, *self.number(minute)] if minute else []

    def hour_24(self, hour: int, *, is_padded: bool) -> list[str]:
        """Noon and midnight have words of their own, the other hours are counted with their noun."""
        if hour in (0, 12):
            return ["digits/pt-meianoite" if hour == 0 else "digits/pt-meiodia"]
        return [*self.number(hour, "f"), "digits/pt-hora", *(["digits/pt-sss"] if hour > 1 else [])]

    def hour_12(self, hour: int) -> list[str]:
        """The hour by the clock's face."""
        return self.hour_24(hour if hour in (0, 12) else hour % 12, is_padded=False)

    def half_of_day(self, hour: int) -> list[str]:
        """Nothing after noon and midnight, which say it themselves."""
        return [] if hour in (0, 12) else super().half_of_day(hour)

    def time(self, moment: datetime) -> list[str]:
        """The 24 hour clock."""
        return [*self.hour_24(moment.hour, is_padded=False), *self.minute(moment.minute)]


LANGUAGES = (Portuguese(),)
