"""say.conf: numbers, dates and letters said by rules of the user's own, a section a language.

What is to be said is a text ``prefix:[format:]data``. Without a format the whole text is looked for among the patterns of the
section, which are those of extensions.conf; the first that matches gives components: a text with a colon is said in turn,
another one is a sound file. A format is taken apart: names in single quotes are files, and each letter is said as
``prefix:letter:data``. ``${SAY}`` in a component is the data. Times are written ``YYYYMMDDHHMM.SS-weekday-day of the year``.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from datetime import date, datetime

from globstar.base.log import Logger
from globstar.config import ConfigFile
from globstar.core.say_languages.base import Language, SayFault
from globstar.dialplan.pattern import Pattern, canonical, compile_pattern
from globstar.dialplan.substitute import Template, compile_template

logger = Logger("say")

Rules = list[tuple[Pattern, Template]]
#: A day, or a moment of it; the class below has a method of the name.
Day = date

#: A time as rules see it, and the parts of a form: a letter, or a file in quotation marks.
_TIME, _TOKENS = re.compile(r":\d{12}\.\d\d-\d-\d{3}$"), re.compile(r"'[^']*'?|[^\s,]")
#: Stands for the dash ``[-]`` of a pattern, and that of a text: those of extensions are never matched.
_DASH = "\N{MINUS SIGN}"
#: How deep rules may call one another, and how many files one text may come to.
_DEEPEST, _MOST = 50, 2000


class _Data:
    """The one variable of a rule."""

    def __init__(self, data: str) -> None:
        self._data = data

    def get_variable(self, name: str) -> str | None:
        """``SAY``."""
        return self._data if name == "SAY" else None

    def call_function(self, name: str, args: str) -> str | None:
        """No function is known here."""
        logger.warning(f"say.conf: there are no functions in its rules, not {name}()")
        return None

    def warn(self, level: str, message: str) -> None:
        """A complaint of substitution."""
        logger.log(level, message)


class RuleLanguage(Language):
    """A language of say.conf. What its rules do not cover is said as ``beside`` does."""

    is_final = True

    def __init__(self, code: str, rules: Rules, beside: Language) -> None:
        self.code = code
        self._rules = rules
        self._beside = beside
        self.datetime_form = ""

    def say(self, text: str) -> list[str] | None:
        """The files of ``prefix:[format:]data``; None where no rule matches. Raises SayFault for rules without end."""
        if self._find(text) is None and not self._letters(text):
            return None
        files: list[str] = []
        for file in self._speak(text, 0):
            files.append(file)
            if len(files) > _MOST:
                raise SayFault(f"say.conf [{self.code}]: '{text[:40]}' comes to more than {_MOST} files")
        return files

    def _find(self, text: str) -> Template | None:
        """The rule of a text. Dashes are to be matched, as in ``_digit:[-]``, but for those in times (``XX.XX-X-XXX``)."""
        seen = text.replace("-", _DASH)
        found = next((template for pattern, template in self._rules if pattern.matches(seen)), None)
        if found is None and _TIME.search(text):
            dialled = canonical(text)
            found = next((template for pattern, template in self._rules if pattern.matches(dialled)), None)
        return found

    @staticmethod
    def _letters(text: str) -> tuple[str, str, str] | None:
        """Prefix, format and data of a text whose format is to be taken apart."""
        prefix, _, rest = text.partition(":")
        form, colon, data = rest.rpartition(":")
        return (prefix, form, data) if colon and len(form) > 1 else None

    def _speak(self, text: str, depth: int) -> Iterator[str]:
        if depth > _DEEPEST:
            raise SayFault(f"say.conf [{self.code}]: the rules for '{text[:40]}' have no end")
        parts = self._letters(text)
        if parts is not None:
            yield from self._speak_format(*parts, depth)
            return
        template = self._find(text)
        if template is None:
            logger.warning(f"say.conf [{self.code}]: no rule for '{text[:80]}'")
            return
        said = template.render(_Data(text.rpartition(":")[2]))
        for component in said.split(","):
            component = component.strip()
            if ":" in component:
                yield from self._speak(component, depth + 1)
            elif component:
                yield component

    def _speak_format(self, prefix: str, form: str, data: str, depth: int) -> Iterator[str]:
        position = 0
        while position < len(form):
            letter = form[position]
            position += 1
            if letter == "'":
                end = form.find("'", position)
                end = len(form) if end < 0 else end
                if form[position:end].strip():
                    yield form[position:end].strip()
                position = end + 1
            elif letter not in " \t,":
                yield from self._speak(f"{prefix}:{letter}:{data}", depth + 1)

    # -- what is asked of a language -----------------------------------------------------------------------------------

    def number(self, number: int, gender: str = "") -> list[str]:
        """``num:``; a negative one that has no rule is minus and the number."""
        said = self.say(f"num:{number}")
        if said is None and number < 0:
            return [*self.digits("-"), *self.number(-number, gender)]
        return said if said is not None else self._beside.number(number, gender)

    def ordinal(self, number: int, gender: str = "") -> list[str]:
        """``enum:``."""
        said = self.say(f"enum:{number}")
        return said if said is not None else self._beside.ordinal(number, gender)

    def digits(self, text: str) -> list[str]:
        """``digit:`` for each."""
        return self._each("digit", text, self._beside.digits)

    def characters(self, text: str, case: str = "n") -> list[str]:
        """``char:`` for each."""
        return self._each("char", text, lambda character: self._beside.characters(character, case))

    def phonetic(self, text: str) -> list[str]:
        """``phonetic:`` for each."""
        return self._each("phonetic", text, self._beside.phonetic)

    def _each(self, prefix: str, text: str, otherwise: Callable[[str], list[str]]) -> list[str]:
        files: list[str] = []
        for character in text:
            said = self.say(f"{prefix}:{character.lower()}")
            files += said if said is not None else otherwise(character)
        return files

    def money(self, hundredths: int) -> list[str]:
        """``money:`` as a decimal number; a negative one that has no rule is minus and the amount."""
        sign, amount = ("-" if hundredths < 0 else ""), abs(hundredths)
        said = self.say(f"money:{sign}{amount // 100}.{amount % 100:02d}")
        if said is None and sign:
            return [*self.digits("-"), *self.money(amount)]
        return said if said is not None else self._beside.money(hundredths)

    def date(self, moment: Day) -> list[str]:
        """``date::``."""
        said = self.say(f"date::{_written(moment)}")
        return said if said is not None else self._beside.date(moment)

    def time(self, moment: datetime) -> list[str]:
        """``time::``."""
        said = self.say(f"time::{_written(moment)}")
        return said if said is not None else self._beside.time(moment)

    def time_form(self, moment: datetime, today: Day, form: str) -> list[str]:
        """``datetime::``, or each letter of a form as ``date:letter:``; a letter without a rule is said as built in."""
        if not form:
            said = self.say(f"datetime::{_written(moment)}")
            return said if said is not None else self._beside.time_form(moment, today, self._beside.datetime_form)
        files: list[str] = []
        for token in _TOKENS.findall(form):
            said = None if token.startswith("'") else self.say(f"date:{token}:{_written(moment)}")
            files += said if said is not None else self._beside.time_form(moment, today, token)
        return files


def _written(moment: Day) -> str:
    """A time as rules see it; weekdays from 0 for Sunday."""
    return f"{moment:%Y%m%d%H%M.%S-%w-%j}" if isinstance(moment, datetime) else f"{moment:%Y%m%d0000.00-%w-%j}"


def read_rules(file: ConfigFile) -> dict[str, Rules]:
    """The rules by language in lower case; templates of the file are none. A broken pattern is logged with its place."""
    languages: dict[str, Rules] = {}
    for category in file:
        if category.name.lower() == "general" or category.is_template:
            continue
        rules = languages.setdefault(category.name.lower(), [])
        for variable in category:
            pattern = compile_pattern(variable.name.replace("[-]", f"[{_DASH}]"))
            if pattern.is_broken:
                logger.warning(f"{variable.file}:{variable.line}: '{variable.name}' is no pattern")
            else:
                rules.append((pattern, compile_template(variable.value)))
    return languages
