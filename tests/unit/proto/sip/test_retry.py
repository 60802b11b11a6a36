"""Sending a request again with other headers."""

from __future__ import annotations

from globstar.proto.sip.message import Request
from globstar.proto.sip.retry import renewed
from globstar.proto.sip.uri import SipUri

URI = SipUri.parse("sip:b@h")


def test_new_cseq_no_via_and_credentials_before_content_type() -> None:
    first = Request(
        "INVITE",
        URI,
        [
            ("Via", "ours"),
            ("From", "f"),
            ("CSeq", "1 INVITE"),
            ("Authorization", "old"),
            ("User-Agent", "u"),
            ("Content-Type", "t"),
        ],
        b"body",
    )
    again = renewed(first, 2, [("Authorization", "new")])
    assert again.headers == [
        ("From", "f"),
        ("CSeq", "2 INVITE"),
        ("User-Agent", "u"),
        ("Authorization", "new"),
        ("Content-Type", "t"),
    ]
    assert (again.method, again.uri, again.body) == ("INVITE", URI, b"body")
    assert first.headers[0] == ("Via", "ours"), "the first request is left alone"


def test_credentials_last_without_a_body() -> None:
    again = renewed(Request("BYE", URI, [("Via", "ours"), ("CSeq", "1 BYE"), ("Route", "r")]), 5, [("A", "1"), ("B", "2")])
    assert again.headers == [("CSeq", "5 BYE"), ("Route", "r"), ("A", "1"), ("B", "2")]
