"""The session description of a message, alone or beside other parts (RFC 5621)."""

from __future__ import annotations

from globstar.proto import mime
from globstar.proto.sip.message import Message

SDP = "application/sdp"


def sdp_body(message: Message) -> bytes:
    """The SDP; empty when there is none. A body that says not what it is counts as SDP, as phones mean it."""
    body = message.body
    if not body or body[:2] == b"v=":
        return body
    kind = message.get("Content-Type") or ""
    if not mime.is_multipart(kind):
        return body
    try:
        return mime.find(kind, body, SDP)
    except mime.MimeError:
        return b""


def parts_of(message: Message) -> list[mime.Part]:
    """The parts of a message; one that cannot be taken apart has none."""
    kind = message.get("Content-Type") or ""
    if not message.body or not mime.is_multipart(kind):
        return []
    try:
        return mime.parse(kind, message.body)
    except mime.MimeError:
        return []
