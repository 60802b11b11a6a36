"""Bodies of several parts (RFC 2046 5.1, RFC 5621): SDP beside a location, for instance."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

MAX_PARTS = 16


class MimeError(ValueError):
    """A body that is not what its Content-Type says."""


@dataclass(frozen=True, slots=True)
class Part:
    """One part: its type without parameters in lower case, its body, its Content-ID without angle brackets."""

    content_type: str
    body: bytes
    content_id: str = ""


def is_multipart(content_type: str) -> bool:
    """Whether a Content-Type value announces several parts."""
    return content_type.lstrip()[:10].lower() == "multipart/"


def boundary_of(content_type: str) -> str:
    """The boundary parameter; raises MimeError without one."""
    for param in content_type.split(";")[1:]:
        name, equals, value = param.partition("=")
        value = value.strip().strip('"')
        if equals and name.strip().lower() == "boundary" and 0 < len(value) <= 70:
            return value
    raise MimeError("no boundary")


def parse(content_type: str, body: bytes) -> list[Part]:
    """The parts of a body, those of nested multiparts among them; raises MimeError."""
    found: list[Part] = []
    _collect(content_type, body, found, 0)
    return found


def _collect(content_type: str, body: bytes, found: list[Part], depth: int) -> None:
    if depth > 2:
        raise MimeError("nested too deep")
    delimiter = b"--" + boundary_of(content_type).encode("latin-1", "replace")
    pieces = (b"\r\n" + body).split(b"\r\n" + delimiter)
    if len(pieces) < 2:
        raise MimeError("the boundary is not in the body")
    for piece in pieces[1:]:
        if piece.startswith(b"--"):
            return
        head, blank, content = piece.partition(b"\r\n\r\n")
        if not blank:
            raise MimeError("a part without an empty line after its headers")
        headers = _headers(head)
        kind = headers.get("content-type", "text/plain")
        if is_multipart(kind):
            _collect(kind, content, found, depth + 1)
        elif len(found) >= MAX_PARTS:
            raise MimeError("too many parts")
        else:
            found.append(Part(kind.partition(";")[0].strip().lower(), content, headers.get("content-id", "").strip("<> ")))


def _headers(head: bytes) -> dict[str, str]:
    lines = head.decode("utf-8", "replace").replace("\r\n ", " ").replace("\r\n\t", " ").split("\r\n")
    return {name.strip().lower(): value.strip() for name, _, value in (line.partition(":") for line in lines)}


def build(parts: Sequence[Part], boundary: str) -> tuple[str, bytes]:
    """Content-Type and body of multipart/mixed. ``boundary`` must occur in no part."""
    out: list[bytes] = []
    for part in parts:
        identity = f"Content-ID: <{part.content_id}>\r\n" if part.content_id else ""
        out.append(f"--{boundary}\r\nContent-Type: {part.content_type}\r\n{identity}\r\n".encode() + part.body + b"\r\n")
    return f'multipart/mixed;boundary="{boundary}"', b"".join(out) + f"--{boundary}--\r\n".encode()


def find(content_type: str, body: bytes, wanted: str) -> bytes:
    """The first part of a type, or the whole body if it is of that type; empty if there is none. Raises MimeError."""
    if not is_multipart(content_type):
        return body if content_type.partition(";")[0].strip().lower() == wanted else b""
    return next((part.body for part in parse(content_type, body) if part.content_type == wanted), b"")
