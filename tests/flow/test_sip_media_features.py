"""Digits in every mode, fax tones, streams that come in the middle of a call, and what CHANNEL() tells of media."""

from __future__ import annotations

import asyncio
import audioop
import itertools
import re
import struct
from pathlib import Path

import pytest

from globstar.proto.rtp.red import RedReceiver, RedSender, parse_red
from tests.support.sip_phone import PhoneCall, SipOffice, Wire, phone_section, sip_office
from tests.unit.dsp.test_faxtone import tone

EXTENSIONS = """\
[default]
exten => 101,1,Dial(PJSIP/bob,20)
exten => 600,1,Answer()
 same => n,Echo()
exten => 601,1,Answer()
 same => n,SendDTMF(5)
 same => n,Wait(60)
exten => 602,1,Answer()
 same => n,Wait(1)
 same => n,Set(PJSIP_DTMF_MODE()=${MODE})
 same => n,Wait(60)
exten => 603,1,Set(PJSIP_DTMF_MODE()=info)
 same => n,Answer()
 same => n,Wait(60)
exten => fax,1,Set(GLOBAL(FAXED)=${FAXEXTEN})
 same => n,Hangup()
"""


async def both(office: SipOffice, *, codecs: str = "0 101") -> tuple[PhoneCall, PhoneCall]:
    """Alice in a call with bob."""
    alice, bob = office.phone("alice"), office.phone("bob")
    await bob.register()
    calling = alice.call("101")
    await alice.get(100)
    called = await bob.ring()
    called.reply(200, body=called.sdp(codecs))
    await bob.get("ACK")
    await calling.answered()
    return calling, called


@pytest.mark.parametrize(
    ("mode", "codecs", "how"),
    [
        ("rfc4733", "0 101", "event"),
        ("inband", "0 101", "tone"),
        ("info", "0 101", "info"),
        ("auto", "0 101", "event"),
        ("auto", "0", "tone"),
        ("auto_info", "0 101", "event"),
        ("auto_info", "0", "info"),
        ("none", "0 101", ""),
    ],
)
async def test_how_a_digit_is_sent(tmp_path: Path, mode: str, codecs: str, how: str) -> None:
    """SendDTMF in each dtmf_mode, to a phone with and without telephone-event."""
    async with sip_office(tmp_path, phone_section("alice", dtmf_mode=mode), EXTENSIONS) as office:
        alice = office.phone("alice")
        call = PhoneCall(alice, "sip:601@127.0.0.1:15060")
        call.invite(body=call.sdp(codecs))
        await alice.get(100)
        answer = await call.answered()
        assert ("telephone-event" in answer.body) == (how == "event")
        if how == "info":
            info = await alice.get("INFO")
            assert info["Content-Type"] == "application/dtmf-relay"
            assert info.body.startswith("Signal=5\r\n")
            call.reply(200, request=info)
        await asyncio.sleep(1)
        events = {payload[0] for kind, payload in call.heard if kind == 101}
        loud = any(kind == 0 and max(audioop.ulaw2lin(payload, 2)) > 50 for kind, payload in call.heard if payload)
        assert (events, loud) == ({5} if how == "event" else set(), how == "tone")
        await call.hang_up()
        await office.quiet()


@pytest.mark.parametrize(
    ("mode", "codecs"),
    [("inband", "0"), ("auto", "0"), ("info", "0"), ("rfc4733", "0 101"), ("auto", "0 101"), ("auto_info", "0 101")],
)
async def test_how_a_digit_is_heard(tmp_path: Path, mode: str, codecs: str) -> None:
    """A digit of a phone, sent in the way that was agreed, reaches the dialplan once."""
    extensions = "[default]\nexten => 1,1,Answer()\n same => n,Read(DIGIT,,1,,,5)\n same => n,Set(GLOBAL(GOT)=${DIGIT})\n"
    async with sip_office(tmp_path, phone_section("alice", dtmf_mode=mode), extensions) as office:
        alice = office.phone("alice")
        call = PhoneCall(alice, "sip:1@127.0.0.1:15060")
        call.invite(body=call.sdp(codecs))
        await alice.get(100)
        answer = await call.answered()
        assert ("telephone-event" in answer.body) == ("101" in codecs)
        await call.speak(30, 0xFF)
        if "101" in codecs:
            await call.press(7)
        elif mode == "info":
            assert (await call.request_inside("INFO", "Content-Type: application/dtmf\r\n", "7")).status == 200
        else:
            low, high = (audioop.lin2ulaw(tone(hertz, 100), 2) for hertz in (852, 1209))
            mixed = audioop.lin2ulaw(audioop.add(audioop.ulaw2lin(low, 2), audioop.ulaw2lin(high, 2), 2), 2)
            for start in range(0, len(mixed), 160):
                call.send_rtp(mixed[start : start + 160])
                await asyncio.sleep(0.02)
            await call.speak(10, 0xFF)
        await call.ended()
        assert office.system.globals.get("GOT") == "7"


