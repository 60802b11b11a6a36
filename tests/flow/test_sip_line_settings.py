"""CHANNEL(digitdetect), CHANNEL(relaxdtmf) and CHANNEL(faxdetect) of a SIP call: what is listened for in its audio."""

from __future__ import annotations

import asyncio
import audioop
from pathlib import Path

import numpy as np
import pytest

from globstar.core import events
from globstar.dsp.dtmf import FREQUENCIES
from globstar.dsp.tones import ToneGenerator, TonePart
from tests.support.sip_phone import PhoneCall, phone_section, sip_office

#: CNG: 1100 Hz for half a second (T.30 section 5.3.6.1.2).
CNG = TonePart(1100, 0, 600, is_once=True)


async def send(call: PhoneCall, linear: bytes) -> None:
    """Sound at 8 kHz as G.711, and 100 ms of silence."""
    sound = audioop.lin2ulaw(linear + bytes(2 * 800), 2)
    for start in range(0, len(sound), 160):
        call.send_rtp(sound[start : start + 160].ljust(160, b"\xff"))
        await asyncio.sleep(0.02)


def digit(name: str, high_over_low_db: float) -> bytes:
    """A digit of 100 ms whose high group is so much stronger than its low one."""
    low, high = FREQUENCIES[name]
    time = np.arange(800) / 8000
    weak = 3000 * np.sin(2 * np.pi * low * time)
    strong = 3000 * 10 ** (high_over_low_db / 20) * np.sin(2 * np.pi * high * time)
    return (weak + strong).astype("<i2").tobytes()


@pytest.mark.parametrize(
    ("mode", "settings", "found"),
    [
        ("rfc4733", "", []),
        ("rfc4733", "CHANNEL(digitdetect)=1", ["5"]),
        ("inband", "", ["5"]),
        ("inband", "CHANNEL(digitdetect)=0", []),
        ("inband", "CHANNEL(relaxdtmf)=1", ["5", "9"]),
        ("rfc4733", "CHANNEL(relaxdtmf)=1", []),
    ],
)
async def test_digits_in_the_audio(tmp_path: Path, mode: str, settings: str, found: list[str]) -> None:
    """The high group of 9 is 6.5 dB stronger: more than dtmf_reverse_twist lets pass, not more than the relaxed one."""
    plan = f"[default]\nexten => 1,1,Answer()\n same => n,Set({settings or 'X=1'})\n"
    plan += " same => n,Set(GLOBAL(SAID)=${CHANNEL(digitdetect)})\n same => n,Wait(9)\n"
    async with sip_office(tmp_path, phone_section("alice", dtmf_mode=mode), plan, {"dsp.conf": "[default]\n"}) as office:
        heard: list[str] = []
        office.system.bus.subscribe(events.DigitEnded, lambda event: heard.append(event.digit))
        call = await office.phone("alice").dial("1")
        await send(call, digit("5", 0))
        await send(call, digit("9", 6.5))
        assert heard == found
        assert office.system.globals.get("SAID") == (settings[-1] if "digitdetect" in settings else "")
        await call.hang_up()


@pytest.mark.parametrize(
    ("endpoint", "setting", "is_found"), [("no", "1", True), ("yes", "0", False), ("no", "", False), ("yes", "", True)]
)
async def test_a_fax_in_the_audio(tmp_path: Path, endpoint: str, setting: str, is_found: bool) -> None:
    plan = "[default]\nexten => 1,1,Answer()\n"
    if setting:
        plan += f" same => n,Set(CHANNEL(faxdetect)={setting})\n"
    plan += " same => n,Set(GLOBAL(SAID)=${CHANNEL(faxdetect)})\n same => n,Wait(9)\n"
    plan += "exten => fax,1,Set(GLOBAL(FAXED)=${FAXEXTEN})\n same => n,Wait(9)\n"
    async with sip_office(tmp_path, phone_section("alice", fax_detect=endpoint), plan) as office:
        call = await office.phone("alice").dial("1")
        for _ in range(2):
            await send(call, ToneGenerator((CNG,)).render(4800))
            await asyncio.sleep(0.5)
        assert office.system.globals.get("FAXED") == ("1" if is_found else None)
        assert office.system.globals.get("SAID") == setting
        await call.hang_up()
