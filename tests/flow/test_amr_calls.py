"""Calls with AMR: each side has the packing and the modes that it asks for (RFC 4867 section 8.3), and hears the other."""

from __future__ import annotations

import asyncio
import re
from dataclasses import dataclass
from pathlib import Path

import pytest

from globstar.core.format import Format, amr, amr_efficient
from globstar.modules.codecs import amr as codec
from globstar.proto.rtp.amr import NARROW_BITS, unpack
from tests.support.sip_phone import PhoneCall, Wire, phone_section, sip_office
from tests.support.sound_quality import frames_of, original, segmental_ratio
from tests.support.virtual_loop import run_virtual

EXTENSIONS = "[default]\nexten => bob,1,Dial(PJSIP/bob)\nexten => echo,1,Answer()\n same => n,Echo()\n"
KIND = 96


def description(call: PhoneCall, fmtp: str, kind: int = KIND) -> str:
    host = call.phone.address[0]
    lines = f"a=rtpmap:{kind} AMR/8000\r\n" + (f"a=fmtp:{kind} {fmtp}\r\n" if fmtp else "")
    head = f"v=0\r\no=phone 7 1 IN IP4 {host}\r\ns=-\r\nc=IN IP4 {host}\r\nt=0 0\r\n"
    return f"{head}m=audio {call.rtp_port} RTP/AVP {kind}\r\n{lines}"


def said(message: Wire) -> tuple[int, str]:
    """Payload type and parameters of AMR in a description."""
    kind = re.search(r"a=rtpmap:(\d+) AMR/8000\r\n", message.body)
    assert kind is not None, message.text
    fmtp = re.search(rf"a=fmtp:{kind[1]} ([^\r]*)\r\n", message.body)
    return int(kind[1]), fmtp[1] if fmtp is not None else ""


def packing(fmtp: str) -> Format:
    return amr if "octet-align=1" in fmtp else amr_efficient


async def say(call: PhoneCall, format: Format, fmtp: str, kind: int) -> None:
    encoder = codec.Encoder(format, fmtp)
    for number, frame in enumerate(frames_of(original(8000), 8000)):
        call.send_rtp(encoder(frame), kind, time=160 * number)
        await asyncio.sleep(0.02)
    await asyncio.sleep(0.3)


def heard(call: PhoneCall, format: Format, kind: int) -> tuple[float, set[int]]:
    """How good it is, and the modes of the frames that came."""
    decoder = codec.Decoder(format)
    payloads = [payload for type_, payload in call.heard if type_ == kind]
    modes = set()
    for payload in payloads:
        for frame in unpack(payload, NARROW_BITS, is_aligned=format is amr) or ():
            modes.add(frame[0] >> 3)
    return segmental_ratio(b"".join(map(decoder, payloads)), 8000), modes


@dataclass(frozen=True)
class Case:
    """What the phones say, what is offered to the callee, which bridge serves them, and the modes that they hear."""

    caller: str
    callee: str
    offered: str
    technology: str
    modes: tuple[int, int] = (7, 7)


CASES = [
    Case("octet-align=1", "octet-align=1", "octet-align=1", "native_rtp"),
    Case("", "octet-align=0", "octet-align=0", "native_rtp"),
    Case("octet-align=1", "", "octet-align=1", "simple_bridge"),
    Case("octet-align=1; mode-set=2", "octet-align=1; mode-set=2", "octet-align=1; mode-set=2", "native_rtp", (2, 2)),
    Case("mode-set=0,4; mode-change-period=2", "octet-align=1", "mode-set=0,4", "simple_bridge", (4, 7)),
]


async def two_phones(root: Path, case: Case) -> None:
    pjsip = phone_section("alice", allow="amr", rtp_symmetric="yes")
    pjsip += phone_section("bob", contact="sip:bob@127.0.0.1:15072", allow="amr", rtp_symmetric="yes")
    async with sip_office(root, pjsip, EXTENSIONS) as office:
        alice, bob = office.phone("alice"), office.phone("bob")
        calling = PhoneCall(alice, "sip:bob@127.0.0.1:15060")
        calling.invite(body=description(calling, case.caller))
        await alice.get(100)
        called = await bob.ring()
        assert called.request is not None
        kind, fmtp = said(called.request)
        assert fmtp == f"{case.offered}; mode-change-capability=2"
        called.reply(200, "OK", body=description(called, case.callee, kind))
        await bob.get("ACK")
        answer = await calling.answered()
        assert packing(said(answer)[1]) is packing(case.caller)
        assert ("mode-set" in said(answer)[1]) == ("mode-set" in case.caller)
        bridge = await office.bridged()
        assert bridge.technology.name == case.technology
        ends = [(calling, case.caller, KIND, case.modes[0]), (called, case.callee, kind, case.modes[1])]
        for (one, asks, number, _), (other, expects, theirs, mode) in (ends, ends[::-1]):
            await say(one, packing(asks), asks, number)
            quality, modes = heard(other, packing(expects), theirs)
            assert modes == {mode}
            assert quality > (4.0 if mode > 3 else 2.0)
            other.heard.clear()
        await calling.hang_up()
        await called.ended()
        calling.close()
        called.close()


