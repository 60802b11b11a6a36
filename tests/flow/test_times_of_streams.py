"""Voice that passes the server as frames keeps the numbers and times of its source: losses, pauses, order, jitter."""

from __future__ import annotations

import asyncio
import struct
from itertools import pairwise
from pathlib import Path
from typing import NamedTuple

import pytest

from globstar.modules.codecs import opus, speex
from tests.support.sip_phone import PhoneCall, phone_section, sip_office
from tests.support.virtual_loop import run_virtual

PLAN = """\
[default]
exten => bob,1,Set(TALK_DETECT(set)=)
 same => n,Dial(PJSIP/bob)
exten => echo,1,Answer(,i)
 same => n,Echo()
exten => digit,1,Answer(,i)
 same => n,Wait(1)
 same => n,SendDTMF(5)
 same => n,Wait(1)
"""


class Packet(NamedTuple):
    """One that is said: when (ms), its number, its time."""

    at: float
    number: int
    time: int
    marker: bool = False


class Step(NamedTuple):
    """What differs from one packet heard to the next."""

    numbers: int
    ticks: int
    marker: bool


def steady(count: int) -> list[Packet]:
    return [Packet(20 * number, number, 160 * number) for number in range(count)]


def steps(call: PhoneCall, kind: int = 0) -> list[Step]:
    heard = [struct.unpack("!BBHI", packet[:8]) for packet in call.packets if packet[1] & 0x7F == kind]
    return [
        Step((later[2] - sooner[2]) & 0xFFFF, (later[3] - sooner[3] + 2**31 & 0xFFFFFFFF) - 2**31, later[1] >= 128)
        for sooner, later in pairwise(heard)
    ]


async def say(call: PhoneCall, packets: list[Packet], sound: bytes = b"\x31" * 160) -> None:
    begun = asyncio.get_running_loop().time()
    for packet in packets:
        await asyncio.sleep(max(0.0, begun + packet.at / 1000 - asyncio.get_running_loop().time()))
        call.sequence = packet.number  # of the packet before
        call.send_rtp(sound, time=packet.time, marker=packet.marker)
    await asyncio.sleep(0.3)


async def pass_through(root: Path, packets: list[Packet], allow: str = "ulaw", kind: int = 0) -> list[Step]:
    """Bob's packets of what alice says; somebody listens for talk, so that nothing is relayed unseen."""
    pjsip = phone_section("alice") + phone_section("bob", contact="sip:bob@127.0.0.1:15072", allow=allow)
    async with sip_office(root, pjsip, PLAN) as office:
        alice, bob = office.phone("alice"), office.phone("bob")
        call = alice.call("bob")
        other = await bob.ring()
        assert other.request is not None
        other.reply(200, "OK", body=other.sdp(str(kind)))
        await bob.get("ACK")
        await alice.get(100)
        await call.answered()
        await asyncio.sleep(0.1)
        other.packets.clear()
        await say(call, packets)
        made = steps(other, kind)
        await call.hang_up()
        await other.ended()
    return made


NEXT = Step(1, 160, False)


def test_losses_stay_losses(tmp_path: Path) -> None:
    said = [packet for packet in steady(50) if packet.number not in (10, 11, 30)]
    made = run_virtual(pass_through(tmp_path, said))
    assert [step for step in made if step != NEXT] == [Step(3, 480, False), Step(2, 320, False)]
    assert len(made) == 46


def test_losses_that_are_made_up_for_leave_no_trace(tmp_path: Path) -> None:
    said = [packet for packet in steady(50) if packet.number not in (10, 11, 30)]
    assert run_virtual(pass_through(tmp_path, said, "alaw", 8)) == [NEXT] * 49


@pytest.mark.parametrize(("allow", "kind"), [("ulaw", 0), ("alaw", 8)])
def test_what_the_network_holds_back_is_no_pause(tmp_path: Path, allow: str, kind: int) -> None:
    """Ten packets are 200 ms late and come at once, five times: the stream does not get ahead of time."""
    said = [
        packet._replace(at=20 * (p - p % 30 + 20)) if 10 <= (p := packet.number) % 30 < 20 else packet for packet in steady(150)
    ]
    assert run_virtual(pass_through(tmp_path, said, allow, kind)) == [NEXT] * 149


