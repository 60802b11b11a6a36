"""Sessions that share the ports of one of them (RFC 9143)."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass

import pytest

from globstar.media.bundle import MAX_SOURCES, Bundle
from globstar.media.session import RtpSession
from globstar.media.settings import Payload, PayloadKind
from globstar.media.srtp import SrtpContext
from globstar.proto.rtp import (
    Bye,
    OtherRtcp,
    ReceiverReport,
    ReportBlock,
    RtpPacket,
    SenderReport,
    SourceDescription,
    build_compound,
    build_picture_loss,
    parse_packet,
)
from globstar.proto.rtp.extension import extension_words, find_extension, with_extension
from globstar.proto.rtp.rtcp import FIR, PSFB, SdesItem
from globstar.proto.sdp.crypto import AES_80, CryptoKey
from tests.unit.media.rig import Ear, Rig

pytestmark = pytest.mark.virtual_time

PEER = ("192.0.2.9", 7000)
EXTENSION = 3


@dataclass
class Flat:
    """A bundle of sound and picture, and the peer's socket."""

    rig: Rig
    audio: RtpSession
    video: RtpSession
    bundle: Bundle

    def __post_init__(self) -> None:
        self.socket = self.rig.network.open(*PEER)
        self.ears = Ear(self.audio), Ear(self.video)

    def send(self, data: bytes) -> None:
        self.socket.sendto(data, self.audio.local_address)

    def packet(self, ssrc: int, payload_type: int, *, mid: bytes = b"", number: int = 0, payload: bytes = b"x") -> bytes:
        data = bytes(RtpPacket(payload_type, number, 160 * number, ssrc, payload))
        return with_extension(data, extension_words(EXTENSION, mid)) if mid else data

    def got(self) -> list[bytes]:
        found = []
        while self.socket._queue:
            found.append(self.socket.recvfrom(2048)[0])
        return found


def flat(*, extension: int = EXTENSION, video_type: int = 96) -> Flat:
    rig = Rig()
    audio, video = rig.open(), rig.open()
    audio.set_payloads({0: Payload(PayloadKind.MEDIA, 8000)}, send=0, clock_rate=8000)
    video.set_payloads({video_type: Payload(PayloadKind.MEDIA, 90000)}, send=video_type, clock_rate=90000)
    bundle = rig.engine.bundle(audio)
    video.ride(bundle)
    bundle.agree(audio, "a", extension, [0])
    bundle.agree(video, "v", extension, [video_type])
    audio.set_remote(PEER)
    return Flat(rig, audio, video, bundle)


async def test_the_rider_gives_its_ports_back_and_uses_the_other_ones() -> None:
    it = flat()
    assert len(it.rig.network) == 3
    assert it.rig.engine.ports().used == 1
    assert it.video.local_address == it.audio.local_address
    assert it.video.remote_address == PEER
    assert (it.video.rides, it.audio.rides, it.video.carrier) == (True, False, it.audio)


async def test_what_ice_has_checked_counts_for_all_streams_also_for_those_that_come_later() -> None:
    it = flat()
    it.audio.steer(lambda component, address: address == PEER)
    third = it.rig.engine.open_riding(it.bundle)
    third.set_payloads({97: Payload(PayloadKind.MEDIA, 90000)}, send=97, clock_rate=90000)
    it.bundle.agree(third, "w", EXTENSION, [97])
    ears = (*it.ears, Ear(third))
    stranger = it.rig.network.open("192.0.2.66", 7000)
    packets = [it.packet(ssrc, kind, mid=mid) for ssrc, kind, mid in ((1, 0, b"a"), (2, 96, b"v"), (3, 97, b"w"))]
    for data in packets:
        stranger.sendto(data, it.audio.local_address)
    await asyncio.sleep(0.1)
    assert [len(ear.media) for ear in ears] == [0, 0, 0]
    for data in packets:
        it.send(data)
    await asyncio.sleep(0.1)
    assert [len(ear.media) for ear in ears] == [1, 1, 1]
    assert it.rig.engine.alight(it.video, "192.0.2.1")
    assert it.video.source.permits is None
    assert it.audio.source.permits is not None


async def test_rfc9143_9_2_a_packet_is_told_by_its_mid_and_its_source_after_it() -> None:
    it = flat(video_type=0)  # the same type on both: only mid and source tell
    it.send(it.packet(1, 0, mid=b"v"))
    it.send(it.packet(1, 0, number=1))
    it.send(it.packet(2, 0, mid=b"a"))
    it.send(it.packet(2, 0, number=1))
    it.send(it.packet(3, 0))
    await asyncio.sleep(0)
    assert [len(ear.media) for ear in it.ears] == [2, 2]
    assert it.bundle.strays == 1