@pytest.mark.parametrize("case", CASES, ids=lambda case: f"{case.caller or 'nothing'} and {case.callee or 'nothing'}")
def test_each_side_has_its_packing_and_hears_the_other(tmp_path: Path, case: Case) -> None:
    run_virtual(two_phones(tmp_path, case))


async def requesting(root: Path, fmtp: str, dialplan: str, asked: list[int], callee: str) -> list[list[int]]:
    """The modes that alice hears while she asks for one after the other: of ten packets after ten of each request."""
    pjsip = phone_section("alice", allow="amr", rtp_symmetric="yes")
    pjsip += phone_section("bob", contact="sip:bob@127.0.0.1:15072", allow=callee, rtp_symmetric="yes")
    async with sip_office(root, pjsip, f"[default]\nexten => bob,1,{dialplan}\n same => n,Dial(PJSIP/bob)\n") as office:
        alice, bob = office.phone("alice"), office.phone("bob")
        calling = PhoneCall(alice, "sip:bob@127.0.0.1:15060")
        calling.invite(body=description(calling, fmtp))
        await alice.get(100)
        called = await bob.ring()
        if callee == "amr":
            assert called.request is not None
            theirs = said(called.request)[0]
            called.reply(200, "OK", body=description(called, fmtp, theirs))
            await bob.get("ACK")
        else:
            theirs = 0
            await called.answer()
        await calling.answered()
        await office.bridged()
        packets = [codec.Encoder(packing(fmtp))(frame) for frame in frames_of(original(8000), 8000)[:20]]
        time = 0
        found = []
        for mode in asked:
            for packet in packets:
                calling.send_rtp(bytes([mode << 4 | packet[0] & 15]) + packet[1:], KIND, time=time)
                called.send_rtp(packet if theirs else bytes([0xFF]) * 160, theirs, time=time)
                time += 160
                await asyncio.sleep(0.02)
            payloads = [payload for type_, payload in calling.heard if type_ == KIND][-10:]
            calling.heard.clear()
            frames = [unpack(payload, NARROW_BITS, is_aligned=packing(fmtp) is amr) or () for payload in payloads]
            found.append(sorted({frame[0] >> 3 for several in frames for frame in several}))
        await calling.hang_up()
        await called.ended()
        calling.close()
        called.close()
        return found


@pytest.mark.parametrize(
    ("fmtp", "dialplan", "callee", "asked", "modes"),
    [
        ("octet-align=1", "NoOp()", "ulaw", [15, 2, 0, 9, 15], [[7], [2], [0], [0], [7]]),
        ("", "NoOp()", "ulaw", [5, 15], [[5], [7]]),
        ("mode-set=0,2,4", "NoOp()", "ulaw", [15, 2, 3, 0], [[4], [2], [2], [0]]),
        ("mode-set=0,2,4; mode-change-period=2; mode-change-neighbor=1", "NoOp()", "ulaw", [15, 0, 4], [[4], [0], [4]]),
        ("octet-align=1", "Set(VOLUME(TX)=2)", "amr", [15, 3], [[7], [3]]),
    ],
)
def test_rfc4867_4_3_1_a_phone_gets_the_mode_that_it_asks_for_in_its_packets(
    tmp_path: Path, fmtp: str, dialplan: str, callee: str, asked: list[int], modes: list[list[int]]
) -> None:
    assert run_virtual(requesting(tmp_path, fmtp, dialplan, asked, callee)) == modes


async def refused(root: Path, fmtp: str) -> int:
    async with sip_office(root, phone_section("alice", allow="amr"), EXTENSIONS) as office:
        alice = office.phone("alice")
        call = PhoneCall(alice, "sip:echo@127.0.0.1:15060")
        call.invite(body=description(call, fmtp))
        await alice.get(100)
        final = await alice.final()
        call.refused(final)
        call.close()
        return final.status


def test_a_packing_that_is_not_known_is_refused(tmp_path: Path) -> None:
    assert run_virtual(refused(tmp_path, "octet-align=1; crc=1")) == 488
