"""Saying lists of sounds on a channel, as the Say applications and AGI do."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING

from globstar.base.log import Logger
from globstar.config.values import is_true
from globstar.core import say
from globstar.core.playback import SoundMissing, play
from globstar.core.say_languages.base import SayFault
from globstar.core.services import Prompts

if TYPE_CHECKING:
    from globstar.core.channel import Channel
    from globstar.core.system import System

logger = Logger("say")

#: What is said, as it is said in a language: names of sound files. Raises :class:`SayFault`.
Make = Callable[[str], Sequence[str]]

_DIGITS = "0123456789*#ABCD"
_ENGLISH = "en"
#: In the system's services: the recordings, each with its language, that were missed already; and how many are kept.
_TOLD, _MOST_TOLD = "say missing", 1000


async def say_sounds(
    channel: Channel, make: Make, *, is_interruptible: bool = False, is_spelled: bool = False
) -> int | str | None:
    """Play what ``make`` gives for the channel's language. A missing sound ends the call's dialplan (-1), as in Asterisk.

    With ``is_interruptible``, or SAY_DTMF_INTERRUPT, a digit stops the saying and goes on to an extension, if there is one
    that it begins. What cannot be said is logged and the call goes on.
    """
    is_interruptible = is_interruptible or is_true(channel.get_variable("SAY_DTMF_INTERRUPT"))
    try:
        return await say_until(channel, make, _DIGITS if is_interruptible else "", is_spelled=is_spelled)
    except SayFault as fault:
        logger.warning(f"{channel.name}: {fault}")
        return None
    except SoundMissing as missing:
        logger.warning(f"{channel.name}: {missing}")
        return -1


async def say_until(channel: Channel, make: Make, digits: str, *, is_spelled: bool = False) -> str | None:
    """Play the sounds that ``make`` gives for the channel's language until one of ``digits`` is pressed, which is returned.

    What is spelled, a character after the other, passes over those that have no recording, as Asterisk does (with a notice
    here); otherwise the first sound that is not there raises :class:`SoundMissing`. Raises :class:`SayFault`.
    """
    for name in choose_sounds(channel, make):
        try:
            digit = await play(channel, name, stop_on=digits)
        except SoundMissing as missing:
            if not is_spelled and name not in say.OPTIONAL_FILES:
                raise
            if name not in say.OPTIONAL_FILES:
                logger.notice(f"{channel.name}: {missing}; it is passed over")
            continue
        if digit is not None:
            return digit
    return None


def choose_sounds(channel: Channel, make: Make, language: str = "") -> Sequence[str]:
    """What to play of what ``make`` gives for ``language`` (the channel's unless given): what the recordings at hand can say.

    Packages of recordings seldom have all that the grammar of their language asks for. Where one lacks a word, the recording
    that is nearest takes its place (``digits/1`` that of ``digits/1F``), and where there is none, all is said as English
    does with the recordings of the language. English itself, and what say.conf says, are taken as they are.
    """
    code = language or channel.language
    names = make(code)
    speaker = say.find_language(code)
    system = channel.system
    if speaker.is_final or system.service("prompts", Prompts) is not None:  # type: ignore[type-abstract]
        return names

    def is_there(name: str) -> bool:
        return name in say.OPTIONAL_FILES or system.sounds.exists(name, code)

    if all(map(is_there, names)):
        return names
    nearest = [name if is_there(name) else next(filter(is_there, speaker.nearest(name)), name) for name in names]
    if not all(map(is_there, nearest)):
        plain = make(_ENGLISH)
        if plain and all(map(is_there, plain)):
            nearest = list(plain)
    if nearest != list(names):
        _tell_once(system, code, next(name for name in names if not is_there(name)), nearest)
    return nearest


def _tell_once(system: System, code: str, missing: str, said: Sequence[str]) -> None:
    """Tell that a recording is missing, the first time that it is."""
    told: set[tuple[str, str]] = system.services.setdefault(_TOLD, set())
    if (code, missing) not in told and len(told) < _MOST_TOLD:
        told.add((code, missing))
        logger.notice(f"there is no recording {missing} in language '{code}'; said is {'&'.join(said)}")
