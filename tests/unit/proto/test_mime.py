"""Bodies of several parts (RFC 2046, RFC 5621)."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from globstar.proto.mime import MAX_PARTS, MimeError, Part, boundary_of, build, find, is_multipart, parse

PARTS = [Part("application/sdp", b"v=0\r\n"), Part("application/pidf+xml", b"<p/>", "loc@h")]


def test_what_is_built_can_be_read() -> None:
    kind, body = build(PARTS, "abc")
    assert kind == 'multipart/mixed;boundary="abc"'
    assert parse(kind, body) == PARTS
    assert find(kind, body, "application/sdp") == b"v=0\r\n"
    assert find(kind, body, "text/plain") == b""
    assert find("application/sdp", b"v=0", "application/sdp") == b"v=0"


def test_rfc2046_5_1_preamble_epilogue_folding_and_defaults() -> None:
    body = (
        b"for old readers\r\n--x\r\n\r\nplain\r\n--x\r\nContent-Type: text/html;\r\n charset=utf-8\r\n"
        b"Content-ID: <1@h>\r\n\r\n<b>"
        b"\r\n--x--\r\nafter"
    )
    assert parse("multipart/mixed; boundary=x", body) == [Part("text/plain", b"plain"), Part("text/html", b"<b>", "1@h")]


def test_nested_parts_are_found() -> None:
    inner_kind, inner = build(PARTS, "in")
    kind, body = build([Part(inner_kind, inner)], "out")
    assert parse(kind, body) == PARTS


@pytest.mark.parametrize(
    ("kind", "body"),
    [
        ("multipart/mixed", b"--x\r\n\r\na\r\n--x--"), ("multipart/mixed;boundary=x", b"nothing"),
        ("multipart/mixed;boundary=x", b"--x\r\nno empty line\r\n--x--"), ("multipart/mixed;boundary=", b"--\r\n\r\n----"),
        ("multipart/mixed;boundary=x", b"--x\r\n\r\na\r\n" * (MAX_PARTS + 1)),
    ],
)  # fmt: skip
def test_what_cannot_be_taken_apart(kind: str, body: bytes) -> None:
    with pytest.raises(MimeError):
        parse(kind, body)


def test_nesting_is_bounded() -> None:
    kind, body = build(PARTS, "b0")
    for level in range(1, 5):
        kind, body = build([Part(kind, body)], f"b{level}")
    with pytest.raises(MimeError, match="deep"):
        parse(kind, body)


@pytest.mark.parametrize(("kind", "expected"), [("Multipart/Mixed;boundary=x", True), ("multi", False), ("", False)])
def test_is_multipart(kind: str, expected: bool) -> None:
    assert is_multipart(kind) is expected


def test_quoted_boundary() -> None:
    assert boundary_of('multipart/mixed; charset=x; Boundary="a b"') == "a b"


@given(st.binary(max_size=200))
def test_any_bytes_give_parts_or_a_mime_error(body: bytes) -> None:
    for text in (body, b"--x\r\n" + body + b"\r\n--x--"):
        try:
            assert len(parse("multipart/mixed;boundary=x", text)) <= MAX_PARTS
        except MimeError:
            continue
