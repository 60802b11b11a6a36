"""RTP sessions on a network in memory and virtual time."""

from __future__ import annotations

import asyncio

import pytest

from globstar.media.network import Impairment
from globstar.media.session import MediaTimeout
from globstar.media.settings import MediaSettings, Payload, PayloadKind, SessionOptions, StrictRtp
from globstar.media.source import SourceState
from globstar.proto.rtp import Bye, ReceiverReport, RtpPacket, SenderReport, SourceDescription, parse_packet
from tests.unit.media.rig import HOST, Ear, Rig, numbers

pytestmark = pytest.mark.virtual_time

STRANGER = ("203.0.113.9", 6666)


async def test_media_arrives_with_its_header_fields() -> None:
    rig = Rig()
    first, second = rig.pair()
    ear = Ear(second)
    await rig.talk(first, 10)
    assert numbers(ear) == list(range(10))
    assert [packet[0] for packet in ear.media] == [0] * 10
    assert [packet[2] - ear.media[0][2] for packet in ear.media] == [160 * number for number in range(10)]
    assert [packet[4] for packet in ear.media] == [True] + [False] * 9
    assert second.source.state is SourceState.LOCKED
    rig.engine.close()


@pytest.mark.parametrize(
    ("impairment", "arrived", "lost", "duplicates", "reordered"),
    [
        (Impairment(), 50, 0, 0, 0),
        (Impairment(drop={10, 11, 40}), 47, 3, 0, 0),
        (Impairment(double={5, 6}), 50, 0, 2, 0),
        (Impairment(hold={20, 30}), 50, 0, 0, 2),
        (Impairment(drop={3, 25}, double={7}, hold={33}), 48, 2, 1, 1),
    ],
)
async def test_loss_patterns_give_exact_counts(
    impairment: Impairment, arrived: int, lost: int, duplicates: int, reordered: int
) -> None:
    rig = Rig()
    first, second = rig.pair()
    rig.network.impair(first.local_address, impairment)
    ear = Ear(second)
    await rig.talk(first, 50)
    figures = second.statistics()
    assert len(ear.media) == figures.received == arrived
    assert (figures.lost, figures.duplicates, figures.reordered) == (lost, duplicates, reordered)
    assert first.statistics().sent == 50
    rig.engine.close()


async def test_payload_types_that_were_not_agreed() -> None:
    rig = Rig()
    first, second = rig.pair()
    ear = Ear(second)
    first.send_media(b"x", 160, payload_type=97)
    first.send_media(b"y", 160, payload_type=8)
    await asyncio.sleep(0)
    assert [packet[:2] for packet in ear.media] == [(8, b"y")]
    assert second.unknown_payload == 1
    rig.engine.close()


async def test_garbage_and_cut_off_packets_are_counted() -> None:
    rig = Rig(MediaSettings(10000, 10099, strict_rtp=StrictRtp.NO))
    session = rig.open()
    ear = Ear(session)
    stranger = rig.network.open(*STRANGER)
    good = bytes(RtpPacket(0, 1, 2, 3, b"v", extension=(1, b"abcd"), csrcs=(9,)))
    for data in (b"", b"x", b"\x00" * 40, b"\x80" * 11, b"\xaf" + bytes(20), good):
        stranger.sendto(data, session.local_address)
    await asyncio.sleep(0)
    assert session.not_rtp == 5
    assert ear.payloads == [b"v"]
    rig.engine.close()


async def test_asterisk_strictrtp_keeps_strangers_out() -> None:
    rig = Rig()
    first, second = rig.pair()
    ear = Ear(second)
    await rig.talk(first, 5)
    stranger = rig.network.open(*STRANGER)
    stranger.sendto(bytes(RtpPacket(0, 1, 2, 3, b"evil")), second.local_address)
    await rig.talk(first, 5, first=5)
    assert numbers(ear) == list(range(10))
    rig.engine.close()


