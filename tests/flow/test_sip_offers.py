"""Offers and answers of calls over PJSIP: which streams, codecs, profiles and addresses, by option of the endpoint."""

from __future__ import annotations

import asyncio
import itertools
import re
from pathlib import Path

import pytest

from tests.support.sip_phone import PhoneCall, SipOffice, SipPhone, Wire, phone_section, sip_office

EXTENSIONS = """\
[default]
exten => 101,1,Dial(PJSIP/bob,20)
exten => 102,1,Dial(PJSIP/bob,20,b(default^offer^1))
exten => 600,1,Answer()
 same => n,Echo()
exten => offer,1,Set(PJSIP_MEDIA_OFFER(audio)=!all,alaw)
 same => n,Return()
"""


def sdp(media: str, *, address: str = "127.0.0.1") -> str:
    """A description of these m-lines, given with bare line ends."""
    family = "IP6" if ":" in address else "IP4"
    text = f"v=0\no=- 7 1 IN {family} {address}\ns=-\nc=IN {family} {address}\nt=0 0\n{media}"
    return text.replace("\n", "\r\n")


def media_lines(message: Wire) -> list[str]:
    """The m-lines of a description, with ports of streams that are used as 1."""
    return [re.sub(r"^(m=\w+) [1-9]\d*", r"\1 1", line) for line in message.body.split("\r\n") if line.startswith("m=")]


def section(message: Wire, kind: str) -> list[str]:
    """The lines of the first stream of a kind."""
    found = re.search(rf"m={kind}.*?(?=m=|\Z)", message.body, re.DOTALL)
    return found[0].strip().split("\r\n") if found else []


async def answer_to(root: Path, offer: str, **options: object) -> Wire:
    """The final response to an INVITE with this offer."""
    async with sip_office(root, phone_section("alice", **options), EXTENSIONS) as office:
        alice = office.phone("alice")
        call = alice.call("600", sdp=offer)
        await alice.get(100)
        final = await alice._answer()
        if final.status == 200:
            call.take_answer(final)
            await call.hang_up()
        else:
            call.refused(final)
        return final


AUDIO = "m=audio 4000 RTP/AVP 0 8 101\na=rtpmap:101 telephone-event/8000\n"
VIDEO = "m=video 4002 RTP/AVP 97\na=rtpmap:97 H264/90000\na=fmtp:97 profile-level-id=42e01f;packetization-mode=1\n"
TEXT = "m=text 4004 RTP/AVP 98 99\na=rtpmap:98 t140/1000\na=rtpmap:99 red/1000\na=fmtp:99 98/98/98\n"
SRTP = "a=crypto:1 AES_CM_128_HMAC_SHA1_80 inline:AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA\n"


