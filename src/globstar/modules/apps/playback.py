"""Sound File Playback Application."""

from __future__ import annotations

import contextlib
from collections.abc import Sequence

from globstar.base.log import Logger
from globstar.core import say
from globstar.core.channel import Channel, ChannelState
from globstar.core.playback import SoundMissing, play
from globstar.core.registry import application
from globstar.core.say_languages.base import SayFault
from globstar.dialplan.arguments import argument, split_arguments

logger = Logger("app_playback")


@application("Playback", syntax="Playback(filename[&filename2...][,options])")
async def playback(channel: Channel, data: str) -> int | None:
    """Play sound files.

    The call is answered first, unless the option noanswer is given. With skip nothing is played on a call that is not
    answered. With say the first part of a name says how to say the rest (number:12, digits:123, alpha:abc ...). Names go
    without extension. PLAYBACKSTATUS is SUCCESS, or FAILED if any file could not be played.
    """
    arguments = split_arguments(data)
    names = argument(arguments, 0)
    if not names:
        logger.warning("Playback requires an argument (filename)")
        return -1
    options = argument(arguments, 1).lower()
    if "skip" in options and channel.state is not ChannelState.UP:
        channel.set_variable("PLAYBACKSTATUS", "SUCCESS")
        return None
    if "noanswer" not in options:
        await channel.answer()
    failed = False
    try:
        for name in names.split("&"):
            sounds = _said(channel, name) if "say" in options else (name,)
            if sounds is None:
                failed = True
                continue
            for sound in sounds:
                try:
                    await play(channel, sound)
                except SoundMissing as missing:
                    logger.warning(f"Playback failed on {channel.name} for {names}: {missing}")
                    failed = True
                    break
    finally:  # a caller who hangs up meanwhile is no failure of the sound
        channel.set_variable("PLAYBACKSTATUS", "FAILED" if failed else "SUCCESS")
    return None


def _said(channel: Channel, text: str) -> Sequence[str] | None:
    """The sounds of ``kind:text`` (``number:12``); None, with a warning, where that is nothing to say."""
    kind, colon, rest = text.partition(":")
    if colon:
        with contextlib.suppress(SayFault):
            return say.say(kind, rest, channel.language)
    logger.warning(f"cannot say '{text}'")
    return None
