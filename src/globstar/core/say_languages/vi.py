"""Vietnamese: a word between hundred and unit, other words for one, four and five after tens."""

from __future__ import annotations

from globstar.core.say_languages.scaled import Scaled


class Vietnamese(Scaled):
    """Vietnamese."""

    code = "vi"
    datetime_form = "AdBY 'digits/at' HM"

    def times(self, count: int, scale: int) -> list[str]:
        """So many thousand, million or billion."""
        return [*self.number(count), {1000: "digits/thousand", 1_000_000: "digits/million"}.get(scale, "digits/billion")]

    def rest(self, number: int, gender: str) -> list[str]:
        """A missing hundred is said: khong tram, and khong tram le before a single unit."""
        if number < 10:
            return ["digits/0-hundred-odd", *self.number(number, gender)]
        return [*(["digits/0-hundred"] if number < 100 else []), *self.number(number, gender)]

    def after_hundred(self, number: int, gender: str) -> list[str]:
        """A missing ten is said: le."""
        return [*(["digits/odd"] if number < 10 else []), *self.below_hundred(number, gender)]

    def below_hundred(self, number: int, gender: str) -> list[str]:
        """0 to 99: the unit after twenty and more has its own recording for one, four and five."""
        if number <= 20 or number % 10 == 0:
            return [f"digits/{number}"]
        unit = number % 10
        return [f"digits/{number // 10 * 10}", f"digits/{unit}{'-2' if unit in (1, 4, 5) else ''}"]


LANGUAGES = (Vietnamese(),)
