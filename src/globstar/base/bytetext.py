"""Text measured in bytes: the dialplan counts the UTF-8 bytes of a value, not its characters."""

from __future__ import annotations


def byte_length(text: str) -> int:
    """Return the number of bytes that the text has in UTF-8."""
    return len(text) if text.isascii() else len(text.encode("utf-8", "surrogateescape"))


def byte_view(text: str) -> str:
    """Return the text with one character (0 to 255) per byte."""
    return text if text.isascii() else text.encode("utf-8", "surrogateescape").decode("latin-1")


def from_byte_view(view: str) -> str:
    """Undo byte_view, also for parts of one; bytes that are not UTF-8 become surrogates."""
    return view if view.isascii() else view.encode("latin-1").decode("utf-8", "surrogateescape")


def byte_slice(text: str, offset: int, length: int | None) -> str:
    """Cut out what `${VAR:offset:length}` means.

    A negative offset counts from the end and stops at the start; a negative length leaves off so many bytes at the end.
    """
    view = byte_view(text)
    size = len(view)
    if offset < 0:
        offset = max(0, size + offset)
    end = size if length is None else size + length if length < 0 else offset + length
    return from_byte_view(view[offset:end]) if end > offset else ""
