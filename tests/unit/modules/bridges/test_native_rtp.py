"""Packets between two SIP phones: relayed unseen while nobody needs to see them, through the core once somebody does."""

from __future__ import annotations

import asyncio
import struct
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import pytest

from globstar.core.bridge import Bridge
from globstar.core.frame import Frame
from tests.support.sip_phone import PhoneCall, SipOffice, phone_section, sip_office

pytestmark = pytest.mark.virtual_time

ONE, TWO = 0x51, 0x62


@asynccontextmanager
async def call(
    tmp_path: Path, dial: str = "Dial(PJSIP/bob)", *, bob: str = "ulaw", codecs: str = "0 101"
) -> AsyncIterator[tuple[SipOffice, PhoneCall, PhoneCall]]:
    """A call between two phones that talk."""
    text = phone_section("alice") + phone_section("bob", allow=bob, contact="sip:bob@127.0.0.1:15072")
    async with sip_office(tmp_path, text, f"[default]\nexten => 1,1,{dial}\n") as office:
        phones = office.phone("alice"), office.phone("bob")
        calling = phones[0].call("1")
        await phones[0].get(100)
        called = await phones[1].ring()
        called.reply(200, body=called.sdp(codecs))
        await phones[1].get("ACK")
        await calling.answered()
        await asyncio.sleep(0.1)
        yield office, calling, called
        if not phones[0].inbox:
            await calling.hang_up()
            await called.ended()


def bridge_of(office: SipOffice) -> Bridge:
    (bridge,) = office.system.bridges.values()
    return bridge


async def talk(calling: PhoneCall, called: PhoneCall, packets: int = 20) -> tuple[dict[int, int], dict[int, int]]:
    """What each hears of what the other says."""
    calling.sounds()
    called.sounds()
    await asyncio.gather(calling.speak(packets, ONE), called.speak(packets, TWO))
    await asyncio.sleep(0.1)
    return calling.sounds(), called.sounds()


async def test_packets_keep_their_distances(tmp_path: Path) -> None:
    """Sequence numbers and timestamps move by a constant; a lost packet stays a gap, the payload type is the receiver's."""
    async with call(tmp_path) as (office, calling, called):
        assert bridge_of(office).technology.name == "native_rtp"
        called.packets.clear()
        for _ in range(3):
            calling.send_rtp(b"\x01" * 160)
        calling.sequence += 2
        calling.send_rtp(b"\x02" * 160)
        await asyncio.sleep(0.1)
        heads = [struct.unpack("!BBHII", packet[:12]) for packet in called.packets]
        assert [(head[2] - heads[0][2]) & 0xFFFF for head in heads] == [0, 1, 2, 5]
        assert [(head[3] - heads[0][3]) & 0xFFFFFFFF for head in heads] == [0, 160, 320, 800]
        assert {head[4] for head in heads} != {0xABCD}, "the stream is the server's own"
        assert len({head[4] for head in heads}) == 1


async def test_a_recording_hook_sees_every_frame_from_then_on(tmp_path: Path) -> None:
    async with call(tmp_path) as (office, calling, called):
        seen: list[Frame] = []

        def hook(frame: Frame) -> Frame:
            seen.append(frame)
            return frame

        assert await talk(calling, called) == ({TWO: 20}, {ONE: 20})
        assert not seen
        channel = next(iter(office.system.channels.values()))
        channel.add_read_hook(hook)
        assert bridge_of(office).technology.name == "simple_bridge"
        assert await talk(calling, called) == ({TWO: 20}, {ONE: 20})
        assert len(seen) == 20
        channel.remove_hook(hook)
        assert bridge_of(office).technology.name == "native_rtp"
        assert await talk(calling, called) == ({TWO: 20}, {ONE: 20})
        assert len(seen) == 20


async def test_digit_features_need_the_core(tmp_path: Path) -> None:
    async with call(tmp_path, "Dial(PJSIP/bob,,h)") as (office, calling, called):
        assert bridge_of(office).technology.name == "simple_bridge"
        assert await talk(calling, called) == ({TWO: 20}, {ONE: 20})


