"""Candidates that come after a description: RFC 8840."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from globstar.proto.sdp.fragment import Fragment, parse_fragment


def test_rfc8840_9_pieces_of_lines() -> None:
    body = (
        b"a=ice-pwd:asd88fgpdd777uzjYhagZg\r\na=ice-ufrag:8hhY\r\nm=audio 9 RTP/AVP 0\r\na=mid:1\r\n"
        b"a=candidate:1 1 UDP 2130706432 192.0.2.1 5000 typ host\r\na=end-of-candidates\r\n"
        b"m=audio 9 RTP/AVP 0\na=mid:2\na=ice-ufrag:other\na=candidate:2\na=candidate:3\nx\n"
    )
    assert parse_fragment(body) == [
        Fragment("1", "8hhY", ["1 1 UDP 2130706432 192.0.2.1 5000 typ host"]),
        Fragment("2", "other", ["2", "3"]),
    ]


def test_candidates_of_the_only_line() -> None:
    assert parse_fragment(b"a=ice-ufrag:u\r\na=candidate:1\r\n") == [Fragment("", "u", ["1"])]
    assert parse_fragment(b"a=end-of-candidates\r\n") == []


@given(st.binary(max_size=200))
def test_any_bytes_will_do(body: bytes) -> None:
    parse_fragment(body)
