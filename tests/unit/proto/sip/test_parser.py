"""From bytes to messages: what is understood, what is refused, with which answer."""

from __future__ import annotations

import pytest

from globstar.proto.sip.errors import SipParseError
from globstar.proto.sip.message import Request, Response
from globstar.proto.sip.parser import BadStartLine, BadVersion, CSeqMismatch, MissingHeader, parse
from tests.unit.proto.sip.ladder import SDP, request, wire

BASE = (
    "OPTIONS sip:100@h SIP/2.0\nVia: SIP/2.0/UDP h;branch=z9hG4bK1\nFrom: <sip:a@h>;tag=1\nTo: <sip:100@h>\n"
    "Call-ID: c\nCSeq: 1 OPTIONS\n"
)


def fault(data: bytes) -> SipParseError:
    with pytest.raises(SipParseError) as caught:
        parse(data)
    return caught.value


def test_bare_line_feeds_and_mixed_line_ends() -> None:
    for data in (BASE + "\nbody", (BASE + "\nbody").replace("\n", "\r\n"), BASE.replace("h\n", "h\r\n") + "\r\nbody"):
        message = parse(data.encode())
        assert message.body == b"body"
        assert message.call_id == "c"


def test_bare_line_feeds_with_an_empty_line_in_the_body() -> None:
    assert parse((BASE + "\n").encode() + b"a\r\n\r\nb").body == b"a\r\n\r\nb"


def test_leading_line_ends_are_skipped() -> None:
    assert parse(b"\r\n\r\n\n" + wire(BASE + "\n")).call_id == "c"


def test_no_empty_line_at_the_end() -> None:
    assert parse(wire(BASE)).body == b""


def test_folding_with_tabs_and_several_lines() -> None:
    message = parse(wire(BASE + "Subject: a\n\tb\n  c\n\n"))
    assert message.get("Subject") == "a b c"


def test_lone_carriage_return_is_a_space() -> None:
    assert parse(wire(BASE)[:-2] + b"\r\nSubject: a\rb\r\n\r\n").get("Subject") == "a b"


def test_bytes_that_are_no_utf8_survive() -> None:
    data = wire(BASE)[:-2] + b"\r\nSubject: \xff\xfe\xc3\xbc\r\n\r\n"
    assert b"Subject: \xff\xfe\xc3\xbc\r\n" in parse(data).to_bytes()


def test_content_length_cuts() -> None:
    assert parse(wire(BASE + "l: 3\n\n") + b"abcdef").body == b"abc"


@pytest.mark.parametrize("length", ["4", "-1", "x", "", "1e3", "99999999999"])
def test_content_length_lies(length: str) -> None:
    error = fault(wire(BASE + f"Content-Length: {length}\n\n") + b"abc")
    assert (error.status, error.header) == (400, "Content-Length")


@pytest.mark.parametrize("name", ["Via", "From", "To", "Call-ID", "CSeq"])
def test_missing_header(name: str) -> None:
    lines = [line for line in BASE.split("\n") if not line.startswith(name)]
    error = fault(wire("\n".join(lines) + "\n"))
    assert isinstance(error, MissingHeader)
    assert (error.status, error.header) == (400, name)
    assert isinstance(error.message, Request)
    assert error.message.method == "OPTIONS"


@pytest.mark.parametrize("name", ["Via", "From", "To", "Call-ID", "CSeq"])
def test_empty_header_counts_as_missing(name: str) -> None:
    lines = [f"{name}:" if line.startswith(name) else line for line in BASE.split("\n")]
    assert fault(wire("\n".join(lines) + "\n")).header == name


@pytest.mark.parametrize("name", ["Call-ID", "CSeq", "From", "To", "Content-Length", "Expires"])
def test_single_header_twice(name: str) -> None:
    message = parse(wire(BASE + "Expires: 1\nContent-Length: 0\n\n"))
    value = message.get(name)
    assert fault(wire(BASE + f"Expires: 1\nContent-Length: 0\n{name}: {value}\n\n")).status == 400


@pytest.mark.parametrize("line", ["no colon here", ": no name", "bad name: x", "b\x00d: x"])
def test_bad_header_line(line: str) -> None:
    error = fault(wire(BASE + line + "\n\n"))
    assert error.status == 400
    assert error.message is not None
    assert error.message.get("Call-ID") == "c"


@pytest.mark.parametrize(
    "line",
    [
        "", "x", "INVITE", "INVITE SIP/2.0", "SIP/2.0", "SIP/2.0 x", "SIP/2.0 99 x", "SIP/2.0 700 x", "SIP/2.0 20 OK",
        "GET / HTTP/1.1", "(INVITE) sip:a@h SIP/2.0", "OPTIONS sip:100@h", "SIP/3.0 200 OK", "SIP/2.0 2000 OK",
    ],
)  # fmt: skip
def test_bad_start_line(line: str) -> None:
    assert isinstance(fault(wire(BASE.replace("OPTIONS sip:100@h SIP/2.0", line, 1))), BadStartLine)


def test_bad_version() -> None:
    error = fault(wire(BASE.replace("SIP/2.0\n", "SIP/3.0\n", 1)))
    assert isinstance(error, BadVersion)
    assert error.status == 505


def test_version_in_lower_case() -> None:
    assert isinstance(parse(wire(BASE.replace("SIP/2.0\n", "sip/2.0\n", 1))), Request)


def test_method_is_case_sensitive() -> None:
    message = parse(wire(BASE.replace("OPTIONS", "options")))
    assert isinstance(message, Request)
    assert message.method == "options"


def test_cseq_mismatch() -> None:
    error = fault(wire(BASE.replace("1 OPTIONS", "1 INVITE")))
    assert isinstance(error, CSeqMismatch)
    assert error.status == 400


def test_rfc3261_8_2_7_an_ack_is_never_answered() -> None:
    text = BASE.replace("OPTIONS", "ACK")
    assert fault(wire(text.replace("CSeq: 1 ACK\n", ""))).status == 0
    assert fault(wire(text.replace("sip:100@h SIP", "<x> SIP"))).status == 0
    assert fault(wire(text + "Content-Length: 9\n\n")).status == 400


def test_a_response_is_never_answered() -> None:
    text = BASE.replace("OPTIONS sip:100@h SIP/2.0", "SIP/2.0 200 OK")
    assert isinstance(parse(wire(text)), Response)
    assert fault(wire(text.replace("Call-ID: c\n", ""))).status == 0
    assert fault(wire(text + "Content-Length: 9\n\n")).status == 0
    assert fault(wire(text + "junk\n\n")).status == 0


def test_too_many_headers() -> None:
    assert fault(wire(BASE + "X: y\n" * 600 + "\n")).status == 513


def test_whole_invite() -> None:
    message = parse(request(body=SDP))
    assert isinstance(message, Request)
    assert message.body == SDP
    assert message.uri.user == "100"