@pytest.mark.parametrize("symmetric", [True, False])
async def test_asterisk_strictrtp_seqno_follows_a_source_that_proves_itself(symmetric: bool) -> None:
    """Four packets in sequence; before that it is not heard, and it is answered there only with rtp_symmetric."""
    rig = Rig(MediaSettings(10000, 10099, strict_rtp=StrictRtp.SEQNO))
    session = rig.open(SessionOptions(symmetric=symmetric))
    session.set_payloads({0: Payload(PayloadKind.MEDIA, 8000)}, send=0, clock_rate=8000)
    session.set_remote((HOST, 7002))
    ear = Ear(session)
    here, elsewhere = rig.network.open(HOST, 7002), rig.network.open(*STRANGER)
    for number in range(8):
        here.sendto(bytes(RtpPacket(0, number, 160 * number, 5, b"x")), session.local_address)
    for number in (8, 9, 11, 12, 13, 14, 15):
        elsewhere.sendto(bytes(RtpPacket(0, number, 160 * number, 5, b"x")), session.local_address)
        await asyncio.sleep(0)
    assert [packet[3] for packet in ear.media] == [*range(8), 14, 15]
    assert session.source.dropped == 5
    assert session.remote_address == (STRANGER if symmetric else (HOST, 7002))
    rig.engine.close()


async def test_new_address_is_learnt_anew() -> None:
    rig = Rig()
    first, second = rig.pair()
    ear = Ear(second)
    await rig.talk(first, 5)
    third = rig.open()
    third.set_remote(second.local_address)
    second.set_remote(third.local_address)
    await rig.talk(third, 5, first=100)
    assert numbers(ear) == [*range(5), *range(100, 105)]
    third_ear = Ear(third)
    await rig.talk(second, 3)
    assert numbers(third_ear) == [0, 1, 2]
    rig.engine.close()


async def test_asterisk_rtp_symmetric_answers_to_where_media_comes_from() -> None:
    rig = Rig()
    session = rig.open(SessionOptions(symmetric=True))
    session.set_remote(("10.0.0.1", 9999))
    ear = Ear(session)
    phone = rig.network.open(*STRANGER)
    for number in range(6):
        phone.sendto(bytes(RtpPacket(0, number, number * 160, 3, b"v")), session.local_address)
    await asyncio.sleep(0)
    session.send_media(b"back", 160)
    await asyncio.sleep(0)
    assert parse_packet(phone.recv(99)).payload == b"back"
    assert (session.remote_address, ear.sources) == (STRANGER, [STRANGER])
    assert len(ear.media) == 6
    rig.engine.close()


async def test_without_rtp_symmetric_the_sdp_address_counts() -> None:
    rig = Rig(MediaSettings(10000, 10099, strict_rtp=StrictRtp.NO))
    session = rig.open()
    session.set_remote(("10.0.0.1", 9999))
    ear = Ear(session)
    phone = rig.network.open(*STRANGER)
    phone.sendto(bytes(RtpPacket(0, 1, 1, 3, b"v")), session.local_address)
    await asyncio.sleep(0)
    assert ear.payloads == [b"v"]
    assert session.remote_address == ("10.0.0.1", 9999)
    rig.engine.close()


async def test_nothing_is_sent_without_an_address() -> None:
    rig = Rig()
    session = rig.open()
    session.send_media(b"x", 160)
    session.set_remote((HOST, 0))
    session.send_media(b"x", 160)
    assert (session.not_sent, rig.network.sent) == (2, 0)
    rig.engine.close()


async def test_direction() -> None:
    rig = Rig()
    first, second = rig.pair()
    ear = Ear(second)
    first.set_direction(sending=False, receiving=True)
    await rig.talk(first, 5)
    assert (first.withheld, ear.media) == (5, [])
    first.set_direction(sending=True, receiving=True)
    second.set_direction(sending=True, receiving=False)
    await rig.talk(first, 5)
    assert (second.withheld, ear.media) == (5, [])
    second.set_direction(sending=True, receiving=True)
    await rig.talk(first, 1, first=9)
    assert numbers(ear) == [9]
    rig.engine.close()


