"""What is sent to the endpoint of a channel: texts, digits."""

from __future__ import annotations

from globstar.core.channel import Channel
from globstar.core.frame import digit_begin, digit_end
from globstar.core.manager import (
    ActionRequest,
    Answer,
    Permission,
    failure,
    is_true_word,
    manager_action,
    requested_channel,
    success,
)
from globstar.interfaces.ami.actions.channels import DIGITS

CALL = Permission.CALL


@manager_action(
    "SendText",
    CALL,
    synopsis="Sends a text message to channel. A content type\tcan be optionally specified. If not set it is set to an empty "
    "string allowing a custom handler to default it as it sees fit.",
)
def send_text(request: ActionRequest) -> Answer:
    """Send a text to the endpoint of a channel."""
    channel = requested_channel(request)
    text = request.get("Message")
    if not text:
        return failure("No Message specified")
    is_sent = channel.tech.send_text(channel, text, request.get("Content-Type", "text/plain"))
    return success("Success") if is_sent else failure("Failure")


@manager_action("PlayDTMF", CALL, synopsis="Play DTMF signal on a specific channel.")
async def play_dtmf(request: ActionRequest) -> Answer:
    """Send a digit to the endpoint of a channel, or with ``Receive`` let the channel hear it from there."""
    channel = requested_channel(request)
    digit = request.get("Digit")
    if not digit:
        return failure("No digit specified")
    if digit[0].upper() not in DIGITS:
        return failure("Invalid digit")
    text = request.get("Duration", "100")
    if not text.isdecimal() or not 0 < int(text[:9]) <= 60_000:
        return failure("Could not convert Duration parameter")
    digit, length = digit[0].upper(), int(text)
    if is_true_word(request.get("Receive")):
        channel.deliver(digit_begin(digit))
        channel.deliver(digit_end(digit, length))
    else:
        channel.send_digit_begin(digit)
        channel.system.loop.call_later(length / 1000, _end_digit, channel, digit, length)
    return success("DTMF successfully queued")


def _end_digit(channel: Channel, digit: str, length: int) -> None:
    if not channel.is_hung_up:
        channel.send_digit_end(digit, length)
