"""Saying lists of sounds on a channel, as the Say applications do."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING

from globstar.base.log import Logger
from globstar.config.values import is_true
from globstar.core.playback import SoundMissing, play
from globstar.core.say import OPTIONAL_FILES
from globstar.core.say_languages.base import SayFault

if TYPE_CHECKING:
    from globstar.core.channel import Channel

logger = Logger("say")

_DIGITS = "0123456789*#ABCD"


async def say_sounds(channel: Channel, make: Callable[[], Sequence[str]]) -> int | str | None:
    """Play the sounds that ``make`` gives. A missing sound ends the call's dialplan (-1), as in Asterisk.

    With SAY_DTMF_INTERRUPT a digit stops the saying and goes on to an extension, if there is one that it begins.
    What cannot be said is logged and the call goes on.
    """
    try:
        names = make()
    except SayFault as fault:
        logger.warning(f"{channel.name}: {fault}")
        return None
    interrupt = is_true(channel.get_variable("SAY_DTMF_INTERRUPT"))
    for name in names:
        try:
            digit = await play(channel, name, stop_on=_DIGITS if interrupt else "")
        except SoundMissing as missing:
            if name in OPTIONAL_FILES:
                continue
            logger.warning(f"{channel.name}: {missing}")
            return -1
        if digit is not None:
            return digit
    return None