def test_exchanged_packets_keep_their_numbers(tmp_path: Path) -> None:
    said = steady(30)
    said[10], said[11] = said[11]._replace(at=200), said[10]._replace(at=220)
    made = run_virtual(pass_through(tmp_path, said))
    assert [step for step in made if step != NEXT] == [Step(2, 320, False), Step(0xFFFF, -160, False), Step(2, 320, False)]


def test_a_packet_that_comes_twice_or_much_too_late_is_heard_once(tmp_path: Path) -> None:
    said = steady(60)
    said.insert(20, said[15]._replace(at=390))
    made = run_virtual(pass_through(tmp_path, said))
    assert made == [NEXT] * 59


@pytest.mark.parametrize(("allow", "kind"), [("ulaw", 0), ("alaw", 8)])
@pytest.mark.parametrize("gap", [5, 20])
def test_silence_that_is_not_sent_is_a_pause(tmp_path: Path, allow: str, kind: int, gap: int) -> None:
    """Time runs on, numbers do not."""
    spoken = [packet for packet in steady(120) if packet.number % 40 < 40 - gap]
    said = [packet._replace(number=number) for number, packet in enumerate(spoken)]
    made = run_virtual(pass_through(tmp_path, said, allow, kind))
    assert [step for step in made if step != NEXT] == [Step(1, 160 * (gap + 1), True)] * 2


async def press_and_fall_silent(root: Path) -> list[tuple[int, int]]:
    """Type and number of what bob hears: speech, a digit, speech, comfort noise and a pause, speech."""
    pjsip = phone_section("alice") + phone_section("bob", contact="sip:bob@127.0.0.1:15072")
    async with sip_office(root, pjsip, PLAN) as office:
        alice, bob = office.phone("alice"), office.phone("bob")
        call = alice.call("bob", sdp="")
        other = await bob.ring()
        other.reply(200, "OK", body=other.sdp("0 13 101"))
        await bob.get("ACK")
        await alice.get(100)
        await call.answered()
        await asyncio.sleep(0.1)
        number = 0

        def send(kind: int, payload: bytes, time: int) -> None:
            nonlocal number
            call.sequence = number
            number += 1
            call.send_rtp(payload, kind, time=time)

        async def speak(start: int) -> None:
            for step in range(10):
                send(0, b"\x31" * 160, start + 160 * step)
                await asyncio.sleep(0.02)

        other.packets.clear()
        await speak(0)
        for step in range(1, 6):
            send(101, struct.pack("!BBH", 5, 10, 160 * step), 1600)
            await asyncio.sleep(0.02)
        for _ in range(3):
            send(101, struct.pack("!BBH", 5, 0x8A, 800), 1600)
        await speak(2400)
        send(13, b"\x40", 4000)
        await asyncio.sleep(0.4)
        await speak(4000 + 3200)
        await asyncio.sleep(0.3)
        heard = [(packet[1] & 0x7F, int.from_bytes(packet[2:4], "big")) for packet in other.packets]
        await call.hang_up()
        await other.ended()
    return heard


def test_digits_and_comfort_noise_are_no_lost_voice(tmp_path: Path) -> None:
    heard = run_virtual(press_and_fall_silent(tmp_path))
    assert {kind for kind, _ in heard} == {0, 13, 101}
    assert {later - sooner & 0xFFFF for (_, sooner), (_, later) in pairwise(heard)} == {1}
    assert sum(kind == 0 for kind, _ in heard) == 30


def test_the_times_of_another_source_do_not_matter(tmp_path: Path) -> None:
    said = [packet._replace(time=packet.time + (90000 if packet.number >= 20 else 0)) for packet in steady(40)]
    assert run_virtual(pass_through(tmp_path, said)) == [NEXT] * 39
    said = [packet._replace(time=packet.time + (0 if packet.number >= 20 else 90000)) for packet in steady(40)]
    assert run_virtual(pass_through(tmp_path / "back", said)) == [NEXT] * 39


def test_a_clock_that_stood_still_for_long_is_made_up_for(tmp_path: Path) -> None:
    said = [packet._replace(at=packet.at + (3000 if packet.number >= 20 else 0)) for packet in steady(40)]
    made = run_virtual(pass_through(tmp_path, said))
    assert [step for step in made if step != NEXT] == [Step(1, 24160, True)]