@pytest.mark.parametrize(("first", "then"), [("rfc4733", "info"), ("inband", "rfc4733")])
async def test_another_mode_in_the_call(tmp_path: Path, first: str, then: str) -> None:
    """PJSIP_DTMF_MODE: the phone is told by re-INVITE whether there is telephone-event."""
    extensions = EXTENSIONS.replace("${MODE}", then)
    async with sip_office(tmp_path, phone_section("alice", dtmf_mode=first), extensions) as office:
        alice = office.phone("alice")
        call = await alice.dial("602")
        assert call.answer_seen is not None
        assert ("telephone-event" in call.answer_seen.body) == (first == "rfc4733")
        request = await alice.get("INVITE")
        assert ("telephone-event" in request.body) == (then == "rfc4733")
        call.reply(200, request=request, body=call.sdp())
        await alice.get("ACK")
        await call.hang_up()


async def test_another_mode_before_the_answer(tmp_path: Path) -> None:
    """The answer was not sent yet: it says what is wanted now, under the numbers that a first answer has."""
    async with sip_office(tmp_path, phone_section("alice"), EXTENSIONS) as office:
        alice = office.phone("alice")
        call = await alice.dial("603")
        assert call.answer_seen is not None
        assert "telephone-event" not in call.answer_seen.body
        assert re.search(r"o=- 7 3 ", call.answer_seen.body)
        await call.hang_up()
        await office.quiet()


async def cng(call: PhoneCall) -> None:
    data = audioop.lin2ulaw(tone(1100, 500), 2)
    for start in range(0, len(data), 160):
        call.send_rtp(data[start : start + 160])
        await asyncio.sleep(0.02)


@pytest.mark.parametrize(
    ("options", "wait", "is_found"),
    [
        ({"fax_detect": "yes"}, 0, True),
        ({"fax_detect": "yes", "fax_detect_timeout": 5}, 2, True),
        ({"fax_detect": "yes", "fax_detect_timeout": 5}, 6, False),
        ({}, 0, False),
    ],
)
async def test_fax_detect(tmp_path: Path, options: dict[str, object], wait: int, is_found: bool) -> None:
    """The tone of a calling fax leads to the extension fax, with the old one in FAXEXTEN, until the time is over."""
    async with sip_office(tmp_path, phone_section("alice", **options), EXTENSIONS) as office:
        call = await office.phone("alice").dial("600")
        await asyncio.sleep(wait)
        await cng(call)
        if is_found:
            await call.ended()
            assert office.system.globals.get("FAXED") == "600"
        else:
            await call.hang_up()
            assert office.system.globals.get("FAXED") is None


VIDEO = "m=video 4002 RTP/AVP 97\r\na=rtpmap:97 H264/90000\r\na=fmtp:97 profile-level-id=42e01f\r\n"


async def accept(call: PhoneCall, body: str) -> Wire:
    request = await call.phone.get("INVITE")
    call.reply(200, request=request, body=body)
    await call.phone.get("ACK")
    return request


