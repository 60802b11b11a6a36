"""The length of Opus packets and the frames in them, by RFC 6716 section 3."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from globstar.proto.rtp.opus import opus_frames, opus_packet, opus_samples


@pytest.mark.parametrize(
    ("packet", "milliseconds"),
    [
        (bytes((0 << 3,)), 10), (bytes((3 << 3,)), 60), (bytes((11 << 3,)), 60), (bytes((12 << 3,)), 10), (bytes((15 << 3,)), 20),
        (bytes((16 << 3,)), 2.5), (bytes((31 << 3,)), 20), (bytes((31 << 3 | 1,)), 40), (bytes((31 << 3 | 2,)), 40),
        (bytes((31 << 3 | 3, 3)), 60), (bytes((31 << 3 | 3, 6)), 120), (bytes((31 << 3 | 3, 7)), 0), (bytes((31 << 3 | 3,)), 0),
        (b"", 0),
    ],
)  # fmt: skip
def test_3_1_frames_and_their_count(packet: bytes, milliseconds: float) -> None:
    assert opus_samples(packet) == milliseconds * 48


FULL = 31 << 3


@given(st.lists(st.binary(max_size=1275), min_size=1, max_size=6))
def test_3_2_frames_of_a_packet_are_those_that_it_was_made_of(frames: list[bytes]) -> None:
    packet = opus_packet(FULL, frames)
    assert opus_frames(packet) == (FULL, 960, frames)
    assert opus_samples(packet) == 960 * len(frames)


@pytest.mark.parametrize(
    ("packet", "frames"),
    [
        (bytes((FULL | 3, 0x42, 3)) + b"aabb\0\0\0", [b"aa", b"bb"]),  # padding of three octets
        (bytes((FULL | 3, 0x41, 255, 1)) + b"a" + bytes(255), [b"a"]),
        (bytes((FULL | 3, 0xC2, 1, 1)) + b"abb\0", [b"a", b"bb"]),
        (bytes((FULL | 2, 252, 1)) + b"a" * 256 + b"b", [b"a" * 256, b"b"]),
        (bytes((FULL,)), [b""]),  # lost, or silence
    ],
)
def test_3_2_5_padding_is_left_out(packet: bytes, frames: list[bytes]) -> None:
    assert opus_frames(packet) == (FULL, 960, frames)


@pytest.mark.parametrize(
    "packet",
    [
        b"", bytes((FULL | 1,)) + b"odd", bytes((FULL | 2,)), bytes((FULL | 2, 5)) + b"four", bytes((FULL | 2, 252)),
        bytes((FULL | 3,)), bytes((FULL | 3, 0)), bytes((FULL | 3, 3)) + b"four", bytes((FULL | 3, 0x83, 9, 9)) + b"x",
        bytes((FULL | 3, 0x41)), bytes((FULL | 3, 0x41, 9)) + b"x", bytes((FULL | 3, 0x82)), bytes((FULL,)) + bytes(1276),
    ],
)  # fmt: skip
def test_3_4_what_is_broken_has_no_frames(packet: bytes) -> None:
    assert opus_frames(packet) is None


@given(st.binary(max_size=80))
def test_any_bytes_are_taken(packet: bytes) -> None:
    found = opus_frames(packet)
    if found is not None:
        kind, samples, frames = found
        assert opus_samples(packet) == samples * len(frames)
        assert opus_frames(opus_packet(kind, frames)) == found
