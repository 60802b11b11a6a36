"""Packets of one length out of voice of any length."""

from __future__ import annotations

from globstar.media.smoother import FramePacker, Smoother
from globstar.proto.rtp.opus import opus_frames, opus_packet


def test_whole_packets_and_what_waits() -> None:
    smoother = Smoother(240, 240)
    assert smoother.take(b"a" * 160) == []
    assert smoother.take(b"b" * 160) == [(b"a" * 160 + b"b" * 80, 240)]
    assert smoother.take(b"c" * 480) == [(b"b" * 80 + b"c" * 160, 240), (b"c" * 240, 240)]
    assert not smoother.is_empty
    assert smoother.take(b"d" * 160) == [(b"c" * 80 + b"d" * 160, 240)]
    assert smoother.is_empty


#: Frames of 20 ms and of 10 ms in the mode of full band.
LONG, SHORT = 31 << 3, 30 << 3


def test_frames_are_gathered_and_parted() -> None:
    packer = FramePacker(1920, opus_frames, opus_packet)
    first, second = opus_packet(LONG, [b"a"]), opus_packet(LONG, [b"bb"])
    assert packer.take(first, 960) == []
    assert packer.take(second, 960) == [(opus_packet(LONG, [b"a", b"bb"]), 1920)]
    many = opus_packet(LONG, [b"1", b"2", b"3", b"4", b"5"])
    assert packer.take(many, 4800) == [(opus_packet(LONG, [b"1", b"2"]), 1920), (opus_packet(LONG, [b"3", b"4"]), 1920)]
    assert not packer.is_empty
    assert packer.take(opus_packet(LONG, [b"6"]), 960) == [(opus_packet(LONG, [b"5", b"6"]), 1920)]
    assert packer.is_empty


def test_what_waits_goes_in_a_shorter_packet() -> None:
    smoother = Smoother(240, 240)
    assert smoother.flush() == []
    assert smoother.take(bytes(300) + b"y" * 20, 320) == [(bytes(240), 240)]
    assert smoother.flush() == [(bytes(60) + b"y" * 20, 80)]
    assert smoother.is_empty
    assert smoother.take(b"x" * 240, 240) == [(b"x" * 240, 240)]


def test_frames_that_wait_go_in_a_shorter_packet() -> None:
    packer = FramePacker(2880, opus_frames, opus_packet)
    assert packer.take(opus_packet(LONG, [b"a"]), 960) == []
    assert packer.flush() == [(opus_packet(LONG, [b"a"]), 960)]
    assert packer.is_empty
    assert packer.flush() == []


def test_frames_of_another_kind_end_a_packet_early() -> None:
    packer = FramePacker(1920, opus_frames, opus_packet)
    assert packer.take(opus_packet(LONG, [b"a"]), 960) == []
    assert packer.take(opus_packet(SHORT, [b"b"] * 3), 1440) == [(opus_packet(LONG, [b"a"]), 960)]
    assert packer.take(opus_packet(SHORT, [b"c"]), 480) == [(opus_packet(SHORT, [b"b"] * 3 + [b"c"]), 1920)]


def test_a_frame_that_is_longer_goes_alone_and_what_is_broken_as_it_came() -> None:
    packer = FramePacker(480, opus_frames, opus_packet)
    assert packer.take(opus_packet(LONG, [b"a"]), 960) == [(opus_packet(LONG, [b"a"]), 960)]
    broken = bytes((LONG | 1,)) + b"odd"
    assert packer.take(broken, 960) == [(broken, 960)]