async def test_rfc4733_digit_from_one_end_to_the_other() -> None:
    rig = Rig()
    first, second = rig.pair()
    ear = Ear(second)
    await rig.talk(first, 3)
    assert first.send_digit_begin("7")
    await rig.talk(first, 5)
    first.send_digit_end()
    await rig.talk(first, 3, first=3)
    assert ear.digits == [("begin", "7"), ("end", "7", 100)]
    assert numbers(ear) == list(range(6))
    assert first.withheld == 5
    times = [packet[2] - ear.media[0][2] for packet in ear.media]
    assert times == [0, 160, 320, 1280, 1440, 1600]
    assert len(rig.engine.ticker) == 0
    assert second.statistics().rx_jitter < 0.001
    rig.engine.close()


async def test_digit_of_stated_length() -> None:
    rig = Rig()
    first, second = rig.pair()
    ear = Ear(second)
    first.send_digit_begin("#")
    first.send_digit_end(250)
    await asyncio.sleep(0)
    assert ear.digits == [("begin", "#"), ("end", "#", 250)]
    rig.engine.close()


async def test_rfc4733_digits_before_any_sound_have_times_of_their_own() -> None:
    """Events of one timestamp are packets of one event; a clock that has not begun to run would give all the same."""
    rig = Rig()
    first, second = rig.pair()
    ear = Ear(second)
    for digit in "1123":
        assert first.send_digit_begin(digit)
        await asyncio.sleep(0.1)
        first.send_digit_end(100)
        await asyncio.sleep(0.1)
    await rig.talk(first, 2)
    assert [entry[1] for entry in ear.digits if entry[0] == "end"] == ["1", "1", "2", "3"]
    assert ear.media[1][2] - ear.media[0][2] == 160
    assert first.sender.rtp_time_at(rig.loop.time()) == pytest.approx(first.sender.rtp_time, abs=1)
    rig.engine.close()


async def test_asterisk_dtmftimeout_ends_a_digit_whose_end_is_lost() -> None:
    rig = Rig()
    first, second = rig.pair()
    ear = Ear(second)
    rig.network.impair(first.local_address, Impairment(drop={3, 4, 5}))
    start = rig.loop.time()
    first.send_digit_begin("1")
    await asyncio.sleep(0.05)
    first.send_digit_end()
    await asyncio.sleep(0.12)
    assert ear.digits == [("begin", "1")]
    await asyncio.sleep(0.05)
    assert ear.digits == [("begin", "1"), ("end", "1", 40)]
    assert rig.loop.time() - start == pytest.approx(0.22)
    assert len(rig.engine.ticker) == 0
    rig.engine.close()


async def test_digits_need_telephone_event() -> None:
    rig = Rig()
    first, second = rig.pair()
    first.set_payloads({0: Payload(PayloadKind.MEDIA, 8000)}, send=0, clock_rate=8000)
    assert not first.send_digit_begin("1")
    assert not second.send_digit_begin("q")
    first.send_digit_end()
    assert rig.network.sent == 0
    rig.engine.close()


async def test_rfc3389_comfort_noise() -> None:
    rig = Rig()
    first, second = rig.pair()
    ear = Ear(second)
    first.send_media(b"\x32", 160, payload_type=13)
    first.send_media(b"\x33", 160, payload_type=19)
    first.send_media(b"", 160, payload_type=13)
    await asyncio.sleep(0)
    assert ear.noise == [50, 51]
    rig.engine.close()


async def test_another_ssrc_is_another_source() -> None:
    rig = Rig()
    first, second = rig.pair()
    ear = Ear(second)
    await rig.talk(first, 5)
    ssrc = second.remote_ssrc
    first.send_digit_begin("5")
    await asyncio.sleep(0.03)
    first.change_source()
    first._digits_out.end(0)
    await rig.talk(first, 5)
    assert second.remote_ssrc != ssrc
    assert second.receiver.received == 5
    assert second.statistics().received >= 10, "all that came in the call"
    assert ear.digits[-1][:2] == ("end", "5")
    assert ear.media[5][4]
    rig.engine.close()


