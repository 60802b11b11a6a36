"""French: seventy is sixty-ten, eighty is four-twenty, twenty-one has its "and"."""

from __future__ import annotations

from typing import ClassVar

from globstar.core.say_languages.base import Language, Substitutes


class French(Language):
    """French. ``gender``: ``f`` says une."""

    code = "fr"
    datetime_form = "AdBY 'digits/at' IMp"
    substitutes: ClassVar[Substitutes] = {"vm-and": ("digits/et",)}

    def number(self, number: int, gender: str = "") -> list[str]:
        """A whole number."""
        if number < 0:
            return ["digits/minus", *self.number(-number, gender)]
        if number < 1000:
            return self.below_thousand(number, gender)
        for value, one, many in (
            (1_000_000_000, "digits/milliard", "digits/milliards"),
            (1_000_000, "digits/million", "digits/millions"),
            (1000, "digits/thousand", "digits/thousand"),
        ):
            if number >= value:
                count, rest = divmod(number, value)
                head = [] if count == 1 and value == 1000 else self.number(count)
                tail = self.number(rest, gender) if rest else []
                return [*head, one if count == 1 else many, *tail]
        raise AssertionError("unreachable")

    def below_thousand(self, number: int, gender: str) -> list[str]:
        """0 to 999: a single hundred has no "one"."""
        if number < 100:
            return self.below_hundred(number, gender)
        hundreds, rest = divmod(number, 100)
        files = [] if hundreds == 1 else [f"digits/{hundreds}"]
        return [*files, "digits/hundred", *(self.below_hundred(rest, gender) if rest else ())]

    def below_hundred(self, number: int, gender: str) -> list[str]:
        """0 to 99."""
        if number == 1:
            return ["digits/1F" if gender == "f" else "digits/1"]
        if number <= 20 or number in (30, 40, 50, 60, 80):
            return [f"digits/{number}"]
        if number < 70 or number > 80:
            base = 80 if number > 80 else number // 10 * 10
            rest = number - base
            link = ["vm-and"] if rest == 1 and base != 80 else []
            return [f"digits/{base}", *link, *self.below_hundred(rest, gender)]
        rest = number - 60
        return ["digits/60", *(["vm-and"] if rest == 11 else []), f"digits/{rest}"]

    def day_of_month(self, day: int) -> list[str]:
        """Only the first is an ordinal."""
        return ["digits/h-1"] if day == 1 else self.number(day)

    def year(self, year: int) -> list[str]:
        """Always the whole number."""
        return self.number(year)

    def minute(self, minute: int) -> list[str]:
        """Hours are said with their word."""
        return ["digits/oclock", *(self.number(minute) if minute else ())]

    def second(self, second: int) -> list[str]:
        """The second with its unit."""
        return [*self.number(second, "f"), "seconds"]

    def hour_24(self, hour: int, *, is_padded: bool) -> list[str]:
        """The hour, never padded."""
        return self.number(hour, "f")

    def hour_12(self, hour: int) -> list[str]:
        """The hour by the clock's face."""
        return self.number(hour % 12 or 12, "f")


LANGUAGES = (French(),)
