"""Feedback on pictures between two phones: lost packets are asked for and repeated, bit rates passed on, whatever the bridge."""

from __future__ import annotations

import asyncio
import re
import struct
from pathlib import Path

import pytest

from globstar.core.bridge import Bridge
from globstar.core.bridgeremb import RembBehavior, RembSettings
from globstar.core.bridgetech import BridgeCapability
from globstar.core.cli import run_command
from globstar.interfaces.cli.commands import register_commands
from globstar.media.network import MemorySocket
from tests.support.sip_phone import PhoneCall, SipOffice, Wire, phone_section, sip_office
from tests.support.virtual_loop import run_virtual

EXTENSIONS = "[default]\nexten => 101,1,Dial(PJSIP/bob)\nexten => 102,1,Dial(PJSIP/bob,,tT)\n"
OPTIONS = {"allow": "ulaw,h264", "use_avpf": "yes", "rtcp_mux": "no"}
ALICE, BOB = 0xA11CE, 0xB0B
FEEDBACK = ("nack", "nack pli", "goog-remb")


class VideoPhone:
    """The pictures of a call: a port of RTP, and the next one of RTCP."""

    def __init__(self, office: SipOffice, port: int, ssrc: int) -> None:
        self.port, self.ssrc = port, ssrc
        self.pictures, self.reports = office.media.open("127.0.0.1", port), office.media.open("127.0.0.1", port + 1)
        self.server = 0
        self.seen: list[tuple[int, bytes]] = []
        self.told: list[bytes] = []
        self.theirs = 0
        self.pictures.set_reader(lambda _now: self._see(*self.pictures.recvfrom(2048)))
        self.reports.set_reader(lambda _now: self._hear(self.reports))

    def sdp(self, call: PhoneCall, kind: int, feedback: tuple[str, ...] = FEEDBACK) -> str:
        lines = "".join(f"a=rtcp-fb:{kind} {one}\r\n" for one in feedback)
        video = f"m=video {self.port} RTP/AVP {kind}\r\na=rtpmap:{kind} H264/90000\r\na=fmtp:{kind} profile-level-id=42e01f\r\n"
        return (call.sdp() + video + lines).replace("RTP/AVP", "RTP/AVPF")

    def learn(self, message: Wire) -> None:
        self.server = int(re.search(r"m=video (\d+)", message.body)[1])  # type: ignore[index]

    def _see(self, data: bytes, _source: object) -> None:
        sequence, _, self.theirs = struct.unpack("!HII", data[2:12])
        self.seen.append((sequence, data[12:]))

    def _hear(self, socket: MemorySocket) -> None:
        data, _ = socket.recvfrom(2048)
        while data:
            size = 4 + 4 * int.from_bytes(data[2:4], "big")
            if data[1] in (205, 206):
                self.told.append(data[:size])
            data = data[size:]

    def show(self, number: int, kind: int) -> None:
        head = struct.pack("!BBHII", 0x80, 0x80 | kind, number, 3000 * number, self.ssrc)
        self.pictures.sendto(head + b"picture %d" % number, ("127.0.0.1", self.server))

    def tell(self, packet: bytes) -> None:
        report = struct.pack("!BBHI", 0x80, 201, 1, self.ssrc)
        self.reports.sendto(report + packet, ("127.0.0.1", self.server + 1))

    def can_take(self, bits: int, *others: int) -> None:
        """Tell with what bit rate the pictures of the server, and those of other sources, can be received."""
        exponent = max(bits.bit_length() - 18, 0)
        sources = (self.theirs, *others)
        rate = struct.pack("!I", len(sources) << 24 | exponent << 18 | bits >> exponent)
        head = struct.pack("!BBHII", 0x8F, 206, 4 + len(sources), self.ssrc, 0)
        self.tell(head + b"REMB" + rate + struct.pack(f"!{len(sources)}I", *sources))

    def bit_rates(self) -> list[int]:
        """What it was told of its own pictures."""
        found = [packet for packet in self.told if packet[1] == 206 and packet[12:16] == b"REMB"]
        assert all(packet[20:] == struct.pack("!I", self.ssrc) for packet in found)
        words = [int.from_bytes(packet[16:20], "big") for packet in found]
        return [(word & 0x3FFFF) << (word >> 18 & 63) for word in words]

    def numbers(self) -> list[int]:
        return [int(payload.split()[1]) for _, payload in self.seen]

    def close(self) -> None:
        self.pictures.close()
        self.reports.close()


