"""Recording with a review: listen to it, record it anew, keep it."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import TYPE_CHECKING

from globstar.core.digits import ALL_DIGITS
from globstar.core.playback import play_all
from globstar.core.recording import RecordEnd, RecordResult

if TYPE_CHECKING:
    from globstar.core.channel import Channel

#: How often the caller is asked what to do, and seconds to answer.
ATTEMPTS, WAIT = 3, 6.0


async def review(
    channel: Channel, stem: Path, first: RecordResult, again: Callable[[], Awaitable[RecordResult]], *, exits: str = ""
) -> RecordResult:
    """Ask what to do with a recording: 1 keeps it, 2 plays it, 3 records it anew; a key of ``exits`` keeps it and leaves.

    Who says nothing keeps it. Gives the last recording, with the key that left in its ``digit``. Raises ``ChannelGone``.
    """
    result = first
    asked = 0
    prompts = ["vm-review", *(["vm-reachoper"] if "0" in exits else [])]
    while asked < ATTEMPTS and result.end not in (RecordEnd.HANGUP, RecordEnd.FAILED):
        key = await play_all(channel, prompts, stop_on=ALL_DIGITS) or await channel.wait_for_digit(WAIT)
        asked = 0 if key is not None else asked + 1
        if key == "1":
            await play_all(channel, ["vm-msgsaved"])
            return _with_key(result, "")
        if key == "2":
            await play_all(channel, [str(stem)], stop_on=ALL_DIGITS)
        elif key == "3":
            await play_all(channel, ["beep"])
            result = await again()
        elif key is not None and key in exits:
            return _with_key(result, key)
        elif key is not None:
            await play_all(channel, ["vm-sorry"])
    return _with_key(result, "")


def _with_key(result: RecordResult, key: str) -> RecordResult:
    return RecordResult(result.end, key, result.duration_ms, result.silence_ms)