async def test_update_source_marks_the_next_packet() -> None:
    rig = Rig()
    first, second = rig.pair()
    ear = Ear(second)
    await rig.talk(first, 2)
    first.update_source()
    await rig.talk(first, 2)
    assert [packet[4] for packet in ear.media] == [True, False, True, False]
    rig.engine.close()


async def test_asterisk_rtp_timeout_fires_once_per_silence() -> None:
    rig = Rig()
    first, second = rig.pair(SessionOptions(timeout=3))
    ear = Ear(second)
    await rig.talk(first, 5)
    await asyncio.sleep(2.5)
    assert ear.timeouts == []
    await asyncio.sleep(10)
    assert ear.timeouts == [MediaTimeout.SILENT]
    await rig.talk(first, 50)
    await asyncio.sleep(4)
    assert ear.timeouts == [MediaTimeout.SILENT] * 2
    rig.engine.close()


async def test_asterisk_rtp_timeout_hold_counts_while_held() -> None:
    rig = Rig()
    _, second = rig.pair(SessionOptions(timeout=2, timeout_hold=6))
    ear = Ear(second)
    second.set_hold(True)
    await asyncio.sleep(5)
    assert ear.timeouts == []
    await asyncio.sleep(2)
    assert ear.timeouts == [MediaTimeout.SILENT_ON_HOLD]
    second.set_hold(False)
    await asyncio.sleep(3)
    assert ear.timeouts[1:] == [MediaTimeout.SILENT]
    second.set_options(SessionOptions())
    await asyncio.sleep(30)
    assert len(ear.timeouts) == 2
    rig.engine.close()


async def test_asterisk_rtp_keepalive_sends_comfort_noise_into_silence() -> None:
    rig = Rig()
    first, second = rig.pair(SessionOptions(keepalive=2))
    ear = Ear(second)
    await asyncio.sleep(6.9)
    assert ear.noise == [127, 127, 127]
    await rig.talk(first, 200)
    assert len(ear.noise) == 3
    rig.engine.close()


async def test_rfc3550_6_4_reports_of_both_sides() -> None:
    rig = Rig(impairment=Impairment(delay=0.05))
    first, second = rig.pair()
    first.set_payloads({0: Payload(PayloadKind.MEDIA, 8000)}, send=0, clock_rate=8000)
    ear = Ear(second)
    rig.network.impair(first.local_address, Impairment(delay=0.05, drop={7, 8}))
    await rig.talk(first, 900)
    figures, remote = first.statistics(), second.statistics()
    assert figures.rtcp_sent == figures.rtcp_received == 4
    assert figures.remote_lost == remote.lost == 2
    assert figures.round_trip == pytest.approx(0.1, abs=0.001)
    assert figures.tx_losses.maximum == 2
    assert remote.rx_losses.mean == pytest.approx(2 / 4)
    assert remote.round_trips.count == 0
    reports = [packet for packet in ear.rtcp if isinstance(packet, SenderReport)]
    assert reports[-1].packets == first.sender.packets - reports_behind(rig, first, reports[-1])
    rig.engine.close()


def reports_behind(rig: Rig, session, report: SenderReport) -> int:
    """How many packets were sent since the report, by its RTP timestamp."""
    return (session.sender.rtp_time - report.rtp_time & 0xFFFFFFFF) // 160


async def test_a_silent_listener_sends_receiver_reports() -> None:
    rig = Rig()
    first, second = rig.pair()
    ear = Ear(first)
    await rig.talk(first, 300)
    assert second.statistics().rtcp_sent >= 1
    assert any(isinstance(packet, ReceiverReport) for packet in ear.rtcp)
    assert not any(isinstance(packet, SenderReport) for packet in ear.rtcp)
    rig.engine.close()


async def test_rfc5761_rtcp_on_the_rtp_port() -> None:
    rig = Rig()
    first, second = rig.pair()
    first.rtcp_mux = second.rtcp_mux = True
    ear = Ear(second)
    await rig.talk(first, 300)
    assert len(ear.media) == 300
    assert second.statistics().rtcp_received >= 1
    assert second.not_rtp == 0
    first.close()
    await asyncio.sleep(0)
    assert any(isinstance(packet, Bye) for packet in ear.rtcp)
    rig.engine.close()


