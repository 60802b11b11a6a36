"""Framing on TCP (RFC 3261 18.3, RFC 5626 4.4.1)."""

from __future__ import annotations

import pytest

from globstar.proto.sip.stream import PING, StreamParser
from tests.unit.proto.sip.ladder import SDP, request, wire

ONE = request("OPTIONS")
TWO = request(body=SDP, branch="z9hG4bK2")
BARE = wire("OPTIONS sip:a@h SIP/2.0\nl:\n 4\n\nabcd").replace(b"\r\n", b"\n")


def feed_all(data: bytes, size: int) -> tuple[list[bytes], str]:
    parser = StreamParser()
    items: list[bytes] = []
    for at in range(0, len(data), size):
        items += parser.feed(data[at : at + size])
    return items, str(parser.fault)


@pytest.mark.parametrize("size", [1, 2, 3, 7, 64, 10_000])
def test_any_split_gives_the_same(size: int) -> None:
    data = ONE + b"\r\n\r\n" + TWO + b"\r\n" + BARE + b"\r\n\r\n\r\n\r\n\n" + ONE
    items, fault = feed_all(data, size)
    assert items == [ONE, PING, TWO, BARE, PING, PING, ONE]
    assert fault == "None"


def test_rfc5626_4_4_1_keepalive_is_reported_once_complete() -> None:
    parser = StreamParser()
    assert parser.feed(b"\r\n\r") == []
    assert parser.feed(b"\n") == [PING]
    assert parser.keepalives == 1
    assert parser.feed(b"\r\n") == []
    assert parser.feed(ONE) == [ONE]


def test_missing_content_length_means_no_body() -> None:
    data = ONE.replace(b"Content-Length: 0\r\n", b"")
    assert StreamParser().feed(data + data) == [data, data]


def test_content_length_in_a_body_does_not_count() -> None:
    data = request("MESSAGE", body=b"Content-Length: 999\r\n\r\n")
    assert StreamParser().feed(data + ONE) == [data, ONE]


@pytest.mark.parametrize("value", ["x", "-5", "99999999", "5\r\nl: 6", "99999999999999999999"])
def test_unusable_content_length_ends_the_stream(value: str) -> None:
    parser = StreamParser()
    bad = ONE.replace(b"Content-Length: 0", f"Content-Length: {value}".encode())
    assert parser.feed(ONE + bad) == [ONE], "what came before is not lost"
    assert parser.fault is not None
    assert parser.feed(ONE) == []


def test_equal_content_lengths_are_forgiven() -> None:
    data = ONE.replace(b"Content-Length: 0", b"Content-Length: 0\r\nl: 0")
    assert StreamParser().feed(data) == [data]


def test_endless_head_is_bounded() -> None:
    parser = StreamParser(max_message_bytes=1000)
    for _ in range(20):
        parser.feed(b"X: " + b"y" * 97 + b"\r\n")
    assert parser.fault is not None
    parser = StreamParser(max_message_bytes=100)
    parser.feed(b"X" * 200 + b"\r\n\r\n")
    assert parser.fault is not None


def test_head_is_searched_once_only() -> None:
    """Byte by byte, a long head must not cost quadratic time: the search goes on where it stopped."""
    parser = StreamParser()
    data = request("OPTIONS", extra="X: " + "y" * 20_000 + "\n")
    items: list[bytes] = []
    for at in range(len(data)):
        items += parser.feed(data[at : at + 1])
    assert items == [data]