async def test_video_in_the_middle_of_a_call(tmp_path: Path) -> None:
    """Alice adds video: bob is offered it with her parameters; the picture that he misses is asked of her."""
    pjsip = phone_section("alice", allow="ulaw,h264") + phone_section("bob", allow="ulaw,h264")
    async with sip_office(tmp_path, pjsip, EXTENSIONS) as office:
        calling, called = await both(office)
        calling.invite(body=calling.sdp() + VIDEO)
        request = await accept(called, called.sdp() + VIDEO.replace("4002", "5002").replace("97", "99"))
        answer = await calling.phone.get(200)
        calling._send("ACK", cseq=calling.cseq)
        assert re.search(r"m=video [1-9]\d* RTP/AVP 97", answer.body)
        assert re.search(r"m=audio [1-9].*m=video [1-9]\d* RTP/AVP 99", request.body, re.DOTALL)
        assert "a=fmtp:99 profile-level-id=42e01f" in request.body
        channel = next(channel for channel in office.system.channels.values() if "alice" in channel.name)
        assert channel.tech.channel_read(channel, "rtp,dest,video") == "127.0.0.1:4002"
        assert channel.tech.channel_read(channel, "rtp,dest,text") == ""
        xml = "<media_control><vc_primitive><to_encoder><picture_fast_update/></to_encoder></vc_primitive></media_control>"
        assert (await called.request_inside("INFO", "Content-Type: application/media_control+xml\r\n", xml)).status == 200
        info = await calling.phone.get("INFO")
        assert info["Content-Type"] == "application/media_control+xml"
        assert "<picture_fast_update/>" in info.body
        calling.reply(200, request=info)
        await calling.hang_up()
        await called.ended()
        await office.quiet()


async def test_video_that_the_other_may_not_have(tmp_path: Path) -> None:
    pjsip = phone_section("alice", allow="ulaw,h264") + phone_section("bob")
    async with sip_office(tmp_path, pjsip, EXTENSIONS) as office:
        calling, called = await both(office)
        calling.invite(body=calling.sdp() + VIDEO)
        await calling.phone.get(200)
        calling._send("ACK", cseq=calling.cseq)
        await office.quiet()
        await calling.hang_up()
        await called.ended()


async def test_the_family_of_the_offer(tmp_path: Path) -> None:
    """An IPv6 offer over IPv4 signalling is answered with our IPv6 address, on an IPv6 socket."""
    async with sip_office(tmp_path, phone_section("alice"), EXTENSIONS) as office:
        office.network.local_address_for = lambda remote: "2001:db8::77" if ":" in remote[0] else "127.0.0.1"  # type: ignore[method-assign]
        alice = office.phone("alice")
        call = PhoneCall(alice, "sip:600@127.0.0.1:15060")
        call.invite(body=call.sdp().replace("IN IP4 127.0.0.1", "IN IP6 2001:db8::9"))
        await alice.get(100)
        answer = await alice.get(200)
        assert "c=IN IP6 2001:db8::77\r\n" in answer.body
        assert [session.local_address[0] for session in office.driver.rtp.sessions] == ["::"]
        call.take_answer(Wire(answer.text.replace("m=audio", "m=other")))
        await call.hang_up()


@pytest.mark.parametrize("option", ["no", "yes"])
async def test_rtp_ipv6_in_our_offers(tmp_path: Path, option: str) -> None:
    pjsip = phone_section("alice") + phone_section("bob", rtp_ipv6=option)
    async with sip_office(tmp_path, pjsip, EXTENSIONS) as office:
        office.network.local_address_for = lambda remote: "2001:db8::77" if ":" in remote[0] else "127.0.0.1"  # type: ignore[method-assign]
        alice, bob = office.phone("alice"), office.phone("bob")
        await bob.register()
        calling = alice.call("101")
        await alice.get(100)
        request = await bob.get("INVITE")
        assert ("c=IN IP6 2001:db8::77\r\n" in request.body) == (option == "yes")
        called = PhoneCall(bob, re.sub(r"^<|>.*$", "", request["Contact"]), request=request)
        called.reply(486)
        await bob.get("ACK")
        calling.refused(await alice.get(486))


