"""The direct relay: continuity of numbers, digits, joining and leaving live."""

from __future__ import annotations

import asyncio

import pytest

from globstar.media.network import Impairment
from globstar.media.relay import Relay
from globstar.media.session import RtpSession
from globstar.proto.rtp import ReceiverReport, SenderReport
from tests.unit.media.rig import Ear, Rig, numbers

pytestmark = pytest.mark.virtual_time


class Call:
    """phone one <-> a, b <-> phone two."""

    def __init__(self) -> None:
        self.rig = Rig()
        self.one, self.a = self.rig.pair()
        self.b, self.two = self.rig.pair()
        self.ear = Ear(self.two)
        self.back = Ear(self.one)
        self.inside = Ear(self.a)

    def relay(self, **options: bool) -> Relay:
        table = {0: 0, 101: 101}
        relay = Relay(self.a, self.b, table, table, **options)
        relay.join()
        return relay


def sequences(ear: Ear) -> list[int]:
    return [packet[3] - ear.media[0][3] & 0xFFFF for packet in ear.media]


def times(ear: Ear) -> list[int]:
    return [packet[2] - ear.media[0][2] & 0xFFFFFFFF for packet in ear.media]


async def test_both_ways() -> None:
    call = Call()
    call.relay()
    await call.rig.talk(call.one, 5)
    await call.rig.talk(call.two, 5, first=50)
    assert numbers(call.ear) == list(range(5))
    assert numbers(call.back) == list(range(50, 55))
    assert call.inside.media == []
    assert call.two.remote_ssrc == call.b.sender.ssrc != call.one.sender.ssrc
    assert [packet[4] for packet in call.ear.media] == [True, False, False, False, False]
    call.rig.engine.close()


async def test_payload_types_are_exchanged() -> None:
    call = Call()
    relay = Relay(call.a, call.b, {0: 8}, {8: 0})
    relay.join()
    call.one.send_media(b"x", 160, marker=True)
    call.two.send_media(b"y", 160, payload_type=8)
    await asyncio.sleep(0.001)
    assert [packet[:2] for packet in call.ear.media] == [(8, b"x")]
    assert [packet[:2] for packet in call.back.media] == [(0, b"y")]
    call.rig.engine.close()


async def test_other_payload_types_go_the_ordinary_way() -> None:
    call = Call()
    call.relay()
    call.one.send_media(b"x", 160, payload_type=8)
    await asyncio.sleep(0.001)
    assert call.ear.media == []
    assert [packet[:2] for packet in call.inside.media] == [(8, b"x")]
    call.rig.engine.close()


async def test_loss_and_order_stay_visible() -> None:
    call = Call()
    call.relay()
    call.rig.network.impair(call.one.local_address, Impairment(drop={3}, hold={6}, double={8}))
    await call.rig.talk(call.one, 12)
    assert numbers(call.ear) == [0, 1, 2, 4, 5, 7, 6, 8, 9, 10, 11]
    figures = call.two.statistics()
    assert (figures.received, figures.lost, figures.reordered, figures.duplicates) == (11, 1, 1, 0)
    call.rig.engine.close()


async def test_joining_and_leaving_leave_no_gap() -> None:
    """Frames, relay, frames again: one stream for the phone, numbers and times without a jump."""
    call = Call()
    call.a.on_media = lambda payload_type, payload, *rest: call.b.send_media(payload, 160)
    await call.rig.talk(call.one, 5)
    relay = call.relay()
    await call.rig.talk(call.one, 5, first=5)
    relay.leave()
    await call.rig.talk(call.one, 5, first=10)
    relay.join()
    relay.join()
    await call.rig.talk(call.one, 5, first=15)
    relay.leave()
    relay.leave()
    assert numbers(call.ear) == list(range(20))
    assert sequences(call.ear) == list(range(20))
    assert times(call.ear) == [160 * number for number in range(20)]
    assert call.two.statistics().lost == 0
    assert call.b.sender.packets == 20
    assert call.b.sender.octets == 20 * 160
    call.rig.engine.close()


