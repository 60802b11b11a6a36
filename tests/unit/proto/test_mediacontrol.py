"""Pictures asked for by XML (RFC 5168)."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from globstar.proto.mediacontrol import MAX_BYTES, MAX_STREAMS, MediaControlError, build_picture_request, parse_picture_request

ASKS = "<vc_primitive><to_encoder><picture_fast_update/></to_encoder>{}</vc_primitive>"


@pytest.mark.parametrize(
    ("content", "streams"),
    [
        (ASKS.format(""), ()),
        (ASKS.format("<stream_id>1</stream_id><stream_id> a&amp;b </stream_id><stream_id>1</stream_id>"), ("1", "a&b")),
        (ASKS.format("<stream_id/>"), ()),
        (ASKS.format("<stream_id>1</stream_id>") + ASKS.format("<stream_id>2</stream_id>"), ("1", "2")),
        (ASKS.format("<stream_id>1</stream_id>") + ASKS.format(""), ()),
        (ASKS.format("".join(f"<stream_id>{n}</stream_id>" for n in range(99))), tuple(map(str, range(MAX_STREAMS)))),
        ("<general_error>unknown command</general_error>", None),
        ("<vc_primitive><stream_id>1</stream_id></vc_primitive>", None),
        ("", None),
    ],
)
def test_which_streams_are_meant(content: str, streams: tuple[str, ...] | None) -> None:
    head = ' \r\n<?xml version="1.0" encoding="utf-8" ?>\r\n<media_control>'
    assert parse_picture_request(f"{head}{content}</media_control>\r\n".encode()) == streams


@given(st.lists(st.text("abc<&>\"' 1", min_size=1).map(str.strip).filter(bool), unique=True, max_size=5))
def test_what_is_built_can_be_read(streams: list[str]) -> None:
    assert parse_picture_request(build_picture_request(streams)) == tuple(streams)


@pytest.mark.parametrize(
    "document", [b"", b"<media_control>", b"\xff", b"<!DOCTYPE a><media_control/>", b"<media_control>" + b" " * MAX_BYTES]
)
def test_what_cannot_be_read(document: bytes) -> None:
    with pytest.raises(MediaControlError):
        parse_picture_request(document)


@given(st.binary())
def test_any_octets_are_read_or_refused(document: bytes) -> None:
    try:
        parse_picture_request(document)
    except MediaControlError:
        return
