"""Frames of G.723.1 in packets, by RFC 3551 section 4.5.3."""

from __future__ import annotations

import pytest

from globstar.proto.rtp.g723 import g723_frames

HIGH, LOW, SILENT, NONE = b"\x00" * 24, b"\x01" * 20, b"\x02" * 4, b"\x03"


def test_each_frame_tells_its_length() -> None:
    assert g723_frames(HIGH + LOW + SILENT + NONE) == [HIGH, LOW, SILENT, NONE]


@pytest.mark.parametrize("packet", [b"", HIGH[:-1], LOW + SILENT[:3]])
def test_what_is_cut_off_is_broken(packet: bytes) -> None:
    assert g723_frames(packet) is None