async def test_rtcp_on_the_port_of_rtp(tmp_path: Path) -> None:
    """rtcp_mux (RFC 5761 5.1.1): agreed only with a phone that asks for it; reports then come to the RTP port."""
    async with sip_office(tmp_path, phone_section("alice", rtcp_mux="yes"), EXTENSIONS) as office:
        alice = office.phone("alice")
        call = PhoneCall(alice, "sip:600@127.0.0.1:15060")
        reports: list[bytes] = []
        plain = call._read

        def read(now: float) -> None:
            while True:
                try:
                    data, _ = call.socket.recvfrom(2048)
                except BlockingIOError:
                    return
                if 192 <= data[1] <= 223:
                    reports.append(data)

        assert plain is not None
        call.socket.set_reader(read)
        call.invite(body=call.sdp() + "a=rtcp-mux\r\n")
        await alice.get(100)
        answer = await call.answered()
        assert "a=rtcp-mux" in answer.body
        await call.speak(20)
        await asyncio.sleep(6)
        assert reports
        await call.hang_up()


async def test_symmetric_rtp(tmp_path: Path) -> None:
    """rtp_symmetric: what the SDP says counts until packets come from elsewhere; then they are sent there."""
    async with sip_office(tmp_path, phone_section("alice", rtp_symmetric="yes", rtp_keepalive=3), EXTENSIONS) as office:
        alice = office.phone("alice")
        call = PhoneCall(alice, "sip:600@127.0.0.1:15060")
        call.invite(body=call.sdp().replace(f"m=audio {call.rtp_port}", "m=audio 9998"))
        await alice.get(100)
        await call.answered()
        await call.speak(10)
        await asyncio.sleep(0.1)
        assert sum(call.sounds().values()) >= 8
        call.heard.clear()
        await asyncio.sleep(4)
        assert 13 in {kind for kind, _ in call.heard}, "comfort noise keeps the way open (rtp_keepalive)"
        await call.hang_up()


async def test_rfc4585_a_lost_picture_is_told_by_rtcp(tmp_path: Path) -> None:
    """Under RTP/AVPF: bob's Picture Loss Indication becomes one to alice, behind a report, about her stream."""
    options = {"allow": "ulaw,h264", "use_avpf": "yes", "rtcp_mux": "no"}
    pjsip = phone_section("alice", **options) + phone_section("bob", **options)
    async with sip_office(tmp_path, pjsip, EXTENSIONS) as office:
        alice, bob = office.phone("alice"), office.phone("bob")
        await bob.register()
        calling = PhoneCall(alice, "sip:101@127.0.0.1:15060")
        calling.invite(body=(calling.sdp() + VIDEO).replace("RTP/AVP", "RTP/AVPF"))
        await alice.get(100)
        called = await bob.ring()
        assert called.request is not None
        assert "a=rtcp-fb:* nack pli" in called.request.body
        called.reply(200, body=(called.sdp() + VIDEO.replace("4002", "5002").replace("97", "99")).replace("RTP/AVP", "RTP/AVPF"))
        await bob.get("ACK")
        answer = await calling.answered()
        sender, reporter = office.media.open("127.0.0.1", 4002), office.media.open("127.0.0.1", 5003)
        control = office.media.open("127.0.0.1", 4003)
        got: list[bytes] = []
        control.set_reader(lambda _now: got.append(control.recvfrom(2048)[0]))
        port = int(answer.body.split("m=video ")[1].split()[0])
        sender.sendto(bytes([0x80, 97, 0, 1]) + bytes(4) + b"SSRC" + b"picture", ("127.0.0.1", port))
        await asyncio.sleep(0.1)
        theirs = int(called.request.body.split("m=video ")[1].split()[0])
        loss = bytes([0x80, 201, 0, 1]) + b"bobs" + bytes([0x81, 206, 0, 2]) + b"bobs" + b"ours"
        reporter.sendto(loss, ("127.0.0.1", theirs + 1))
        await asyncio.sleep(0.1)
        assert len(got) == 1
        assert got[0][1] in (200, 201), "a report comes first (RFC 3550 6.1)"
        assert got[0][-12:-8] == bytes([0x81, 206, 0, 2])
        assert got[0][-4:] == b"SSRC"
        for socket in (sender, reporter, control):
            socket.close()
        await calling.hang_up()
        await called.ended()