@pytest.mark.parametrize(
    ("offer", "options", "lines"),
    [
        (AUDIO, {}, ["m=audio 1 RTP/AVP 0 101"]),
        (AUDIO, {"allow": "alaw,ulaw"}, ["m=audio 1 RTP/AVP 8 0 101"]),
        (AUDIO, {"allow": "alaw,ulaw", "preferred_codec_only": "yes"}, ["m=audio 1 RTP/AVP 8 101"]),
        (AUDIO, {"allow": "alaw,ulaw", "incoming_call_offer_pref": "remote"}, ["m=audio 1 RTP/AVP 0 8 101"]),
        (AUDIO, {"allow": "alaw,ulaw", "codec_prefs_incoming_offer": "prefer: pending"}, ["m=audio 1 RTP/AVP 0 8 101"]),
        (
            AUDIO,
            {"allow": "alaw,ulaw", "codec_prefs_incoming_offer": "prefer: configured, keep: first"},
            ["m=audio 1 RTP/AVP 8 101"],
        ),
        (
            AUDIO,
            {"allow": "g722,alaw,ulaw", "codec_prefs_incoming_offer": "prefer: configured, operation: only_preferred"},
            ["m=audio 1 RTP/AVP 8 0 101"],
        ),
        (
            AUDIO,
            {"allow": "alaw,ulaw", "codec_prefs_outgoing_answer": "prefer: pending, operation: intersect, keep: first"},
            ["m=audio 1 RTP/AVP 8 101"],
        ),
        (AUDIO, {"dtmf_mode": "inband"}, ["m=audio 1 RTP/AVP 0"]),
        (AUDIO, {"dtmf_mode": "auto"}, ["m=audio 1 RTP/AVP 0 101"]),
        (AUDIO, {"dtmf_mode": "info"}, ["m=audio 1 RTP/AVP 0"]),
        # RTP/AVP with keys that need not be used: plain media
        (AUDIO + SRTP, {}, ["m=audio 1 RTP/AVP 0 101"]),
        (AUDIO.replace("AVP", "SAVP") + SRTP, {}, []),
        (AUDIO.replace("AVP", "AVPF"), {}, []),
        (AUDIO.replace("AVP", "AVPF"), {"use_avpf": "yes"}, ["m=audio 1 RTP/AVPF 0 101"]),
        (AUDIO, {"use_avpf": "yes"}, []),
        (AUDIO.replace("AVP", "AVPF"), {"media_use_received_transport": "yes"}, ["m=audio 1 RTP/AVPF 0 101"]),
        (AUDIO + VIDEO, {}, ["m=audio 1 RTP/AVP 0 101", "m=video 0 RTP/AVP 97"]),
        (AUDIO + VIDEO, {"allow": "ulaw,h264"}, ["m=audio 1 RTP/AVP 0 101", "m=video 1 RTP/AVP 97"]),
        (AUDIO + VIDEO, {"allow": "ulaw,vp8"}, ["m=audio 1 RTP/AVP 0 101", "m=video 0 RTP/AVP 97"]),
        (AUDIO + VIDEO, {"allow": "ulaw,h264", "max_video_streams": 0}, ["m=audio 1 RTP/AVP 0 101", "m=video 0 RTP/AVP 97"]),
        (
            AUDIO + VIDEO + VIDEO,
            {"allow": "ulaw,h264", "max_video_streams": 2},
            ["m=audio 1 RTP/AVP 0 101", "m=video 1 RTP/AVP 97", "m=video 1 RTP/AVP 97"],
        ),
        (
            AUDIO + VIDEO + VIDEO,
            {"allow": "ulaw,h264"},
            ["m=audio 1 RTP/AVP 0 101", "m=video 1 RTP/AVP 97", "m=video 0 RTP/AVP 97"],
        ),
        (VIDEO + AUDIO, {"allow": "ulaw,h264"}, ["m=video 1 RTP/AVP 97", "m=audio 1 RTP/AVP 0 101"]),
        (AUDIO + TEXT, {"allow": "ulaw,t140"}, ["m=audio 1 RTP/AVP 0 101", "m=text 1 RTP/AVP 98"]),
        (AUDIO + TEXT, {"allow": "ulaw,red,t140"}, ["m=audio 1 RTP/AVP 0 101", "m=text 1 RTP/AVP 99 98"]),
        (AUDIO + TEXT, {}, ["m=audio 1 RTP/AVP 0 101", "m=text 0 RTP/AVP 98 99"]),
        (
            AUDIO + "m=image 4006 udptl t38\nm=application 4008 UDP/BFCP *\n",
            {},
            ["m=audio 1 RTP/AVP 0 101", "m=image 0 udptl t38", "m=application 0 UDP/BFCP *"],
        ),
        (VIDEO.replace("4002", "0") + AUDIO, {"allow": "ulaw,h264"}, ["m=video 0 RTP/AVP 97", "m=audio 1 RTP/AVP 0 101"]),
        (AUDIO, {"max_audio_streams": 0}, []),
    ],
    ids=lambda value: "" if isinstance(value, list) else None,
)
async def test_answer_to_an_offer(tmp_path: Path, offer: str, options: dict[str, object], lines: list[str]) -> None:
    """The m-lines of the answer in the order of the offer; none means 488."""
    final = await answer_to(tmp_path, sdp(offer), **options)
    assert final.status == (200 if lines else 488)
    assert media_lines(final) == lines


async def test_rfc6184_8_2_2_parameters_of_video_are_repeated(tmp_path: Path) -> None:
    final = await answer_to(tmp_path, sdp(AUDIO + VIDEO), allow="ulaw,h264")
    assert section(final, "video")[1:] == [
        "a=rtpmap:97 H264/90000", "a=fmtp:97 profile-level-id=42e01f;packetization-mode=1", "a=sendrecv",
    ]  # fmt: skip


