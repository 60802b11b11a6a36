"""Feedback of receivers on the wire: NACK, FIR, REMB, arrival times."""

from __future__ import annotations

import itertools

import pytest
from hypothesis import given
from hypothesis import strategies as st

from globstar.proto.rtp import OtherRtcp, parse_compound
from globstar.proto.rtp.feedback import (
    bit_rate_of,
    build_arrivals,
    build_bit_rate,
    build_intra_request,
    build_nack,
    missing_packets,
)


def only(data: bytes) -> OtherRtcp:
    (packet,) = parse_compound(data)
    assert isinstance(packet, OtherRtcp)
    return packet


def test_rfc4585_6_2_1_a_lost_packet_and_those_after_it() -> None:
    data = build_nack(1, 2, [0xFFFE, 0xFFFF, 3, 14, 100])
    assert data == bytes.fromhex("81cd0004 00000001 00000002 fffe 8011 0064 0000")
    assert missing_packets(only(data)) == (2, [0xFFFE, 0xFFFF, 3, 14, 100])


@given(st.lists(st.integers(0, 0xFFFF), min_size=1, max_size=50, unique=True))
def test_all_that_is_missing_is_named(numbers: list[int]) -> None:
    found = missing_packets(only(build_nack(1, 2, sorted(numbers))))
    assert found is not None
    assert found == (2, sorted(numbers))


@pytest.mark.parametrize(
    "packet",
    [OtherRtcp(206, 1, bytes(12)), OtherRtcp(205, 2, bytes(12)), OtherRtcp(205, 1, bytes(4)), OtherRtcp(205, 15, bytes(16))],
)
def test_other_packets_name_nothing(packet: OtherRtcp) -> None:
    assert missing_packets(packet) is None
    assert bit_rate_of(packet) is None


def test_rfc5104_4_3_1_a_full_intra_request() -> None:
    assert build_intra_request(1, 2, 259) == bytes.fromhex("84ce0004 00000001 00000000 00000002 03000000")


@pytest.mark.parametrize(("bits", "told"), [(0, 0), (262_143, 262_143), (1_500_000, 1_500_000), (2_000_001, 2_000_000)])
def test_remb_2_2_mantissa_and_exponent(bits: int, told: int) -> None:
    assert bit_rate_of(only(build_bit_rate(1, bits, (7, 8)))) == (told, (7, 8))


def test_remb_2_2_on_the_wire() -> None:
    assert build_bit_rate(1, 1_000_000, (7,)) == bytes.fromhex("8fce0005 00000001 00000000 52454d42 010bd090 00000007")


def test_a_remb_whose_list_is_cut_off_names_what_is_there() -> None:
    packet = only(build_bit_rate(1, 1000, (7, 8)))
    assert bit_rate_of(OtherRtcp(206, 15, packet.body[:-4])) == (1000, (7,))


def arrivals_of(data: bytes) -> list[tuple[int, float]]:
    """Read by the draft's sections 3.1.1 to 3.1.5, apart from the builder."""
    body = only(data).body
    base, count = int.from_bytes(body[8:10], "big"), int.from_bytes(body[10:12], "big")
    time = int.from_bytes(body[12:15], "big") * 64.0
    place, statuses = 16, []
    while len(statuses) < count:
        chunk = int.from_bytes(body[place : place + 2], "big")
        place += 2
        if not chunk >> 15:
            statuses += [chunk >> 13] * (chunk & 0x1FFF)
        elif chunk >> 14 & 1:
            statuses += [chunk >> 12 - 2 * place_ & 3 for place_ in range(7)]
        else:
            statuses += [chunk >> 13 - place_ & 1 for place_ in range(14)]
    found = []
    for index, status in enumerate(statuses[:count]):
        if not status:
            continue
        size = status
        time += int.from_bytes(body[place : place + size], "big", signed=size == 2) / 4
        place += size
        found.append((base + index & 0xFFFF, time / 1000))
    assert len(body) - place in range(4)
    return found


@given(
    st.integers(0, 0xFFFF),
    st.floats(0, 100_000),
    st.lists(st.tuples(st.integers(1, 40), st.floats(-0.5, 2)), min_size=1, max_size=120),
)
def test_arrival_times_come_through(first: int, began: float, steps: list[tuple[int, float]]) -> None:
    numbers = [first, *(first + ahead & 0xFFFF for ahead in itertools.accumulate(ahead for ahead, _ in steps))]
    times = [began, *(max(began + later, 0) for later in itertools.accumulate(later for _, later in steps))]
    arrivals = list(zip(numbers, times, strict=True))
    data, taken = build_arrivals(1, 2, 3, arrivals)
    assert 1 <= taken <= len(arrivals)
    found = arrivals_of(data)
    assert [number for number, _ in found] == numbers[:taken]
    reference = 64e-3 * (1 << 24)  # 24 bits of 64 ms
    for (_, told), time in zip(found, times, strict=False):
        assert abs((told - time + reference / 2) % reference - reference / 2) <= 0.000251


def test_a_gap_of_many_numbers_or_of_long_begins_another_packet() -> None:
    assert build_arrivals(1, 2, 0, [(5, 1.0), (2000, 1.01)])[1] == 1
    assert build_arrivals(1, 2, 0, [(5, 1.0), (6, 20.0)])[1] == 1
    assert build_arrivals(1, 2, 0, [(5, 1.0), (6, 1.0), (5, 1.1)])[1] == 2
