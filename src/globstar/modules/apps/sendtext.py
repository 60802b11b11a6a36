"""Send and receive text messages."""

from __future__ import annotations

from globstar.base.log import Logger
from globstar.core.channel import Channel, ChannelGone
from globstar.core.frame import Frame, FrameType
from globstar.core.numbers import seconds
from globstar.core.registry import application

logger = Logger("app_sendtext")


@application("SendText", syntax="SendText([text])")
def send_text(channel: Channel, data: str) -> None:
    """Send a text message to the caller.

    The text is taken from SENDTEXT_BODY if that is set, its type from SENDTEXT_CONTENT_TYPE, and the names of who sends it
    and who gets it from SENDTEXT_FROM_DISPLAYNAME and SENDTEXT_TO_DISPLAYNAME.

    SENDTEXTSTATUS tells: SUCCESS, FAILURE, UNSUPPORTED (the technology has no text messages). SENDTEXTTYPE is ENHANCED
    where the type goes with the text, else BASIC, or NONE where nothing was sent.
    """
    text = channel.get_variable("SENDTEXT_BODY") or data
    content_type = channel.get_variable("SENDTEXT_CONTENT_TYPE") or "text/plain"
    from_name = channel.get_variable("SENDTEXT_FROM_DISPLAYNAME") or ""
    to_name = channel.get_variable("SENDTEXT_TO_DISPLAYNAME") or ""
    if not text:
        logger.warning("SendText has nothing to send")
        status = "FAILURE"
    else:
        is_sent = channel.tech.send_text(channel, text, content_type, from_name=from_name, to_name=to_name)
        status = "SUCCESS" if is_sent else "UNSUPPORTED"
    kind = "ENHANCED" if channel.tech.has_text_types else "BASIC"
    channel.set_variable("SENDTEXTTYPE", kind if status == "SUCCESS" else "NONE")
    channel.set_variable("SENDTEXTSTATUS", status)


@application("ReceiveText", syntax="ReceiveText([timeout])")
async def receive_text(channel: Channel, data: str) -> int:
    """Receive a text message from the caller.

    ``timeout`` is how long to wait for it, in seconds; without it only what is there already counts.
    RECEIVETEXTMESSAGE is the text.

    RECEIVETEXTSTATUS tells: SUCCESS, FAILURE (none came, or the caller hung up).
    """
    try:
        text = await channel.wait(_text_of, seconds(data))
    except ChannelGone:
        channel.set_variable("RECEIVETEXTSTATUS", "FAILURE")
        raise
    if text is None:
        channel.set_variable("RECEIVETEXTSTATUS", "FAILURE")
        return 0
    channel.set_variable("RECEIVETEXTMESSAGE", text)
    channel.set_variable("RECEIVETEXTSTATUS", "SUCCESS")
    return 0


def _text_of(frame: Frame) -> str | None:
    return str(frame.data) if frame.type is FrameType.TEXT else None
