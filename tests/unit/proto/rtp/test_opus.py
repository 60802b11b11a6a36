"""The length of Opus packets, by RFC 6716 section 3."""

from __future__ import annotations

import pytest

from globstar.proto.rtp.opus import opus_samples


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
