"""Greek, by the code that Asterisk has for it: hundreds of their own, "kai" before minutes."""

from __future__ import annotations

from globstar.core.say_languages.scaled import Scaled


class Greek(Scaled):
    """Greek."""

    code = "gr"
    datetime_form = "AdBY 'digits/at' IMp"

    def times(self, count: int, scale: int) -> list[str]:
        """Xilia alone, dyo xiliades; ena ekatommyrio, dyo ekatommyria."""
        if scale == 1000:
            return ["digits/xilia"] if count == 1 else [*self.number(count), "digits/thousands"]
        noun = "million" if scale == 1_000_000 else "billion"
        return [*self.number(count), f"digits/{noun}{'s' if count > 1 else ''}"]

    def below_thousand(self, number: int, gender: str) -> list[str]:
        """0 to 999: ekato alone differs from ekaton before more."""
        hundreds, rest = divmod(number, 100)
        if hundreds == 0:
            return self.below_hundred(rest, gender)
        if number == 100:
            return ["digits/100"]
        return [f"digits/hundred-{hundreds * 100}", *(self.below_hundred(rest, gender) if rest else ())]

    def minute(self, minute: int) -> list[str]:
        """Minutes are joined by "kai"; the full hour has its noun."""
        return ["digits/kai", *self.number(minute)] if minute else ["digits/hwra"]

    def half_of_day(self, hour: int) -> list[str]:
        """Before or after noon."""
        return ["digits/p-m" if hour >= 12 else "digits/a-m"]


LANGUAGES = (Greek(),)
