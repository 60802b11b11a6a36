"""Say application files."""

from __future__ import annotations

from globstar.core import say
from globstar.core.channel import Channel
from globstar.core.functions import FunctionError
from globstar.core.registry import function
from globstar.core.say_languages.base import SayFault
from globstar.dialplan.arguments import argument, split_arguments


@function("SAYFILES", syntax="SAYFILES(value[,type])")
def say_files(channel: Channel | None, args: str) -> str:
    """The sound files that say a value, joined by &, ready for Playback.

    ``type`` is alpha (if not given), digits, money, number, ordinal or phonetic.
    """
    arguments = split_arguments(args, 2)
    value = argument(arguments, 0)
    if not value:
        raise FunctionError("SAYFILES needs something to say")
    language = channel.language if channel is not None else "en"
    try:
        return "&".join(say.say(argument(arguments, 1, "alpha").strip(), value, language))
    except SayFault as error:
        raise FunctionError(str(error)) from error
