"""Responses as Asterisk writes them (RFC 3261 8.2.6, 18.2.2)."""

from __future__ import annotations

import pytest

from globstar.proto.sip.answer import Answer
from globstar.proto.sip.flow import Flow
from globstar.proto.sip.message import Request
from globstar.proto.sip.parser import parse
from tests.unit.proto.sip.ladder import TCP, UDP, request, wire

FLOW = Flow(UDP, "192.0.2.9", 4000)


def make(data: bytes, flow: Flow = FLOW, *, force_rport: bool = True) -> Answer:
    message = parse(data)
    assert isinstance(message, Request)
    return Answer(message, flow, force_rport=force_rport)


def test_asterisk_layout() -> None:
    data = make(request(extra="Record-Route: <sip:p;lr>\n")).build(
        180, None, "ourtag", "Golden PBX", [("Contact", "<sip:x>")], b"", "", True
    )
    assert data == wire(
        "SIP/2.0 180 Ringing\n"
        "Via: SIP/2.0/UDP 127.0.0.1:15071;rport=4000;received=192.0.2.9;branch=z9hG4bKalice1\n"
        "Record-Route: <sip:p;lr>\nCall-ID: call-1\nFrom: <sip:alice@127.0.0.1>;tag=alicetag\n"
        "To: <sip:100@127.0.0.1>;tag=ourtag\nCSeq: 1 INVITE\nServer: Golden PBX\nContact: <sip:x>\n"
        "Content-Length:  0\n\n"
    )


def test_server_last_and_body() -> None:
    data = make(request()).build(200, "Fine", "t", "S", [("A", "1")], b"xy", "text/plain", False)
    assert b"\r\nA: 1\r\nServer: S\r\nContent-Type: text/plain\r\nContent-Length:     2\r\n\r\nxy" in data
    assert data.startswith(b"SIP/2.0 200 Fine\r\n")


def test_no_server_header_without_a_name() -> None:
    assert b"Server" not in make(request()).build(200, None, "t", "", (), b"", "", False)


def test_tag_of_the_request_is_kept() -> None:
    data = make(request(to_tag="theirs")).build(200, None, "ours", "", (), b"", "", False)
    assert b"To: <sip:100@127.0.0.1>;tag=theirs\r\n" in data


def test_several_vias_on_one_line() -> None:
    via = "SIP/2.0/UDP one;branch=z9hG4bK1 , SIP/2.0/TCP two;branch=z9hG4bK2\nVia: SIP/2.0/UDP three"
    data = make(request(via=via)).build(200, None, "t", "", (), b"", "", False)
    assert (
        b"Via: SIP/2.0/UDP one;rport=4000;received=192.0.2.9;branch=z9hG4bK1\r\n"
        b"Via: SIP/2.0/TCP two;branch=z9hG4bK2\r\nVia: SIP/2.0/UDP three\r\n" in data
    )


def test_rfc3261_18_2_2_where_it_goes() -> None:
    plain = "SIP/2.0/UDP 10.0.0.1:5070;branch=z9hG4bK1"
    assert make(request(via=plain), force_rport=False).flow == Flow(UDP, "192.0.2.9", 5070)
    assert make(request(via=plain), force_rport=True).flow == FLOW
    assert make(request(via=plain + ";rport"), force_rport=False).flow == FLOW
    no_port = "SIP/2.0/UDP 10.0.0.1;branch=z9hG4bK1"
    assert make(request(via=no_port), force_rport=False).flow == Flow(UDP, "192.0.2.9", 5060)
    stream = Flow(TCP, "192.0.2.9", 4000, "c")
    assert make(request(via=plain), stream, force_rport=False).flow == stream


def test_no_header_can_be_injected() -> None:
    data = make(request()).build(
        200, "OK\r\nX: 1", "t", "S", [("A", "1\r\nB: 2"), ("C", "3\nD: 4")], b"body", "text/plain\r\nE: 5", False
    )
    head, _, body = data.partition(b"\r\n\r\n")
    assert body == b"body"
    assert not any(line.startswith((b"X:", b"B:", b"D:", b"E:")) for line in head.split(b"\r\n"))
    assert b"\r\nA: 1  B: 2\r\n" in head


@pytest.mark.parametrize(
    ("raw", "written", "has_tag"),
    [
        ('"A" <sip:a@h:5070;transport=tcp>;tag=1', '"A" <sip:a@h>;tag=1', True),
        ("sip:a@h;tag=1;x", "<sip:a@h>;tag=1;x", True),
        ("<sip:a@h>", "<sip:a@h>", False),
        ("<sip:a@h>;tag", "<sip:a@h>;tag", False),
        (f"<sip:a@h>;x={'y' * 300};tag=1", f"<sip:a@h>;x={'y' * 300};tag=1", True),
        ("<sip:a@h;tag=1", "<sip:a@h;tag=1", True),
        ("<sip:a@h", "<sip:a@h", False),
        ("", "", False),
        ("<sip:a@h\r\nX: 1", "<sip:a@h  X: 1", False),
    ],
)
def test_from_and_to_are_written_anew_or_as_they_are_where_they_cannot_be_read(raw: str, written: str, has_tag: bool) -> None:
    message = parse(request())
    assert isinstance(message, Request)
    message.set("To", raw)
    for _ in range(2):
        answer = Answer(message, FLOW, force_rport=True)
        assert answer.has_to_tag is has_tag
        data = answer.build(200, None, "ours", "", (), b"", "", False).decode()
        assert f"\r\nTo: {written}{'' if has_tag else ';tag=ours'}\r\nCSeq:" in data
    message.remove("To")
    assert Answer(message, FLOW, force_rport=True).has_to_tag is False