async def leave_out(root: Path, allow: str, kind: int, name: str, parameters: str, codecs: str = "") -> list[Step]:
    """What bob hears of speech and silence, which our encoder leaves out."""
    pjsip = phone_section("alice") + phone_section("bob", contact="sip:bob@127.0.0.1:15072", allow=allow)
    async with sip_office(root, pjsip, PLAN, {"codecs.conf": codecs}) as office:
        alice, bob = office.phone("alice"), office.phone("bob")
        call = alice.call("bob")
        other = await bob.ring()
        answer = other.sdp("0").replace("RTP/AVP 0", f"RTP/AVP {kind}").replace("a=rtpmap:0 PCMU/8000", f"a=rtpmap:{kind} {name}")
        other.reply(200, "OK", body=answer + parameters)
        await bob.get("ACK")
        await alice.get(100)
        await call.answered()
        await asyncio.sleep(0.1)
        tone, silence = bytes((0x10, 0x90)) * 80, b"\xff" * 160
        for number in range(200):
            call.send_rtp(tone if number % 100 < 20 else silence, time=160 * number)
            await asyncio.sleep(0.02)
        made = steps(other, kind)
        await call.hang_up()
        await other.ended()
    return made


@pytest.mark.parametrize("encoder", ["opus", "opus of long packets", "speex"])
def test_silence_that_an_encoder_leaves_out_is_no_loss(tmp_path: Path, encoder: str) -> None:
    module = opus if encoder.startswith("opus") else speex
    if module.library() is None:
        pytest.skip(f"the library of {encoder} is not installed")  # in CI a skip fails the run
    if module is speex:
        made = run_virtual(leave_out(tmp_path, "speex", 110, "speex/8000", "", "[speex]\nvad=yes\nvbr=yes\ndtx=yes\n"))
        frame = 160
    else:
        allow = "opus" if encoder == "opus" else "opus:40"
        made = run_virtual(leave_out(tmp_path, allow, 107, "opus/48000/2", "a=fmtp:107 usedtx=1\r\n"))
        frame = 960 if encoder == "opus" else 1920
    assert len(made) < 130
    assert {step.numbers for step in made} == {1}
    assert all(step.ticks % frame == 0 for step in made)
    assert all(step.marker for step in made if step.ticks >= 3 * frame)
    # all but what is left out at the end has passed
    assert sum(step.ticks for step in made) * 160 // (960 if module is opus else 160) >= 160 * 150


async def turn_to_opus(root: Path) -> None:
    """A phone that has agreed on ulaw and Opus begins to send Opus: it gets that too, as it has asked for it."""
    async with sip_office(root, phone_section("alice", allow="ulaw,opus"), PLAN) as office:
        alice = office.phone("alice")
        offer = "m=audio {port} RTP/AVP 0 107 101 102\r\na=rtpmap:0 PCMU/8000\r\na=rtpmap:107 opus/48000/2\r\n"
        offer += "a=fmtp:107 maxplaybackrate=8000;usedtx=1\r\na=rtpmap:101 telephone-event/8000\r\n"
        offer += "a=rtpmap:102 telephone-event/48000\r\n"
        head = "v=0\r\no=alice 7 1 IN IP4 127.0.0.1\r\ns=-\r\nc=IN IP4 127.0.0.1\r\nt=0 0\r\n"
        call = alice.call("digit", sdp=head + offer.format(port=21000))
        await call.authorise()
        await alice.get(100)
        await call.answered()
        assert call.rtp_port == 21000
        encoder = opus.Encoder(8000, {})
        for number in range(60):
            call.send_rtp(encoder(bytes(range(80)) * 4), 107, time=960 * number)
            await asyncio.sleep(0.02)
        media = next(iter(office.driver.legs)).media
        assert media.write_format.attributes["fmtp"] == "maxplaybackrate=8000;usedtx=1"
        assert media.session.digit_payload == (102, 48000)
        events = [packet for packet in call.packets if packet[1] & 0x7F in (101, 102)]
        assert {packet[1] & 0x7F for packet in events} == {102}
        assert max(int.from_bytes(packet[14:16], "big") for packet in events) >= 4800  # 100 ms at 48 kHz
        for number in range(60, 70):  # and back
            call.send_rtp(bytes(160), 0, time=160 * number)
            await asyncio.sleep(0.02)
        assert media.write_format.name == "ulaw"
        assert media.session.digit_payload == (101, 8000)
        await call.hang_up()


def test_a_phone_that_turns_to_another_codec_gets_it_as_it_has_asked_for_it(tmp_path: Path) -> None:
    if opus.library() is None:
        pytest.skip("the library of Opus is not installed")  # in CI a skip fails the run
    run_virtual(turn_to_opus(tmp_path))
