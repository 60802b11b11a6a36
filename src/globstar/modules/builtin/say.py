"""SayDigits(), SayNumber(), SayAlpha() and their kin."""

from __future__ import annotations

from globstar.base.log import Logger
from globstar.core import say
from globstar.core.channel import Channel
from globstar.core.registry import application
from globstar.core.saying import say_sounds
from globstar.core.testevents import tell_state
from globstar.dialplan.arguments import argument, split_arguments

logger = Logger("pbx")


_GENDERS = ("", "f", "m", "c", "n")


def _gender(name: str, arguments: list[str]) -> str | None:
    """The gender that is asked for; None, with a warning, for what is none."""
    gender = argument(arguments, 1).strip().lower()
    if gender not in _GENDERS:
        logger.warning(f"{name}: '{gender}' is no gender: f, m, c or n")
        return None
    return gender


@application("SayDigits", syntax="SayDigits(digits)")
async def say_digits(channel: Channel, data: str) -> int | str | None:
    """Say digits one by one.

    A digit from the caller stops it when the variable SAY_DTMF_INTERRUPT is true.
    """
    return await say_sounds(channel, lambda language: say.say_digits(data, language), is_spelled=True)


@application("SayNumber", syntax="SayNumber(digits[,gender])")
async def say_number(channel: Channel, data: str) -> int | str | None:
    """Say a whole number.

    gender is f, m, c or n for languages that need it. A digit from the caller stops it when the variable
    SAY_DTMF_INTERRUPT is true.
    """
    arguments = split_arguments(data)
    if not argument(arguments, 0):
        logger.warning("SayNumber requires an argument (number)")
        return -1
    gender = _gender("SayNumber", arguments)
    if gender is None:
        return -1
    tell_state(channel.system, "SAYNUM", channel, Message=arguments[0])
    return await say_sounds(channel, lambda language: say.say_number(say.parse_number(arguments[0]), language, gender))


@application("SayOrdinal", syntax="SayOrdinal(digits[,gender])")
async def say_ordinal(channel: Channel, data: str) -> int | str | None:
    """Say first, second, third and so on.

    gender is f, m, c or n for languages that need it.
    """
    arguments = split_arguments(data)
    if not argument(arguments, 0):
        logger.warning("SayOrdinal requires an argument (number)")
        return -1
    gender = _gender("SayOrdinal", arguments)
    if gender is None:
        return -1
    return await say_sounds(channel, lambda language: say.say_ordinal(say.parse_number(arguments[0]), language, gender))


@application("SayAlpha", syntax="SayAlpha(string)")
async def say_alpha(channel: Channel, data: str) -> int | str | None:
    """Spell a text letter by letter."""
    return await say_sounds(channel, lambda language: say.say_characters(data, language), is_spelled=True)


@application("SayAlphaCase", syntax="SayAlphaCase(casetype,string)")
async def say_alpha_case(channel: Channel, data: str) -> int | str | None:
    """Spell a text and say the case of its letters.

    casetype a says the case of every letter, l of lower-case ones, u of upper-case ones, n of none.
    """
    case, comma, text = data.partition(",")
    if not comma or case.lower() not in ("a", "l", "n", "u"):
        logger.warning("SayAlphaCase requires two arguments (casetype,string), the first one of a, l, n and u")
        return -1
    return await say_sounds(channel, lambda language: say.say_characters(text, language, case), is_spelled=True)


@application("SayPhonetic", syntax="SayPhonetic(string)")
async def say_phonetic(channel: Channel, data: str) -> int | str | None:
    """Spell a text by the spelling alphabet."""
    return await say_sounds(channel, lambda language: say.say_phonetic(data, language), is_spelled=True)


@application("SayMoney", syntax="SayMoney(amount)")
async def say_money(channel: Channel, data: str) -> int | str | None:
    """Say an amount of money in dollars and cents."""
    return await say_sounds(channel, lambda language: say.say_money(data, language))
