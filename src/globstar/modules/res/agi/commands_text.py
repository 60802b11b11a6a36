"""Commands about texts, images and what else a channel may carry besides audio."""

from __future__ import annotations

from collections.abc import Callable

from globstar.core.agi import AgiDialogue, AgiFailed, agi_command
from globstar.core.channel import ChannelGone
from globstar.core.frame import Frame
from globstar.core.numbers import leading_integer
from globstar.core.typedtext import TextReader


async def _wait(agi: AgiDialogue, handler: Callable[[Frame], str | None], words: list[str]) -> str | None:
    """What the handler makes of a frame; None when that did not come in time. A negative time waits until the call ends."""
    timeout_ms = leading_integer(words[0])
    text: str | None = await agi.channel.wait(handler, timeout_ms / 1000 if timeout_ms >= 0 else None)
    return text


@agi_command("SEND TEXT", syntax="<text to send>", least=1, most=1, runs_dead=False)
def send_text(agi: AgiDialogue, words: list[str]) -> str:
    """Send a text to the caller.

    The result is 0, also if the channel carries no texts. A text of several words stands in quotes.
    """
    agi.channel.tech.send_text(agi.channel, words[0])
    return "200 result=0"


@agi_command("SEND IMAGE", syntax="<image>", least=1, most=1, runs_dead=False)
def send_image(agi: AgiDialogue, words: list[str]) -> str:
    """Send an image to the caller.

    The result is 0 also if the channel carries no images, and no channel of this server does.
    """
    return "200 result=0"


@agi_command("RECEIVE CHAR", syntax="<timeout>", least=1, most=1, runs_dead=False)
async def receive_char(agi: AgiDialogue, words: list[str]) -> str:
    """Wait for a character that the caller types.

    For so many milliseconds. The result is its number; -1 (hangup) if none came.
    """
    reader = TextReader(agi.channel)
    try:
        text = reader.letter() or await _wait(agi, reader.take_letter, words)
    except ChannelGone:
        text = None
    if not text:
        raise AgiFailed("200 result=-1 (hangup)")
    return f"200 result={ord(text)}"


@agi_command("RECEIVE TEXT", syntax="<timeout>", least=1, most=1, runs_dead=False)
async def receive_text(agi: AgiDialogue, words: list[str]) -> str:
    """Wait for a text that the caller sends.

    For so many milliseconds. The result is 1 with the text in parentheses, or -1 if none came. Of real-time text it is a
    line, or what was typed until then.
    """
    reader = TextReader(agi.channel)
    text = reader.line() or await _wait(agi, reader.take, words) or reader.rest()
    return "200 result=-1" if text is None else f"200 result=1 ({text})"


@agi_command("TDD MODE", syntax="on|off|mate", least=1, most=1, runs_dead=False)
def tdd_mode(agi: AgiDialogue, words: list[str]) -> str:
    """Switch the transmission of text to a telephone for the deaf.

    The result is 1 if it was switched, 0 if the channel has no such mode; only analog lines have, and none is here.
    """
    return "200 result=0"
