"""Sessions over a bad network with exact counts (RFC 3550 sections 6.4.1, 8 and appendix A), and sources that change."""

from __future__ import annotations

import asyncio
import random

import pytest

from globstar.media.network import Impairment
from globstar.media.settings import MediaSettings, StrictRtp
from globstar.proto.rtp import RtpPacket, SenderReport, parse_compound
from tests.unit.media.rig import Ear, Rig, numbers

pytestmark = pytest.mark.virtual_time


@pytest.mark.parametrize("seed", range(4))
async def test_rfc3550_a_3_loss_doubles_and_swaps_over_the_wrap_of_the_sequence(seed: int) -> None:
    chance = random.Random(seed)
    places = list(range(4, 296))
    chance.shuffle(places)
    # places apart from one another, so that each impairment stands by itself
    apart: list[int] = []
    for place in places:
        if all(abs(place - other) > 2 for other in apart):
            apart.append(place)
    drop, double, hold = set(apart[:20]), set(apart[20:35]), set(apart[35:50])
    rig = Rig()
    first, second = rig.pair()
    first.sender.sequence = 0xFFFF - 150
    rig.network.impair(first.local_address, Impairment(drop=drop, double=double, hold=hold))
    ear = Ear(second)
    await rig.talk(first, 300)
    figures = second.statistics()
    assert (figures.received, figures.lost, figures.duplicates, figures.reordered) == (280, 20, 15, 15)
    assert sorted(numbers(ear)) == [number for number in range(300) if number not in drop]
    assert second.receiver.extended_highest == 0xFFFF - 150 + 299
    rig.engine.close()


async def test_rfc3550_6_4_1_the_report_tells_the_part_lost_since_the_last_one() -> None:
    rig = Rig(MediaSettings(port_start=10000, port_end=10099, rtcp_interval_ms=2000))
    first, second = rig.pair()
    rig.network.impair(first.local_address, Impairment(drop=set(range(100, 200, 4))))
    sent: list[bytes] = []
    rig.engine.on_rtcp = lambda session, what: sent.append(what) if session is second and isinstance(what, bytes) else None

    async def both() -> None:
        await asyncio.gather(rig.talk(first, 400), rig.talk(second, 400))

    await both()
    blocks = [
        packet.blocks[0] for data in sent for packet in parse_compound(data) if isinstance(packet, SenderReport) and packet.blocks
    ]
    assert blocks[-1].cumulative_lost == 25
    assert sum(block.fraction_lost for block in blocks) == pytest.approx(256 * 25 / 100, abs=3)
    assert [block.cumulative_lost for block in blocks] == sorted(block.cumulative_lost for block in blocks)
    figures = first.statistics()
    assert figures.remote_lost == 25
    assert 0 <= figures.round_trip < 0.01
    rig.engine.close()


async def test_rfc3550_8_a_source_that_changes_its_ssrc_begins_anew() -> None:
    rig = Rig()
    first, second = rig.pair()
    ear = Ear(second)
    await rig.talk(first, 20)
    for turn in range(1, 4):
        first.change_source()
        await rig.talk(first, 20, 20 * turn)
        assert second.remote_ssrc == first.sender.ssrc
    assert numbers(ear) == list(range(80))
    figures = second.statistics()
    assert (figures.received, figures.lost, figures.duplicates, second.receiver.received) == (80, 0, 0, 20)
    rig.engine.close()


async def test_rfc3550_8_late_packets_of_the_source_before_are_not_another_change() -> None:
    """They are dropped for a second; later, or with new numbers, the old name is a source like any other."""
    rig = Rig()
    session = rig.open()
    peer = rig.network.open("192.0.2.9", 7000)
    session.set_remote(peer.address)
    ear = Ear(session)

    async def say(ssrc: int, *sequences: int) -> None:
        for sequence in sequences:
            peer.sendto(bytes(RtpPacket(0, sequence & 0xFFFF, 160 * sequence & 0xFFFFFFFF, ssrc, b"x")), session.local_address)
        await asyncio.sleep(0.02)

    def heard() -> list[int]:
        found = [packet[3] for packet in ear.media]
        ear.media.clear()
        return found

    await say(1, 65534, 65535, 65537)
    await say(2, 500, 501)
    await say(1, 65536, 65537)
    await say(2, 502)
    assert heard() == [65534, 65535, 1, 500, 501, 502]
    assert (session.remote_ssrc, session.receiver.received, session.receiver.lost) == (2, 3, 0)
    assert session.statistics().received == 6
    await say(1, 65538)
    assert (heard(), session.remote_ssrc) == ([2], 1)
    await say(2, 503)
    await asyncio.sleep(1.1)
    await say(1, 65538)
    assert (heard(), session.remote_ssrc) == ([503, 2], 1)
    rig.engine.close()


@pytest.mark.parametrize("mode", [StrictRtp.YES, StrictRtp.SEQNO, StrictRtp.NO])
async def test_asterisk_strictrtp_a_spoofed_stream_beside_the_real_one(mode: StrictRtp) -> None:
    """With yes it never gets in; with seqno it may take over by a run of its own; without both are heard."""
    rig = Rig(MediaSettings(port_start=10000, port_end=10099, strict_rtp=mode, probation=4))
    first, second = rig.pair()
    spoofer = rig.open()
    spoofer.set_remote(second.local_address)
    ear = Ear(second)
    await rig.talk(first, 20)
    await asyncio.gather(rig.talk(first, 30, 20), rig.talk(spoofer, 3, 500))
    assert [number for number in numbers(ear) if number < 500] == list(range(50))
    wrong = [number for number in numbers(ear) if number >= 500]
    if mode is StrictRtp.NO:
        assert wrong == [500, 501, 502]
    else:
        assert (wrong, second.source.source) == ([], first.local_address)
    rig.engine.close()


async def test_digits_of_a_source_that_begins_anew_under_its_name_are_heard() -> None:
    """With other numbers, and times a little before those it had."""
    rig = Rig()
    session = rig.open()
    peer = rig.network.open("192.0.2.9", 7000)
    session.set_remote(peer.address)
    ear = Ear(session)
    for first, rtp_time, code in ((100, 20000, 1), (40000, 8000, 2)):
        for sequence in range(3):
            peer.sendto(bytes(RtpPacket(0, first + sequence, rtp_time - 480 + 160 * sequence, 7, b"x")), session.local_address)
        for step in range(6):
            payload = bytes((code, 0x8A if step > 2 else 10, 1, 0x40))
            packet = RtpPacket(101, first + 3 + step, rtp_time, 7, payload, marker=step == 0)
            peer.sendto(bytes(packet), session.local_address)
        await asyncio.sleep(0.02)
    assert [digit for digit in ear.digits if digit[0] == "end"] == [("end", "1", 40), ("end", "2", 40)]
    assert session.receiver.restarts == 1
    rig.engine.close()
