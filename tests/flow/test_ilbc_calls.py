"""Calls with iLBC: the two sides agree on a frame length each (RFC 3952 section 5), and hear each other whatever it is."""

from __future__ import annotations

import asyncio
import re
from dataclasses import dataclass
from pathlib import Path

import pytest

from globstar.core.format import Format, ilbc, ilbc30
from globstar.modules.codecs import ilbc as codec
from tests.support.sip_phone import PhoneCall, Wire, phone_section, sip_office
from tests.support.sound_quality import original, segmental_ratio
from tests.support.virtual_loop import run_virtual

# on a developer's machine without a compiler; in CI a skip fails the run
pytestmark = pytest.mark.skipif(codec.library() is None, reason="the native module was not built")

EXTENSIONS = "[default]\nexten => bob,1,Dial(PJSIP/bob)\nexten => echo,1,Answer()\n same => n,Echo()\n"
KIND = 97
FORMATS = {20: ilbc, 30: ilbc30}


def description(call: PhoneCall, fmtp: str, ptime: int = 0) -> str:
    host = call.phone.address[0]
    lines = f"a=rtpmap:{KIND} iLBC/8000\r\n" + (f"a=fmtp:{KIND} {fmtp}\r\n" if fmtp else "")
    lines += f"a=ptime:{ptime}\r\n" if ptime else ""
    head = f"v=0\r\no=phone 7 1 IN IP4 {host}\r\ns=-\r\nc=IN IP4 {host}\r\nt=0 0\r\n"
    return f"{head}m=audio {call.rtp_port} RTP/AVP {KIND}\r\n{lines}"


def mode_of(message: Wire) -> int:
    found = re.search(rf"a=fmtp:{KIND} mode=(\d+)\r\n", message.body)
    assert found is not None, message.text
    return int(found[1])


async def say(call: PhoneCall, format: Format) -> None:
    """The test sound, a packet for each frame."""
    encoder, time = codec.Encoder(format), 0
    count = format.codec.sample_count
    sound = original(8000)
    for start in range(0, len(sound) - 2 * count + 1, 2 * count):
        call.send_rtp(encoder(sound[start : start + 2 * count]), KIND, time=time)
        time += count
        await asyncio.sleep(count / 8000)
    await asyncio.sleep(0.3)


def heard(call: PhoneCall, format: Format) -> tuple[float, list[int]]:
    """How good it is, and the length of each packet that came."""
    payloads = [payload for kind, payload in call.heard if kind == KIND]
    decoder = codec.Decoder(format)
    return segmental_ratio(b"".join(decoder(payload) for payload in payloads), 8000), [len(payload) for payload in payloads]


def by_itself(one: Format, other: Format) -> float:
    """How good the codec is with nothing between: coded once, or once more in frames of the other length."""
    sound = through(one, original(8000))
    return segmental_ratio(sound if one is other else through(other, sound), 8000)


def through(format: Format, sound: bytes) -> bytes:
    encoder, decoder = codec.Encoder(format), codec.Decoder(format)
    size = 2 * format.codec.sample_count
    return b"".join(decoder(encoder(sound[start : start + size])) for start in range(0, len(sound), size))


@dataclass(frozen=True)
class Case:
    """What the phones say, what is agreed on each side, and which bridge serves them."""

    caller: str
    callee: str
    modes: tuple[int, int]
    offered: int
    technology: str


CASES = [
    Case("mode=20", "mode=20", (20, 20), 20, "native_rtp"),
    Case("mode=30", "mode=30", (30, 30), 30, "native_rtp"),
    Case("", "", (30, 30), 30, "native_rtp"),
    Case("mode=20", "mode=30", (20, 30), 20, "simple_bridge"),
    Case("mode=20", "", (20, 30), 20, "simple_bridge"),
    # the lower bit rate, whatever the callee answers to an offer of it
    Case("mode=30", "mode=20", (30, 30), 30, "native_rtp"),
]


async def two_phones(root: Path, case: Case) -> None:
    pjsip = phone_section("alice", allow="ilbc", rtp_symmetric="yes")
    pjsip += phone_section("bob", contact="sip:bob@127.0.0.1:15072", allow="ilbc", rtp_symmetric="yes")
    async with sip_office(root, pjsip, EXTENSIONS) as office:
        alice, bob = office.phone("alice"), office.phone("bob")
        calling = PhoneCall(alice, "sip:bob@127.0.0.1:15060")
        calling.invite(body=description(calling, case.caller))
        await alice.get(100)
        called = await bob.ring()
        assert called.request is not None
        assert mode_of(called.request) == case.offered
        called.reply(200, "OK", body=description(called, case.callee))
        await bob.get("ACK")
        answer = await calling.answered()
        assert mode_of(answer) == case.modes[0]
        assert f"a=ptime:{case.modes[0]}\r\n" in answer.body
        assert (await office.bridged()).technology.name == case.technology
        ends = [(calling, FORMATS[case.modes[0]]), (called, FORMATS[case.modes[1]])]
        for (one, spoken), (other, expected) in (ends, ends[::-1]):
            await say(one, spoken)
            quality, lengths = heard(other, expected)
            assert set(lengths) == {expected.codec.sample_bytes}
            assert quality > by_itself(spoken, expected) - 1.0
            other.heard.clear()
        await calling.hang_up()
        await called.ended()
        calling.close()
        called.close()