async def test_broken_rtcp_is_counted() -> None:
    rig = Rig()
    session = rig.open()
    stranger = rig.network.open(*STRANGER)
    stranger.sendto(b"\x80\xc8\xff\xff", (HOST, session.local_address[1] + 1))
    await asyncio.sleep(0)
    assert (session.not_rtp, session.statistics().rtcp_received) == (1, 0)
    rig.engine.close()


async def test_rtcp_of_strangers_is_dropped_once_the_source_is_known() -> None:
    rig = Rig()
    first, second = rig.pair()
    await rig.talk(first, 5)
    stranger = rig.network.open(*STRANGER)
    stranger.sendto(bytes(ReceiverReport(1)), (HOST, second.local_address[1] + 1))
    await asyncio.sleep(0)
    assert (second.statistics().rtcp_received, second.source.dropped) == (0, 1)
    rig.engine.close()


async def test_reports_of_strangers_are_dropped_on_the_port_of_rtp_too() -> None:
    """A peer that sends from elsewhere than it said, and is answered there all the same, has no connected socket."""
    rig = Rig()
    session = rig.open(SessionOptions(symmetric=False))
    session.set_payloads({0: Payload(PayloadKind.MEDIA, 8000)}, send=0, clock_rate=8000)
    session.rtcp_mux = True
    session.set_remote((HOST, 7004))
    ear = Ear(session)
    peer, stranger = rig.network.open(HOST, 7002), rig.network.open(*STRANGER)
    for number in range(6):
        peer.sendto(bytes(RtpPacket(0, number, 160 * number, 5, b"x")), session.local_address)
    stranger.sendto(bytes(Bye((5,))), session.local_address)
    peer.sendto(bytes(ReceiverReport(5)), session.local_address)
    await asyncio.sleep(0)
    assert ear.rtcp == [ReceiverReport(5)]
    assert session.source.dropped == 1
    rig.engine.close()


async def test_close_says_bye_and_gives_everything_back() -> None:
    rig = Rig()
    first, second = rig.pair()
    ear = Ear(second)
    await rig.talk(first, 3)
    first.send_digit_begin("1")
    first.close()
    first.close()
    first.send_media(b"x", 160)
    await asyncio.sleep(1)
    assert any(isinstance(packet, Bye) for packet in ear.rtcp)
    assert (len(rig.engine), len(rig.network), rig.engine.ports().used) == (1, 2, 1)
    second.close()
    assert (len(rig.engine), len(rig.network), len(rig.engine.ticker), rig.engine._timer) == (0, 0, 0, None)
    assert first.not_sent == 1


async def test_rfc3550_6_6_the_last_report_says_what_was_sent_and_received_and_goodbye() -> None:
    """One compound (section 6.1): the report, the name, the goodbye last."""
    rig = Rig()
    first, second = rig.pair()
    ear = Ear(second)
    rig.network.impair(second.local_address, Impairment(drop={1}))
    await asyncio.gather(rig.talk(first, 3), rig.talk(second, 4))
    first.close()
    await asyncio.sleep(0.1)
    report, name, bye = ear.rtcp
    assert isinstance(report, SenderReport)
    assert (report.ssrc, report.packets, report.octets) == (first.sender.ssrc, 3, 480)
    (block,) = report.blocks
    assert (block.ssrc, block.cumulative_lost, block.fraction_lost) == (second.sender.ssrc, 1, 64)
    assert name == SourceDescription.of(first.sender.ssrc, first.reports.cname)
    assert bye == Bye((first.sender.ssrc,))
    rig.engine.close()