async def test_use_ptime_repeats_the_packet_time(tmp_path: Path) -> None:
    wish = AUDIO + "a=ptime:40\n"
    assert "a=ptime:20" in section(await answer_to(tmp_path / "a", sdp(wish)), "audio")
    assert "a=ptime:40" in section(await answer_to(tmp_path / "b", sdp(wish), use_ptime="yes"), "audio")


async def test_g726_with_the_bits_of_aal2(tmp_path: Path) -> None:
    """g726_non_standard: G726-32 in SDP is AAL2's bit order here, so such a channel's codec is g726aal2."""
    offer = sdp("m=audio 4000 RTP/AVP 111\na=rtpmap:111 G726-32/8000\n")
    pjsip = phone_section("alice", allow="g726", g726_non_standard="yes")
    async with sip_office(tmp_path, pjsip, "[default]\nexten => 1,1,Answer()\n same => n,Wait(9)\n") as office:
        alice = office.phone("alice")
        call = alice.call("1", sdp=offer)
        await alice.get(100)
        answer = await call.answered()
        assert "a=rtpmap:111 G726-32/8000" in section(answer, "audio")
        assert [str(channel.native_formats) for channel in office.system.channels.values()] == ["(g726aal2)"]
        await call.hang_up()


async def test_media_over_ipv6(tmp_path: Path) -> None:
    """media_address of the other family: sockets and SDP are IPv6 while signalling is IPv4."""
    pjsip = phone_section("alice", media_address="2001:db8::5", bind_rtp_to_media_address="yes")
    async with sip_office(tmp_path, pjsip, EXTENSIONS) as office:
        alice = office.phone("alice")
        call = alice.call("600", sdp=sdp(AUDIO, address="2001:db8::9"))
        await alice.get(100)
        answer = await alice.get(200)
        call.take_answer(Wire(answer.text.replace("m=audio", "m=other")))
        assert "c=IN IP6 2001:db8::5\r\n" in answer.body
        assert [session.local_address[0] for session in office.driver.rtp.sessions] == ["2001:db8::5"]
        await call.hang_up()


async def test_own_ports_and_marks(tmp_path: Path) -> None:
    """rtp_port_start and rtp_port_end give an endpoint its own range; tos and cos are on its sockets."""
    pjsip = phone_section(
        "alice", allow="ulaw,h264", rtp_port_start=40000, rtp_port_end=40010, tos_audio="ef", cos_audio=5, tos_video="af41",
        cos_video=4,
    )  # fmt: skip
    async with sip_office(tmp_path, pjsip, EXTENSIONS) as office:
        alice = office.phone("alice")
        call = await alice.dial("600", sdp=sdp(AUDIO + VIDEO))
        marks = {port: mark for (_, port), mark in office.media.marks.items() if 40000 <= port <= 40010}
        assert sorted(marks.values()) == [(0x88, 4), (0x88, 4), (0xB8, 5), (0xB8, 5)]
        await call.hang_up()


async def both(office: SipOffice, number: str = "101", offer: str = "") -> tuple[PhoneCall, Wire, PhoneCall]:
    """Alice calls; the offer that bob gets."""
    alice, bob = office.phone("alice"), office.phone("bob")
    await bob.register()
    calling = alice.call(number, sdp=offer)
    await alice.get(100)
    called = await bob.ring()
    assert called.request is not None
    return calling, called.request, called


