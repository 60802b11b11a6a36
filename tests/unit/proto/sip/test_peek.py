"""What is told of a message before it is parsed, and the refusal that is made without parsing."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from globstar.proto.sip.layer import server_key
from globstar.proto.sip.message import Request, Response
from globstar.proto.sip.parser import parse
from globstar.proto.sip.peek import Kind, Refuser, kind_of, response_key, transaction_key


def message(
    method: str = "INVITE", *, to: str = "<sip:100@x>", via: str = "SIP/2.0/UDP 192.0.2.1:5070;branch=z9hG4bKabc", **more: str
) -> bytes:
    headers = {"Via": via, "From": "<sip:a@x>;tag=1", "To": to, "Call-ID": "one", "CSeq": f"1 {method}", **more}
    return f"{method} sip:100@x SIP/2.0\r\n{''.join(f'{n}: {v}{chr(13)}{chr(10)}' for n, v in headers.items())}\r\n".encode()


@pytest.mark.parametrize(
    ("data", "kind"),
    [
        (message(), Kind.NEW),
        (message("REGISTER"), Kind.NEW),
        (message("SUBSCRIBE"), Kind.NEW),
        (message("REGISTER", to="<sip:a@x>;tag=odd"), Kind.NEW),
        (message("INVITE", to="<sip:a@x>;tag=2"), Kind.URGENT),
        (message("INVITE", to="<sip:a@x> ; TAG = 2"), Kind.URGENT),
        (message("INVITE", to="<sip:a@x;tag=uri>"), Kind.URGENT),
        (message("BYE", to="<sip:a@x>;tag=2"), Kind.URGENT),
        (message("ACK"), Kind.URGENT),
        (message("PRACK"), Kind.URGENT),
        (message("CANCEL"), Kind.CANCEL),
        (b"SIP/2.0 200 OK\r\nTo: <sip:a@x>\r\n\r\n", Kind.URGENT),
        (b"INVITE sip:x SIP/2.0\r\nt: <sip:x>\r\n\r\n", Kind.NEW),
        (b"INVITE sip:x SIP/2.0\r\n\r\n", Kind.URGENT),
        (b"\r\n\r\n", Kind.URGENT),
        (b"", Kind.URGENT),
        (b"\xff" * 100, Kind.URGENT),
    ],
)
def test_kinds(data: bytes, kind: Kind) -> None:
    assert kind_of(data) is kind


@pytest.mark.parametrize(
    "via",
    [
        "SIP/2.0/UDP 192.0.2.1:5070;branch=z9hG4bKabc",
        "SIP/2.0/UDP PBX.example.com;rport;branch=z9hG4bKabc;received=192.0.2.9",
        "SIP/2.0/TCP [2001:db8::1]:5061;branch=z9hG4bK1",
        "SIP/2.0/UDP 192.0.2.1;branch=z9hG4bKabc, SIP/2.0/UDP 192.0.2.2;branch=z9hG4bKdef",
    ],
)
@pytest.mark.parametrize("method", ["INVITE", "REGISTER"])
def test_the_key_is_that_of_the_transaction_layer(via: str, method: str) -> None:
    data = message(method, via=via)
    request = parse(data)
    assert isinstance(request, Request)
    assert transaction_key(data) == server_key(request)


@pytest.mark.parametrize(
    "via", ["SIP/2.0/UDP 192.0.2.1", "SIP/2.0/UDP 192.0.2.1;branch=1", "SIP/2.0/UDP 192.0.2.1;branch=z9hG4bK", "x"]
)
def test_no_key_without_a_branch_of_rfc3261(via: str) -> None:
    assert transaction_key(message(via=via)) is None


REFUSER = Refuser("5ec2e7", "Globstar", 7)


@pytest.mark.parametrize(
    ("via", "answered"),
    [
        (
            "SIP/2.0/UDP 192.0.2.1:5070;branch=z9hG4bKabc",
            "SIP/2.0/UDP 192.0.2.1:5070;rport=6060;received=203.0.113.1;branch=z9hG4bKabc",
        ),
        ("SIP/2.0/UDP h;branch=z9hG4bKa;rport", "SIP/2.0/UDP h;rport=6060;received=203.0.113.1;branch=z9hG4bKa"),
        ("SIP/2.0/UDP h;rport;branch=z9hG4bKa", "SIP/2.0/UDP h;rport=6060;received=203.0.113.1;branch=z9hG4bKa"),
        (
            "SIP/2.0/UDP h;received=1.2.3.4;rport=1;branch=z9hG4bKa",
            "SIP/2.0/UDP h;rport=6060;received=203.0.113.1;branch=z9hG4bKa",
        ),
    ],
)
def test_rfc3261_8_2_6_the_refusal(via: str, answered: str) -> None:
    data = message(via=via, **{"Record-Route": "<sip:p;lr>"})
    answer = REFUSER.refuse(data, "203.0.113.1", 6060)
    assert answer is not None
    response = parse(answer)
    assert isinstance(response, Response)
    assert response.status == 503
    assert response.get("Via") == answered
    assert response.get("Retry-After") == "7"
    assert (response.get("Call-ID"), response.get("From"), response.get("CSeq")) == ("one", "<sip:a@x>;tag=1", "1 INVITE")
    assert response.get("Record-Route") == "<sip:p;lr>"
    assert response.to.tag is not None
    assert response.to.tag.startswith("busy5ec2e7")
    assert answer == REFUSER.refuse(data, "203.0.113.1", 6060), "a repetition gets the same"
    ack = message("ACK", to=response.get("To") or "")
    assert REFUSER.is_own_ack(ack)
    assert not Refuser("other", "", 1).is_own_ack(ack)
    assert not REFUSER.is_own_ack(message("ACK", to="<sip:x>;tag=2"))


def test_compact_headers_are_understood() -> None:
    lines = (
        "INVITE sip:x SIP/2.0",
        "v: SIP/2.0/UDP h;branch=z9hG4bKa",
        "f: <sip:a@x>;tag=1",
        "t: <sip:x>",
        "i: one",
        "CSeq: 1 INVITE",
    )
    data = "\r\n".join([*lines, "", ""]).encode()
    answer = REFUSER.refuse(data, "203.0.113.1", 6060)
    assert answer is not None
    assert parse(answer).get("Call-ID") == "one"


@pytest.mark.parametrize(
    "data",
    [
        b"INVITE sip:x SIP/2.0\r\nTo: <sip:x>\r\n\r\n",
        message(via="SIP/2.0/UDP a;branch=z9hG4bKa, SIP/2.0/UDP b;branch=z9hG4bKb"),
        message().replace(b"To: ", b"To:\r\n "),
        message().replace(b"\r\n", b"\n"),
        message().replace(b"Call-ID: one\r\n", b"Call-ID: one\r\nCall-ID: two\r\n"),
    ],
)
def test_what_needs_a_parser_is_left_to_it(data: bytes) -> None:
    assert REFUSER.refuse(data, "203.0.113.1", 6060) is None


def test_rfc3261_17_1_3_the_key_of_a_response() -> None:
    head = b"SIP/2.0 200 OK\r\nVia: SIP/2.0/UDP 192.0.2.1:5060;rport=5060;branch=z9hG4bKabc\r\nCSeq: 7 INVITE\r\n\r\n"
    assert response_key(head) == ("z9hG4bKabc", "INVITE")
    for data in (b"", message(), head.replace(b"CSeq", b"X"), head.replace(b"branch", b"x")):
        assert response_key(data) is None


_PIECES = st.sampled_from(
    [b"INVITE sip:x SIP/2.0", b"CANCEL ", b"SIP/2.0 200 OK", b"\r\n", b"\n", b"\r", b"Via: SIP/2.0/UDP h;branch=z9hG4bKa", b"v:",
     b"To: <sip:x>", b";tag=1", b"From:", b"Call-ID: 1", b"CSeq: 1 INVITE", b" ", b"\t", b":", b";", b",", b"\xff\xfe", b"\0"]
)  # fmt: skip


@settings(max_examples=300, deadline=None)
@given(st.lists(_PIECES, max_size=30).map(b"".join) | st.binary(max_size=300))
def test_any_bytes_are_looked_at(data: bytes) -> None:
    """Never an error; what is refused is a response that can be read, with exactly one To tag at the end of To."""
    assert kind_of(data) in Kind
    transaction_key(data)
    response_key(data)
    REFUSER.is_own_ack(data)
    answer = REFUSER.refuse(data, "203.0.113.1", 6060)
    if answer is not None:
        assert answer.startswith(b"SIP/2.0 503 ")
        assert answer.endswith(b"\r\n\r\n")
        assert answer.count(b"\r\n\r\n") == 1
