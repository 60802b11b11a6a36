"""Phones that send under the payload types of their answer, where they should use those of the offer (RFC 3264 section 6.1)."""

from __future__ import annotations

import asyncio
import struct
from pathlib import Path

import pytest

from tests.support.sip_phone import PhoneCall, phone_section, sip_office

pytestmark = pytest.mark.virtual_time

EXTENSIONS = """\
[default]
exten => 101,1,Dial(PJSIP/bob,20)
exten => 102,1,Dial(PJSIP/bob,20,t)
"""
ALICE = phone_section("alice", allow="ulaw,opus")
LINES = {
    "opus": "a=rtpmap:98 opus/48000/2\r\na=rtpmap:97 telephone-event/8000\r\na=fmtp:97 0-16\r\n",
    "ulaw": "a=rtpmap:98 PCMU/8000\r\na=rtpmap:97 telephone-event/8000\r\na=fmtp:97 0-16\r\n",
}


def answer_of(call: PhoneCall, codec: str) -> str:
    """A description with numbers of its own."""
    return (
        f"v=0\r\no=bob 1 1 IN IP4 127.0.0.1\r\ns=-\r\nc=IN IP4 127.0.0.1\r\nt=0 0\r\n"
        f"m=audio {call.rtp_port} RTP/AVP 98 97\r\n{LINES[codec]}a=sendrecv\r\n"
    )


@pytest.mark.parametrize("number", ["101", "102"], ids=["relay", "digits are looked at"])
@pytest.mark.parametrize("codec", ["ulaw", "opus"])
async def test_who_sends_under_the_numbers_of_its_answer_is_heard(tmp_path: Path, codec: str, number: str) -> None:
    bob_section = phone_section("bob", contact="sip:bob@127.0.0.1:15072", allow=codec)
    async with sip_office(tmp_path, ALICE + bob_section, EXTENSIONS) as office:
        alice, bob = office.phone("alice"), office.phone("bob")
        calling = PhoneCall(alice, f"sip:{number}@127.0.0.1:15060")
        offer = calling.sdp("0 101")
        if codec == "opus":
            offer = offer.replace(" 0 101", " 111 101").replace("a=rtpmap:0 PCMU/8000", "a=rtpmap:111 opus/48000/2")
        calling.invite(body=offer)
        await alice.get(100)
        called = await bob.ring()
        called.reply(200, body=answer_of(called, codec))
        await bob.get("ACK")
        await calling.answered()
        await asyncio.sleep(0.5)
        sound, theirs = (b"\x78" + bytes(40), 111) if codec == "opus" else (b"\x42" * 160, 0)
        step = 960 if codec == "opus" else 160
        for place in range(10):
            called.send_rtp(sound, 98, time=place * step)
            await asyncio.sleep(0.02)
        stamp = 10 * step
        for count in range(1, 6):
            called.send_rtp(struct.pack("!BBH", 7, 10, count * 160), 97, marker=count == 1, time=stamp)
            await asyncio.sleep(0.02)
        for _ in range(3):
            called.send_rtp(struct.pack("!BBH", 7, 0x8A, 800), 97, time=stamp)
        await asyncio.sleep(0.2)
        assert [payload for kind, payload in calling.heard if kind == theirs] == [sound] * 10
        digits = {payload[0] for kind, payload in calling.heard if kind == 101}
        assert digits == {7}
        await calling.speak(5)  # they are sent what they have asked for
        await asyncio.sleep(0.1)
        if codec == "ulaw":
            assert {kind for kind, _ in called.heard} == {98}
        await calling.hang_up()
        await called.ended()
