"""The same keys pressed on a phone, told in each of the four ways: the same digits with the same lengths come out.

A message of INFO tells a digit that is over: Asterisk has an end for it and no beginning, and so has this.
"""

from __future__ import annotations

import asyncio
import audioop
import struct
from pathlib import Path

import pytest

from globstar.core import events
from globstar.dsp.dtmf import DIGITS, digit_tone
from tests.support.sip_phone import PhoneCall, phone_section, sip_office

pytestmark = pytest.mark.virtual_time

EXTENSIONS = """\
[default]
exten => 1,1,Answer()
 same => n,Wait(600)
exten => 2,1,Dial(PJSIP/bob,20)
exten => 3,1,MixMonitor(both.wav)
 same => n,Dial(PJSIP/bob,20)
"""
#: A key and how long it is held, ms.
PRESSED = [("1", 60), ("5", 80), ("5", 100), ("#", 250), ("*", 400), ("0", 1000), ("D", 140)]
#: The event of a key (RFC 4733 section 3.2).
EVENTS = "0123456789*#ABCD"
#: mindtmfduration, ms.
SHORTEST = 80
#: How far a length may be off, ms: a packet; for what is found in the sound, two blocks of the detector.
TOLERANCE = {"rfc4733": 0, "info": 0, "inband": 26}


async def by_event(call: PhoneCall, digit: str, ms: int) -> None:
    """RFC 4733: an update every 20 ms, the end three times; the time stands, the sequence goes on."""
    time = (call.sequence + 1) * 160
    for step in range(1, ms // 20):
        call.send_rtp(struct.pack("!BBH", EVENTS.index(digit), 10, step * 160), 101, marker=step == 1, time=time)
        await asyncio.sleep(0.02)
    for _ in range(3):
        call.send_rtp(struct.pack("!BBH", EVENTS.index(digit), 0x80 | 10, ms * 8), 101, time=time)
        await asyncio.sleep(0.02)


async def by_tone(call: PhoneCall, digit: str, ms: int) -> None:
    sound = audioop.lin2ulaw(digit_tone(digit, ms).render(ms * 8) + bytes(2 * 8 * 60), 2)
    for start in range(0, len(sound), 160):
        call.send_rtp(sound[start : start + 160].ljust(160, b"\xff"))
        await asyncio.sleep(0.02)


async def by_info(call: PhoneCall, digit: str, ms: int) -> None:
    answer = await call.request_inside("INFO", "Content-Type: application/dtmf-relay\r\n", f"Signal={digit}\r\nDuration={ms}\r\n")
    assert answer.status == 200
    await asyncio.sleep(ms / 1000)


WAYS = {"rfc4733": by_event, "inband": by_tone, "info": by_info}


@pytest.mark.parametrize("number", ["1", "2", "3"], ids=["dialplan", "relay", "bridge"])
@pytest.mark.parametrize(
    ("mode", "codecs", "way"),
    [
        ("rfc4733", "0 101", "rfc4733"),
        ("inband", "0", "inband"),
        ("info", "0", "info"),
        ("auto", "0 101", "rfc4733"),
        ("auto", "0", "inband"),
        ("auto_info", "0 101", "rfc4733"),
        ("auto_info", "0", "info"),
    ],
)
async def test_the_same_digits_and_lengths(tmp_path: Path, mode: str, codecs: str, way: str, number: str) -> None:
    phones = phone_section("alice", dtmf_mode=mode) + phone_section("bob", contact="sip:bob@127.0.0.1:15072")
    async with sip_office(tmp_path, phones, EXTENSIONS) as office:
        alice, bob = office.phone("alice"), office.phone("bob")
        found: list[tuple[str, int | None]] = []

        def began(event: events.DigitBegan) -> None:
            if "alice" in event.channel.name and event.direction == "Received":
                found.append((event.digit, None))

        def ended(event: events.DigitEnded) -> None:
            if "alice" in event.channel.name and event.direction == "Received":
                found.append((event.digit, event.duration_ms))

        office.system.bus.subscribe(events.DigitBegan, began)
        office.system.bus.subscribe(events.DigitEnded, ended)
        call = PhoneCall(alice, f"sip:{number}@127.0.0.1:15060")
        call.invite(body=call.sdp(codecs))
        await alice.get(100)
        called = None
        if number != "1":
            called = await bob.ring()
            await called.answer()
        await call.answered()
        await call.speak(25, 0xFF)
        if called is not None:
            called.heard.clear()
            called.packets.clear()
        for digit, ms in PRESSED:
            await WAYS[way](call, digit, ms)
            await call.speak(10, 0xFF)
        await asyncio.sleep(1.5)
        if number != "2" or way != "rfc4733":  # of packets that are relayed the core hears nothing
            assert [digit for digit, length in found if length is None] == [digit for digit, _ in PRESSED if way != "info"]
            lengths = [(digit, length) for digit, length in found if length is not None]
            assert [digit for digit, _ in lengths] == [digit for digit, _ in PRESSED]
            for (digit, length), (_, ms) in zip(lengths, PRESSED, strict=True):
                assert abs(length - ms) <= TOLERANCE[way], (digit, length, ms)
        if called is not None:  # the other phone is told by RFC 4733, whatever the way was
            told: dict[int, tuple[str, int]] = {}
            for packet in called.packets:
                if packet[1] & 0x7F == 101:
                    told[int.from_bytes(packet[4:8], "big")] = (EVENTS[packet[12]], int.from_bytes(packet[14:16], "big") // 8)
            assert [digit for digit, _ in told.values()] == [digit for digit, _ in PRESSED]
            for (digit, length), (_, ms) in zip(told.values(), PRESSED, strict=True):
                lasts = max(ms, SHORTEST) if way == "info" else ms  # a digit that comes whole is sent no shorter
                if number == "3":
                    lasts = max(ms, SHORTEST)
                assert abs(length - lasts) <= TOLERANCE[way], (digit, length, ms)
        await call.hang_up()
        if called is not None:
            await called.ended()


def test_all_keys_have_an_event() -> None:
    assert sorted(EVENTS) == sorted(DIGITS)


@pytest.mark.parametrize("ms", [80, 100, 130, 250, 999])
async def test_digits_of_the_dialplan_last_as_long_as_was_asked_for(tmp_path: Path, ms: int) -> None:
    plan = f"[default]\nexten => 1,1,Answer()\n same => n,SendDTMF(1#D,90,{ms})\n same => n,Wait(60)\n"
    async with sip_office(tmp_path, phone_section("alice"), plan) as office:
        alice = office.phone("alice")
        call = alice.call("1")
        await alice.get(100)
        await call.answered()
        await asyncio.sleep(5)
        await call.hang_up()
    said: dict[int, list[tuple[str, bool, int]]] = {}
    for packet in call.packets:
        event, flags, ticks = struct.unpack("!BBH", packet[12:16])
        said.setdefault(int.from_bytes(packet[4:8], "big"), []).append((EVENTS[event], flags >= 0x80, ticks))
    assert [packets[0][0] for packets in said.values()] == list("1#D")
    for packets in said.values():
        assert [(is_end, ticks) for _, is_end, ticks in packets[-3:]] == [(True, 8 * ms)] * 3
        ticks = [each for _, is_end, each in packets if not is_end]
        assert ticks == sorted(ticks)
        assert ticks[0] == 160  # 0 would be an event without end
