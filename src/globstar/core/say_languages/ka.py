"""Georgian: counted by twenties, the parts joined by their endings."""

from __future__ import annotations

from globstar.core.say_languages.scaled import Scaled


class Georgian(Scaled):
    """Georgian: a file with a trailing underscore is the form before more (otsi, otsda)."""

    code = "ka"
    datetime_form = "AdBY HM"

    def times(self, count: int, scale: int) -> list[str]:
        """Atasi alone, ori atasi; erti milioni."""
        noun = {1000: "digits/1000", 1_000_000: "digits/1000000"}.get(scale, "digits/1000000000")
        return [noun] if count == 1 and scale == 1000 else [*self.number(count), noun]

    def rest(self, number: int, gender: str) -> list[str]:
        """Nothing between: the endings join."""
        return self.number(number, gender)

    def number(self, number: int, gender: str = "") -> list[str]:
        """Before more the last scale loses its ending: atas ori."""
        files = super().number(number, gender)
        nouns = ("digits/1000", "digits/1000000", "digits/1000000000")
        return [f"{file}_" if file in nouns and at < len(files) - 1 else file for at, file in enumerate(files)]

    def below_thousand(self, number: int, gender: str) -> list[str]:
        """0 to 999: asi, oras; before more without ending."""
        hundreds, rest = divmod(number, 100)
        if hundreds == 0:
            return self.below_hundred(rest, gender)
        return [f"digits/{hundreds * 100}_", *self.below_hundred(rest, gender)] if rest else [f"digits/{hundreds * 100}"]

    def below_hundred(self, number: int, gender: str) -> list[str]:
        """0 to 99: 35 is twenty and fifteen."""
        if number < 20 or number % 20 == 0:
            return [f"digits/{number}"]
        return [f"digits/{number // 20 * 20}_", f"digits/{number % 20}"]

    def day_of_month(self, day: int) -> list[str]:
        """Only the first is an ordinal."""
        return ["digits/h-1"] if day == 1 else self.number(day)

    def hour_24(self, hour: int, *, is_padded: bool) -> list[str]:
        """The number and "hour and"."""
        return [*self.number(hour), "digits/saati_da"]

    def hour_12(self, hour: int) -> list[str]:
        """The hour by the clock's face."""
        return [*self.number(hour % 12 or 12), "digits/saati_da"]

    def minute(self, minute: int) -> list[str]:
        """The number and "minute"."""
        return [*self.number(minute), "digits/tsuti"]


LANGUAGES = (Georgian(),)
