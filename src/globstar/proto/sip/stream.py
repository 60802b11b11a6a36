"""Framing SIP on TCP and TLS: messages by Content-Length, keep-alives between them (RFC 3261 18.3, RFC 5626 4.4.1)."""

from __future__ import annotations

import re

from globstar.proto.sip.errors import SipParseError
from globstar.proto.sip.parser import find_body

PING = b""
"""Item for a double CRLF: answer it with a single one."""
PONG = b"\r\n"

_LENGTH = re.compile(rb"^(?:content-length|l)[ \t]*:(?:[ \t]|\r?\n[ \t])*([^\r\n]*?)[ \t]*\r?$", re.I | re.M)


class StreamParser:
    """Cuts a byte stream into messages. How the bytes were split into calls makes no difference.

    Buffering is bounded by ``max_message_bytes`` plus one call's data. After ``fault`` is set the stream cannot be
    framed any more and must be closed; further data is ignored.
    """

    __slots__ = ("_buffer", "_max", "_need", "_scanned", "fault", "keepalives", "messages", "since")

    def __init__(self, max_message_bytes: int = 65536) -> None:
        self._buffer = bytearray()
        self._max = max_message_bytes
        self._scanned = 0
        self._need = 0  # length of the message at the front once its head is complete
        self.fault: SipParseError | None = None
        self.keepalives = 0
        #: complete messages so far
        self.messages = 0
        #: when the stream began, or when it last had no half message at its front; set by whoever feeds it
        self.since = 0.0

    @property
    def is_partial(self) -> bool:
        """Whether a message has begun and is not complete."""
        return bool(self._buffer)

    def feed(self, data: bytes) -> list[bytes]:
        """Return the complete messages as bytes, and PING for each keep-alive that wants an answer."""
        items: list[bytes] = []
        if self.fault is None:
            self._cut(data, items)
        return items

    def _cut(self, data: bytes, items: list[bytes]) -> None:
        buffer = self._buffer
        buffer += data
        while True:
            if not self._need and not (self._skip_line_ends(items) and self._find_head()):
                break
            if len(buffer) < self._need:
                break
            items.append(bytes(buffer[: self._need]))
            self.messages += 1
            del buffer[: self._need]
            self._need = self._scanned = 0
        if self.fault is not None:
            buffer.clear()

    def _skip_line_ends(self, items: list[bytes]) -> bool:
        """Drop what stands between messages; False when more bytes are needed to tell what it is."""
        buffer = self._buffer
        while buffer and buffer[0] in b"\r\n":
            front = bytes(buffer[:4])
            if front == b"\r\n\r\n":
                items.append(PING)
                self.keepalives += 1
                del buffer[:4]
            elif len(front) < 4 and b"\r\n\r\n".startswith(front):
                return False
            else:
                del buffer[: 2 if front[:2] == b"\r\n" else 1]
        return bool(buffer)

    def _find_head(self) -> bool:
        """Look for the end of the head and read Content-Length; False when it is not there yet or cannot be used."""
        buffer = self._buffer
        end, body_at = find_body(buffer, max(0, self._scanned - 2))
        if body_at == len(buffer) and end == body_at:
            self._scanned = len(buffer)
            if len(buffer) > self._max:
                self.fault = SipParseError("head is too long", status=0)
            return False
        if end > self._max:
            self.fault = SipParseError("head is too long", status=0)
            return False
        length = self._content_length(bytes(buffer[:end]))
        if length is None:
            return False
        self._need = body_at + length
        return True

    def _content_length(self, head: bytes) -> int | None:
        values = {value.strip() for value in _LENGTH.findall(head)}
        if not values:
            return 0  # RFC 3261 20.14 demands the header here; without it there is no body
        value = values.pop()
        if values or not value.isdigit() or len(value) > 10 or int(value) > self._max:
            self.fault = SipParseError("Content-Length cannot be used to frame", status=0, header="Content-Length")
            return None
        return int(value)
