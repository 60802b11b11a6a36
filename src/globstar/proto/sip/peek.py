"""A look at a message before it is parsed, and the refusal of one that never will be: what overload costs next to nothing for.

Nothing here needs to be right about odd messages: what cannot be told is urgent, and is then parsed like any other.
"""

from __future__ import annotations

import re
import zlib
from enum import Enum


class Kind(Enum):
    """What a message is, as far as its turn is concerned."""

    URGENT = "urgent"
    """A response, an ACK, a request inside a dialog, or what cannot be told: handled at once."""
    CANCEL = "cancel"
    """Must not overtake its INVITE, and is never refused."""
    NEW = "new"
    """A request outside of any dialog: waits its turn, and is refused when there is too much."""


#: Requests that may wait and be refused.
_NEW = re.compile(rb"(?:INVITE|REGISTER|SUBSCRIBE|OPTIONS|PUBLISH|MESSAGE|REFER|NOTIFY) ")
_TO = re.compile(rb"\n(?:To|t)[ \t]*:([^\n]*)", re.IGNORECASE)
_VIA = re.compile(rb"\n(?:Via|v)[ \t]*:[ \t]*SIP/2\.0/[A-Za-z]+[ \t]+([^; \t\r\n,]+)([^\n,]*)", re.IGNORECASE)
_BRANCH = re.compile(rb";[ \t]*branch=([^;, \t\r\n]+)", re.IGNORECASE)
_CSEQ = re.compile(rb"\nCSeq[ \t]*:[ \t]*\d+[ \t]+([A-Za-z]+)", re.IGNORECASE)
_TAG = re.compile(rb";[ \t]*tag[ \t]*=", re.IGNORECASE)
_OLD_PARAMS = re.compile(r";\s*(?:rport|received)(?:\s*=\s*[^;]*)?(?=;|\Z)", re.IGNORECASE)
_NAMES = {
    "via": "Via", "v": "Via", "from": "From", "f": "From", "to": "To", "t": "To", "call-id": "Call-ID", "i": "Call-ID",
    "cseq": "CSeq", "record-route": "Record-Route",
}  # fmt: skip


def kind_of(data: bytes) -> Kind:
    """What a datagram is."""
    if data.startswith(b"CANCEL "):
        return Kind.CANCEL
    if not _NEW.match(data):
        return Kind.URGENT
    to = _TO.search(data)
    if to is None or (_TAG.search(to[1]) and not data.startswith((b"REGISTER ", b"PUBLISH "))):
        return Kind.URGENT
    return Kind.NEW


def transaction_key(data: bytes) -> tuple[str, str, str] | None:
    """The key of a request's transaction, as the transaction layer builds it (RFC 3261 17.2.3); None if it cannot be told."""
    via = _VIA.search(data)
    if via is None:
        return None
    branch = _BRANCH.search(via[2])
    if branch is None or not branch[1].startswith(b"z9hG4bK") or len(branch[1]) <= 7:
        return None
    method = data[: data.find(b" ")].decode("latin-1")
    return (branch[1].decode("utf-8", "surrogateescape"), via[1].decode("utf-8", "surrogateescape").lower(), method)


def response_key(data: bytes) -> tuple[str, str] | None:
    """The key of the request of ours that a response answers (RFC 3261 17.1.3); None for anything else."""
    if not data.startswith(b"SIP/2.0 "):
        return None
    via = _VIA.search(data)
    branch = _BRANCH.search(via[2]) if via is not None else None
    cseq = _CSEQ.search(data)
    if branch is None or cseq is None:
        return None
    return (branch[1].decode("utf-8", "surrogateescape"), cseq[1].decode("latin-1"))


class Refuser:
    """Refuses requests unparsed and without any state; knows its own tag again in the ACK that comes back."""

    def __init__(self, secret: str, server: str, retry_after: int) -> None:
        self._tag = f"busy{secret}"
        self._mark = f"tag={self._tag}".encode()
        tail = f"Retry-After: {retry_after}\r\n" + (f"Server: {server}\r\n" if server else "") + "Content-Length:  0\r\n\r\n"
        self._tail = tail

    def is_own_ack(self, data: bytes) -> bool:
        """Whether a message is the ACK of a refusal, which has done its work by arriving."""
        return data.startswith(b"ACK ") and self._mark in data

    def refuse(self, data: bytes, host: str, port: int) -> bytes | None:
        """The 503 for a request that came from ``host`` and ``port``; None for one that only a parser understands."""
        head = data.partition(b"\r\n\r\n")[0].decode("utf-8", "surrogateescape")
        kept: dict[str, list[str]] = {"Via": [], "Record-Route": [], "Call-ID": [], "From": [], "To": [], "CSeq": []}
        for line in head.split("\r\n")[1:]:
            if line[:1] in (" ", "\t") or "\n" in line or "\r" in line:
                return None
            name, _, value = line.partition(":")
            known = _NAMES.get(name.rstrip(" \t").lower())
            if known is not None:
                kept[known].append(value.strip())
        if not kept["Via"] or any(len(kept[name]) != 1 for name in ("Call-ID", "From", "To", "CSeq")):
            return None
        via = kept["Via"][0]
        if "," in via:
            return None
        sent_by, semicolon, params = via.partition(";")
        rest = _OLD_PARAMS.sub("", semicolon + params)
        kept["Via"][0] = f"{sent_by.rstrip()};rport={port};received={host}{rest}"
        call_id = kept["Call-ID"][0].encode("utf-8", "surrogateescape")
        if not _TAG.search(kept["To"][0].encode("utf-8", "surrogateescape")):
            kept["To"][0] += f";tag={self._tag}{zlib.crc32(call_id):08x}"
        lines = [f"{name}: {value}\r\n" for name, values in kept.items() for value in values]
        return f"SIP/2.0 503 Service Unavailable\r\n{''.join(lines)}{self._tail}".encode("utf-8", "surrogateescape")
