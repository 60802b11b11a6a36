"""Commands that say numbers, letters and times."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from globstar.base.log import Logger
from globstar.core import say
from globstar.core.agi import AgiDialogue, AgiFailed, agi_command
from globstar.core.playback import SoundMissing
from globstar.core.say_languages.base import SayFault
from globstar.core.saying import say_until
from globstar.core.zones import check_zone
from globstar.modules.res.agi.words import number

logger = Logger("res_agi")


async def _say(agi: AgiDialogue, digits: str, make: Callable[[str], Sequence[str]], *, is_spelled: bool = False) -> str:
    """Say what ``make`` gives for a language until one of ``digits`` is pressed; its number is the result."""
    try:
        digit = await say_until(agi.channel, make, digits, is_spelled=is_spelled)
    except (SayFault, SoundMissing) as fault:
        logger.warning(f"{agi.channel.name}: {fault}")
        raise AgiFailed("200 result=-1") from fault
    return f"200 result={ord(digit) if digit is not None else 0}"


@agi_command("SAY ALPHA", syntax="<string> <escape_digits>", least=2, most=2, runs_dead=False)
async def say_alpha(agi: AgiDialogue, words: list[str]) -> str:
    """Spell a text.

    One of the escape digits stops it; its ASCII number is the result, which is 0 at the end of the text.
    """
    return await _say(agi, words[1], lambda language: say.say_characters(words[0], language), is_spelled=True)


@agi_command("SAY PHONETIC", syntax="<string> <escape_digits>", least=2, most=2, runs_dead=False)
async def say_phonetic(agi: AgiDialogue, words: list[str]) -> str:
    """Spell a text by the spelling alphabet.

    One of the escape digits stops it; its ASCII number is the result, which is 0 at the end of the text.
    """
    return await _say(agi, words[1], lambda language: say.say_phonetic(words[0], language), is_spelled=True)


@agi_command("SAY DIGITS", syntax="<number> <escape_digits>", least=2, most=2, runs_dead=False)
async def say_digits(agi: AgiDialogue, words: list[str]) -> str:
    """Say digits one by one.

    One of the escape digits stops it; its ASCII number is the result, which is 0 at the end of the digits.
    """
    number(words[0])
    return await _say(agi, words[1], lambda language: say.say_digits(words[0], language), is_spelled=True)


@agi_command("SAY NUMBER", syntax="<number> <escape_digits> [<gender>]", least=2, most=3, runs_dead=False)
async def say_number(agi: AgiDialogue, words: list[str]) -> str:
    """Say a number.

    One of the escape digits stops it; its ASCII number is the result, which is 0 at the end.
    """
    value, gender = number(words[0]), words[2] if len(words) > 2 else ""
    return await _say(agi, words[1], lambda language: say.say_number(value, language, gender))


@agi_command("SAY DATE", syntax="<date> <escape_digits>", least=2, most=2, runs_dead=False)
async def say_date(agi: AgiDialogue, words: list[str]) -> str:
    """Say a date.

    Of a time in seconds since 1970. One of the escape digits stops it; its ASCII number is the result, which is 0 at the end.
    """
    moment = number(words[0])
    return await _say(agi, words[1], lambda language: say.say_date(moment, language=language))


@agi_command("SAY TIME", syntax="<time> <escape_digits>", least=2, most=2, runs_dead=False)
async def say_time(agi: AgiDialogue, words: list[str]) -> str:
    """Say a time of day.

    Of a time in seconds since 1970. One of the escape digits stops it; its ASCII number is the result, which is 0 at the end.
    """
    moment = number(words[0])
    return await _say(agi, words[1], lambda language: say.say_time(moment, language=language))


@agi_command("SAY DATETIME", syntax="<time> <escape_digits> [<format> [<timezone>]]", least=2, most=4, runs_dead=False)
async def say_datetime(agi: AgiDialogue, words: list[str]) -> str:
    """Say date and time.

    Of a time in seconds since 1970, in a format of voicemail.conf and a time zone. One of the escape digits stops it; its
    ASCII number is the result, which is 0 at the end.
    """
    moment, form, zone = number(words[0]), *[*words, "", ""][2:4]
    check_zone(agi.channel, "SAY DATETIME", zone)
    return await _say(
        agi, words[1],
        lambda language: say.say_time_form(moment, form, now=agi.system.wall_time(), zone=zone, language=language),
    )  # fmt: skip