async def test_rfc9143_9_2_else_by_payload_type() -> None:
    it = flat(extension=0)
    it.send(it.packet(1, 96))
    it.send(it.packet(2, 0))
    it.send(it.packet(3, 50))
    await asyncio.sleep(0)
    assert [len(ear.media) for ear in it.ears] == [1, 1]
    assert it.bundle.strays == 1


async def test_a_source_of_sdp_is_known_at_once_and_may_move_by_its_mid() -> None:
    it = flat(video_type=0)
    it.bundle.agree(it.video, "v", EXTENSION, [0], [9])
    it.send(it.packet(9, 0))
    it.send(it.packet(9, 0, mid=b"a"))
    it.send(it.packet(9, 0, number=1))
    await asyncio.sleep(0)
    assert [len(ear.media) for ear in it.ears] == [2, 1]


async def test_an_unknown_mid_belongs_to_nobody() -> None:
    it = flat()
    it.send(it.packet(1, 0, mid=b"q"))
    await asyncio.sleep(0)
    assert (it.ears[0].media, it.bundle.strays) == ([], 1)


async def test_sources_are_bounded() -> None:
    it = flat()
    for ssrc in range(3 * MAX_SOURCES):
        it.send(it.packet(ssrc, 0))
    await asyncio.sleep(0)
    assert len(it.bundle._by_ssrc) == MAX_SOURCES


async def test_our_packets_carry_their_mid_until_a_report_names_the_source() -> None:
    it = flat()
    for session in (it.audio, it.video):
        session.send_media(b"sound", 160)
    await asyncio.sleep(0)
    sent = it.got()
    assert [find_extension(data, EXTENSION) for data in sent] == [b"a", b"v"]
    assert [parse_packet(data).ssrc for data in sent] == [it.audio.sender.ssrc, it.video.sender.ssrc]
    it.send(it.packet(5, 96))
    it.send(build_compound([ReceiverReport(5, (ReportBlock(it.video.sender.ssrc, 0, 0, 1, 0, 0, 0),))]))
    await asyncio.sleep(0)
    for session in (it.audio, it.video):
        session.send_media(b"sound", 160)
    await asyncio.sleep(0)
    assert [find_extension(data, EXTENSION) for data in it.got()] == [b"a", None]
    it.video.change_source()
    it.video.send_media(b"sound", 160)
    await asyncio.sleep(0)
    assert find_extension(it.got()[-1], EXTENSION) == b"v"


async def test_reports_go_to_whom_they_are_about() -> None:
    it = flat()
    it.send(it.packet(1, 0))
    it.send(it.packet(2, 96))
    blocks = tuple(ReportBlock(session.sender.ssrc, 0, 0, 1, 0, 0, 0) for session in (it.audio, it.video))
    it.send(build_compound([SenderReport(1, 5 << 16, 0, 1, 1, blocks), SourceDescription.of(1, "peer")]))
    await asyncio.sleep(0)
    first, second = (ear.rtcp for ear in it.ears)
    assert first == [SenderReport(1, 5 << 16, 0, 1, 1, blocks), SourceDescription.of(1, "peer")]
    assert second == [ReceiverReport(1, blocks)]  # the clock of the sound is not that of the picture
    assert (it.audio.reports.named_ssrc, it.video.reports.named_ssrc) == (it.audio.sender.ssrc, it.video.sender.ssrc)


async def test_rfc4585_feedback_goes_to_the_stream_whose_source_it_names() -> None:
    it = flat()
    it.send(it.packet(1, 0))
    loss = build_picture_loss(1, it.video.sender.ssrc)
    entry = it.video.sender.ssrc.to_bytes(4, "big") + bytes(4)
    fir = bytes(OtherRtcp(PSFB, FIR, (1).to_bytes(4, "big") + bytes(4) + entry))
    it.send(bytes(ReceiverReport(1)) + loss + fir)
    it.send(bytes(Bye((1,))))
    await asyncio.sleep(0)
    assert [type(packet) for packet in it.ears[0].rtcp] == [ReceiverReport, Bye]
    assert [getattr(packet, "count", None) for packet in it.ears[1].rtcp] == [1, FIR]


async def test_rfc9143_15_the_mid_stands_in_reports_too() -> None:
    it = flat(video_type=0)
    named = SourceDescription(((4, ((SdesItem.CNAME, b"peer"), (SdesItem.MID, b"v"))),))
    it.send(build_compound([ReceiverReport(4), named]))
    it.send(it.packet(4, 0))
    await asyncio.sleep(0)
    assert [len(ear.media) for ear in it.ears] == [0, 1]
    it.video.send_media(b"sound", 160)
    it.video.handle_report(it.rig.loop.time())
    await asyncio.sleep(0)
    assert bytes((SdesItem.MID, 1)) + b"v" in it.got()[-1]


