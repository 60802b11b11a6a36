"""What receivers of pictures tell their senders: packets are repeated, bit rates and arrival times told."""

from __future__ import annotations

import asyncio

import pytest

from globstar.media import feedback as module
from globstar.media.feedback import VideoFeedback
from globstar.media.kept import KEPT
from globstar.media.network import Impairment
from globstar.media.relay import Relay
from globstar.media.session import RtpSession
from globstar.media.settings import Payload, PayloadKind
from globstar.proto.rtp import OtherRtcp, ReceiverReport, RtcpPacket, SourceDescription
from globstar.proto.rtp.extension import extension_words, with_extension
from tests.unit.media.rig import Ear, Rig
from tests.unit.media.test_srtp import contexts

pytestmark = pytest.mark.virtual_time

VIDEO = {97: Payload(PayloadKind.MEDIA, 90000)}


def pair(rig: Rig, *, nacks: tuple[bool, bool] = (True, True), bit_rates: bool = False) -> tuple[RtpSession, RtpSession]:
    """Two sessions of pictures; whether each minds NACK."""
    one, two = rig.pair()
    for session, minds in ((one, nacks[0]), (two, nacks[1])):
        session.set_payloads(VIDEO, send=97, clock_rate=90000)
        session.feedback = VideoFeedback(session, rig.loop)
        session.feedback.agree(nacks=minds, bit_rates=bit_rates, extension=0)
    return one, two


def minded(session: RtpSession) -> VideoFeedback:
    assert session.feedback is not None
    return session.feedback


async def show(session: RtpSession, count: int, first: int = 0) -> None:
    """So many packets, each with its number, a picture a packet."""
    for number in range(first, first + count):
        session.send_packet(b"%03d" % number, number * 3000, 97, True)
        await asyncio.sleep(0.02)


def seen(ear: Ear) -> list[int]:
    return [int(payload) for payload in ear.payloads]


async def test_rfc4585_6_2_1_lost_packets_come_once_more() -> None:
    rig = Rig()
    one, two = pair(rig)
    ear = Ear(two)
    rig.network.impair(one.local_address, Impairment(drop={3, 4, 9}))
    await show(one, 20)
    await asyncio.sleep(0.3)
    assert sorted(seen(ear)) == list(range(20))
    assert len(seen(ear)) == 20
    assert (minded(two).asked, minded(two).given_up) == (3, 0)
    assert (minded(one).resent, minded(one).not_kept) == (3, 0)
    by_number = {int(payload): sequence for _, payload, _, sequence, _ in ear.media}
    assert all(by_number[number + 1] - by_number[number] & 0xFFFF == 1 for number in range(19))
    one.close()
    two.close()


async def test_the_same_under_srtp() -> None:
    rig = Rig()
    one, two = pair(rig)
    first, second = contexts()
    one.secure(first)
    two.secure(second)
    ear = Ear(two)
    rig.network.impair(one.local_address, Impairment(drop={5}))
    await show(one, 12)
    await asyncio.sleep(0.3)
    assert sorted(seen(ear)) == list(range(12))
    assert minded(one).resent == 1
    one.close()
    two.close()


async def test_a_repetition_that_is_lost_is_asked_for_again_and_at_last_given_up() -> None:
    rig = Rig()
    one, two = pair(rig)
    ear = Ear(two)
    rig.network.impair(one.local_address, Impairment(drop={3, 6}))  # the repetition is the seventh on its way
    await show(one, 12)
    await asyncio.sleep(1)
    assert sorted(seen(ear)) == list(range(12))
    minded(one).agree(nacks=False, bit_rates=False, extension=0)
    rig.network.impair(one.local_address, Impairment(drop={3}))
    asked = minded(two).asked
    await show(one, 12, first=12)
    await asyncio.sleep(1)
    assert sorted(seen(ear)) == [number for number in range(24) if number != 15]
    assert minded(two).asked - asked == module.TRIES
    assert minded(two).given_up == 1
    one.close()
    two.close()


async def test_what_is_late_is_not_asked_for() -> None:
    rig = Rig()
    one, two = pair(rig)
    rig.network.impair(one.local_address, Impairment(hold={3}))
    ear = Ear(two)
    for number in range(10):
        one.send_packet(b"%03d" % number, 0, 97, False)  # pieces of one picture
    await asyncio.sleep(0.3)
    assert sorted(seen(ear)) == list(range(10))
    assert minded(two).asked == 0
    one.close()
    two.close()


