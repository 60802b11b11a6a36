"""A bridge that must see digits alone: packets of audio are relayed past it, those of digits come as frames."""

from __future__ import annotations

import asyncio
import struct
from pathlib import Path

import pytest

from globstar.core import events
from globstar.core.bridgetech import suspend
from globstar.core.frame import Frame
from tests.support.sip_phone import PhoneCall, SipOffice, phone_section, sip_office
from tests.unit.modules.bridges.test_native_rtp import ONE, TWO, bridge_of, call, talk

pytestmark = pytest.mark.virtual_time

DIAL = "Dial(PJSIP/bob,,tT)"
RELAYED = "simple_bridge: chosen, packets are relayed, digits are seen"
BOTH = ({TWO: 20}, {ONE: 20})


def way(office: SipOffice) -> str:
    (line,) = [line for line in bridge_of(office).explain() if line.startswith("simple_bridge")]
    return line


def told(office: SipOffice) -> list[tuple[str, str, str]]:
    """Digits as they are told of from now on: the phone, what happened, and the direction."""
    found: list[tuple[str, str, str]] = []

    def note(event: events.DigitBegan | events.DigitEnded) -> None:
        name = event.channel.name.partition("/")[2].partition("-")[0]
        found.append((name, f"{type(event).__name__} {event.digit}", event.direction))

    office.system.bus.subscribe(events.DigitBegan, note)
    office.system.bus.subscribe(events.DigitEnded, note)
    return found


def heads(call: PhoneCall) -> list[tuple[int, int, int]]:
    """Of the packets that came: payload type, sequence number, timestamp."""
    found = [struct.unpack("!BBHI", packet[:8]) for packet in call.packets]
    return [(second & 0x7F, sequence, time) for _, second, sequence, time in found]


async def test_digits_alone_are_seen(tmp_path: Path) -> None:
    async with call(tmp_path, DIAL) as (office, calling, called):
        assert way(office) == RELAYED
        digits = told(office)
        assert await talk(calling, called) == BOTH
        called.heard.clear()
        await calling.press(9)
        await asyncio.sleep(0.2)
        assert digits == [
            ("alice", "DigitBegan 9", "Received"),
            ("bob", "DigitBegan 9", "Sent"),
            ("alice", "DigitEnded 9", "Received"),
            ("bob", "DigitEnded 9", "Sent"),
        ]
        assert {payload[0] for kind, payload in called.heard if kind == 101} == {9}
        assert await talk(calling, called) == BOTH
        assert way(office) == RELAYED


async def test_the_listener_has_one_row_of_numbers(tmp_path: Path) -> None:
    async with call(tmp_path, DIAL) as (_, calling, called):
        called.packets.clear()
        for _ in range(3):
            await calling.speak(5, ONE)
            await calling.press(7)
        await calling.speak(5, ONE)
        await asyncio.sleep(0.1)
        found = heads(called)
        assert {kind for kind, _, _ in found} == {0, 101}
        assert len([kind for kind, _, _ in found if kind == 0]) == 20
        assert [(sequence - found[0][1]) & 0xFFFF for _, sequence, _ in found] == list(range(len(found)))
        times = [(time - found[0][2]) & 0xFFFFFFFF for _, _, time in found]
        assert times == sorted(times)


async def test_a_code_is_not_heard_by_the_other(tmp_path: Path) -> None:
    async with call(tmp_path, "Dial(PJSIP/bob,,h)") as (office, calling, called):
        assert way(office) == RELAYED
        assert await talk(calling, called) == BOTH
        calling.heard.clear()
        await called.press(10)  # *, the code to hang up
        await called.ended()
        await asyncio.sleep(0.1)
        assert [wire.label for wire in calling.phone.inbox] == ["BYE"]
        assert not [kind for kind, _ in calling.heard if kind == 101]


async def test_frames_while_somebody_listens(tmp_path: Path) -> None:
    async with call(tmp_path, DIAL) as (office, calling, called):
        seen: list[Frame] = []

        def hook(frame: Frame) -> Frame:
            seen.append(frame)
            return frame

        assert await talk(calling, called) == BOTH
        channel = next(iter(office.system.channels.values()))
        channel.add_read_hook(hook)
        assert way(office) == f"simple_bridge: chosen, frames: {channel.name} has hooks on its audio"
        assert await talk(calling, called) == BOTH
        assert len(seen) == 20
        channel.remove_hook(hook)
        assert way(office) == RELAYED
        assert await talk(calling, called) == BOTH
        assert len(seen) == 20