async def test_pause_before_the_relay_is_made_up_for() -> None:
    call = Call()
    call.b.send_media(b"000", 160)
    await asyncio.sleep(1)
    call.relay()
    await call.rig.talk(call.one, 2)
    assert times(call.ear) == [0, 8000, 8160]
    assert sequences(call.ear) == [0, 1, 2]
    call.rig.engine.close()


async def test_another_source_joins_without_a_jump() -> None:
    call = Call()
    call.relay()
    await call.rig.talk(call.one, 3)
    call.one.change_source()
    await call.rig.talk(call.one, 3, first=3)
    assert sequences(call.ear) == list(range(6))
    assert times(call.ear) == [160 * number for number in range(6)]
    assert [packet[4] for packet in call.ear.media] == [True, False, False, True, False, False]
    call.rig.engine.close()


@pytest.mark.parametrize("see_digits", [True, False])
async def test_digits_pass_and_are_seen_if_wanted(see_digits: bool) -> None:
    call = Call()
    call.relay(see_digits=see_digits)
    await call.rig.talk(call.one, 3)
    call.one.send_digit_begin("8")
    await asyncio.sleep(0.1)
    call.one.send_digit_end()
    await asyncio.sleep(0.001)
    assert [event[:2] for event in call.ear.digits] == [("begin", "8"), ("end", "8")]
    assert call.inside.digits == (call.ear.digits if see_digits else [])
    call.rig.engine.close()


async def test_direction_is_kept_and_withheld_packets_are_not_counted_as_sent() -> None:
    call = Call()
    relay = call.relay()
    await call.rig.talk(call.one, 2)
    call.b.set_direction(sending=False, receiving=True)
    await call.rig.talk(call.one, 3, first=2)
    call.b.set_direction(sending=True, receiving=True)
    await call.rig.talk(call.one, 2, first=5)
    assert numbers(call.ear) == [0, 1, 5, 6]
    assert call.b.withheld == 3
    relay.leave()
    assert call.b.sender.packets == 4
    call.rig.engine.close()


async def test_reports_know_what_was_relayed() -> None:
    call = Call()
    call.relay()
    await call.rig.talk(call.one, 400)
    reports = [packet for packet in call.ear.rtcp if isinstance(packet, SenderReport)]
    assert [report.packets for report in reports] == [75, 325]
    assert reports[0].octets == 75 * 160
    newest = call.ear.media[reports[0].packets - 1][2]
    assert (reports[0].rtp_time - newest & 0xFFFFFFFF) <= 160
    assert any(isinstance(packet, ReceiverReport) for packet in call.back.rtcp)
    call.rig.engine.close()


async def test_closing_a_session_undoes_the_relay() -> None:
    call = Call()
    relay = call.relay()
    await call.rig.talk(call.one, 2)
    call.b.close()
    assert not relay.is_joined
    await call.rig.talk(call.one, 2, first=2)
    assert numbers(call.inside) == [2, 3]
    call.rig.engine.close()


async def test_a_session_in_two_relays_leaves_the_first() -> None:
    call = Call()
    first = call.relay()
    c, three = call.rig.pair()
    ear = Ear(three)
    second = Relay(call.a, c, {0: 0}, {0: 0})
    second.join()
    assert (first.is_joined, second.is_joined) == (False, True)
    await call.rig.talk(call.one, 2)
    assert numbers(ear) == [0, 1]
    assert call.b.relay_path is None
    call.rig.engine.close()


async def test_nobody_to_send_to() -> None:
    rig = Rig()
    one, a = rig.pair()
    b: RtpSession = rig.open()
    Relay(a, b, {0: 0}, {0: 0}).join()
    await rig.talk(one, 2)
    assert b.not_sent == 2
    rig.engine.close()


