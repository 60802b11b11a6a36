"""Ogg files: pages, packets that span them, streams beside one another, and all kinds of damage."""

from __future__ import annotations

import struct

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from globstar.core.ogg import CONTINUED, FIRST, LAST, checksum, packets
from globstar.core.soundfile import SoundFault

MAGIC = b"Speex   "


def page(number: int, lacing: list[int], body: bytes, flags: int = 0, serial: int = 7) -> bytes:
    head = b"OggS" + struct.pack("<BBqII", 0, flags, 0, serial, number)
    whole = head + bytes(4) + bytes([len(lacing), *lacing]) + body
    return head + checksum(whole).to_bytes(4, "little") + whole[26:]


HEAD = page(0, [10], MAGIC + b"hd", FIRST)


def test_rfc3533_the_checksum_is_that_of_a_bitwise_division() -> None:
    def slow(data: bytes) -> int:
        value = 0
        for octet in data:
            value ^= octet << 24
            for _ in range(8):
                value = (value << 1 ^ (0x04C11DB7 if value >> 31 else 0)) & 0xFFFFFFFF
        return value

    for data in (b"", b"\0", b"OggS", bytes(range(256)) * 3):
        assert checksum(data) == slow(data)


def test_rfc3533_packets_span_segments_and_pages() -> None:
    long = bytes(range(256)) * 3
    data = HEAD
    data += page(1, [3, 255], b"abc" + long[:255])
    data += page(2, [255, 255, 3, 0, 2], long[255:] + b"de", CONTINUED)
    data += page(3, [255, 0], b"x" * 255, LAST)
    data += page(4, [1], b"z")
    assert list(packets(data, MAGIC)) == [MAGIC + b"hd", b"abc", long, b"de", b"x" * 255]


def test_another_stream_beside_it_is_passed_over() -> None:
    data = page(0, [6], b"theora", FIRST, serial=1) + HEAD + page(1, [2], b"tt", serial=1) + page(1, [2], b"ab", LAST)
    assert list(packets(data, MAGIC)) == [MAGIC + b"hd", b"ab"]


def test_a_file_that_is_cut_short_ends_with_its_last_whole_page() -> None:
    data = HEAD + page(1, [2], b"ab") + page(2, [2], b"cd")
    for size in range(len(data) - 1, len(data) - 29, -1):
        assert list(packets(data[:size], MAGIC)) == [MAGIC + b"hd", b"ab"]


@pytest.mark.parametrize(
    ("data", "reason"),
    [
        (b"", "not an Ogg file"),
        (b"RIFF" + bytes(40), "not an Ogg file"),
        (page(0, [7], b"\x01vorbis", FIRST), "no stream of Speex"),
        (HEAD[:30] + b"?" + HEAD[31:], "damaged"),
        (HEAD + b"RIFF" + bytes(40), "no page of Ogg begins at octet 38"),
        (HEAD + page(2, [2], b"ab"), "missing before octet 38"),
        (HEAD + page(1, [2], b"ab", CONTINUED), "does not continue"),
        (HEAD + page(1, [255], b"a" * 255) + page(2, [1], b"b"), "does not continue"),
        (HEAD + b"".join(page(n, [255] * 200, b"a" * 51000, CONTINUED * (n > 1)) for n in (1, 2)), "more than 65536"),
    ],
)
def test_what_is_damaged_is_told(data: bytes, reason: str) -> None:
    with pytest.raises(SoundFault, match=reason):
        list(packets(data, MAGIC))


@settings(max_examples=100, deadline=None)
@given(where=st.integers(0, 200), what=st.binary(max_size=6))
def test_any_bytes_give_packets_or_a_fault(where: int, what: bytes) -> None:
    good = HEAD + page(1, [3, 255], b"abc" + b"x" * 255) + page(2, [4], b"next", CONTINUED)
    bad = good[:where] + what + good[where + len(what) :]
    try:
        assert all(packets(bad, MAGIC))
    except SoundFault:
        assert bad != good
