"""Building responses: the part that is the same for all responses to one request is built once (RFC 3261 8.2.6)."""

from __future__ import annotations

from collections.abc import Iterable

from globstar.proto.sip.errors import SipParseError
from globstar.proto.sip.flow import DEFAULT_PORTS, Flow
from globstar.proto.sip.grammar import split_outside
from globstar.proto.sip.headers.via import Via
from globstar.proto.sip.message import Header, Request, serialise
from globstar.proto.sip.names import REASON_PHRASES, reason_phrase


class Answer:
    """Responses to one request, with the headers in Asterisk's order.

    Via, Record-Route, Call-ID, From, To, CSeq; then Server and the given headers, or the other way round; then
    Content-Type and Content-Length. From and To are written anew, without the port (RFC 3261 19.1.1).
    """

    __slots__ = ("_after_to", "_before_to", "flow", "has_to_tag")

    def __init__(self, request: Request, flow: Flow, *, force_rport: bool) -> None:
        lines: list[str] = []
        via: Via | None = None
        for name, value in request.headers:
            if name == "Via":
                if via is None:
                    via = request.via
                    symmetric = force_rport or via.wants_rport
                    lines.append(f"Via: {via.answered(flow.host, flow.port, symmetric)}\r\n")
                    if "," in value:
                        lines += [f"Via: {_line(rest)}\r\n" for rest in split_outside(value, ",")[1:] if rest]
                else:
                    lines.append(f"Via: {_line(value)}\r\n")
            elif name == "Record-Route":
                lines.append(f"Record-Route: {_line(value)}\r\n")
        self.flow = flow
        if via is not None and not (flow.transport.reliable or force_rport or via.wants_rport):
            port = via.port or DEFAULT_PORTS.get(via.transport, 5060)
            self.flow = Flow(flow.transport, flow.host, port, flow.connection)  # RFC 3261 18.2.2
        try:
            call_id, from_text, to_text = request.call_id, request.from_.in_from_to, request.to.in_from_to
            self.has_to_tag, cseq = bool(request.to.tag), str(request.cseq)
        except SipParseError:
            call_id, cseq = request.get("Call-ID") or "", _cseq(request)
            from_text, _ = _address(request, "From")
            to_text, self.has_to_tag = _address(request, "To")
        lines.append(f"Call-ID: {_line(call_id)}\r\nFrom: {from_text}\r\nTo: {to_text}")
        self._before_to = "".join(lines)
        self._after_to = f"\r\nCSeq: {cseq}\r\n"

    def build(
        self,
        status: int,
        reason: str | None,
        tag: str,
        server: str,
        headers: Iterable[Header],
        body: bytes,
        content_type: str,
        server_first: bool,
    ) -> bytes:
        """Return the response as bytes. ``tag`` is added to To unless the request had one; empty adds none."""
        if reason is None:
            reason = REASON_PHRASES.get(status) or reason_phrase(status)
        else:
            reason = _line(reason)
        to_tag = f";tag={tag}" if tag and not self.has_to_tag else ""
        lines: list[str] = []
        if server and server_first:
            lines.append(f"Server: {server}\r\n")
        for name, value in headers:
            lines.append(f"{name}: {value}\r\n")
        if server and not server_first:
            lines.append(f"Server: {server}\r\n")
        if body:
            lines.append(f"Content-Type: {content_type}\r\nContent-Length: {len(body):5d}\r\n\r\n")
            extra = 2
        else:
            lines.append("Content-Length:  0\r\n\r\n")
            extra = 1
        tail = "".join(lines)
        if tail.count("\n") != len(lines) + extra or tail.count("\r") != len(lines) + extra:
            return self._build_unsafe(status, reason, to_tag, server, headers, body, content_type, server_first)
        head = f"SIP/2.0 {status} {reason}\r\n{self._before_to}{to_tag}{self._after_to}{tail}".encode("utf-8", "surrogateescape")
        return head + body if body else head

    def _build_unsafe(
        self,
        status: int,
        reason: str,
        to_tag: str,
        server: str,
        headers: Iterable[Header],
        body: bytes,
        content_type: str,
        server_first: bool,
    ) -> bytes:
        """Build with line breaks in header values made harmless."""
        fixed = f"{self._before_to}{to_tag}{self._after_to}"
        pairs: list[Header] = [(n, v) for n, _, v in (line.partition(": ") for line in fixed.split("\r\n") if line)]
        given = list(headers)
        own = [("Server", server)] if server else []
        pairs += [*own, *given] if server_first else [*given, *own]
        if body:
            pairs.append(("Content-Type", content_type))
        return serialise(f"SIP/2.0 {status} {reason}", pairs, body)


def _line(value: str) -> str:
    return value.replace("\r", " ").replace("\n", " ") if "\r" in value or "\n" in value else value


def _address(request: Request, name: str) -> tuple[str, bool]:
    """Return From or To rewritten, or as received when it cannot be read, and whether it has a tag."""
    try:
        value = request.address(name)
    except SipParseError:
        raw = _line(request.get(name) or "")
        return raw, ";tag=" in raw
    return ("", False) if value is None else (value.in_from_to, bool(value.tag))


def _cseq(request: Request) -> str:
    try:
        return str(request.cseq)
    except SipParseError:
        return _line(request.get("CSeq") or "")
