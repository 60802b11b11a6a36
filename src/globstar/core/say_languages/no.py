"""Norwegian: "ett" before neuter nouns, "og" after the hundred."""

from __future__ import annotations

from globstar.core.say_languages.scaled import Scaled


class Norwegian(Scaled):
    """Norwegian. ``gender``: ``n`` ett, otherwise en."""

    code = "no"
    datetime_form = "AdBY 'digits/at' HM"

    def times(self, count: int, scale: int) -> list[str]:
        """Ett tusen; en million, to millioner; en milliard, to milliarder."""
        if scale == 1000:
            return [*self.number(count, "n"), "digits/thousand"]
        noun = "million" if scale == 1_000_000 else "milliard"
        return [*self.number(count), f"digits/{noun}{'s' if count > 1 else ''}"]

    def rest(self, number: int, gender: str) -> list[str]:
        """Below a hundred it is joined by "and"."""
        return [*(["digits/and"] if number < 100 else []), *self.number(number, gender)]

    def below_thousand(self, number: int, gender: str) -> list[str]:
        """0 to 999."""
        hundreds, rest = divmod(number, 100)
        if hundreds == 0:
            return self.below_hundred(rest, gender)
        head = ["digits/ett" if hundreds == 1 else f"digits/{hundreds}", "digits/hundred"]
        return [*head, "digits/and", *self.below_hundred(rest, gender)] if rest else head

    def below_hundred(self, number: int, gender: str) -> list[str]:
        """0 to 99."""
        if number <= 20 or number % 10 == 0:
            return ["digits/ett"] if number == 1 and gender == "n" else [f"digits/{number}"]
        return [f"digits/{number // 10 * 10}", *self.below_hundred(number % 10, gender)]

    def day_of_month(self, day: int) -> list[str]:
        """An ordinal."""
        return self.ordinal(day)


LANGUAGES = (Norwegian(),)