async def test_digits_are_relayed_as_they_are(tmp_path: Path) -> None:
    async with call(tmp_path, codecs="0 101") as (office, calling, called):
        assert bridge_of(office).technology.name == "native_rtp"
        await calling.speak(3, ONE)
        called.heard.clear()
        await calling.press(9)
        events = [payload for kind, payload in called.heard if kind == 101]
        assert len(events) == 8
        assert {event[0] for event in events} == {9}


async def test_hold_changes_nothing_but_who_is_sent_to(tmp_path: Path) -> None:
    """Who holds is sent nothing; without music there is what it still says, as where music is passed through."""
    async with call(tmp_path) as (office, calling, called):
        await calling.reinvite("sendonly")
        await asyncio.sleep(0.1)
        assert bridge_of(office).technology.name == "native_rtp"
        assert await talk(calling, called) == ({}, {ONE: 20})
        await calling.reinvite("sendrecv")
        await asyncio.sleep(0.1)
        assert bridge_of(office).technology.name == "native_rtp"
        assert await talk(calling, called) == ({TWO: 20}, {ONE: 20})
        await calling.reinvite("inactive")
        assert await talk(calling, called, 10) == ({}, {})
        await calling.reinvite("sendrecv")
        assert await talk(calling, called) == ({TWO: 20}, {ONE: 20})


async def test_different_codecs(tmp_path: Path) -> None:
    async with call(tmp_path, bob="alaw", codecs="8 101") as (office, _, _):
        bridge = bridge_of(office)
        assert bridge.technology.name == "simple_bridge"
        from globstar.modules.bridges.native_rtp import NativeRtpBridge

        assert "different codecs" in (NativeRtpBridge.unsuitable(bridge) or "")


async def test_a_codec_change_in_the_middle(tmp_path: Path) -> None:
    """The callee moves to alaw: the bridge translates from then on, and relays again when it comes back."""
    text = phone_section("alice") + phone_section("bob", allow="ulaw,alaw", contact="sip:bob@127.0.0.1:15072")
    async with sip_office(tmp_path, text, "[default]\nexten => 1,1,Dial(PJSIP/bob)\n") as office:
        alice, bob = office.phone("alice"), office.phone("bob")
        calling = alice.call("1")
        await alice.get(100)
        called = await bob.ring()
        await called.answer()
        await calling.answered()
        await asyncio.sleep(0.1)
        assert bridge_of(office).technology.name == "native_rtp"
        answer = await called.reinvite(codecs="8 101")
        assert "RTP/AVP 8 101" in answer.body
        await asyncio.sleep(0.1)
        assert bridge_of(office).technology.name == "simple_bridge"
        called.heard.clear()
        calling.heard.clear()
        await asyncio.gather(calling.speak(10, 0xFF), called.speak(10, 0xD5, 8))
        await asyncio.sleep(0.1)
        assert {kind for kind, _ in called.heard} == {8}
        assert {kind for kind, _ in calling.heard} == {0}
        await called.reinvite(codecs="0 101")
        await asyncio.sleep(0.1)
        assert bridge_of(office).technology.name == "native_rtp"
        assert await talk(calling, called) == ({TWO: 20}, {ONE: 20})
        await called.hang_up()
        await calling.ended()


async def test_rtp_that_comes_from_elsewhere_is_not_relayed(tmp_path: Path) -> None:
    """Strict RTP holds in a relay too: a stranger who knows the port is not heard."""
    async with call(tmp_path) as (office, calling, called):
        assert await talk(calling, called, 30) == ({TWO: 30}, {ONE: 30})
        intruder = office.media.open("127.0.0.1", 29998)
        assert calling.remote is not None
        head = struct.pack("!BBHII", 0x80, 0, 7, 7, 0xBAD)
        for _ in range(10):
            intruder.sendto(head + b"\x13" * 160, calling.remote)
            await asyncio.sleep(0.02)
        calling.send_rtp(bytes([ONE]) * 160)
        await asyncio.sleep(0.1)
        assert called.sounds() == {ONE: 1}
        intruder.close()