async def test_nobody_is_asked_who_does_not_mind() -> None:
    rig = Rig()
    one, two = pair(rig, nacks=(True, False))
    ear = Ear(two)
    rig.network.impair(one.local_address, Impairment(drop={3}))
    await show(one, 10)
    assert len(seen(ear)) == 9
    assert minded(one).resent == 0
    minded(one).agree(nacks=False, bit_rates=False, extension=0)
    await show(one, 3)
    assert not minded(one).is_used(one.sender.sequence - 1)
    one.close()
    two.close()


async def test_what_is_kept_is_bounded() -> None:
    rig = Rig()
    one, two = pair(rig)
    first = one.sender.sequence
    for _ in range(KEPT + 10):
        one.send_packet(b"x", 0, 97, False)
    assert not minded(one).is_used(first + 9 & 0xFFFF)
    assert minded(one).is_used(first + 10 & 0xFFFF)
    one.close()
    two.close()


async def test_a_long_gap_is_not_asked_for() -> None:
    rig = Rig()
    one, two = pair(rig)
    await show(one, 2)
    one.sender.sequence += module.MAX_GAP + 1
    await show(one, 5, first=2)
    assert minded(two).asked == 0
    one.close()
    two.close()


async def test_a_relay_keeps_what_passes_and_lets_late_packets_through() -> None:
    """alice -> one|two -> bob: a loss on the first way and one on the second are mended by who has the packet."""
    rig = Rig()
    alice, one = pair(rig)
    two, bob = pair(rig)
    relay = Relay(one, two, {97: 97}, {97: 97}, marks_talk=False)
    relay.join()
    ear = Ear(bob)
    rig.network.impair(alice.local_address, Impairment(drop={4}))
    rig.network.impair(two.local_address, Impairment(drop={8}))
    await show(alice, 20)
    await asyncio.sleep(0.5)
    assert sorted(seen(ear)) == list(range(20))
    assert (minded(alice).resent, minded(two).resent) == (1, 1)
    relay.leave()
    for session in (alice, one, two, bob):
        session.close()


async def test_a_bit_rate_is_told_of_the_streams_that_it_is_about() -> None:
    rig = Rig()
    one, two = pair(rig, bit_rates=True)
    rates: list[tuple[int, int]] = []
    minded(one).on_bit_rate = lambda bits, streams: rates.append((bits, streams))
    minded(two).tell_bit_rate(500_000)  # of nobody yet
    await show(one, 3)
    minded(two).tell_bit_rate(500_000)
    await asyncio.sleep(0.1)
    assert rates == [(500_000, 1)]
    two.remote_ssrc ^= 1
    minded(two).tell_bit_rate(400_000)
    await asyncio.sleep(0.1)
    assert rates == [(500_000, 1)]
    one.close()
    two.close()


async def test_arrival_times_are_told_while_packets_come() -> None:
    rig = Rig()
    one, two = pair(rig)
    minded(two).agree(nacks=False, bit_rates=False, extension=3)
    told: list[RtcpPacket] = []
    one.on_rtcp = told.extend
    output = one.output
    assert output is not None
    count = iter(range(1000))
    one.output = lambda data: output(
        with_extension(data, extension_words(3, next(count).to_bytes(2, "big"))) if data[1] & 0x7F == 97 else data
    )
    await show(one, 21)
    await asyncio.sleep(0.2)
    packets = [packet for packet in told if isinstance(packet, OtherRtcp)]
    assert all((packet.packet_type, packet.count) == (205, 15) for packet in packets)
    assert isinstance(told[0], ReceiverReport)
    assert isinstance(told[1], SourceDescription)
    firsts = [int.from_bytes(packet.body[8:10], "big") for packet in packets]
    counts = [int.from_bytes(packet.body[10:12], "big") for packet in packets]
    assert firsts[0] == 0
    assert [first + count for first, count in zip(firsts, counts, strict=True)][:-1] == firsts[1:]
    assert 15 <= sum(counts) <= 21  # the last ones wait for the next
    assert [packet.body[15] for packet in packets] == list(range(len(packets)))
    one.close()
    two.close()
