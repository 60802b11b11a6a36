"""From bytes to messages: total, liberal, and lazy beyond the headers every message needs (RFC 3261 7, 16.3)."""

from __future__ import annotations

import re

from globstar.proto.sip.errors import SipParseError
from globstar.proto.sip.message import Header, Message, Request, Response
from globstar.proto.sip.names import NAMES, canonical_name
from globstar.proto.sip.uri import SipUri

MAX_HEADERS = 500
_TOKEN = re.compile(r"[A-Za-z0-9\-.!%*_+`'~]+\Z")
_FOLD = re.compile(r"[ \t]*\n[ \t]+")
_EMPTY_URI = SipUri("sip", host="invalid.invalid")
SINGLE_HEADERS = (
    "Call-ID",
    "CSeq",
    "From",
    "To",
    "Max-Forwards",
    "Content-Length",
    "Content-Type",
    "Expires",
    "Min-Expires",
    "Refer-To",
)
"""Headers that may occur once; a second one is 400 (RFC 4475 3.3.8, 3.3.9)."""


class CSeqMismatch(SipParseError):
    """The CSeq method is not the request's method (RFC 3261 8.1.1.5)."""


class BadVersion(SipParseError):
    """The version is not SIP/2.0 (RFC 3261 21.5.6)."""


class BadStartLine(SipParseError):
    """The first line is neither a request line nor a status line."""


class MissingHeader(SipParseError):
    """A header that every message needs is not there (RFC 3261 8.1.1)."""


def parse(data: bytes) -> Request | Response:
    """Parse one datagram or WebSocket frame; a longer body than Content-Length says is cut (RFC 3261 18.3).

    Raises SipParseError for anything that cannot be used, and nothing else.
    """
    if data[:1] in (b"\r", b"\n"):
        data = data.lstrip(b"\r\n")
    end, body_at = find_body(data, 0)
    message = parse_head(data[:end])
    body = data[body_at:]
    length = content_length(message)
    if length is not None:
        if length > len(body):
            raise SipParseError(
                "body is shorter than it says",
                status=400 if isinstance(message, Request) else 0,
                header="Content-Length",
                message=message,
            )
        if length < len(body):
            body = body[:length]
    message.body = body
    return message


def find_body(data: bytes | bytearray, start: int) -> tuple[int, int]:
    """Return (end of head, start of body) around the first empty line after ``start``; both len(data) when there is none.

    Bare LF and mixed line ends are understood.
    """
    crlf = data.find(b"\n\r\n", start)
    bare = data.find(b"\n\n", start, crlf + 1 if crlf >= 0 else len(data))
    if bare >= 0:
        return bare, bare + 2
    if crlf >= 0:
        return crlf, crlf + 3
    return len(data), len(data)


def content_length(message: Message) -> int | None:
    """Return Content-Length, None when absent; SipParseError for anything but a number (RFC 4475 3.1.2.3)."""
    raw = message.get("Content-Length")
    if raw is None:
        return None
    if not (raw.isascii() and raw.isdigit()) or len(raw) > 10:
        raise SipParseError(
            "not a length",
            status=400 if isinstance(message, Request) else 0,
            header="Content-Length",
            message=message,
        )
    return int(raw)


def parse_head(head: bytes) -> Request | Response:
    """Parse start line and headers (without the empty line) and check what every message must have."""
    text = head.decode("utf-8", "surrogateescape").replace("\r\n", "\n")
    if "\r" in text:
        text = text.rstrip("\r").replace("\r", " ")
    if "\n " in text or "\n\t" in text:
        text = _FOLD.sub(" ", text)
    lines = text.split("\n")
    headers, fault = _parse_headers(lines)
    message = _parse_start_line(lines[0], headers, fault)
    _check(message)
    return message


def _parse_headers(lines: list[str]) -> tuple[list[Header], SipParseError | None]:
    """Return the headers that can be read, and the first fault."""
    headers: list[Header] = []
    fault: SipParseError | None = None
    append = headers.append
    known = NAMES.get
    if len(lines) > MAX_HEADERS:
        return headers, SipParseError("too many headers", status=513)
    for line in lines[1:]:
        name, colon, value = line.partition(":")
        found = known(name)
        if found is None:
            if not line.strip():
                continue  # a head that ends in an empty folded line
            found = canonical_name(name)
            if not colon or not _TOKEN.match(found):
                fault = fault or SipParseError("not a header line")
                continue
        elif not colon:
            fault = fault or SipParseError("not a header line", header=found)
            continue
        append((found, value.strip()))
    return headers, fault


def _parse_start_line(line: str, headers: list[Header], fault: SipParseError | None) -> Request | Response:
    if line[:4].upper() == "SIP/":
        version, _, rest = line.partition(" ")
        status, _, reason = rest.lstrip().partition(" ")
        if version.upper() != "SIP/2.0" or len(status) != 3 or not (status.isascii() and status.isdigit()):
            raise BadStartLine("bad status line", status=0)
        if not 100 <= int(status) <= 699:
            raise BadStartLine("status out of range", status=0)
        response = Response(int(status), reason.strip(), headers)
        if fault is not None:
            raise SipParseError(fault.detail, status=0, header=fault.header, message=response)
        return response

    words = line.split(" ")
    if len(words) != 3:
        words = line.split()
    method = words[0] if words else ""
    if not method or not _TOKEN.match(method):
        raise BadStartLine("bad request line", status=0)
    request = Request(method, _EMPTY_URI, headers)
    if len(words) != 3:
        raise BadStartLine("request line has not three words", status=_answer(method, 400), message=request)
    if words[2] != "SIP/2.0" and words[2].upper() != "SIP/2.0":
        if words[2][:4].upper() == "SIP/":
            raise BadVersion("not SIP/2.0", status=_answer(method, 505), message=request)
        raise BadStartLine("no SIP version", status=0)
    try:
        request.uri = SipUri.parse(words[1])
    except SipParseError as error:
        raise SipParseError(error.detail, status=_answer(method, 400), header="Request-URI", message=request) from None
    if fault is not None:
        raise SipParseError(fault.detail, status=_answer(method, fault.status), header=fault.header, message=request)
    if request.uri.headers:
        raise SipParseError("headers are not allowed here", status=_answer(method, 400), header="Request-URI", message=request)
    return request


def _check(message: Request | Response) -> None:
    """Check the headers that every message needs; they stay parsed."""
    try:
        missing = message.check_required()
        if missing is not None:
            raise MissingHeader("header is missing", header=missing)
        if isinstance(message, Request):
            if message.cseq.method != message.method:
                raise CSeqMismatch("method is not that of the request", header="CSeq")
            message.check_max_forwards()
        if message.has_repeated_headers:
            _check_singles(message)
    except SipParseError as error:
        error.status = _answer(message.method, 400) if isinstance(message, Request) else 0
        error.message = message
        raise


def _check_singles(message: Message) -> None:
    for name in SINGLE_HEADERS:
        if len(message.get_all(name)) > 1:
            raise SipParseError("may occur once only", header=name)


def _answer(method: str, status: int) -> int:
    """An ACK is never answered (RFC 3261 8.2.7)."""
    return 0 if method == "ACK" else status