async def test_rfc3550_6_3_7_who_has_said_nothing_takes_no_leave() -> None:
    """Who has only received has reported; who has not even done that goes silently."""
    rig = Rig(MediaSettings(port_start=10000, port_end=10099, rtcp_interval_ms=500))
    first, second = rig.pair()
    silent = rig.open()
    silent.set_remote(first.local_address)
    ear = Ear(first)
    silent.close()
    await rig.talk(first, 50)
    ear.rtcp.clear()
    second.close()
    await asyncio.sleep(0.1)
    last = ear.rtcp[-3:]
    assert [type(packet) for packet in last] == [ReceiverReport, SourceDescription, Bye]
    assert isinstance(last[0], ReceiverReport)
    assert last[0].blocks[0].ssrc == first.sender.ssrc
    rig.engine.close()


async def test_rfc3550_6_3_4_nothing_is_reported_of_a_source_that_has_left_until_it_comes_back() -> None:
    rig = Rig()
    session, other = rig.pair()
    ear = Ear(other)
    await rig.talk(other, 3)
    peer = other.sender.ssrc

    async def blocks() -> list[int]:
        ear.rtcp.clear()
        session.handle_report(rig.loop.time())
        await asyncio.sleep(0.1)
        (report,) = [packet for packet in ear.rtcp if isinstance(packet, SenderReport | ReceiverReport)]
        return [block.ssrc for block in report.blocks]

    assert await blocks() == [peer]
    session.take_rtcp((Bye((peer + 1,)),), rig.loop.time())
    assert await blocks() == [peer], "of another one"
    session.take_rtcp((Bye((peer,)),), rig.loop.time())
    assert await blocks() == []
    await rig.talk(other, 1)
    assert await blocks() == [peer]
    rig.engine.close()


async def test_rfc3550_8_2_the_source_that_is_given_up_says_goodbye() -> None:
    rig = Rig()
    first, second = rig.pair()
    ear = Ear(second)
    await rig.talk(first, 3)
    old = first.sender.ssrc
    first.change_source()
    await asyncio.sleep(0.1)
    assert ear.rtcp[-1] == Bye((old,))
    ear.rtcp.clear()
    first.handle_report(rig.loop.time())  # nothing was sent under the new name yet: nothing to tell of it
    await asyncio.sleep(0.1)
    assert ear.rtcp == []
    rig.engine.close()


async def test_closing_from_a_callback() -> None:
    rig = Rig()
    first, second = rig.pair()
    got: list[bytes] = []

    def on_media(payload_type: int, payload: bytes, rtp_time: int, sequence: int, marker: bool) -> None:
        got.append(payload)
        second.close()

    second.on_media = on_media
    await rig.talk(first, 3)
    assert len(got) == 1
    rig.engine.close()


async def test_rfc5761_the_shortest_reports_on_the_port_of_rtp() -> None:
    """A report without blocks and a goodbye have eight octets: less than any packet of RTP."""
    rig = Rig()
    first, second = rig.pair()
    first.rtcp_mux = second.rtcp_mux = True
    ear = Ear(second)
    first.transmit(bytes(ReceiverReport(7)))
    await rig.talk(first, 8)
    first.transmit(bytes(Bye((7,))))
    await asyncio.sleep(0.1)
    assert ear.rtcp == [ReceiverReport(7), Bye((7,))]
    assert second.not_rtp == 0
    rig.engine.close()


async def test_the_figures_of_reports_are_a_sessions_own() -> None:
    """Sessions without reports share empty figures, to which nothing is ever added."""
    rig = Rig(impairment=Impairment(delay=0.05))
    first, second = rig.pair()
    quiet, _ = rig.pair()
    first.set_payloads({0: Payload(PayloadKind.MEDIA, 8000)}, send=0, clock_rate=8000)
    await rig.talk(first, 600)
    assert first.statistics().round_trips.count > 0
    assert second.statistics().rx_losses.count > 0
    assert second.statistics().tx_losses.count == 0
    empty = quiet.statistics()
    spreads = (empty.rx_jitters, empty.tx_jitters, empty.rx_losses, empty.tx_losses, empty.round_trips, empty.rx_scores)
    assert [spread.count for spread in (*spreads, empty.tx_scores)] == [0] * 7
    rig.engine.close()
