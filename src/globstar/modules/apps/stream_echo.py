"""Stream Echo Application."""

from __future__ import annotations

from globstar.base.log import Logger
from globstar.core.channel import Channel
from globstar.core.echoing import echo_frames
from globstar.core.registry import application
from globstar.dialplan.arguments import argument, split_arguments

logger = Logger("app_stream_echo")

_TYPES = ("audio", "video", "image", "text")


@application("StreamEcho", syntax="StreamEcho([num][,type])")
async def stream_echo(channel: Channel, data: str) -> int:
    """Send every frame back on the stream on which it came, until the caller presses #.

    num asks for so many streams of a type (audio, video, image or text; video if not given), which all get what comes on the
    first of them. A call has one stream of each type here, so there are no more to be had: what comes goes back as without num.
    """
    arguments = split_arguments(data)
    number, kind = argument(arguments, 0).strip(), argument(arguments, 1, "video").strip().lower()
    if number and (not number.isdecimal() or not int(number[:9])):
        logger.error(f"StreamEcho: '{number}' is no number of streams")
        return -1
    if kind not in _TYPES:
        logger.error(f"StreamEcho: '{kind}' is none of {', '.join(_TYPES)}")
        return -1
    if number and int(number[:9]) > 1:
        logger.verbose(3, f"StreamEcho on {channel.name}: one {kind} stream instead of {number}")
    await echo_frames(channel)
    return 0
