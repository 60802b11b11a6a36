"""Packet times: what was configured or negotiated is what is sent, whatever length the other side has, with right timestamps."""

from __future__ import annotations

import asyncio
import itertools
import re
import struct
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pytest

from globstar.dsp import spandsp
from globstar.dsp.g711 import linear_to_ulaw
from globstar.modules.codecs import amr, g729, ilbc, opus, speex
from globstar.proto.rtp.opus import opus_frames, opus_packet, opus_samples
from tests.support.sip_phone import PhoneCall, SipOffice, phone_section, sip_office
from tests.support.virtual_loop import run_virtual

EXTENSIONS = "[default]\nexten => _[a-z].,1,Dial(PJSIP/${EXTEN})\n"
NOISE = linear_to_ulaw(np.random.default_rng(5).integers(-6000, 6000, 16000, np.int16).tobytes())
KIND = 110


@dataclass(frozen=True)
class Case:
    """A codec on bob's side: what ``allow`` says, his wishes in SDP, and the packets that he must get."""

    allow: str
    rtpmap: str
    ticks: int
    ptime: int = 0
    maxptime: int = 0
    static: int = 0
    octets: int = 0
    present: Callable[[], object] = lambda: True

    @property
    def kind(self) -> int:
        return self.static or KIND


CASES = [
    Case("ulaw:30", "PCMU/8000", 240, octets=240),
    Case("alaw", "PCMA/8000", 320, ptime=40, static=8, octets=320),
    Case("alaw", "PCMA/8000", 80, maxptime=10, static=8, octets=80),
    Case("alaw:60", "PCMA/8000", 240, maxptime=30, static=8, octets=240),
    Case("g722:30", "G722/8000", 240, static=9, octets=240),
    Case("g722", "G722/8000", 320, ptime=40, static=9, octets=320),
    Case("gsm:60", "GSM/8000", 480, static=3, octets=99),
    Case("gsm", "GSM/8000", 160, maxptime=30, static=3, octets=33),
    Case("g726:40", "G726-32/8000", 320, octets=160),
    Case("slin16:10", "L16/16000", 160, octets=320),
    Case("g729:40", "G729/8000", 320, static=18, octets=40, present=g729.library),
    Case("lpc10", "LPC/8000", 180, static=7, octets=7, present=spandsp.library),
    Case("ilbc:60", "iLBC/8000", 480, octets=114, present=ilbc.library),
    Case("speex:40", "speex/8000", 320, present=speex.library),
    Case("speex16", "speex/16000", 960, ptime=60, present=speex.library),
    Case("amr:60", "AMR/8000", 480, present=amr.coders.narrow_library),
    Case("amrwb", "AMR-WB/16000", 640, ptime=40, present=amr.coders.wide_encoder),
    Case("opus:20", "opus/48000/2", 960, present=opus.library),
    Case("opus:10", "opus/48000/2", 480, present=opus.library),
    Case("opus:30", "opus/48000/2", 1440, present=opus.library),
    Case("opus:40", "opus/48000/2", 1920, present=opus.library),
    Case("opus:60", "opus/48000/2", 2880, present=opus.library),
    Case("opus:120", "opus/48000/2", 5760, present=opus.library),
    Case("opus", "opus/48000/2", 2880, ptime=60, present=opus.library),
    Case("opus:60", "opus/48000/2", 1920, ptime=80, maxptime=40, present=opus.library),
    Case("opus", "opus/48000/2", 480, maxptime=10, present=opus.library),
]


def wishes(call: PhoneCall, case: Case, kind: int) -> str:
    host = call.phone.address[0]
    lines = f"a=rtpmap:{kind} {case.rtpmap}\r\n"
    if case.rtpmap.startswith("AMR"):
        lines += f"a=fmtp:{kind} octet-align=1\r\n"
    if case.rtpmap.startswith("iLBC"):
        lines += f"a=fmtp:{kind} mode=20\r\n"
    lines += f"a=ptime:{case.ptime}\r\n" if case.ptime else ""
    lines += f"a=maxptime:{case.maxptime}\r\n" if case.maxptime else ""
    head = f"v=0\r\no=phone 7 1 IN IP4 {host}\r\ns=-\r\nc=IN IP4 {host}\r\nt=0 0\r\n"
    return f"{head}m=audio {call.rtp_port} RTP/AVP {kind}\r\n{lines}"


