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
from tests.support.sip_transfer import talk
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


@pytest.mark.parametrize(("milliseconds", "rest"), [(30, 20), (40, 20), (60, 20), (100, 40)])
def test_the_end_of_talk_is_heard_before_a_pause_and_nothing_of_it_after(tmp_path: Path, milliseconds: int, rest: int) -> None:
    heard = run_virtual(resumed(tmp_path, f"ulaw:{milliseconds}", "PCMU/8000"))
    before = [(time, len(payload)) for time, _, payload in heard if time < 8000]
    whole = 140 // milliseconds
    packets = [(number * 8 * milliseconds, 8 * milliseconds) for number in range(whole)]
    assert before == [*packets, (whole * 8 * milliseconds, 8 * rest)]
    after = heard[len(before) :]
    assert [time for time, _, _ in after] == [9120 + number * 8 * milliseconds for number in range(len(after))]
    time, marker, payload = after[0]
    assert (time, marker, payload[0]) == (9120, 1, 0x40)


def ulaw_files(root: Path, **milliseconds: int) -> None:
    """A sound file for each name, of that length, full of the first letter of its name."""
    for name, length in milliseconds.items():
        (root / f"{name}.ulaw").write_bytes(name[0].encode() * 8 * length)


def told(call: PhoneCall) -> list[tuple[int, int, bytes]]:
    """When a phone heard a packet (ms), its timestamp (both since the first one) and its payload."""
    stamps = [int.from_bytes(packet[4:8], "big") for packet in call.packets]
    return [
        (round((at - call.arrivals[0]) * 1000), stamp - stamps[0] & 0xFFFFFFFF, packet[12:])
        for at, stamp, packet in zip(call.arrivals, stamps, call.packets, strict=True)
    ]


async def ask(call: PhoneCall, rtpmap: str) -> None:
    """Call with one codec, that of ``rtpmap`` or ulaw, until the answer."""
    offer = call.sdp("0")
    if rtpmap:
        offer = offer.replace(" 0\r\na=rtpmap:0 PCMU/8000", f" {KIND}\r\na=rtpmap:{KIND} {rtpmap}")
    call.invite(body=offer)
    await call.phone.get(100)
    await call.answered()


async def prompted(
    root: Path, plan: str, *, allow: str = "ulaw:60", rtpmap: str = "", is_over: bool = False
) -> list[tuple[int, int, bytes]]:
    """What alice, who asks for packets of 60 ms, hears of prompts."""
    ulaw_files(root, one=100, two=100)
    extensions = "[default]\nexten => say,1,Answer()\n" + "".join(f" same => n,{step}\n" for step in plan.splitlines())
    async with sip_office(root, phone_section("alice", allow=allow, rtp_symmetric="yes"), extensions) as office:
        alice = office.phone("alice")
        call = PhoneCall(alice, "sip:say@127.0.0.1:15060")
        await ask(call, rtpmap)
        if is_over:
            await call.ended()
        else:
            await asyncio.sleep(2.5)
            await call.hang_up()
        call.close()
        return told(call)


def test_the_end_of_a_prompt_is_heard_and_does_not_begin_the_next_one(tmp_path: Path) -> None:
    heard = run_virtual(prompted(tmp_path, f"Playback({tmp_path}/one)\nWait(1)\nPlayback({tmp_path}/two)\nWait(9)"))
    assert [payload for _, _, payload in heard] == [b"o" * 480, b"o" * 320, b"t" * 480, b"t" * 320]
    times = [at for at, _, _ in heard]
    assert times[1] <= 100  # its last frame came 40 ms after the first packet
    assert abs(heard[2][1] - 8 * times[2]) <= 160  # the time of the pause is in the timestamps


def test_a_prompt_after_a_short_pause_begins_a_packet_of_its_own(tmp_path: Path) -> None:
    heard = run_virtual(prompted(tmp_path, f"Playback({tmp_path}/one)\nWait(0.1)\nPlayback({tmp_path}/two)\nWait(9)"))
    assert [payload for _, _, payload in heard] == [b"o" * 480, b"o" * 320, b"t" * 480, b"t" * 320]


def test_prompts_that_follow_one_another_have_no_gap(tmp_path: Path) -> None:
    heard = run_virtual(prompted(tmp_path, f"Playback({tmp_path}/one&{tmp_path}/two)\nWait(9)"))
    assert b"".join(payload for _, _, payload in heard) == b"o" * 800 + b"t" * 800
    assert [(at, stamp, len(payload)) for at, stamp, payload in heard[:3]] == [(0, 0, 480), (60, 480, 480), (120, 960, 480)]
    assert (heard[3][1], len(heard[3][2]), len(heard)) == (1440, 160, 4)


def test_the_end_of_a_prompt_is_heard_before_the_call_is_over(tmp_path: Path) -> None:
    heard = run_virtual(prompted(tmp_path, f"Playback({tmp_path}/one)\nHangup()", is_over=True))
    assert [payload for _, _, payload in heard] == [b"o" * 480, b"o" * 320]


async def announced(root: Path) -> list[tuple[int, int, bytes]]:
    """What bob hears who is told something before he is connected to alice, who speaks all the time."""
    ulaw_files(root, one=100)
    pjsip = phone_section("alice", allow="ulaw:60", rtp_symmetric="yes")
    pjsip += phone_section("bob", contact="sip:bob@127.0.0.1:15072", allow="ulaw:60", direct_media="no")
    plan = f"[default]\nexten => _[a-z].,1,Dial(PJSIP/${{EXTEN}},,A({root}/one))\n"
    async with sip_office(root, pjsip, plan) as office:
        calling, called = await talk(office.phone("alice"), "bob", office.phone("bob"))
        for _ in range(10):
            calling.send_rtp(b"a" * 480, time=calling.sequence * 480)
            await asyncio.sleep(0.06)
        bridge = await office.bridged()
        assert bridge.technology is not None
        assert bridge.technology.name == "native_rtp"
        await calling.hang_up()
        await called.ended()
        calling.close()
        called.close()
        return told(called)


