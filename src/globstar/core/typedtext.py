"""Texts that come on a channel: messages, which are whole, and what is typed letter by letter (real-time text, ITU-T T.140)."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from globstar.core.frame import Frame, FrameType

if TYPE_CHECKING:
    from globstar.core.channel import Channel

#: In the channel's data: what was typed behind the last line that was taken.
_KEY = "typed text"
#: What keeps a stream alive and means nothing (T.140 section 8.4), and what deletes the character before it.
_BYTE_ORDER_MARK, _ERASURE = "\ufeff", "\b"
#: What ends a line: LINE SEPARATOR, and what older terminals send (T.140 sections 6.1 and 8.1).
_LINE_END = re.compile("\u2028|\u2029|\r\n|\r|\n")
#: What stands for text that is lost (RFC 4103 section 5.4); longer gaps than of so many packets are no loss.
_MISSING, _LONGEST_GAP = "\ufffd", 100
#: Longer lines are taken in pieces of so many characters.
MAX_LINE = 4096


def text_of(frame: Frame) -> str | None:
    """The characters of a frame; None for one without."""
    if frame.type is not FrameType.TEXT:
        return None
    text = frame.data if isinstance(frame.data, str) else bytes(frame.data).decode("utf-8", "replace")
    return text.replace(_BYTE_ORDER_MARK, "") or None


class TextReader:
    """Takes one text from a channel: a message, or a line that is typed, or one character of either."""

    def __init__(self, channel: Channel) -> None:
        self._channel = channel
        self._typed = str(channel.data.pop(_KEY, ""))
        #: the number of the last packet, where packets that were lost show in the numbers
        self._last: int | None = None

    def take(self, frame: Frame) -> str | None:
        """The handler for ``channel.wait``: the text, when it is whole."""
        text = text_of(frame)
        if text is None:
            return None
        if frame.format is None:
            return text
        self._type(frame, text)
        return self.line()

    def _type(self, frame: Frame, text: str) -> None:
        last, self._last = self._last, frame.seq
        if last is not None and frame.seq is not None and 1 < (frame.seq - last & 0xFFFF) < _LONGEST_GAP:
            self._typed += _MISSING
        self._typed += text

    def line(self) -> str | None:
        """The first line of what was typed, if its end or very much was; what follows stays for the next reader."""
        while True:
            end = _LINE_END.search(self._typed, 0, MAX_LINE)
            if end is None and len(self._typed) < MAX_LINE:
                return None
            first, after = end.span() if end is not None else (MAX_LINE, MAX_LINE)
            line, self._typed = _edited(self._typed[:first]), self._typed[after:]
            if line:
                self._keep()
                return line

    def take_letter(self, frame: Frame) -> str | None:
        """The handler for ``channel.wait`` that takes one character; what was typed with it stays for the next reader."""
        text = text_of(frame)
        if text is None or frame.format is None:
            return text[0] if text else None
        self._type(frame, text)
        return self.letter()

    def letter(self) -> str | None:
        """The first character of what was typed; None for nothing."""
        if not self._typed:
            return None
        letter, self._typed = self._typed[0], self._typed[1:]
        self._keep()
        return letter

    def rest(self) -> str | None:
        """What was typed without an end until now; None for nothing."""
        typed, self._typed = self._typed, ""
        return _edited(typed) or None

    def _keep(self) -> None:
        if self._typed:
            self._channel.data[_KEY] = self._typed


def _edited(typed: str) -> str:
    """What is left of letters and erasures."""
    kept: list[str] = []
    for letter in typed:
        if letter != _ERASURE:
            kept.append(letter)
        elif kept:
            kept.pop()
    return "".join(kept)
