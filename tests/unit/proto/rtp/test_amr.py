"""AMR in RTP (RFC 4867 section 4): both ways of packing, several frames, frames without speech, and what is no packet."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from globstar.proto.rtp.amr import MAX_FRAMES, NARROW_BITS, WIDE_BITS, file_frame, frame_count, pack, unpack

TABLES = [NARROW_BITS, WIDE_BITS]


def bits_of(payload: bytes) -> str:
    return "".join(f"{octet:08b}" for octet in payload)


def frame(kind: int, bits: str, *, is_good: bool = True) -> bytes:
    octets = int(bits.ljust(-(-len(bits) // 8) * 8, "0") or "0", 2).to_bytes(-(-len(bits) // 8), "big")
    return file_frame(kind, octets, is_good=is_good)


def test_rfc4867_4_3_5_1_one_frame_bandwidth_efficient() -> None:
    speech = "1" + "01" * 66 + "0" * 15
    payload = pack([frame(4, speech)], NARROW_BITS, is_aligned=False)
    assert bits_of(payload) == "1111" + "0" + "0100" + "1" + speech + "00"
    assert len(payload) == 20
    assert unpack(payload, NARROW_BITS, is_aligned=False) == [frame(4, speech)]


def test_rfc4867_4_3_5_2_a_wideband_frame_of_6_6_kbit_after_one_that_is_lost() -> None:
    speech = "10" * 66
    payload = pack([frame(14, ""), frame(0, speech)], WIDE_BITS, is_aligned=False, request=1)
    assert bits_of(payload) == "0001" + "1" + "1110" + "1" + "0" + "0000" + "1" + speech + "0" * 4
    assert frame_count(payload, is_aligned=False) == 2


def test_rfc4867_4_4_5_octet_aligned() -> None:
    first, second = "1" * 103, "01" * 74
    payload = pack([frame(1, first), frame(4, second, is_good=False)], NARROW_BITS, is_aligned=True, request=6)
    head = "0110" + "0000" + "1" + "0001" + "1" + "00" + "0" + "0100" + "0" + "00"
    assert bits_of(payload) == head + first + "0" + second + "0000"
    assert unpack(payload, NARROW_BITS, is_aligned=True) == [frame(1, first), frame(4, second, is_good=False)]


@given(data=st.data(), bits=st.sampled_from(TABLES), is_aligned=st.booleans(), request=st.integers(0, 15))
def test_what_is_packed_is_unpacked(data: st.DataObject, bits: dict[int, int], is_aligned: bool, request: int) -> None:
    kinds = data.draw(st.lists(st.sampled_from(sorted(bits)), min_size=1, max_size=MAX_FRAMES))
    frames = []
    for kind in kinds:
        speech = data.draw(st.integers(0, (1 << bits[kind]) - 1)) if bits[kind] else 0
        frames.append(frame(kind, f"{speech:0{bits[kind]}b}" if bits[kind] else "", is_good=data.draw(st.booleans())))
    payload = pack(frames, bits, is_aligned=is_aligned, request=request)
    assert unpack(payload, bits, is_aligned=is_aligned) == frames
    assert frame_count(payload, is_aligned=is_aligned) == len(frames)
    assert payload[0] >> 4 == request
    # whatever is cut off at the end is missed
    assert unpack(payload[:-1], bits, is_aligned=is_aligned) is None


@given(payload=st.binary(max_size=200), bits=st.sampled_from(TABLES), is_aligned=st.booleans())
def test_any_bytes(payload: bytes, bits: dict[int, int], is_aligned: bool) -> None:
    frames = unpack(payload, bits, is_aligned=is_aligned)
    count = frame_count(payload, is_aligned=is_aligned)
    if frames is not None:
        assert len(frames) == count <= MAX_FRAMES
        assert all(len(one) == 1 + (bits[one[0] >> 3] + 7) // 8 for one in frames)


@pytest.mark.parametrize("is_aligned", [False, True])
def test_what_is_no_packet(is_aligned: bool) -> None:
    assert unpack(b"", NARROW_BITS, is_aligned=is_aligned) is None
    assert unpack(b"\xf0", NARROW_BITS, is_aligned=is_aligned) is None
    assert unpack(b"\xff" * 100, NARROW_BITS, is_aligned=is_aligned) is None  # a table without end
    reserved = (b"\xf0\x4c" if is_aligned else b"\xf4\xc0") + bytes(60)  # type 9
    assert unpack(reserved, NARROW_BITS, is_aligned=is_aligned) is None
