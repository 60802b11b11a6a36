"""Send and receive text messages."""

from __future__ import annotations

from globstar.base.log import Logger
from globstar.core.channel import Channel, ChannelGone
from globstar.core.numbers import seconds
from globstar.core.registry import application
from globstar.core.typedtext import TextReader

logger = Logger("app_sendtext")

#: The type of what is typed as real-time text, which carries no names.
_REAL_TIME = "text/t140"


@application("SendText", syntax="SendText([text])")
def send_text(channel: Channel, data: str) -> None:
    """Send a text message to the caller.

    The text is taken from SENDTEXT_BODY if that is set, its type from SENDTEXT_CONTENT_TYPE, and the names of who sends it
    and who gets it from SENDTEXT_FROM_DISPLAYNAME and SENDTEXT_TO_DISPLAYNAME. With the type text/t140 a SIP phone gets it
    as real-time text, in the stream of its call.

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
    kind = "ENHANCED" if channel.tech.has_text_types and content_type.lower() != _REAL_TIME else "BASIC"
    channel.set_variable("SENDTEXTTYPE", kind if status == "SUCCESS" else "NONE")
    channel.set_variable("SENDTEXTSTATUS", status)


@application("ReceiveText", syntax="ReceiveText([timeout])")
async def receive_text(channel: Channel, data: str) -> int:
    """Receive a text message from the caller.

    ``timeout`` is how long to wait for it, in seconds; without it only what is there already counts.
    RECEIVETEXTMESSAGE is the text: a message, or a line of real-time text; what is typed until the time is over counts, too.

    RECEIVETEXTSTATUS tells: SUCCESS, FAILURE (none came, or the caller hung up).
    """
    reader = TextReader(channel)
    try:
        text = reader.line() or await channel.wait(reader.take, seconds(data)) or reader.rest()
    except ChannelGone:
        channel.set_variable("RECEIVETEXTSTATUS", "FAILURE")
        raise
    if text is None:
        channel.set_variable("RECEIVETEXTSTATUS", "FAILURE")
        return 0
    channel.set_variable("RECEIVETEXTMESSAGE", text)
    channel.set_variable("RECEIVETEXTSTATUS", "SUCCESS")
    return 0
