"""English, and its British form that says "and"."""

from __future__ import annotations

from globstar.core.say_languages.base import Language


class English(Language):
    """American English."""

    is_final = True


class BritishEnglish(Language):
    """British English: one hundred and five, one thousand and five."""

    code = "en_GB"

    def after_hundred(self, number: int, gender: str) -> list[str]:
        """1 to 99 after a hundred."""
        return ["vm-and", *self.below_hundred(number, gender)]

    def rest(self, number: int, gender: str) -> list[str]:
        """What follows thousand, million or billion."""
        return (["vm-and"] if number < 100 else []) + self.number(number, gender)


LANGUAGES = (English(), BritishEnglish())
