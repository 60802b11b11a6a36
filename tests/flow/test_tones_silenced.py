"""The tone of a digit that was found in the audio: nobody else hears it, whatever the codec, and the sound around it stays."""

from __future__ import annotations

import asyncio
import audioop
import struct
from pathlib import Path

import pytest

from globstar.dsp.dtmf import digit_tone
from globstar.modules.codecs import opus
from tests.support.sip_phone import phone_section, sip_office
from tests.support.virtual_loop import run_virtual

EXTENSIONS = "[default]\nexten => bob,1,Dial(PJSIP/bob)\n"


def tone(hertz_digit: str, ms: int) -> list[bytes]:
    sound = digit_tone(hertz_digit, ms).render(8 * ms)
    return [sound[start : start + 320] for start in range(0, len(sound), 320)]


async def heard_of_a_digit(root: Path, codec: str) -> tuple[list[int], list[str]]:
    """How loud each packet is that bob hears, and the digits that he is told by INFO; alice hums, and presses 5 for 300 ms."""
    pjsip = phone_section("alice", allow=codec, dtmf_mode="inband")
    pjsip += phone_section("bob", contact="sip:bob@127.0.0.1:15072", dtmf_mode="info")
    async with sip_office(root, pjsip, EXTENSIONS) as office:
        alice, bob = office.phone("alice"), office.phone("bob")
        kind, name = (0, "PCMU/8000") if codec == "ulaw" else (107, "opus/48000/2")
        head = "v=0\r\no=alice 7 1 IN IP4 127.0.0.1\r\ns=-\r\nc=IN IP4 127.0.0.1\r\nt=0 0\r\n"
        call = alice.call("bob", sdp=f"{head}m=audio 21000 RTP/AVP {kind}\r\na=rtpmap:{kind} {name}\r\n")
        other = await bob.ring()
        assert other.request is not None
        other.reply(200, "OK", body=other.sdp("0"))
        await bob.get("ACK")
        await alice.get(100)
        await call.answered()
        await asyncio.sleep(0.1)
        other.heard.clear()
        hum = struct.pack("<8h", 0, 2000, 2800, 2000, 0, -2000, -2800, -2000) * 20
        encoder = opus.Encoder(8000, {}) if codec == "opus" else None
        told = []
        for number, frame in enumerate([*[hum] * 25, *tone("5", 300), *[hum] * 25]):
            payload = encoder(frame) if encoder is not None else audioop.lin2ulaw(frame, 2)
            call.send_rtp(payload, kind, time=number * (160 if codec == "ulaw" else 960))
            await asyncio.sleep(0.02)
            while bob.inbox and bob.inbox[0].method == "INFO":
                message = await bob.get("INFO")
                told.append(message.body)
                bob.send(bob.reply_to(message, 200, "OK"))
        await asyncio.sleep(0.3)
        loud = [audioop.rms(audioop.ulaw2lin(payload, 2), 2) for kind, payload in other.heard if kind == 0]
        await call.hang_up()
        await other.ended()
    return loud, told


@pytest.mark.parametrize("codec", ["ulaw", "opus"])
def test_a_tone_is_told_and_not_heard(tmp_path: Path, codec: str) -> None:
    if codec == "opus" and opus.library() is None:
        pytest.skip("the library of Opus is not installed")  # in CI a skip fails the run
    loud, told = run_virtual(heard_of_a_digit(tmp_path, codec))
    assert len(told) == 1
    assert "Signal=5" in told[0]
    assert len(loud) >= 60
    assert sum(level < 100 for level in loud) >= 12  # of 15 packets; the first ones pass until the digit is found
    assert all(level > 1500 for level in loud[4:24])
    assert all(level > 1500 for level in loud[-20:])