@pytest.mark.parametrize(
    ("number", "alice", "bob", "offer", "lines"),
    [
        ("101", {}, {"allow": "alaw,ulaw"}, AUDIO, ["m=audio 1 RTP/AVP 0 8 101"]),
        ("101", {}, {"allow": "alaw,ulaw", "outgoing_call_offer_pref": "local"}, AUDIO, ["m=audio 1 RTP/AVP 0 101"]),
        ("101", {}, {"allow": "alaw,ulaw", "outgoing_call_offer_pref": "local_merge"}, AUDIO, ["m=audio 1 RTP/AVP 8 0 101"]),
        (
            "101", {}, {"allow": "g722,alaw,ulaw", "codec_prefs_outgoing_offer": "prefer: configured, operation: union"}, AUDIO,
            ["m=audio 1 RTP/AVP 9 8 0 101"],
        ),
        (
            "101", {}, {"allow": "g722,alaw,ulaw", "codec_prefs_outgoing_offer": "prefer: pending, operation: intersect"}, AUDIO,
            ["m=audio 1 RTP/AVP 0 101"],
        ),
        (
            "101", {"codec_prefs_incoming_offer": "prefer: pending, transcode: prevent"}, {"allow": "alaw,ulaw"}, AUDIO,
            ["m=audio 1 RTP/AVP 0 101"],
        ),
        ("102", {}, {"allow": "alaw,ulaw"}, AUDIO, ["m=audio 1 RTP/AVP 8 101"]),
        ("101", {}, {"use_avpf": "yes"}, AUDIO, ["m=audio 1 RTP/AVPF 0 101"]),
        ("101", {}, {"allow": "ulaw,h264"}, AUDIO, ["m=audio 1 RTP/AVP 0 101"]),
        (
            "101", {"allow": "ulaw,h264"}, {"allow": "ulaw,vp8,h264"}, AUDIO + VIDEO,
            ["m=audio 1 RTP/AVP 0 101", "m=video 1 RTP/AVP 99"],
        ),
        ("101", {"allow": "ulaw,h264"}, {"allow": "ulaw,vp8"}, AUDIO + VIDEO, ["m=audio 1 RTP/AVP 0 101"]),
        ("101", {"allow": "ulaw,h264"}, {}, AUDIO + VIDEO, ["m=audio 1 RTP/AVP 0 101"]),
    ],
)  # fmt: skip
async def test_offer_of_an_outgoing_call(
    tmp_path: Path, number: str, alice: dict[str, object], bob: dict[str, object], offer: str, lines: list[str]
) -> None:
    pjsip = phone_section("alice", **alice) + phone_section("bob", **bob)
    async with sip_office(tmp_path, pjsip, EXTENSIONS) as office:
        calling, request, called = await both(office, number, sdp(offer))
        assert media_lines(request) == lines
        if "video" in request.body:
            assert "a=fmtp:99 profile-level-id=42e01f;packetization-mode=1" in section(request, "video")
        called.reply(486)
        await called.phone.get("ACK")
        calling.refused(await calling.phone.get(486))


async def test_transcoding_prevented(tmp_path: Path) -> None:
    """transcode: prevent and no codec in common: the callee is not even called."""
    pjsip = phone_section("alice", codec_prefs_incoming_offer="transcode: prevent") + phone_section("bob", allow="alaw")
    async with sip_office(tmp_path, pjsip, EXTENSIONS) as office:
        alice, bob = office.phone("alice"), office.phone("bob")
        await bob.register()
        call = alice.call("101", sdp=sdp(AUDIO))
        await alice.get(100)
        call.refused(await alice._answer())
        await office.quiet()


class Stream:
    """A phone's socket for a stream beside its audio."""

    def __init__(self, phone: SipPhone, port: int) -> None:
        self.socket = phone.office.media.open(phone.address[0], port)
        self.heard: list[bytes] = []
        self.socket.set_reader(self._read)

    def _read(self, _now: float) -> None:
        data, _ = self.socket.recvfrom(2048)
        if not 192 <= data[1] <= 223:
            self.heard.append(data)


def port_of(message: Wire, kind: str) -> int:
    """The port that a stream's m-line names."""
    return int(section(message, kind)[0].split()[1])


def packet(kind: int, sequence: int, time: int, payload: bytes, marker: bool = False) -> bytes:
    return (
        bytes([0x80, kind | (0x80 if marker else 0)]) + sequence.to_bytes(2, "big") + time.to_bytes(4, "big") + b"SSRC" + payload
    )