async def connect(office: SipOffice, case: Case) -> tuple[PhoneCall, PhoneCall, int, str]:
    """alice calls bob: both calls, bob's payload type, and what he was offered."""
    alice, bob = office.phone("alice"), office.phone("bob")
    calling = alice.call("bob")
    await alice.get(100)
    called = await bob.ring()
    assert called.request is not None
    offer = called.request.body
    found = re.search(rf"a=rtpmap:(\d+) {re.escape(case.rtpmap)}\r\n", offer, re.IGNORECASE)
    assert found is not None, offer
    called.reply(200, "OK", body=wishes(called, case, int(found[1])))
    await bob.get("ACK")
    await calling.answered()
    await office.bridged()
    return calling, called, int(found[1]), offer


def steps(call: PhoneCall) -> tuple[list[int], list[int], list[int]]:
    """What follows from one packet to the next: numbers, timestamps; and the lengths of the payloads."""
    heads = [struct.unpack("!HI", packet[2:8]) for packet in call.packets]
    pairs = list(itertools.pairwise(heads))
    return (
        [second[0] - first[0] & 0xFFFF for first, second in pairs],
        [second[1] - first[1] & 0xFFFFFFFF for first, second in pairs],
        [len(packet) - 12 for packet in call.packets],
    )


async def heard(root: Path, case: Case) -> None:
    pjsip = phone_section("alice", rtp_symmetric="yes")
    options = {"use_ptime": "yes"} if case.ptime else {}
    pjsip += phone_section("bob", contact="sip:bob@127.0.0.1:15072", allow=case.allow, **options)
    async with sip_office(root, pjsip, EXTENSIONS) as office:
        calling, called, _, offer = await connect(office, case)
        asked = re.search(r":(\d+)", case.allow)
        if asked is not None:
            assert f"a=ptime:{asked[1]}\r\n" in offer
            assert int(re.search(r"a=maxptime:(\d+)", offer)[1]) >= int(asked[1])  # type: ignore[index]
        time = 0
        for length in (160, 240, 80, 320):  # what alice has must not matter
            for start in range(0, 4800, length):
                calling.send_rtp(NOISE[start : start + length], time=time)
                time += length
                await asyncio.sleep(length / 8000)
        numbers, times, octets = steps(called)
        assert len(numbers) >= 1.8 * int(case.rtpmap.split("/")[1]) / case.ticks / 1.2
        assert set(numbers) == {1}
        assert set(times) == {case.ticks}
        if case.octets:
            assert set(octets) == {case.octets}
        if case.rtpmap.startswith("opus"):
            assert {opus_samples(packet[12:]) for packet in called.packets} == {case.ticks}
        await calling.hang_up()
        await called.ended()
        calling.close()
        called.close()


def name(case: Case) -> str:
    return f"{case.allow}{f' ptime {case.ptime}' if case.ptime else ''}{f' maxptime {case.maxptime}' if case.maxptime else ''}"


@pytest.mark.parametrize("case", CASES, ids=name)
def test_packets_are_as_long_as_asked(tmp_path: Path, case: Case) -> None:
    if case.present() is None:
        pytest.skip("the library of the codec is missing")  # in CI a skip fails the run
    run_virtual(heard(tmp_path, case))