async def test_frames_of_two_who_move_to_another_codec_are_not_translated(tmp_path: Path) -> None:
    """Once both speak it: not to the codec of before and back, of which some values would be others."""
    text = phone_section("alice", allow="ulaw,alaw") + phone_section("bob", allow="ulaw,alaw", contact="sip:bob@127.0.0.1:15072")
    async with sip_office(tmp_path, text, f"[default]\nexten => 1,1,{DIAL}\n") as office:
        alice, bob = office.phone("alice"), office.phone("bob")
        calling = alice.call("1")
        await alice.get(100)
        called = await bob.ring()
        await called.answer()
        await calling.answered()
        await office.bridged()
        channels = list(office.system.channels.values())
        channels[0].add_read_hook(lambda frame: frame)
        for call in (called, calling):
            await call.reinvite(codecs="8 101")
            await asyncio.sleep(0.1)
            await asyncio.gather(calling.speak(3, 0xD5, 8 if call is calling else 0), called.speak(3, 0xD5, 8))
        assert way(office).startswith("simple_bridge: chosen, frames: ")
        assert [(channel.read_path, channel.write_path) for channel in channels] == [(None, None)] * 2
        for speaker, listener in ((calling, called), (called, calling)):
            listener.heard.clear()
            speaker.send_rtp(bytes(range(160)), 8)
            speaker.send_rtp(bytes(range(96, 256)), 8)
            await asyncio.sleep(0.1)
            assert [heard for heard in listener.heard if heard[0] == 8] == [(8, bytes(range(160))), (8, bytes(range(96, 256)))]
        await calling.hang_up()
        await called.ended()


async def test_who_hears_a_tone_hears_it_alone_and_that_is_said(tmp_path: Path) -> None:
    async with call(tmp_path, DIAL) as (office, calling, called):
        channel = next(channel for channel in office.system.channels.values() if "alice" in channel.name)
        office.system.tones.play(channel, "!1000/600")
        assert way(office) == f"simple_bridge: chosen, {channel.name} hears music or a tone, not the other; digits are seen"
        calling.heard.clear()
        await called.speak(10, TWO)
        assert not [payload for _, payload in calling.heard if payload == bytes([TWO]) * 160]
        await asyncio.sleep(0.6)
        assert way(office) == RELAYED
        assert await talk(calling, called) == BOTH


async def test_who_suspends_the_relaying_technology_gets_frames(tmp_path: Path) -> None:
    async with call(tmp_path, DIAL) as (office, calling, called):
        spec = office.system.bridge_technologies.get("native_rtp")
        assert spec is not None
        suspend(office.system, spec, is_suspended=True)
        assert way(office) == "simple_bridge: chosen, frames: native_rtp is suspended"
        assert await talk(calling, called) == BOTH
        suspend(office.system, spec, is_suspended=False)
        assert way(office) == RELAYED
        assert await talk(calling, called) == BOTH


async def test_technologies_come_and_go_with_their_modules(tmp_path: Path) -> None:
    async with call(tmp_path, DIAL) as (office, calling, called):
        loader = office.system.loader
        assert way(office) == RELAYED
        await loader.unload("bridge_native_rtp")
        assert way(office) == "simple_bridge: chosen, frames: native_rtp is not loaded"
        assert await talk(calling, called) == BOTH
        await loader.unload("bridge_simple")
        assert bridge_of(office).technology.name == "softmix"
        await loader.unload("bridge_softmix")  # none is left that could serve instead
        for _ in range(2):
            heard = await talk(calling, called)  # and the silence around it, which is mixed
            assert (heard[0][TWO], heard[1][ONE]) == (20, 20)
            bridge_of(office).reconsider("it is looked at again")
        await loader.load("bridge_softmix")
        await loader.load("bridge_simple")
        await loader.load("bridge_native_rtp")
        assert way(office) == RELAYED
        assert await talk(calling, called) == BOTH


async def test_packets_of_another_length_are_cut_as_frames_are(tmp_path: Path) -> None:
    async with call(tmp_path, DIAL) as (office, calling, called):
        called.heard.clear()
        for number in range(8):
            calling.send_rtp(bytes([ONE]) * 240, time=number * 240)
            await asyncio.sleep(0.03)
        await asyncio.sleep(0.1)
        assert {len(payload) for _, payload in called.heard} == {160}
        assert len(called.heard) == 12
        assert "frames: packets of PJSIP/alice-00000000 are cut anew" in way(office)


async def test_who_takes_no_packets_of_digits_hears_their_tones_alone(tmp_path: Path) -> None:
    """What the other one still says while the tone lasts is not heard between."""
    async with call(tmp_path, DIAL, codecs="0") as (office, calling, called):
        assert way(office) == RELAYED
        assert await talk(calling, called) == BOTH
        called.heard.clear()
        await asyncio.gather(calling.press(9), calling.speak(8, ONE))
        await asyncio.sleep(0.2)
        sounds = [payload for _, payload in called.heard]
        tones = [number for number, payload in enumerate(sounds) if set(payload) != {ONE}]
        assert len(tones) >= 3
        assert tones == list(range(tones[0], tones[0] + len(tones)))
        assert way(office) == RELAYED
        assert await talk(calling, called) == BOTH
