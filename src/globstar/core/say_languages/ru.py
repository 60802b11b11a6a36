"""Russian: feminine one and two before thousands, hundreds recorded whole, three forms of thousand and million."""

from __future__ import annotations

from globstar.core.say_languages.scaled import Scaled, slavic_form

_NOUNS = {
    1000: ("digits/thousand", "digits/thousands-i", "digits/thousands"),
    1_000_000: ("digits/million", "digits/million-a", "digits/millions"),
    1_000_000_000: ("digits/billion", "digits/billion-a", "digits/billions"),
}


class Russian(Scaled):
    """Russian. ``gender``: ``f`` odna, dve."""

    code = "ru"
    datetime_form = "AdBY 'digits/at' HM"

    def times(self, count: int, scale: int) -> list[str]:
        """Odna tysyacha, dve tysyachi, pyat tysyach; thousand alone is feminine."""
        return [*self.number(count, "f" if scale == 1000 else ""), _NOUNS[scale][slavic_form(count)]]

    def below_thousand(self, number: int, gender: str) -> list[str]:
        """0 to 999."""
        hundreds, rest = divmod(number, 100)
        if hundreds == 0:
            return self.below_hundred(rest, gender)
        head = "digits/hundred" if hundreds == 1 else f"digits/{hundreds * 100}"
        return [head, *(self.below_hundred(rest, gender) if rest else ())]

    def below_hundred(self, number: int, gender: str) -> list[str]:
        """0 to 99."""
        if number <= 20 or number % 10 == 0:
            return [f"digits/{number}n" if number in (1, 2) and gender == "f" else f"digits/{number}"]
        return [f"digits/{number // 10 * 10}", *self.below_hundred(number % 10, gender)]

    def day_of_month(self, day: int) -> list[str]:
        """An ordinal."""
        return self.ordinal(day)


LANGUAGES = (Russian(),)
