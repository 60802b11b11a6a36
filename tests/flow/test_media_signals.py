"""Signals in the voice: MF and SF digits, Morse code, and finding tones of call progress."""

from __future__ import annotations

from collections.abc import AsyncIterator
from pathlib import Path

import numpy as np
import pytest

from globstar.base.log import Level
from globstar.core.frame import Control
from globstar.core.system import System
from globstar.dsp.mf import MfDetector, mf_tone
from globstar.dsp.sf import SfDetector, sf_tone
from globstar.dsp.tones import tone
from tests.interop.support.audio import level, tone_share
from tests.support.phone import Phone, Samples, media_system
from tests.support.switch import LogCapture

pytestmark = pytest.mark.virtual_time

MODULES = ["app_mf", "app_sf", "app_morsecode", "res_tonedetect"]


@pytest.fixture
async def system(tmp_path: Path) -> AsyncIterator[System]:
    async with media_system(tmp_path, modules=MODULES) as system:
        yield system


async def call(system: System, step: str, said: Samples | None = None) -> Phone:
    phone = Phone(system, name=f"Phone/{system.now()}")
    phone.start(f"[default]\nexten => s,1,Answer(,i)\nsame => n,{step}\nsame => n,Set(DONE=1)\n")
    if said is not None:
        phone.meanwhile(phone.speak(said))
    return await phone.end()


def mf(digits: str) -> Samples:
    return np.concatenate([np.frombuffer(mf_tone(digit, 60, 60).render(960), "<i2") for digit in digits])


def digits_in(samples: Samples) -> str:
    detector = MfDetector()
    return detector.receive(np.concatenate((samples, np.zeros(800, np.int16))).astype("<i2").tobytes())


async def test_mf_is_sent(system: System) -> None:
    phone = await call(system, "SendMF(*5551212#)")
    assert digits_in(phone.samples) == "*5551212#"
    assert phone.hung_up_at == pytest.approx((120 + 65 + 7 * 55 + 9 * 50) / 1000, abs=0.2)
    assert phone.variables["DONE"] == "1"


async def test_mf_lengths_pauses_and_flashes(system: System) -> None:
    phone = await call(system, "SendMF(1wf2W,200,300)")
    assert digits_in(phone.samples) == "12"
    assert phone.hung_up_at == pytest.approx(1.5, abs=0.1)
    assert phone.told == [Control.FLASH, Control.WINK]
    tone_call = await call(system, "SendMF(h)")
    assert tone_share(tone_call.samples, 2600) > 0.9


async def test_mf_on_another_channel(system: System) -> None:
    other = Phone(system, name="Other/1")
    other.start("[default]\nexten => s,1,Answer(,i)\nsame => n,Wait(10)\n")
    phone = await call(system, "SendMF(*12#,,,,,Other/1)")
    assert digits_in(other.samples) == "*12#"
    assert not phone.voice
    other.hang_up()
    await other.end()


@pytest.mark.parametrize(
    ("arguments", "said", "digits", "status"),
    [
        ("D", "12*345#9", "*345#", "START"),
        ("D,,l", "12*345#9", "12*345#", "START"),
        ("D,,ks", "*345#", "345", "START"),
        ("D,,o", "*34*56A", "*56A", "START"),
        ("D,,", "*34*56B", "*34*56B", "START"),
        ("D,,ln(3)", "98765", "987", "MAXDIGITS"),
        ("D,2", "*12", "*12", "TIMEOUT"),
    ],
)
async def test_mf_is_received(system: System, arguments: str, said: str, digits: str, status: str) -> None:
    phone = await call(system, f"ReceiveMF({arguments})", mf(said))
    assert (phone.variables["D"], phone.variables["RECEIVEMFSTATUS"]) == (digits, status)
    assert phone.variables["DONE"] == "1"


async def test_mf_errors_and_a_hang_up(system: System) -> None:
    with LogCapture() as log:
        assert (await call(system, "ReceiveMF()")).variables["RECEIVEMFSTATUS"] == "ERROR"
        await call(system, "SendMF()")
        await call(system, "SendMF(1,,,,,Nobody/1)")
        await call(system, "SendMF(z)")
    assert len(log.texts(Level.WARNING)) == 4
    phone = Phone(system).start("[default]\nexten => s,1,Answer(,i)\nsame => n,ReceiveMF(D)\n")
    await phone.speak(mf("*12"))
    phone.hang_up()
    await phone.end()
    assert (phone.variables["D"], phone.variables["RECEIVEMFSTATUS"]) == ("*12", "HANGUP")


async def test_sf_is_sent(system: System) -> None:
    phone = await call(system, "SendSF(402)")
    samples = np.concatenate((phone.samples, np.zeros(4000, np.int16)))
    assert SfDetector().receive(samples.astype("<i2").tobytes()) == "402"
    with LogCapture() as log:
        for arguments in ("", "1,5000", "1,,Nobody/1", "x"):
            await call(system, f"SendSF({arguments})")
    assert len(log.texts(Level.WARNING)) == 4