async def call_of(
    office: SipOffice, number: str, theirs: tuple[str, ...] = FEEDBACK
) -> tuple[PhoneCall, PhoneCall, VideoPhone, VideoPhone]:
    alice, bob = office.phone("alice"), office.phone("bob")
    await bob.register()
    one, two = VideoPhone(office, 4002, ALICE), VideoPhone(office, 5002, BOB)
    calling = PhoneCall(alice, f"sip:{number}@127.0.0.1:15060")
    calling.invite(body=one.sdp(calling, 97))
    await alice.get(100)
    called = await bob.ring()
    assert called.request is not None
    assert [f"a=rtcp-fb:* {kind}" in called.request.body for kind in ("nack", "nack pli", "ccm fir", "goog-remb")] == [True] * 4
    assert "transport-cc" not in called.request.body
    two.learn(called.request)
    called.reply(200, body=two.sdp(called, 99, theirs))
    await bob.get("ACK")
    answer = await calling.answered()
    assert "a=rtcp-fb:* nack\r\n" in answer.body
    assert "ccm fir" not in answer.body
    one.learn(answer)
    return calling, called, one, two


async def end(calling: PhoneCall, called: PhoneCall, *phones: VideoPhone) -> None:
    await calling.hang_up()
    await called.ended()
    for phone in phones:
        phone.close()


async def repeated(root: Path, number: str, technology: str) -> None:
    async with sip_office(root, phone_section("alice", **OPTIONS) + phone_section("bob", **OPTIONS), EXTENSIONS) as office:
        calling, called, alice, bob = await call_of(office, number)
        assert (await office.bridged()).technology.name == technology
        for place in (0, 1, 2, 4, 5, 7):
            alice.show(place + 65530 & 0xFFFF, 97)
            await asyncio.sleep(0.02)
        # the server asks alice for what it has not got, under the numbers and the source that she knows
        assert bytes.fromhex("81cd0003") + alice.told[0][4:8] + struct.pack("!IHH", ALICE, 65533, 0) == alice.told[0]
        assert struct.unpack("!IHH", alice.told[1][8:16])[1] in (65533, 0)
        asked = {struct.unpack("!H", packet[12:14])[0] for packet in alice.told}
        assert asked == {65533, 0}
        alice.show(65533, 97)
        alice.show(0, 97)
        await asyncio.sleep(0.2)
        assert sorted(bob.numbers()) == [0, 1, *range(65530, 65536)]
        first = bob.seen[0][0]
        assert sorted((sequence - first) & 0xFFFF for sequence, _ in bob.seen) == list(range(8))
        by_number = {int(payload.split()[1]): sequence for sequence, payload in bob.seen}
        assert [(by_number[number & 0xFFFF] - first) & 0xFFFF for number in range(65530, 65538)] == list(range(8))
        # bob asks for two that he has lost, and one that never was: they come from what the server has kept
        count = len(bob.seen)
        lost, later = by_number[65531], by_number[65534]
        mask = 1 << (later - lost - 1 & 0xFFFF)
        bob.tell(struct.pack("!BBHIIHH", 0x81, 205, 3, BOB, bob.theirs, lost, mask))
        bob.tell(struct.pack("!BBHIIHH", 0x81, 205, 3, BOB, bob.theirs, lost - 5 & 0xFFFF, 0))
        await asyncio.sleep(0.1)
        assert [int(payload.split()[1]) for _, payload in bob.seen[count:]] == [65531, 65534]
        assert [sequence for sequence, _ in bob.seen[count:]] == [lost, later]
        told = len(alice.told)
        await asyncio.sleep(1)
        assert len(alice.told) == told, "nothing more is asked for"
        await end(calling, called, alice, bob)