@pytest.mark.parametrize(("codecs", "passed"), [("0 13 101", True), ("0 101", False)])
async def test_rfc3389_comfort_noise_is_passed_on_to_who_knows_it(tmp_path: Path, codecs: str, passed: bool) -> None:
    """Silence told by one phone: the other is told as well, and the talk spurt after it carries the marker (RFC 3551 4.1)."""
    async with sip_office(tmp_path, phone_section("alice") + phone_section("bob"), EXTENSIONS) as office:
        calling, called = await both(office, codecs=codecs)
        await calling.speak(20)
        await called.speak(20)
        called.heard.clear()
        called.packets.clear()
        calling.send_rtp(b"\x2a", 13)
        await asyncio.sleep(0.5)
        noise = [payload for kind, payload in called.heard if kind == 13]
        assert noise == ([b"\x2a"] if passed else [])
        await calling.speak(10)
        assert called.sounds() == {0x55: 10}
        await calling.hang_up()
        await called.ended()


async def test_lost_packets_of_one_phone_are_made_up_for_to_another_of_another_codec(tmp_path: Path) -> None:
    pjsip = phone_section("alice", allow="ulaw") + phone_section("bob", allow="alaw")
    async with sip_office(tmp_path, pjsip, EXTENSIONS) as office:
        alice, bob = office.phone("alice"), office.phone("bob")
        await bob.register()
        calling = alice.call("101")
        await alice.get(100)
        called = await bob.ring()
        called.reply(200, body=called.sdp("8 101"))
        await bob.get("ACK")
        await calling.answered()
        await calling.speak(20)
        called.heard.clear()
        for number in range(20):
            if number in (7, 12, 13):
                calling.sequence += 1
            else:
                calling.send_rtp(bytes([0x35]) * 160)
            await asyncio.sleep(0.02)
        await asyncio.sleep(0.1)
        assert [len(payload) for kind, payload in called.heard if kind == 8] == [160] * 20
        await calling.hang_up()
        await called.ended()


@pytest.mark.parametrize(("size", "count"), [(80, 20), (160, 20), (240, 20), (320, 20)])
async def test_packets_of_one_length_whatever_the_other_side_sends(tmp_path: Path, size: int, count: int) -> None:
    """Packets of 10 to 40 ms of one phone become packets of 20 ms to another with another codec (RFC 3551 4.2)."""
    pjsip = phone_section("alice", allow="ulaw") + phone_section("bob", allow="alaw")
    async with sip_office(tmp_path, pjsip, EXTENSIONS) as office:
        alice, bob = office.phone("alice"), office.phone("bob")
        await bob.register()
        calling = alice.call("101")
        await alice.get(100)
        called = await bob.ring()
        called.reply(200, body=called.sdp("8 101"))
        await bob.get("ACK")
        await calling.answered()
        await asyncio.sleep(0.1)
        called.heard.clear()
        called.packets.clear()
        for number in range(count):
            calling.send_rtp(bytes([0x35]) * size, time=number * size)
            await asyncio.sleep(size / 8000)
        await asyncio.sleep(0.1)
        sound = [packet for packet in called.packets if packet[1] & 0x7F == 8]
        assert {len(packet) - 12 for packet in sound} == {160}
        assert len(sound) == size * count // 160
        times = [int.from_bytes(packet[4:8], "big") for packet in sound]
        assert {(later - earlier) & 0xFFFFFFFF for earlier, later in itertools.pairwise(times)} == {160}
        await calling.hang_up()
        await called.ended()


async def test_codecs_conf_conceals_between_equal_codecs_too(tmp_path: Path) -> None:
    files = {"codecs.conf": "[plc]\ngenericplc=yes\ngenericplc_on_equal_codecs=yes\n"}
    async with sip_office(tmp_path, phone_section("alice") + phone_section("bob"), EXTENSIONS, files) as office:
        calling, called = await both(office)
        bridge = next(iter(office.system.bridges.values()))
        assert bridge.technology.name == "simple_bridge"
        await calling.speak(10)
        calling.sequence += 1
        await calling.speak(10)
        assert sum(called.sounds().values()) == 21
        await calling.hang_up()
        await called.ended()


def text_line(port: int, redundant: int, plain: int, generations: int) -> str:
    """An m-line of real-time text; without generations there is no redundancy."""
    line = f"m=text {port} RTP/AVP" + (f" {redundant}" if generations else "") + f" {plain}\r\n"
    if generations:
        levels = "/".join([str(plain)] * (generations + 1))
        line += f"a=rtpmap:{redundant} RED/1000\r\na=fmtp:{redundant} {levels}\r\n"
    return line + f"a=rtpmap:{plain} T140/1000\r\n"


