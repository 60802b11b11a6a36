"""Frames of the data link: whole ones, damaged ones, and what the line leaves of them."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from globstar.proto.sms import FrameKind, FrameReader, SmsFrame, encode_frame


def test_frames() -> None:
    assert encode_frame(FrameKind.ESTABLISHED).hex() == "93006d"
    data = encode_frame(FrameKind.DATA, b"abc") + encode_frame(FrameKind.RELEASE)
    assert FrameReader().receive(data) == [SmsFrame(FrameKind.DATA, b"abc"), SmsFrame(FrameKind.RELEASE)]


def test_byte_by_byte() -> None:
    reader = FrameReader()
    found = [frame for byte in encode_frame(FrameKind.DATA, b"abc") for frame in reader.receive(bytes([byte]))]
    assert found == [SmsFrame(FrameKind.DATA, b"abc")]


def test_damage() -> None:
    [frame] = FrameReader().receive(b"\x91\x01a\x00")
    assert frame.fault == 1
    [frame] = FrameReader().receive(bytes([0x50, 0, 0xB0]))
    assert frame.fault == 3
    reader = FrameReader()
    assert reader.receive(b"\x91\x09ab") == []
    assert reader.reset() == SmsFrame(0x91, b"ab", 2)
    assert reader.reset() is None


@given(st.binary(max_size=60))
def test_any_octets_are_read(data: bytes) -> None:
    reader = FrameReader()
    frames = reader.receive(data)
    rest = reader.reset()
    assert sum(3 + len(frame.payload) for frame in frames) <= len(data)
    assert rest is None or rest.fault == 2