@pytest.mark.parametrize(("number", "technology"), [("101", "native_rtp"), ("102", "simple_bridge")])
def test_rfc4585_lost_pictures_are_asked_for_and_repeated(tmp_path: Path, number: str, technology: str) -> None:
    run_virtual(repeated(tmp_path, number, technology))


async def rates(root: Path, number: str) -> None:
    async with sip_office(root, phone_section("alice", **OPTIONS) + phone_section("bob", **OPTIONS), EXTENSIONS) as office:
        calling, called, alice, bob = await call_of(office, number)
        for place in range(3):
            alice.show(place, 97)
            await asyncio.sleep(0.02)
        bob.tell(
            struct.pack("!BBHII", 0x8F, 206, 5, BOB, 0) + b"REMB" + bytes.fromhex("010bd090") + struct.pack("!I", bob.theirs)
        )
        await asyncio.sleep(0.1)
        (told,) = alice.told
        assert told[:4] == bytes.fromhex("8fce0005")
        assert told[8:] == bytes(4) + b"REMB" + bytes.fromhex("010bd090") + struct.pack("!I", ALICE)
        bob.tell(struct.pack("!BBHII", 0x8F, 206, 5, BOB, 0) + b"REMB" + bytes.fromhex("010bd090") + b"else")
        await asyncio.sleep(0.1)
        assert len(alice.told) == 1
        register_commands(office.system)
        callee = next(name for name in office.system.channels if "bob" in name)
        assert "set to 256000" in await run_command(office.system, f"remb set receive {callee} 256000")
        bob.can_take(900_000)
        await asyncio.sleep(0.1)
        assert alice.bit_rates()[1:] == [256_000]
        await run_command(office.system, f"remb set receive {callee} 0")
        bob.can_take(800_000)
        await asyncio.sleep(0.1)
        assert alice.bit_rates()[2:] == [800_000]
        await end(calling, called, alice, bob)


@pytest.mark.parametrize("number", ["101", "102"])
def test_remb_is_passed_on_under_the_sources_that_the_other_side_knows(tmp_path: Path, number: str) -> None:
    run_virtual(rates(tmp_path, number))


async def conference_rates(root: Path) -> None:
    names = ("alice", "bob", "carol")
    pjsip = "".join(phone_section(name, **OPTIONS) for name in names)
    async with sip_office(root, pjsip, "[default]\nexten => 602,1,Answer(,i)\n same => n,Wait(60)\n") as office:
        bridge = Bridge(office.system, capabilities=BridgeCapability.MULTIMIX, kind="base", dissolve_on_hangup=False)
        bridge.set_video_mode("sfu")
        bridge.set_remb(RembSettings(500, RembBehavior.LOWEST))
        calls, cameras = [], []
        for place, name in enumerate(names):
            camera = VideoPhone(office, 4002 + 1000 * place, 0xA11CE + place)
            phone = office.phone(name)
            call = PhoneCall(phone, "sip:602@127.0.0.1:15060")
            call.invite(body=camera.sdp(call, 97))
            await phone.get(100)
            camera.learn(await call.answered())
            bridge.join(next(one for one in office.system.channels.values() if one.name.startswith(f"PJSIP/{name}-")))
            calls.append(call)
            cameras.append(camera)
        alice, bob, carol = cameras
        for number in range(3):
            for camera in cameras:
                camera.show(number, 97)
            await asyncio.sleep(0.02)
        assert alice.numbers() == bob.numbers() == carol.numbers() == [0, 1, 2]  # each has one stream of pictures: of the first
        bob.can_take(800_000)
        carol.can_take(600_000)
        await asyncio.sleep(0.6)
        assert [camera.bit_rates() for camera in cameras] == [[600_000], [], []]
        alice.can_take(256_000)
        carol.can_take(1_000_000, 0xCA401)  # what two sources share
        await asyncio.sleep(0.5)
        assert [camera.bit_rates() for camera in cameras] == [[600_000, 500_000], [256_000], []]
        # who has lost the picture of one has that one asked for it, by PLI
        for camera in cameras:
            camera.told.clear()
        bob.tell(struct.pack("!BBHII", 0x81, 206, 2, bob.ssrc, bob.theirs))
        await asyncio.sleep(0.1)
        assert [[packet[:2] for packet in camera.told] for camera in cameras] == [[b"\x81\xce"], [], []]
        assert alice.told[0][8:12] == struct.pack("!I", alice.ssrc)
        for call in calls:
            await call.hang_up()
        assert bridge.is_dissolved
        for camera in cameras:
            camera.close()