@pytest.mark.parametrize(("theirs", "ours"), [(2, 3), (2, 0), (0, 2), (3, 1)])
async def test_rfc4103_text_between_phones_of_different_redundancy(tmp_path: Path, theirs: int, ours: int) -> None:
    """Each letter arrives once, though one packet of the first phone is lost, repeated as the second phone has agreed."""
    pjsip = "".join(phone_section(name, allow="ulaw,red,t140") for name in ("alice", "bob"))
    async with sip_office(tmp_path, pjsip, EXTENSIONS) as office:
        alice, bob = office.phone("alice"), office.phone("bob")
        await bob.register()
        calling = PhoneCall(alice, "sip:101@127.0.0.1:15060")
        calling.invite(body=calling.sdp() + text_line(4600, 98, 97, theirs))
        await alice.get(100)
        called = await bob.ring()
        offered = re.search(r"m=text \d+ RTP/AVP (\d+)(?: (\d+))?", called.request.body if called.request else "")
        assert offered is not None
        numbers = {name: int(number) for number, name in re.findall(r"a=rtpmap:(\d+) (RED|T140)", called.request.body)}  # type: ignore[union-attr]
        called.reply(
            200, body=called.sdp() + text_line(5600, numbers.get("RED", 98), numbers["T140"], ours if "RED" in numbers else 0)
        )
        await bob.get("ACK")
        answer = await calling.answered()
        aim = re.search(r"m=text (\d+) RTP/AVP", answer.body)
        assert aim is not None
        ours = ours if "RED" in numbers else 0
        here = office.media.open(alice.address[0], 4600)
        there = office.media.open(bob.address[0], 5600)
        got: list[bytes] = []
        there.set_reader(lambda _now: got.append(there.recvfrom(2048)[0]))
        sender = RedSender(97, theirs)
        letters = b"HELLO WORLD"
        for index in range(len(letters)):
            stamp = 1000 + 300 * index
            letter = letters[index : index + 1]
            payload, kind = (sender.payload(letter, stamp), 98) if theirs else (letter, 97)
            if index != 4 or not theirs:
                head = struct.pack("!BBHII", 0x80, kind, 100 + index, stamp, 0x77)
                here.sendto(head + payload, ("127.0.0.1", int(aim[1])))
            await asyncio.sleep(0.3)
        await asyncio.sleep(2)
        receiver, text, levels = RedReceiver(), b"", set()
        for packet in got:
            kind, number, stamp = packet[1] & 0x7F, *struct.unpack_from("!HI", packet, 2)
            if kind == numbers.get("RED"):
                blocks = parse_red(packet[12:])
                assert blocks is not None
                assert {block.payload_type for block in blocks} == {numbers["T140"]}
                levels.add(len(blocks) - 1)
                text += b"".join(receiver.receive(packet[12:], number, stamp))
            else:
                text += packet[12:]
                levels.add(0)
        assert text == letters
        assert max(levels) == ours
        await calling.hang_up()
        await called.ended()
        await office.quiet()


async def test_voice_that_may_be_sent_for_the_driver(tmp_path: Path) -> None:
    """Packets as they are, in the codec that is spoken; where their length is to be another one, frames must flow."""
    pjsip = phone_section("alice", allow="ulaw:30") + phone_section("bob", allow="ulaw,alaw")
    async with sip_office(tmp_path, pjsip, EXTENSIONS) as office:
        calling, called = await both(office, codecs="0 8 101")
        mine, theirs = office.system.channels.values()
        await calling.speak(3)
        assert mine.tech.rtp_voice(mine) is None
        for payload in (0, 8, 0):
            await called.speak(3, kind=payload)
            voice = theirs.tech.rtp_voice(theirs)
            assert voice is not None
            assert (voice.receives, voice.sends, voice.samples) == (payload, payload, 160)
            assert voice.read_format is voice.write_format is theirs.raw_read_format is theirs.raw_write_format
        await calling.hang_up()
        await called.ended()
