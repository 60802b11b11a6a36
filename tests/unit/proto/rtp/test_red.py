"""Redundant text (RFC 4103, RFC 2198)."""

from __future__ import annotations

import random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from globstar.proto.rtp.red import MAX_LENGTH, MISSING, RedBlock, RedReceiver, RedSender, build_red, generations_of, parse_red


def test_rfc2198_3_the_header_bit_by_bit() -> None:
    payload = build_red((RedBlock(98, 300, b"a"), RedBlock(98, 0, b"bc")))
    assert payload == bytes([0x80 | 98, 300 >> 6, (300 & 0x3F) << 2, 1, 98]) + b"abc"
    assert parse_red(payload) == (RedBlock(98, 300, b"a"), RedBlock(98, 0, b"bc"))


@given(st.lists(st.tuples(st.integers(0, 127), st.integers(0, 0x3FFF), st.binary(max_size=40)), min_size=1, max_size=6))
def test_what_is_built_is_read_again(parts: list[tuple[int, int, bytes]]) -> None:
    blocks = tuple(RedBlock(*part) for part in parts)
    blocks = (*blocks[:-1], blocks[-1]._replace(offset=0))
    assert parse_red(build_red(blocks)) == blocks


@given(st.binary(max_size=60))
def test_any_bytes_are_read_or_refused(data: bytes) -> None:
    RedReceiver().receive(data, 1, 1)
    parse_red(data)


def conversation(generations: int, count: int = 60) -> list[tuple[int, int, bytes]]:
    """Numbers, times and payloads of one letter a packet, from before both wrap around."""
    sender = RedSender(98, generations)
    packets = []
    for index in range(count):
        rtp_time = 0xFFFFF000 + 300 * index & 0xFFFFFFFF
        packets.append((0xFFF0 + index & 0xFFFF, rtp_time, sender.payload(bytes([65 + index % 26]), rtp_time)))
    return packets


def text_of(packets: list[tuple[int, int, bytes]], receiver: RedReceiver | None = None) -> bytes:
    receiver = receiver or RedReceiver()
    return b"".join(text for number, time, payload in packets for text in receiver.receive(payload, number, time))


LETTERS = bytes(65 + index % 26 for index in range(60))


@pytest.mark.parametrize("generations", [0, 1, 2, 3, 5])
def test_rfc4103_without_loss_each_text_comes_once(generations: int) -> None:
    assert text_of(conversation(generations)) == LETTERS


@pytest.mark.parametrize("generations", [1, 2, 3])
def test_rfc4103_5_4_as_many_losses_in_a_row_as_generations_lose_nothing(generations: int) -> None:
    packets = conversation(generations)
    for start in range(1, 50):
        receiver = RedReceiver()
        assert text_of(packets[:start] + packets[start + generations :], receiver) == LETTERS
        assert (receiver.recovered, receiver.lost) == (generations, 0)


def test_rfc4103_5_4_more_losses_are_marked() -> None:
    packets = conversation(2)
    receiver = RedReceiver()
    text = text_of(packets[:10] + packets[14:], receiver)
    assert text == LETTERS[:10] + MISSING + LETTERS[12:]
    assert (receiver.recovered, receiver.lost) == (2, 1)


def test_rfc4103_5_4_late_and_repeated_packets_say_nothing_new() -> None:
    packets = conversation(2)
    assert text_of([*packets[:5], packets[6], packets[5], packets[6], *packets[7:], packets[50]]) == LETTERS


def test_rfc4103_packets_without_redundancy_may_come_among_the_others() -> None:
    """What was sent plain is not taken once more from a repetition, and its number is not missed."""
    receiver, sender = RedReceiver(), RedSender(98, 2)
    assert receiver.receive(sender.payload(b"a", 0), 1, 0) == [b"a"]
    sender.payload(b"b", 300)
    assert receiver.receive_plain(b"b", 2, 300) == [b"b"]
    assert receiver.receive(sender.payload(b"c", 600), 3, 600) == [b"c"]
    assert receiver.receive_plain(b"e", 5, 1200) == [MISSING, b"e"]
    assert receiver.receive_plain(b"e", 5, 1200) == []
    assert (receiver.recovered, receiver.lost) == (0, 1)


@pytest.mark.parametrize("seed", range(8))
def test_seeded_loss_of_a_third_loses_only_runs_longer_than_the_redundancy(seed: int) -> None:
    chance = random.Random(seed)
    packets = conversation(3)
    kept = [0, *(index for index in range(1, 59) if chance.random() > 0.33), 59]
    expected = b""
    for previous, index in zip([-1, *kept], kept, strict=False):
        gap = index - previous - 1
        if gap > 3:
            expected += MISSING
        expected += LETTERS[max(previous + 1, index - 3) : index + 1]
    assert text_of([packets[index] for index in kept]) == expected


def test_the_last_text_is_repeated_in_empty_packets() -> None:
    sender, receiver = RedSender(98, 2), RedReceiver()
    assert not sender.has_more
    sender.payload(b"a", 0)
    first = sender.payload(b"b", 300)
    assert receiver.receive(first, 1, 300) == [b"b"]
    repeats = 0
    while sender.has_more:
        repeats += 1
        payload = sender.payload(b"", 300 * (repeats + 1))
    assert repeats == 2
    blocks = parse_red(payload)
    assert blocks is not None
    assert [block.data for block in blocks] == [b"b", b"", b""]


def test_text_too_old_or_too_long_for_the_header_is_not_repeated() -> None:
    sender = RedSender(98, 2)
    sender.payload(b"a", 0)
    assert parse_red(sender.payload(b"b", 0x4000)) == (RedBlock(98, 0, b"b"),)
    sender.payload(bytes(MAX_LENGTH + 1), 0x4100)
    blocks = parse_red(sender.payload(b"c", 0x4200))
    assert blocks is not None
    assert [block.data for block in blocks] == [b"b", b"c"] or [block.data for block in blocks] == [b"c"]


def test_rfc4103_6_2_levels_in_fmtp() -> None:
    assert [generations_of(text) for text in ("98/98/98", "98/98", "98", "")] == [2, 1, 0, 0]
