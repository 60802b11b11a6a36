"""Comfort noise, RFC 3389."""

from __future__ import annotations

from globstar.proto.rtp import build_comfort_noise, parse_comfort_noise


def test_rfc3389_3_level() -> None:
    assert parse_comfort_noise(b"\x40\x01\x02") == 64
    assert parse_comfort_noise(b"\xff") == 127
    assert parse_comfort_noise(b"") is None
    assert build_comfort_noise(64) == b"\x40"
    assert build_comfort_noise(500) == b"\x7f"