async def test_rtcp_that_is_none() -> None:
    it = flat()
    it.send(b"\x80\xc8\x00\x09" + bytes(8))
    it.send(b"\x80")
    await asyncio.sleep(0)
    assert it.audio.not_rtp == 2


async def test_one_set_of_keys_for_all() -> None:
    it = flat()
    ours, theirs = SrtpContext(), SrtpContext()
    key, other = (CryptoKey(1, AES_80, bytes((number,)) * 30) for number in (1, 2))
    ours.set_send_key(AES_80, key.key)
    ours.set_receive_key(other)
    theirs.set_send_key(AES_80, other.key)
    theirs.set_receive_key(key)
    it.audio.secure(ours)
    assert it.video.is_secured
    it.send(it.packet(1, 96))  # in the clear
    it.send(theirs.encrypt(it.packet(1, 96)))
    it.video.send_media(b"picture", 3000)
    await asyncio.sleep(0)
    assert len(it.ears[1].media) == 1
    assert parse_packet(theirs.decrypt(it.got()[0])).payload == b"picture"


async def test_streams_leave_and_end() -> None:
    it = flat()
    assert it.rig.engine.alight(it.video, "192.0.2.1")
    assert it.video.local_address != it.audio.local_address
    assert not it.video.rides
    it.send(it.packet(1, 96))
    await asyncio.sleep(0)
    assert it.bundle.strays == 1
    it.video.set_remote(PEER)
    it.socket.sendto(it.packet(1, 96), it.video.local_address)
    it.video.send_media(b"x", 160)
    await asyncio.sleep(0)
    assert len(it.ears[1].media) == 1
    assert find_extension(it.got()[0], EXTENSION) is None
    third = it.rig.engine.open_riding(it.bundle)
    assert third.local_address == it.audio.local_address
    it.audio.close()
    third.send_media(b"x", 160)
    assert third.not_sent == 1
    third.close()
    it.video.close()
    assert len(it.rig.engine) == 0
    assert it.rig.engine.ports().used == 0


async def test_a_muted_carrier_carries_on() -> None:
    it = flat()
    it.bundle.mute(it.audio)
    it.send(it.packet(1, 96))
    it.send(it.packet(2, 0))
    it.video.send_media(b"x", 160)
    await asyncio.sleep(0)
    assert [len(ear.media) for ear in it.ears] == [0, 1]
    assert len(it.got()) == 1


async def test_a_settled_session_can_become_a_carrier() -> None:
    rig = Rig()
    first, second = rig.pair()
    third = rig.open()
    await rig.talk(first, 8)
    await rig.talk(second, 8)
    assert first._is_connected
    bundle = rig.engine.bundle(first)
    third.ride(bundle)
    bundle.agree(first, "a", 0, [0])
    ear = Ear(first)
    await rig.talk(second, 8)
    assert len(ear.media) == 8


async def test_strict_learning_holds_for_every_stream() -> None:
    it = flat()
    for number in range(6):
        it.send(it.packet(1, 96, number=number))
    await asyncio.sleep(0)
    thief = it.rig.network.open("192.0.2.66", 7000)
    thief.sendto(it.packet(1, 96, number=6), it.audio.local_address)
    await asyncio.sleep(0)
    assert len(it.ears[1].media) == 6
    assert it.video.source.dropped == 1
    it.audio.set_remote(("192.0.2.66", 7000))
    thief.sendto(it.packet(1, 96, number=7), it.audio.local_address)
    await asyncio.sleep(0)
    assert len(it.ears[1].media) == 7


async def test_a_stranger_moves_no_source_to_another_stream_and_reports_nothing() -> None:
    it = flat()
    for number in range(6):
        it.send(it.packet(1, 96, number=number))
    await asyncio.sleep(0)
    thief = it.rig.network.open("192.0.2.66", 7000)
    name = SourceDescription(((1, ((SdesItem.CNAME, b"thief"), (SdesItem.MID, b"a"))),))
    for data in (it.packet(1, 96, mid=b"a", number=6), build_compound([ReceiverReport(1), name]), bytes(Bye((1,)))):
        thief.sendto(data, it.audio.local_address)
    await asyncio.sleep(0)
    it.send(it.packet(1, 96, number=6))
    await asyncio.sleep(0)
    assert [len(ear.media) for ear in it.ears] == [0, 7]
    assert [ear.rtcp for ear in it.ears] == [[], []]


@pytest.mark.parametrize("mid", ["", "x" * 17])
async def test_a_name_that_fits_no_packet_is_not_sent(mid: str) -> None:
    it = flat()
    it.bundle.agree(it.audio, mid, EXTENSION, [0])
    it.audio.send_media(b"x", 160)
    await asyncio.sleep(0)
    assert find_extension(it.got()[0], EXTENSION) is None