async def offers_within(root: Path, fmtp: str) -> list[tuple[int, str]]:
    """Mode and payload line of what both phones are offered when they are to send to one another."""
    pjsip = phone_section("alice", allow="ilbc", direct_media="yes")
    pjsip += phone_section("bob", contact="sip:bob@127.0.0.1:15072", allow="ilbc", direct_media="yes")
    async with sip_office(root, pjsip, EXTENSIONS) as office:
        alice, bob = office.phone("alice"), office.phone("bob")
        calling = PhoneCall(alice, "sip:bob@127.0.0.1:15060")
        calling.invite(body=description(calling, fmtp))
        await alice.get(100)
        called = await bob.ring()
        called.reply(200, "OK", body=description(called, fmtp))
        await bob.get("ACK")
        await calling.answered()
        found = []
        for call in (calling, called):
            offer = await call.phone.get("INVITE")
            found.append((mode_of(offer), offer.body[offer.body.index("RTP/AVP") :].split("\r\n")[0]))
            call.reply(200, "OK", body=description(call, fmtp), request=offer)
            await call.phone.get("ACK")
        await calling.hang_up()
        back = await bob.get("INVITE")  # its media come back to the server first
        found.append((mode_of(back), back.body[back.body.index("RTP/AVP") :].split("\r\n")[0]))
        called.reply(200, "OK", body=description(called, fmtp), request=back)
        await bob.get("ACK")
        await called.ended()
        calling.close()
        called.close()
        return found


@pytest.mark.parametrize(("fmtp", "mode"), [("mode=20", 20), ("mode=30", 30), ("", 30)])
def test_a_later_offer_of_ours_has_the_mode_that_was_agreed(tmp_path: Path, fmtp: str, mode: int) -> None:
    assert run_virtual(offers_within(tmp_path, fmtp)) == [(mode, f"RTP/AVP {KIND} 101")] * 3


@pytest.mark.parametrize("case", CASES, ids=lambda case: f"{case.caller or 'nothing'} and {case.callee or 'nothing'}")
def test_each_side_has_its_mode_and_hears_the_other(tmp_path: Path, case: Case) -> None:
    run_virtual(two_phones(tmp_path, case))


async def echo(root: Path, allow: str, fmtp: str, options: dict[str, object], send: Format) -> tuple[Wire, list[int], float]:
    """Talk to Echo(); the answer, the lengths of what comes back, and how good it is."""
    pjsip = phone_section("alice", allow=allow, rtp_symmetric="yes", **options)
    async with sip_office(root, pjsip, EXTENSIONS) as office:
        alice = office.phone("alice")
        call = PhoneCall(alice, "sip:echo@127.0.0.1:15060")
        call.invite(body=description(call, fmtp, ptime=60 if options else 0))
        await alice.get(100)
        answer = await call.answered()
        await asyncio.sleep(1.0)  # Answer() takes the first packet, if it comes at once
        await say(call, send)
        quality, lengths = heard(call, FORMATS[mode_of(answer)])
        await call.hang_up()
        call.close()
        return answer, lengths, quality


@pytest.mark.parametrize(
    ("allow", "fmtp", "options", "mode", "length"),
    [
        ("ilbc:30", "mode=20", {}, 30, 50),
        ("ilbc:40", "mode=20", {}, 20, 76),
        ("ilbc:60", "mode=30", {}, 30, 100),
        ("ilbc", "mode=30", {"use_ptime": "yes"}, 30, 100),
        ("ilbc", "mode=20", {"use_ptime": "yes"}, 20, 114),
    ],
)
def test_packets_of_several_frames(
    tmp_path: Path, allow: str, fmtp: str, options: dict[str, object], mode: int, length: int
) -> None:
    answer, lengths, quality = run_virtual(echo(tmp_path, allow, fmtp, options, FORMATS[mode]))
    assert mode_of(answer) == mode
    frame = FORMATS[mode].codec
    assert set(lengths[:-1]) == {length}
    assert 0 < lengths[-1] <= length
    assert sum(lengths) == len(original(8000)) // 2 // frame.sample_count * frame.sample_bytes  # the end, too
    assert quality > 7.0


@pytest.mark.parametrize(("fmtp", "sends"), [("mode=20", ilbc30), ("mode=30", ilbc)])
def test_a_phone_that_sends_the_other_mode_is_understood(tmp_path: Path, fmtp: str, sends: Format) -> None:
    """Recorded in signed linear, as frames of the other length cannot be sent back."""
    heard_of_it = run_virtual(recorded(tmp_path, fmtp, sends))
    assert segmental_ratio(heard_of_it, 8000) > 7.0


async def recorded(root: Path, fmtp: str, sends: Format) -> bytes:
    extensions = f"[default]\nexten => tape,1,Answer()\n same => n,Record({root}/tape.sln,0,3,k)\n"
    async with sip_office(root, phone_section("alice", allow="ilbc", rtp_symmetric="yes"), extensions) as office:
        alice = office.phone("alice")
        call = PhoneCall(alice, "sip:tape@127.0.0.1:15060")
        call.invite(body=description(call, fmtp))
        await alice.get(100)
        await call.answered()
        await asyncio.sleep(1.0)
        await say(call, sends)
        await call.hang_up()
        call.close()
        await office.quiet()
    return (root / "tape.sln").read_bytes()
