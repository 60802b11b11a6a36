"""Stream Echo Application."""

from __future__ import annotations

from globstar.base.log import Logger
from globstar.core.channel import Channel
from globstar.core.echoing import echo_frames
from globstar.core.format import MediaType
from globstar.core.registry import application
from globstar.dialplan.arguments import argument, split_arguments

logger = Logger("app_stream_echo")

#: Streams of a kind at the most, so that a wrong number does no harm.
_MOST = 64
_TYPES = ("audio", "video", "image", "text")
#: those of which a call may have several
_SEVERAL = {"audio": MediaType.AUDIO, "video": MediaType.VIDEO}


@application("StreamEcho", syntax="StreamEcho([num][,type])")
async def stream_echo(channel: Channel, data: str) -> int:
    """Send every frame back on the stream on which it came, until the caller presses #.

    num asks for so many streams of a type (audio, video, image or text; video if not given), which all get what comes on the
    first of them. More than one there are of audio and video only, as many as the endpoint allows (max_audio_streams,
    max_video_streams); of the others what comes goes back as without num.
    """
    arguments = split_arguments(data)
    number, kind = argument(arguments, 0).strip(), argument(arguments, 1, "video").strip().lower()
    if number and (not number.isdecimal() or not int(number[:9])):
        logger.error(f"StreamEcho: '{number}' is no number of streams")
        return -1
    if kind not in _TYPES:
        logger.error(f"StreamEcho: '{kind}' is none of {', '.join(_TYPES)}")
        return -1
    count = int(number[:9] or 1)
    if count > 1 and kind in _SEVERAL:
        channel.tech.want_streams(channel, _SEVERAL[kind], count)
    elif count > 1:
        logger.verbose(3, f"StreamEcho on {channel.name}: one {kind} stream instead of {number}")
    count = min(count, _MOST)
    await echo_frames(channel, videos=count if kind == "video" else 1, audios=count if kind == "audio" else 1)
    return 0
