"""Frames of Speex in packets, by RFC 5574 section 3."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from globstar.modules.codecs import speex as codec
from globstar.proto.rtp.speex import speex_frames, speex_packet

NOISE = np.random.default_rng(3).integers(-8000, 8000, 32000, np.int16).tobytes()


@pytest.mark.parametrize("mode", [0, 1, 2])
def test_frames_of_the_library_are_found_and_joined(mode: int) -> None:
    together, alone, apart = codec.Encoder(mode), codec.Encoder(mode), codec.Decoder(mode)
    size = together.frame_bytes
    packet = together(NOISE[: 3 * size])
    frames = speex_frames(packet)
    assert frames is not None
    assert len(frames) == 3
    assert speex_packet(frames) == packet
    singles = [alone(NOISE[start : start + size]) for start in range(0, 3 * size, size)]
    assert [speex_packet([frame]) for frame in frames] == singles
    assert [frame for single in singles for frame in speex_frames(single) or ()] == frames
    assert len(apart(packet)) == 3 * size


@pytest.mark.parametrize("packet", [b"", b"\x08", b"\x78", b"\x68" + bytes(20), b"\x48" + bytes(20)])
def test_what_is_broken_or_no_speech_has_no_frames(packet: bytes) -> None:
    assert speex_frames(packet) is None


@given(st.binary(max_size=200))
def test_any_bytes_are_taken(packet: bytes) -> None:
    frames = speex_frames(packet)
    if frames is not None:
        assert speex_frames(speex_packet(frames)) == frames
