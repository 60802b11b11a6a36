"""Say time."""

from __future__ import annotations

import re

from globstar.core import say
from globstar.core.channel import Channel, ChannelState
from globstar.core.registry import application
from globstar.core.saying import say_sounds
from globstar.core.zones import check_zone
from globstar.dialplan.arguments import argument, split_arguments

_SECONDS = re.compile(r"\s*([+-]?\d{1,15})")


@application("SayUnixTime", syntax="SayUnixTime([unixtime[,timezone[,format[,options]]]])")
async def say_unix_time(channel: Channel, data: str) -> int | str | None:
    """Say a time; the call is answered before.

    unixtime is in seconds since 1970, now if it is left out; timezone a name as in the zone database or POSIX's form of TZ,
    the machine's if it is left out, UTC if there is none such; format made of the letters of voicemail.conf. With the option
    j a digit stops it and dials an extension.
    """
    if channel.state is not ChannelState.UP:
        await channel.answer()
    arguments = split_arguments(data)
    match = _SECONDS.match(argument(arguments, 0))
    now = channel.system.wall_time()
    when = float(match[1]) if match is not None else now
    zone, form = argument(arguments, 1), argument(arguments, 2)
    check_zone(channel, "SayUnixTime", zone)

    def make(language: str) -> list[str]:
        return say.say_time_form(when, form, now=now, zone=zone, language=language)

    return await say_sounds(channel, make, is_interruptible="j" in argument(arguments, 3))


@application("DateTime", syntax="DateTime([unixtime[,timezone[,format[,options]]]])")
async def date_time(channel: Channel, data: str) -> int | str | None:
    """Say a time; the same as SayUnixTime."""
    return await say_unix_time(channel, data)
