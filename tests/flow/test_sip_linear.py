"""Signed linear on the wire is L16: the octet of more weight comes first (RFC 3551 section 4.5.11)."""

from __future__ import annotations

import asyncio
import re
from pathlib import Path

import numpy as np
import pytest

from globstar.dsp.g711 import ulaw_to_linear
from tests.support.sip_phone import phone_section, sip_office

EXTENSIONS = "[default]\nexten => 101,1,Dial(PJSIP/bob,20)\nexten => 600,1,Answer(,i)\n same => n,Echo()\n"


def sweep(rate: int, seconds: float = 0.6) -> np.ndarray:
    """A sound whose samples are all but random when their octets are exchanged."""
    times = np.arange(int(rate * seconds)) / rate
    return np.rint(6000 * np.sin(2 * np.pi * (300 * times + 400 * times**2))).astype("<i2")


def likeness(one: np.ndarray, other: np.ndarray) -> float:
    """The best correlation over shifts of up to 25 ms at 8 kHz."""
    best = 0.0
    for shift in range(-200, 201):
        part = one[max(shift, 0) : len(one) + min(shift, 0)].astype(float)
        rest = other[max(-shift, 0) :][: len(part)].astype(float)
        part = part[: len(rest)]
        best = max(best, float(part @ rest / (np.linalg.norm(part) * np.linalg.norm(rest) + 1)))
    return best


@pytest.mark.parametrize(("name", "rate"), [("slin", 8000), ("slin16", 16000), ("slin48", 48000)])
async def test_rfc3551_4_5_11_to_and_from_another_codec(tmp_path: Path, name: str, rate: int) -> None:
    pjsip = phone_section("alice", allow=name) + phone_section("bob", contact="sip:bob@127.0.0.1:15072")
    async with sip_office(tmp_path, pjsip, EXTENSIONS) as office:
        alice, bob = office.phone("alice"), office.phone("bob")
        offer = f"m=audio 21000 RTP/AVP 110\r\na=rtpmap:110 L16/{rate}\r\n"
        call = alice.call("101", sdp=f"v=0\r\no=a 1 1 IN IP4 127.0.0.1\r\ns=-\r\nc=IN IP4 127.0.0.1\r\nt=0 0\r\n{offer}")
        await alice.get(100)
        called = await bob.ring()
        await called.answer()
        answer = await call.answered()
        assert re.search(rf"a=rtpmap:110 L16/{rate}\r", answer.body)
        said, ulaw = sweep(rate), bytes(np.random.default_rng(1).integers(0, 256, 160, np.uint8))
        size = rate // 50
        for start in range(0, len(said), size):
            call.send_rtp(said[start : start + size].astype(">i2").tobytes(), 110, time=start)
            called.send_rtp(ulaw, time=start * 8000 // rate)
            await asyncio.sleep(0.02)
        await asyncio.sleep(0.1)
        heard = np.frombuffer(ulaw_to_linear(b"".join(payload for kind, payload in called.heard if kind == 0)), "<i2")
        assert likeness(heard, sweep(8000)) > 0.98
        packets = [payload for kind, payload in call.heard if kind == 110]
        assert {len(payload) for payload in packets} == {2 * size}
        if rate == 8000:
            assert set(packets[1:]) == {np.frombuffer(ulaw_to_linear(ulaw), "<i2").astype(">i2").tobytes()}
        await call.hang_up()
        await called.ended()


async def test_packets_pass_unchanged_between_two_who_speak_it(tmp_path: Path) -> None:
    async with sip_office(tmp_path, phone_section("alice", allow="slin16"), EXTENSIONS) as office:
        alice = office.phone("alice")
        offer = "m=audio 21000 RTP/AVP 110\r\na=rtpmap:110 L16/16000\r\n"
        call = alice.call("600", sdp=f"v=0\r\no=a 1 1 IN IP4 127.0.0.1\r\ns=-\r\nc=IN IP4 127.0.0.1\r\nt=0 0\r\n{offer}")
        await alice.get(100)
        await call.answered()
        said = [bytes([index, 3]) * 320 for index in range(20)]
        for index, payload in enumerate(said):
            call.send_rtp(payload, 110, time=320 * index)
            await asyncio.sleep(0.02)
        await asyncio.sleep(0.1)
        assert [payload for kind, payload in call.heard if kind == 110][-15:] == said[-15:]
        call.send_rtp(b"\x01\x02\x03", 110, time=9000)  # half a sample too much harms nobody
        call.send_rtp(said[0], 110, time=9001)
        await asyncio.sleep(0.1)
        assert call.heard[-1] == (110, b"\x01\x02" + said[0][:-2])
        await call.hang_up()
