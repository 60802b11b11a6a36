"""Sending short header names (RFC 3261 7.3.3)."""

from __future__ import annotations

from globstar.proto.sip.names import COMPACT_FORMS

_SHORT = {name.encode(): short.encode() for short, name in COMPACT_FORMS.items()}


def compact(message: bytes) -> bytes:
    """Return ``message``, as we write it, with the compact forms of its header names; its body and keep-alives stay."""
    head, blank, body = message.partition(b"\r\n\r\n")
    if not blank or not head:
        return message
    first, *lines = head.split(b"\r\n")
    out = [first]
    for line in lines:
        name, colon, value = line.partition(b":")
        out.append(_SHORT.get(name, name) + colon + value)
    return b"\r\n".join(out) + blank + body
