"""What languages share that count by thousands, millions and billions with words of their own."""

from __future__ import annotations

from abc import abstractmethod

from globstar.core.say_languages.base import Language


class Scaled(Language):
    """A language that says how often a scale goes into a number: ``times``, ``below_hundred`` and the hundreds are its own."""

    #: largest first; what is below the last is said by ``small``
    scales: tuple[int, ...] = (1_000_000_000, 1_000_000, 1000)

    def number(self, number: int, gender: str = "") -> list[str]:
        """A whole number."""
        if number < 0:
            return ["digits/minus", *self.number(-number, gender)]
        for scale in self.scales:
            if number >= scale:
                count, rest = divmod(number, scale)
                return [*self.times(count, scale), *(self.rest(rest, gender) if rest else ())]
        return self.small(number, gender)

    #: whether a single hundred is said with its "one"
    says_one_hundred = True

    def below_thousand(self, number: int, gender: str) -> list[str]:
        """0 to 999."""
        if self.says_one_hundred or not 100 <= number < 200:
            return super().below_thousand(number, gender)
        return ["digits/hundred", *(self.after_hundred(number - 100, gender) if number > 100 else ())]

    def small(self, number: int, gender: str) -> list[str]:
        """What is below the smallest scale."""
        return self.below_thousand(number, gender)

    @abstractmethod
    def times(self, count: int, scale: int) -> list[str]:
        """``count`` thousands, millions or billions; ``count`` is at least 1."""

    # -- dates and times: plain numbers, as most languages have them ---------------------------------------------------

    def day_of_month(self, day: int) -> list[str]:
        """A plain number."""
        return self.number(day)

    def year(self, year: int) -> list[str]:
        """Always the whole number."""
        return self.number(year)

    def minute(self, minute: int) -> list[str]:
        """The full hour needs no minute."""
        return self.number(minute) if minute else []

    def second(self, second: int) -> list[str]:
        """A plain number."""
        return self.number(second)

    def hour_24(self, hour: int, *, is_padded: bool) -> list[str]:
        """The hour, never padded."""
        return self.number(hour)


def slavic_form(count: int) -> int:
    """Which form of a noun follows a number: 0 for one, 1 for two to four, 2 for the others and for 11 to 14."""
    if count % 100 in (11, 12, 13, 14):
        return 2
    return {1: 0, 2: 1, 3: 1, 4: 1}.get(count % 10, 2)
