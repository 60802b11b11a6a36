"""Packets of one length out of voice of any length."""

from __future__ import annotations

from globstar.media.smoother import Smoother


def test_whole_packets_and_what_waits() -> None:
    smoother = Smoother(240, 240)
    assert smoother.take(b"a" * 160) == []
    assert smoother.take(b"b" * 160) == [b"a" * 160 + b"b" * 80]
    assert smoother.take(b"c" * 480) == [b"b" * 80 + b"c" * 160, b"c" * 240]
    assert smoother.take(b"d" * 160) == [b"c" * 80 + b"d" * 160]