async def passed_on(root: Path, framing: str, maxptime: int, sent: bytes, count: int) -> list[int]:
    """Opus passes through the server in packets of another length: the samples of those that bob gets."""
    pjsip = phone_section("alice", rtp_symmetric="yes", allow="opus")
    pjsip += phone_section("bob", contact="sip:bob@127.0.0.1:15072", allow=f"opus{framing}")
    extensions = "[default]\nexten => bob,1,Set(CHANNEL(dtmf_features)=)\n same => n,Dial(PJSIP/bob,,tT)\n"
    case = Case("opus", "opus/48000/2", 0, maxptime=maxptime)
    async with sip_office(root, pjsip, extensions) as office:
        alice, bob = office.phone("alice"), office.phone("bob")
        calling = PhoneCall(alice, "sip:bob@127.0.0.1:15060")
        calling.invite(body=wishes(calling, Case("opus", "opus/48000/2", 0), KIND))
        await alice.get(100)
        called = await bob.ring()
        assert called.request is not None
        kind = re.search(r"a=rtpmap:(\d+) opus", called.request.body)
        assert kind is not None
        called.reply(200, "OK", body=wishes(called, case, int(kind[1])))
        await bob.get("ACK")
        await calling.answered()
        bridge = await office.bridged()
        assert bridge.technology.name == "simple_bridge", bridge.technology_reason
        samples = opus_samples(sent)
        for number in range(count):
            calling.send_rtp(sent, KIND, time=number * samples)
            await asyncio.sleep(samples / 48000)
        numbers, times, _ = steps(called)
        lengths = [opus_samples(packet[12:]) for packet in called.packets]
        assert set(numbers) == {1}
        assert times == lengths[:-1]
        frames = [frame for packet in called.packets for frame in (opus_frames(packet[12:]) or (0, 0, []))[2]]
        assert frames == (opus_frames(sent) or (0, 0, []))[2] * (len(frames) // len((opus_frames(sent) or (0, 0, [b""]))[2]))
        await calling.hang_up()
        await called.ended()
        calling.close()
        called.close()
        return lengths


TWENTY = opus_packet(31 << 3, [b"frame"])
THREE = opus_packet(31 << 3, [b"one", b"two", b"three"])


@pytest.mark.parametrize(
    ("framing", "maxptime", "sent", "wanted"),
    [
        (":60", 0, TWENTY, [2880] * 4),  # gathered
        (":20", 0, THREE, [960] * 36),  # parted
        ("", 40, THREE, [960] * 36),  # longer than bob takes
        ("", 60, THREE, [2880] * 12),  # nobody asked: as they come
        ("", 0, THREE, [2880] * 12),
    ],
)
def test_frames_of_opus_are_moved_between_packets(
    tmp_path: Path, framing: str, maxptime: int, sent: bytes, wanted: list[int]
) -> None:
    assert run_virtual(passed_on(tmp_path, framing, maxptime, sent, 12)) == wanted


async def resumed(root: Path, allow: str, rtpmap: str) -> list[tuple[int, int, bytes]]:
    """Time, marker and payload of what bob hears: 140 ms of talk, silence of a second, 120 ms of talk."""
    pjsip = phone_section("alice", rtp_symmetric="yes")
    pjsip += phone_section("bob", contact="sip:bob@127.0.0.1:15072", allow=allow)
    async with sip_office(root, pjsip, EXTENSIONS) as office:
        calling, called, _, _ = await connect(office, Case(allow, rtpmap, 0))
        time = 0
        for octets, pause in ((range(0x20, 0x27), 1.0), (range(0x40, 0x46), 0.0)):
            for octet in octets:
                calling.send_rtp(bytes([octet]) * 160, time=time)
                time += 160
                await asyncio.sleep(0.02)
            await asyncio.sleep(pause)
            time += round(8000 * pause)
        heard = [(int.from_bytes(packet[4:8], "big"), packet[1] >> 7, packet[12:]) for packet in called.packets]
        await calling.hang_up()
        await called.ended()
        calling.close()
        called.close()
        return [(time - heard[0][0] & 0xFFFFFFFF, marker, payload) for time, marker, payload in heard]


@pytest.mark.parametrize("milliseconds", [30, 40, 60])
def test_after_a_pause_nothing_of_what_was_said_before_it_is_heard(tmp_path: Path, milliseconds: int) -> None:
    heard = run_virtual(resumed(tmp_path, f"ulaw:{milliseconds}", "PCMU/8000"))
    before = [payload for time, _, payload in heard if time < 8000]
    assert len(before) == 140 // milliseconds
    times = [time for time, _, _ in heard[len(before) :]]
    assert times == [9120 + number * 8 * milliseconds for number in range(120 // milliseconds)]
    time, marker, payload = heard[len(before)]
    assert (time, marker, payload[0]) == (9120, 1, 0x40)


async def prompted(root: Path) -> list[bytes]:
    """What alice, who asks for packets of 60 ms, hears of two prompts of 100 ms with a second between them."""
    for name, octet in (("one", b"\x31"), ("two", b"\x52")):
        (root / f"{name}.ulaw").write_bytes(octet * 800)
    plan = (
        f"[default]\nexten => say,1,Answer()\n same => n,Playback({root}/one)\n same => n,Wait(1)\n"
        f" same => n,Playback({root}/two)\n same => n,Wait(1)\n"
    )
    async with sip_office(root, phone_section("alice", allow="ulaw:60", rtp_symmetric="yes"), plan) as office:
        alice = office.phone("alice")
        call = alice.call("say")
        await alice.get(100)
        await call.answered()
        await asyncio.sleep(2.5)
        await call.hang_up()
        call.close()
        return [payload for _, payload in call.heard]


def test_the_end_of_a_prompt_does_not_begin_the_next_one(tmp_path: Path) -> None:
    heard = run_virtual(prompted(tmp_path))
    assert [set(payload) for payload in heard] == [{0x31}, {0x52}]