@pytest.mark.parametrize("hooked", [False, True], ids=["relayed", "as frames"])
async def test_video_and_text_pass(tmp_path: Path, hooked: bool) -> None:
    """Packets of video and text reach the other phone under its numbers, with the times and markers of the pictures."""
    pjsip = phone_section("alice", allow="ulaw,h264,t140") + phone_section(
        "bob", allow="alaw,h264,t140" if hooked else "ulaw,h264,t140"
    )
    async with sip_office(tmp_path, pjsip, EXTENSIONS) as office:
        calling, request, called = await both(office, offer=sdp(AUDIO + VIDEO + TEXT))
        assert media_lines(request)[1:] == ["m=video 1 RTP/AVP 99", "m=text 1 RTP/AVP 106"]
        theirs = Stream(called.phone, 5002), Stream(called.phone, 5004)
        mine = Stream(calling.phone, 4002), Stream(calling.phone, 4004)
        kind = request.body.split("m=audio ")[1].split()[2]
        called.reply(200, body=sdp(
            f"m=audio {called.rtp_port} RTP/AVP {kind}\nm=video 5002 RTP/AVP 99\na=rtpmap:99 H264/90000\n"
            "m=text 5004 RTP/AVP 106\na=rtpmap:106 t140/1000\n"
        ))  # fmt: skip
        await called.phone.get("ACK")
        answer = await calling.answered()
        await asyncio.sleep(0.1)
        name = next(iter(office.system.bridges.values())).technology.name
        assert name == ("simple_bridge" if hooked else "native_rtp")
        to_us = ("127.0.0.1", port_of(answer, "video"))
        for sequence, (time, marker) in enumerate([(9000, False), (9000, True), (12000, False), (12000, True)], 100):
            mine[0].socket.sendto(packet(97, sequence, time, b"picture", marker), to_us)
            await asyncio.sleep(0.01)
        mine[1].socket.sendto(packet(98, 5, 77, b"Hello"), ("127.0.0.1", port_of(answer, "text")))
        theirs[0].socket.sendto(packet(99, 1, 5, b"back", True), ("127.0.0.1", port_of(request, "video")))
        await asyncio.sleep(0.1)
        pictures = theirs[0].heard
        assert [data[12:] for data in pictures] == [b"picture"] * 4
        assert [data[1] for data in pictures] == [99, 99 | 0x80, 99, 99 | 0x80]
        times = [int.from_bytes(data[4:8], "big") for data in pictures]
        assert [time - times[0] & 0xFFFFFFFF for time in times] == [0, 0, 3000, 3000]
        sequences = [int.from_bytes(data[2:4], "big") for data in pictures]
        assert [number - sequences[0] & 0xFFFF for number in sequences] == [0, 1, 2, 3]
        assert [(data[1] & 0x7F, data[12:]) for data in theirs[1].heard] == [(106, b"Hello")]
        assert [(data[1] & 0x7F, data[12:]) for data in mine[0].heard] == [(97, b"back")]
        for stream in (*theirs, *mine):
            stream.socket.close()
        await calling.hang_up()
        await called.ended()


async def test_packets_of_the_length_that_is_asked_for(tmp_path: Path) -> None:
    """allow=ulaw:40: what comes in packets of 20 ms goes on in packets of 40 ms."""
    pjsip = phone_section("alice") + phone_section("bob", allow="ulaw:40")
    async with sip_office(tmp_path, pjsip, EXTENSIONS) as office:
        calling, request, called = await both(office)
        assert "a=ptime:40" in section(request, "audio")
        await called.answer()
        await calling.answered()
        await asyncio.sleep(0.1)
        bridge = next(iter(office.system.bridges.values()))
        assert "native_rtp: PJSIP/bob-00000001: packets of 40 ms are asked for" in bridge.explain()
        await calling.speak(20)
        await asyncio.sleep(0.1)
        assert [len(payload) for _, payload in called.heard] == [320] * 10
        times = [int.from_bytes(data[4:8], "big") for data in called.packets]
        assert {second - first for first, second in itertools.pairwise(times)} == {320}
        await calling.hang_up()
        await called.ended()


@pytest.mark.parametrize(("option", "kinds"), [("no", {8}), ("yes", {0})])
async def test_asymmetric_rtp_codec(tmp_path: Path, option: str, kinds: set[int]) -> None:
    """The phone begins to send the other agreed codec: it gets that too, unless asymmetric_rtp_codec lets both differ."""
    pjsip = phone_section("alice", allow="ulaw,alaw", asymmetric_rtp_codec=option)
    async with sip_office(tmp_path, pjsip, EXTENSIONS) as office:
        alice = office.phone("alice")
        call = await alice.dial("600", sdp=sdp("m=audio 21000 RTP/AVP 0 8\n"))
        await call.speak(5)
        await asyncio.sleep(0.1)
        assert {kind for kind, _ in call.heard} == {0}
        call.heard.clear()
        await call.speak(10, 0xD5, 8)
        await asyncio.sleep(0.1)
        assert {kind for kind, _ in call.heard} == kinds
        await call.hang_up()