@pytest.mark.parametrize(
    ("arguments", "digits", "status"),
    [
        ("D", "31", "TIMEOUT"),
        ("D,2", "31", "MAXDIGITS"),
        ("D,1", "3", "MAXDIGITS"),
        ("D,,0.9", "3", "TIMEOUT"),
        ("D,,1,1600,t(0.7)", "", "TIMEOUT"),
        (",2", "", "ERROR"),
        ("D,,,,t(0.1)", "", "ERROR"),
    ],
)
async def test_sf_is_received(system: System, arguments: str, digits: str, status: str) -> None:
    pulses = np.concatenate([np.frombuffer(sf_tone(digit).render(8 * (int(digit) * 100 + 600)), "<i2") for digit in "31"])
    phone = await call(system, f"ReceiveSF({arguments})", pulses)
    assert phone.variables["RECEIVESFSTATUS"] == status
    assert phone.variables.get("D", "") == digits
    assert phone.variables["DONE"] == "1"


async def test_morse(system: System) -> None:
    phone = await call(system, "Morsecode(sos)")
    dits = [level(phone.samples[start : start + 640]) > 1000 for start in range(0, len(phone.samples) - 639, 640)]
    shape = "".join("#" if on else "_" for on in dits)
    assert shape.rstrip("_") == "#_#_#___###_###_###___#_#_#"
    assert tone_share(phone.samples, 800, 40) > 0.9
    phone = await call(system, "Set(MORSETONE=500)\nsame => n,Set(MORSEDITLEN=40)\nsame => n,Morsecode(t)")
    assert len(phone.samples) == pytest.approx(960, abs=160)
    with LogCapture() as log:
        await call(system, "Morsecode()")
        await call(system, "Set(MORSETONE=high)\nsame => n,Morsecode(e)")
    assert len(log.texts(Level.WARNING)) == 2


async def test_american_morse_and_a_tone_in_the_pauses(system: System) -> None:
    """MORSETYPE chooses the code, MORSESPACETONE what is heard between the dits; another word keeps the international code."""
    phone = await call(system, "Set(MORSETYPE=american)\nsame => n,Set(MORSEDITLEN=20)\nsame => n,Morsecode(l)")
    assert len(phone.samples) == pytest.approx(6 * 160, abs=160)  # one dah of six, not .-..
    phone = await call(system, "Set(MORSESPACETONE=400)\nsame => n,Set(MORSEDITLEN=100)\nsame => n,Morsecode(i)")
    assert tone_share(phone.samples[:800], 800, 40) > 0.9
    assert tone_share(phone.samples[800:1600], 400, 40) > 0.9
    with LogCapture() as log:
        phone = await call(system, "Set(MORSETYPE=MARTIAN)\nsame => n,Set(MORSEDITLEN=20)\nsame => n,Morsecode(l)")
        await call(system, "Set(MORSESPACETONE=-3)\nsame => n,Set(MORSEDITLEN=20)\nsame => n,Morsecode(e)")
    assert len(phone.samples) == pytest.approx((1 + 1 + 3 + 1 + 1 + 1 + 1) * 160, abs=160)
    assert len(log.texts(Level.WARNING)) == 2


def said(text: str, seconds: float = 8) -> Samples:
    return np.frombuffer(tone(text).render(round(8000 * seconds)), "<i2")


@pytest.mark.parametrize(
    ("arguments", "text", "status"),
    [
        ("", "480+620/500,0/500", "BUSY"),
        ("us,20", "350+440", "DIALTONE"),
        (",2", "0", "TIMEOUT"),
        (",20,2,f", "2100", "FAX"),
    ],
)
async def test_tone_scan(system: System, arguments: str, text: str, status: str) -> None:
    phone = await call(system, f"ToneScan({arguments})", said(text))
    assert phone.variables["TONESCANSTATUS"] == status
    assert phone.variables["DONE"] == "1"


async def test_tone_scan_takes_keys_and_tells_of_a_hang_up(system: System) -> None:
    for presses, status in (("5", "DTMF"), ("", "HANGUP")):
        phone = Phone(system, name=f"Phone/{status}").start("[default]\nexten => s,1,Answer(,i)\nsame => n,ToneScan(xx)\n")
        await phone.after(0.2)
        if presses:
            phone.key(presses)
        else:
            phone.hang_up()
        await phone.end()
        assert phone.variables["TONESCANSTATUS"] == status