def test_what_receivers_in_a_conference_can_take_is_told_to_senders(tmp_path: Path) -> None:
    run_virtual(conference_rates(tmp_path))


async def whole_pictures(root: Path) -> None:
    """alice knows PLI, bob FIR alone: each is asked in the way that it knows."""
    async with sip_office(root, phone_section("alice", **OPTIONS) + phone_section("bob", **OPTIONS), EXTENSIONS) as office:
        calling, called, alice, bob = await call_of(office, "101", ("ccm fir",))
        for place in range(3):
            alice.show(place, 97)
            bob.show(place, 99)
            await asyncio.sleep(0.02)
        bob.tell(struct.pack("!BBHIIIBBH", 0x84, 206, 4, BOB, 0, bob.theirs, 7, 0, 0))
        alice.tell(struct.pack("!BBHII", 0x81, 206, 2, ALICE, alice.theirs))
        alice.tell(struct.pack("!BBHII", 0x81, 206, 2, ALICE, alice.theirs))
        await asyncio.sleep(0.1)
        assert [packet[:4] + packet[8:] for packet in alice.told] == [struct.pack("!BBHI", 0x81, 206, 2, ALICE)]
        wanted = [struct.pack("!BBHIIBBH", 0x84, 206, 4, 0, BOB, count, 0, 0) for count in (1, 2)]
        assert [packet[:4] + packet[8:] for packet in bob.told] == wanted
        # bob minds no NACK: nothing is kept for him, and nothing asked of him
        bob.show(5, 99)
        await asyncio.sleep(0.1)
        assert len(bob.told) == 2
        await end(calling, called, alice, bob)


def test_rfc5104_who_knows_full_intra_requests_alone_is_asked_by_them(tmp_path: Path) -> None:
    run_virtual(whole_pictures(tmp_path))


async def browsers_offer(root: Path) -> None:
    pjsip = phone_section("carol", allow="ulaw,vp8", webrtc="yes")
    async with sip_office(root, pjsip, "[default]\nexten => 600,1,Answer()\n same => n,Wait(60)\n") as office:
        carol = office.phone("carol")
        call = carol.call("600", has_offer=False)
        await carol.get(100)
        offer = await carol.get(200)
        video = offer.body.partition("m=video")[2]
        kinds = re.findall(r"a=rtcp-fb:\* (.*)\r", video)
        assert sorted(kinds) == ["ccm fir", "goog-remb", "nack", "nack pli", "transport-cc"]
        extensions = re.findall(r"a=extmap:(\d+) (\S*)\r", video)
        assert len({number for number, _ in extensions}) == 2
        assert any("transport-wide-cc" in name for _, name in extensions)
        assert "transport-wide-cc" not in offer.body.partition("m=video")[0]
        call.take_answer(offer)
        await call.ended()  # there was no answer in the ACK


def test_a_browser_is_offered_all_kinds_of_feedback(tmp_path: Path) -> None:
    run_virtual(browsers_offer(tmp_path))
