"""Say counted things: the form of a noun or an adjective that goes with a number."""

from __future__ import annotations

from collections.abc import Callable

from globstar.base.log import Logger
from globstar.core.channel import Channel
from globstar.core.playback import SoundMissing, play
from globstar.core.registry import application
from globstar.core.say import SayFault, parse_number
from globstar.dialplan.arguments import argument, split_arguments

logger = Logger("app_saycounted")

#: Languages with one form for 1, another for 2 to 4, and a third for the rest, counted by the last digits.
SLAVIC = frozenset(("be", "bg", "cs", "hr", "mk", "pl", "ru", "sk", "sl", "sr", "uk"))
#: What is added to an adjective's file for one thing, by gender.
GENDERS = {"": "", "m": "", "f": "a", "n": "n", "c": "c"}


def _is_slavic(language: str) -> bool:
    return language.lower().partition("_")[0].partition("-")[0] in SLAVIC


def noun_suffix(number: int, language: str) -> str:
    """What is added to the noun's file: in English ``s`` unless there is one, in Slavic languages ``x1`` or ``x2``."""
    number = abs(number)
    if not _is_slavic(language):
        return "" if number == 1 else "s"
    if 11 <= number % 100 <= 14:
        return "x2"
    return "" if number % 10 == 1 else "x1" if 2 <= number % 10 <= 4 else "x2"


def adjective_suffix(number: int, language: str, gender: str) -> str:
    """What is added to the adjective's file: nothing in English, in Slavic languages the gender or ``x``."""
    if not _is_slavic(language):
        return ""
    number = abs(number)
    return GENDERS.get(gender.lower()[:1], "") if number % 10 == 1 and number % 100 != 11 else "x"


@application("SayCountedNoun", syntax="SayCountedNoun(number,filename)")
async def say_counted_noun(channel: Channel, data: str) -> int:
    """Say the form of a noun that goes with a number.

    The number itself is said by SayNumber. In English the sound filename is played for one thing, filename with an s
    behind it for several; in Slavic languages the endings are nothing, x1 and x2 (one, two to four, five and more).
    """
    arguments = split_arguments(data)
    return await _say(channel, arguments, lambda number: noun_suffix(number, channel.language))


@application("SayCountedAdj", syntax="SayCountedAdj(number,filename[,gender])")
async def say_counted_adjective(channel: Channel, data: str) -> int:
    """Say the form of an adjective that goes with a number.

    In English it is always the sound filename. In Slavic languages an ending for the gender of the noun (m, f, n or c) is
    added for one thing, and x for several.
    """
    arguments = split_arguments(data)
    gender = argument(arguments, 2)
    if gender and gender.lower() not in GENDERS:
        logger.warning(f"SayCountedAdj: '{gender}' is no gender: m, f, n or c")
        return -1
    return await _say(channel, arguments, lambda number: adjective_suffix(number, channel.language, gender))


async def _say(channel: Channel, arguments: list[str], ending: Callable[[int], str]) -> int:
    name = argument(arguments, 1)
    if not argument(arguments, 0) or not name:
        logger.warning("SayCountedNoun and SayCountedAdj need a number and a sound")
        return -1
    try:
        number = parse_number(arguments[0])
    except SayFault as fault:
        logger.warning(f"{channel.name}: {fault}")
        return -1
    try:
        await play(channel, name + ending(number))
    except SoundMissing as missing:
        logger.warning(f"{channel.name}: {missing}")
        return -1
    return 0