async def test_rfc3550_a_1_a_source_that_begins_anew_under_its_name_goes_on_for_the_listener() -> None:
    """Its first packet is not believed; then the numbers of ours run on, and our reports count what was sent."""
    call = Call()
    call.relay()
    await call.rig.talk(call.one, 5)
    call.one.sender.sequence = call.one.sender.sequence + 20000 & 0xFFFF
    call.one.sender.rtp_time = call.one.sender.rtp_time + 1_000_000_000 & 0xFFFFFFFF
    await call.rig.talk(call.one, 5, first=5)
    assert numbers(call.ear) == [0, 1, 2, 3, 4, 6, 7, 8, 9]
    assert sequences(call.ear) == list(range(9))
    assert times(call.ear) == pytest.approx([160 * number for number in (0, 1, 2, 3, 4, 6, 7, 8, 9)], abs=1)
    assert call.two.receiver.restarts == 0
    call.b.handle_report(call.rig.loop.time())
    assert (call.b.sender.packets, call.b.sender.octets) == (9, 9 * 160)
    call.rig.engine.close()


async def test_what_is_withheld_leaves_no_gap() -> None:
    """The other side does not want to hear for a while (RFC 3264 section 8.4): it has not lost anything."""
    call = Call()
    call.relay()
    await call.rig.talk(call.one, 5)
    call.b.set_direction(sending=False, receiving=True)
    await call.rig.talk(call.one, 10, first=5)
    call.b.set_direction(sending=True, receiving=True)
    await call.rig.talk(call.one, 5, first=15)
    assert numbers(call.ear) == [0, 1, 2, 3, 4, 15, 16, 17, 18, 19]
    assert sequences(call.ear) == list(range(10))
    assert times(call.ear)[5] == pytest.approx(15 * 160, abs=160)
    assert (call.two.statistics().lost, call.b.sender.packets, call.b.withheld) == (0, 5, 10)
    call.b.handle_report(call.rig.loop.time())
    assert call.b.sender.packets == 10
    call.rig.engine.close()


async def test_a_digit_of_ours_is_heard_between_relayed_packets() -> None:
    """Somebody presses a key for the other side (PlayDTMF): its packets have numbers of their own, and voice waits meanwhile."""
    call = Call()
    call.relay(see_digits=False)
    await call.rig.talk(call.one, 5)
    assert call.b.send_digit_begin("5")
    await call.rig.talk(call.one, 5, first=5)
    call.b.send_digit_end(100)
    await call.rig.talk(call.one, 5, first=10)
    assert [event[:2] for event in call.ear.digits] == [("begin", "5"), ("end", "5")]
    assert numbers(call.ear) == [0, 1, 2, 3, 4, 10, 11, 12, 13, 14]
    figures = call.two.statistics()
    assert (figures.lost, figures.duplicates, figures.reordered) == (0, 0, 0)
    call.b.handle_report(call.rig.loop.time())
    assert figures.received == call.b.sender.packets
    assert times(call.ear)[5] == pytest.approx(10 * 160, abs=170)
    assert [packet[4] for packet in call.ear.media[5:]] == [True, False, False, False, False]
    call.rig.engine.close()


async def test_what_is_not_relayed_takes_turns_with_what_is() -> None:
    """A codec that has to be translated comes for a while: the listener has one row of numbers."""
    call = Call()
    call.a.on_media = lambda payload_type, payload, *rest: call.b.send_media(payload, 160)
    call.relay()
    await call.rig.talk(call.one, 3)
    for number in (3, 4):
        call.one.send_media(b"%03d" % number + bytes(157), 160, payload_type=8)
        await asyncio.sleep(0.02)
    await call.rig.talk(call.one, 3, first=5)
    call.b.send_comfort_noise(50)
    await call.rig.talk(call.one, 3, first=8)
    assert numbers(call.ear) == list(range(11))
    assert sequences(call.ear) == [*range(8), *range(9, 12)]
    assert times(call.ear) == pytest.approx([160 * number for number in range(11)], abs=1)
    assert call.ear.noise == [50]
    figures = call.two.statistics()
    assert (figures.lost, figures.duplicates, figures.received) == (0, 0, 12)
    call.b.handle_report(call.rig.loop.time())
    assert call.b.sender.packets == 12
    call.rig.engine.close()
