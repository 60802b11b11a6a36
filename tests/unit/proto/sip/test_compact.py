"""RFC 3261 7.3.3: compact forms."""

from __future__ import annotations

from globstar.proto.sip.compact import compact
from globstar.proto.sip.parser import parse

MESSAGE = (
    b"INVITE sip:a@b SIP/2.0\r\nVia: SIP/2.0/UDP h;branch=z9hG4bK1\r\nFrom: <sip:c@d>;tag=1\r\nTo: <sip:a@b>\r\n"
    b"Call-ID: x\r\nCSeq: 1 INVITE\r\nContact: <sip:c@d>\r\nX-Via: no\r\nContent-Type: application/sdp\r\n"
    b"Content-Length:  10\r\n\r\nFrom: body"
)


def test_rfc3261_7_3_3() -> None:
    short = compact(MESSAGE)
    assert short == (
        b"INVITE sip:a@b SIP/2.0\r\nv: SIP/2.0/UDP h;branch=z9hG4bK1\r\nf: <sip:c@d>;tag=1\r\nt: <sip:a@b>\r\n"
        b"i: x\r\nCSeq: 1 INVITE\r\nm: <sip:c@d>\r\nX-Via: no\r\nc: application/sdp\r\nl:  10\r\n\r\nFrom: body"
    )
    long, read = parse(MESSAGE), parse(short)
    assert (long.headers, long.body) == (read.headers, read.body)
    assert compact(short) == short


def test_keep_alives_stay() -> None:
    assert compact(b"\r\n\r\n") == b"\r\n\r\n"
    assert compact(b"\r\n") == b"\r\n"