def test_the_end_of_an_announcement_is_heard_before_the_other_side(tmp_path: Path) -> None:
    heard = [payload for _, _, payload in run_virtual(announced(tmp_path))]
    assert heard[:2] == [b"o" * 480, b"o" * 320]
    assert heard[2:] == [b"a" * 480] * len(heard[2:])
    assert len(heard) > 6


async def held(root: Path) -> list[bytes]:
    """What alice hears of a prompt of ten seconds that she holds after 80 ms."""
    ulaw_files(root, one=10_000)
    plan = f"[default]\nexten => say,1,Answer()\n same => n,Playback({root}/one)\n"
    async with sip_office(root, phone_section("alice", allow="ulaw:60", rtp_symmetric="yes"), plan) as office:
        alice = office.phone("alice")
        call = alice.call("say")
        await alice.get(100)
        await call.answered()
        while not call.packets:  # noqa: ASYNC110 - the port of a phone sets no event
            await asyncio.sleep(0.01)
        await asyncio.sleep(0.045)
        await call.reinvite("inactive")
        await asyncio.sleep(1)
        await call.hang_up()
        call.close()
        return [payload for _, payload in call.heard]


def test_what_waits_is_heard_before_a_hold(tmp_path: Path) -> None:
    assert run_virtual(held(tmp_path)) == [b"o" * 480, b"o" * 320]


# Where the tests of a whole checkout run, both are there; a user may have neither.
NO_OPUS = pytest.mark.skipif(opus.library() is None, reason="libopus is not installed")
NO_ILBC = pytest.mark.skipif(ilbc.library() is None, reason="the native module was not built")
#: Codecs whose encoders wait for more than 20 ms: what allow says, the codec, and the length of a packet in ticks and ms.
GATHERING = [
    pytest.param("opus:60", "opus/48000/2", 2880, 60, marks=NO_OPUS),
    pytest.param("opus:40", "opus/48000/2", 1920, 40, marks=NO_OPUS),
    pytest.param("ilbc:30", "iLBC/8000", 240, 30, marks=NO_ILBC),
]


@pytest.mark.parametrize(("allow", "rtpmap", "ticks", "ms"), GATHERING)
@pytest.mark.parametrize("plan", ["Playback({root}/one)\nWait(1)\nPlayback({root}/two)\nWait(9)"], ids=["two"])
def test_a_frame_that_a_prompt_has_begun_is_filled_up_with_silence(
    tmp_path: Path, allow: str, rtpmap: str, ticks: int, ms: int, plan: str
) -> None:
    heard = run_virtual(prompted(tmp_path, plan.format(root=tmp_path), allow=allow, rtpmap=rtpmap))
    each = -(-100 // ms)
    assert len(heard) == 2 * each
    stamps = [stamp for _, stamp, _ in heard]
    assert stamps[:each] == [place * ticks for place in range(each)]
    assert [stamp - stamps[each] for stamp in stamps[each:]] == stamps[:each]
    assert heard[each - 1][0] <= 150


@pytest.mark.parametrize(("allow", "rtpmap", "ticks", "ms"), GATHERING)
def test_prompts_that_follow_one_another_share_a_frame(tmp_path: Path, allow: str, rtpmap: str, ticks: int, ms: int) -> None:
    plan = f"Playback({tmp_path}/one&{tmp_path}/two)\nWait(9)"
    heard = run_virtual(prompted(tmp_path, plan, allow=allow, rtpmap=rtpmap))
    assert [stamp for _, stamp, _ in heard] == [place * ticks for place in range(-(-200 // ms))]


@pytest.mark.parametrize(("allow", "rtpmap", "ticks", "ms"), GATHERING)
def test_a_frame_that_was_begun_is_sent_before_the_call_is_over(
    tmp_path: Path, allow: str, rtpmap: str, ticks: int, ms: int
) -> None:
    plan = f"Playback({tmp_path}/one)\nHangup()"
    heard = run_virtual(prompted(tmp_path, plan, allow=allow, rtpmap=rtpmap, is_over=True))
    assert [stamp for _, stamp, _ in heard] == [place * ticks for place in range(-(-100 // ms))]


async def left(root: Path, allow: str, rtpmap: str) -> list[int]:
    """How many packets alice has heard after her BYE, which comes at different times of a prompt."""
    ulaw_files(root, one=100)
    plan = f"[default]\nexten => say,1,Answer()\n same => n,Playback({root}/one)\n same => n,Wait(9)\n"
    after = []
    async with sip_office(root, phone_section("alice", allow=allow, rtp_symmetric="yes"), plan) as office:
        alice = office.phone("alice")
        for step in range(8):
            call = PhoneCall(alice, "sip:say@127.0.0.1:15060")
            await ask(call, rtpmap)
            while not call.packets:  # noqa: ASYNC110 - the port of a phone sets no event
                await asyncio.sleep(0.01)
            await asyncio.sleep(0.01 * step + 0.003)
            count = len(call.packets)
            await call.hang_up()
            await asyncio.sleep(1)
            after.append(len(call.packets) - count)
            call.close()
    return after


@pytest.mark.parametrize(("allow", "rtpmap"), [("ulaw:60", ""), pytest.param("opus:60", "opus/48000/2", marks=NO_OPUS)])
def test_who_has_hung_up_is_sent_nothing_more(tmp_path: Path, allow: str, rtpmap: str) -> None:
    assert run_virtual(left(tmp_path, allow, rtpmap)) == [0] * 8
