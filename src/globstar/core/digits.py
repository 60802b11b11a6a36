"""Reading what a caller dials: with prompts that any digit stops, a maximum, terminators and timeouts."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from enum import Enum
from typing import TYPE_CHECKING

from globstar.core.playback import play

if TYPE_CHECKING:
    from globstar.core.channel import Channel

ALL_DIGITS = "0123456789*#ABCD"


class EntryEnd(Enum):
    """Why reading stopped."""

    #: the greatest number of digits is there
    FULL = "full"
    #: a terminator was pressed
    TERMINATED = "terminated"
    #: nothing came in time
    TIMEOUT = "timeout"


@dataclass(frozen=True, slots=True)
class Entry:
    """What was dialled, and why reading stopped; ``terminator`` is the key that ended it."""

    digits: str
    end: EntryEnd
    terminator: str = ""


async def read_digits(
    channel: Channel,
    prompts: Iterable[str] = (),
    *,
    maximum: int = 0,
    first_timeout: float | None = None,
    digit_timeout: float | None = None,
    terminators: str = "#",
    tone: str = "",
) -> Entry:
    """Play ``prompts``, or the tone of that name for as long as nothing is dialled, and read digits.

    Timeouts are in seconds and by default those of the channel; ``maximum`` 0 means any number. Raises
    ``SoundMissing`` for a prompt that is not there, and ``ChannelGone``.
    """
    digits = ""
    wait = channel.response_timeout if first_timeout is None else first_timeout
    between = channel.digit_timeout if digit_timeout is None else digit_timeout
    pressed: str | None = None
    for prompt in prompts:
        pressed = await play(channel, prompt, stop_on=ALL_DIGITS)
        if pressed is not None:
            break
    has_tone = bool(tone) and pressed is None and channel.system.tones.play(channel, tone)
    try:
        while True:
            if pressed is None:
                pressed = await channel.wait_for_digit(wait)
            if has_tone:
                channel.stop_generator()
                has_tone = False
            if pressed is None:
                return Entry(digits, EntryEnd.TIMEOUT)
            if pressed in terminators:
                return Entry(digits, EntryEnd.TERMINATED, pressed)
            digits += pressed
            if maximum and len(digits) >= maximum:
                return Entry(digits, EntryEnd.FULL)
            pressed = None
            wait = between
    finally:
        if has_tone:
            channel.stop_generator()