@pytest.mark.parametrize(("setting", "codecs"), [("no", "0"), ("yes", "0 8")])
async def test_reinvite_without_sdp(tmp_path: Path, setting: str, codecs: str) -> None:
    """Our offer has what was agreed, or all that the endpoint allows (all_codecs_on_empty_reinvite)."""
    pjsip = f"[global](+)\nall_codecs_on_empty_reinvite={setting}\n\n" + phone_section("alice", allow="ulaw,alaw")
    async with sip_office(tmp_path, pjsip, EXTENSIONS) as office:
        alice = office.phone("alice")
        call = await alice.dial("600", sdp=sdp("m=audio 21000 RTP/AVP 0 101\na=rtpmap:101 telephone-event/8000\n"))
        call.invite()
        offer = await alice.get(200)
        assert media_lines(offer) == [f"m=audio 1 RTP/AVP {codecs} 101"]
        call._send("ACK", "Content-Type: application/sdp\r\n", call.sdp("8 101" if setting == "yes" else "0 101"), cseq=call.cseq)
        await call.speak(5, 0xD5, 8 if setting == "yes" else 0)
        await asyncio.sleep(0.1)
        assert {kind for kind, _ in call.heard} == {8 if setting == "yes" else 0}
        await call.hang_up()


async def test_delayed_offer_with_video(tmp_path: Path) -> None:
    """An INVITE without SDP gets all that the endpoint allows in the 200; the ACK answers it."""
    async with sip_office(tmp_path, phone_section("alice", allow="ulaw,h264"), EXTENSIONS) as office:
        alice = office.phone("alice")
        call = alice.call("600", has_offer=False)
        await alice.get(100)
        offer = await alice.get(200)
        assert media_lines(offer) == ["m=audio 1 RTP/AVP 0 101", "m=video 1 RTP/AVP 99"]
        call.to, call.target = offer["To"], offer["Contact"].strip("<>")
        answer = sdp(f"m=audio {call.rtp_port} RTP/AVP 0\nm=video 0 RTP/AVP 99\n")
        call._send("ACK", "Content-Type: application/sdp\r\n", answer, cseq=int(offer["CSeq"].split()[0]))
        await asyncio.sleep(0.1)
        assert len(office.driver.rtp.sessions) == 1, "the port of the declined video is given back"
        await call.hang_up()


async def test_another_codec_in_a_bridged_call(tmp_path: Path) -> None:
    """Alice changes to a-law and another port: packets were relayed, now they are translated, and go where she says."""
    pjsip = phone_section("alice", allow="ulaw,alaw") + phone_section("bob")
    async with sip_office(tmp_path, pjsip, EXTENSIONS) as office:
        calling, _, called = await both(office, offer=sdp("m=audio 21000 RTP/AVP 0\n"))
        await called.answer()
        await calling.answered()
        bridge = next(iter(office.system.bridges.values()))
        assert bridge.technology.name == "native_rtp"
        moved = PhoneCall(calling.phone, calling.target)
        calling.invite(body=sdp(f"m=audio {moved.rtp_port} RTP/AVP 8\n"))
        answer = await calling.phone.get(200)
        calling._send("ACK", cseq=calling.cseq)
        assert media_lines(answer) == ["m=audio 1 RTP/AVP 8"]
        assert bridge.technology.name == "simple_bridge"
        moved.learn_media(answer)
        await asyncio.gather(moved.speak(5, 0xD5, 8), called.speak(5, 0xFF))
        await asyncio.sleep(0.1)
        assert {kind for kind, _ in called.heard} == {0}
        assert {kind for kind, _ in moved.heard} == {8}
        assert len(called.heard) == len(moved.heard) == 5
        assert not calling.heard
        await calling.hang_up()
        await called.ended()


async def test_other_payload_numbers_in_a_relayed_call(tmp_path: Path) -> None:
    """Alice gives her telephone-event another number in a re-INVITE: what is relayed to her has it at once."""
    pjsip = phone_section("alice") + phone_section("bob")
    async with sip_office(tmp_path, pjsip, EXTENSIONS) as office:
        calling, _, called = await both(office)
        await called.answer()
        await calling.answered()
        body = calling.sdp().replace("0 101", "0 97").replace("rtpmap:101", "rtpmap:97")
        calling.invite(body=body)
        await calling.phone.get(200)
        calling._send("ACK", cseq=calling.cseq)
        await called.speak(3)
        await called.press(5)
        await asyncio.sleep(0.1)
        assert next(iter(office.system.bridges.values())).technology.name == "native_rtp"
        assert {kind for kind, _ in calling.heard} == {0, 97}
        await calling.hang_up()
        await called.ended()