@pytest.mark.parametrize(
    ("arguments", "text", "status", "seconds"),
    [
        ("1004", "1004", "SUCCESS", 0.5),
        ("1004,1000", "1004", "SUCCESS", 1.0),
        ("1004,300,,2", "1004/400,0/400", "SUCCESS", 1.1),
        ("1004,500,3", "1004/400,0/400", "TIMEOUT", 3.0),
        ("1004,500,3", "1104", "TIMEOUT", 3.0),
        ("1004,500,3", "1004+1500", "TIMEOUT", 3.0),
        ("1004,500,3,,d(1)s", "1004+2500/5000", "TIMEOUT", 3.0),
        ("high", "1004", "ERROR", 0.0),
    ],
)
async def test_wait_for_tone(system: System, arguments: str, text: str, status: str, seconds: float) -> None:
    phone = await call(system, f"WaitForTone({arguments})", said(text))
    assert phone.variables["WAITFORTONESTATUS"] == status
    assert ("DONE" in phone.variables) is (status != "ERROR")
    assert phone.hung_up_at == pytest.approx(seconds, abs=0.12)


# -- TONE_DETECT() -------------------------------------------------------------------------------------------------------

DETECT = "[default]\nexten => s,1,Answer(,i)\nsame => n,Set(TONE_DETECT({args})=)\nsame => n,{step}\nsame => n,Set(DONE=1)\n"
FOUND = "[found]\nexten => s,1,Set(WENT=${TONE_DETECT(rx)})\nsame => n,Wait(0.1)\n"


def sine(hertz: float, seconds: float, level: int = 8000) -> Samples:
    return np.rint(level * np.sin(2 * np.pi * hertz * np.arange(round(8000 * seconds)) / 8000)).astype(np.int16)


QUIET = np.zeros(2400, np.int16)


async def detect(system: System, args: str, said: Samples, step: str = "Wait(4)") -> Phone:
    phone = Phone(system, name=f"Phone/{system.now()}")
    phone.start(DETECT.format(args=args, step=step) + FOUND)
    phone.meanwhile(phone.speak(said))
    return await phone.end()


async def test_a_tone_sends_the_channel_elsewhere(system: System) -> None:
    phone = await detect(system, "2600,500,g(found,s,1)", sine(2600, 1.0))
    assert phone.variables["WENT"] == "1"
    assert "DONE" not in phone.variables
    assert phone.hung_up_at == pytest.approx(0.6, abs=0.15)


@pytest.mark.parametrize(
    ("args", "parts", "count"),
    [
        ("2600,200", (sine(2600, 0.3), QUIET, sine(2600, 0.3), QUIET), "2"),
        ("2600,500", (sine(2600, 0.3), QUIET), "0"),
        ("2600,200", (sine(1000, 0.5),), "0"),
        ("2600,200,t", (sine(2600, 0.5),), "0"),
        ("2600,200,d(40)", (sine(2600, 0.5) + sine(700, 0.5, 400),), "0"),
        ("2600,200,d(10)", (sine(2600, 0.5) + sine(700, 0.5, 400),), "1"),
    ],
)
async def test_tones_are_counted(system: System, args: str, parts: tuple[Samples, ...], count: str) -> None:
    phone = await detect(system, args, np.concatenate(parts), "Wait(1.5)\nsame => n,Set(RX=${TONE_DETECT(rx)})")
    assert (phone.variables["RX"], phone.variables["DONE"]) == (count, "1")


async def test_so_many_times_and_then_no_more(system: System) -> None:
    three = np.concatenate((sine(2600, 0.3), QUIET) * 3)
    phone = await detect(system, "2600,200,n(2)eg(found,s,1)", three)
    assert phone.variables["WENT"] == "2"
    phone = await detect(system, "2600,200,x", sine(2600, 0.5), "Wait(1)\nsame => n,Set(RX=${TONE_DETECT(rx)})")
    assert phone.variables["RX"] == "0"


async def test_busy_is_found_at_once(system: System) -> None:
    busy = np.concatenate(
        [part for _ in range(6) for part in (sine(480, 0.5, 5000) + sine(620, 0.5, 5000), np.zeros(4000, np.int16))]
    )
    phone = await detect(system, "0,,bg(found,s,1)", busy, "Wait(8)")
    assert "WENT" in phone.variables
    assert phone.hung_up_at is not None
    assert phone.hung_up_at < 5


async def test_what_is_sent_is_heard_as_well_and_can_be_silenced(system: System) -> None:
    step = "PlayTones(2600/1000)\nsame => n,Wait(1.2)\nsame => n,Set(TX=${TONE_DETECT(tx)})"
    phone = await detect(system, "2600,200,t", QUIET, step)
    assert phone.variables["TX"] == "1"
    assert tone_share(phone.samples, 2600) > 0.9
    silent = await detect(system, "2600,200,ts", QUIET, step)
    assert not np.abs(silent.samples).max(initial=0) > 8


@pytest.mark.parametrize("args", ["", "0", "9000", "2600,-5", "2600,,n(0)", "2600,,d(0)"])
async def test_what_is_nothing_to_find(system: System, args: str) -> None:
    with LogCapture() as log:
        phone = await detect(system, args, QUIET, "Wait(0.1)")
    assert phone.variables["DONE"] == "1"
    assert len(log.records) == 1
