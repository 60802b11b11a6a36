"""Czech: three genders of one, two of two, the hundred in four forms."""

from __future__ import annotations

from globstar.core.say_languages.scaled import Scaled, slavic_form


class Czech(Scaled):
    """Czech. ``gender``: ``f`` jedna, dve; ``n`` jedno, dve; ``m`` jeden, dva."""

    code = "cs"
    datetime_form = "AdBY 'digits/at' HM"

    def times(self, count: int, scale: int) -> list[str]:
        """Tisic, dva tisice, pet tisic; milion, dva miliony, pet milionu; miliarda is a feminine noun."""
        form = 0 if count == 1 else 1 if count in (2, 3, 4) else 2
        if scale == 1000:
            return (
                ["digits/thousand"]
                if count == 1
                else [*self.number(count, "m"), ("", "digits/thousands", "digits/thousand")[form]]
            )
        if scale == 1_000_000:
            nouns = ("digits/million", "digits/millions", "digits/million-a")
            return [nouns[0]] if count == 1 else [*self.number(count, "m"), nouns[form]]
        return ["digits/milliard"] if count == 1 else [*self.number(count, "f"), "digits/milliards"]

    def below_thousand(self, number: int, gender: str) -> list[str]:
        """0 to 999: sto, dve ste, tri sta, pet set."""
        hundreds, rest = divmod(number, 100)
        if hundreds == 0:
            return self.below_hundred(rest, gender)
        if hundreds <= 2:
            head = ["digits/1sto"] if hundreds == 1 else ["digits/2ste"]
        else:
            head = [f"digits/{hundreds}", "digits/sta" if slavic_form(hundreds) == 1 else "digits/set"]
        return [*head, *(self.below_hundred(rest, gender) if rest else ())]

    def below_hundred(self, number: int, gender: str) -> list[str]:
        """0 to 99."""
        if number in (1, 2) and gender:
            suffix = {"f": "z", "n": "s"}.get(gender, "m") if number == 1 else "m" if gender == "m" else "z"
            return [f"digits/{number}{suffix}"]
        if number <= 20 or number % 10 == 0:
            return [f"digits/{number}"]
        return [f"digits/{number // 10 * 10}", *self.below_hundred(number % 10, gender)]

    def ordinal(self, number: int, gender: str = "") -> list[str]:
        """In compounds both the ten and the unit are ordinals."""
        if 20 < number < 100 and number % 10:
            return [f"digits/h-{number // 10 * 10}", f"digits/h-{number % 10}"]
        return super().ordinal(number, gender)

    def day_of_month(self, day: int) -> list[str]:
        """An ordinal."""
        return self.ordinal(day)


LANGUAGES = (Czech(),)
