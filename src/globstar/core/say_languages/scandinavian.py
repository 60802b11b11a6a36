"""What Danish and Norwegian share: neuter nouns, and "og" after the hundred and before a last part below it."""

from __future__ import annotations

from globstar.core.say_languages.scaled import Scaled


class Scandinavian(Scaled):
    """``gender``: ``n`` for neuter nouns; ``neuter_one`` is the recording of one before them."""

    neuter_one = "digits/1N"

    def times(self, count: int, scale: int) -> list[str]:
        """One thousand is neuter; million and milliard have plurals."""
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
        head = [self.neuter_one if hundreds == 1 else f"digits/{hundreds}", "digits/hundred"]
        return [*head, "digits/and", *self.below_hundred(rest, gender)] if rest else head

    def day_of_month(self, day: int) -> list[str]:
        """An ordinal."""
        return self.ordinal(day)
