"""Options of ReceiveMF, ReceiveSF and ToneScan: bad lines, long pulses, quelching, voice."""

from __future__ import annotations

from collections.abc import AsyncIterator
from pathlib import Path

import numpy as np
import pytest

from globstar.base.log import Level
from globstar.core.system import System
from globstar.dsp.mf import FREQUENCIES
from globstar.dsp.sf import sf_tone
from globstar.dsp.tones import tone
from tests.flow.test_media_signals import MODULES, call, mf
from tests.support.phone import Samples, media_system
from tests.support.switch import LogCapture

pytestmark = pytest.mark.virtual_time


@pytest.fixture
async def system(tmp_path: Path) -> AsyncIterator[System]:
    async with media_system(tmp_path, modules=MODULES) as system:
        yield system


def twisted_mf(digits: str, decibels: float) -> Samples:
    """MF digits whose higher frequency is that much weaker than the lower one."""
    clock = np.arange(480) / 8000
    parts = []
    for digit in digits:
        low, high = FREQUENCIES[digit]
        weak = 6000 / 10 ** (decibels / 20)
        parts += [6000 * np.sin(2 * np.pi * low * clock) + weak * np.sin(2 * np.pi * high * clock), np.zeros(480)]
    return np.concatenate(parts).astype(np.int16)


def pulses(*counts: int, hertz: float = 2600, noise_level: int = 0, seconds_between: float = 0.6) -> Samples:
    """Numbers of pulses of 67 ms with 33 ms between, as SendSF makes them, over noise."""
    clock = np.arange(536) / 8000
    on, off = 6000 * np.sin(2 * np.pi * hertz * clock), np.zeros(264)
    parts = []
    for count in counts:
        parts += [np.concatenate((on, off))] * count + [np.zeros(round(8000 * seconds_between))]
    samples = np.concatenate(parts)
    return (samples + np.random.default_rng(7).normal(0, noise_level, len(samples))).astype(np.int16)


@pytest.mark.parametrize(
    ("option", "decibels", "digits", "status"),
    [("", 3, "*12#", "START"), ("", 8, "", "TIMEOUT"), ("r", 8, "*12#", "START"), ("r", 14, "", "TIMEOUT")],
)
async def test_mf_r_takes_badly_balanced_digits(system: System, option: str, decibels: float, digits: str, status: str) -> None:
    phone = await call(system, f"ReceiveMF(D,3,{option})", twisted_mf("*12#", decibels))
    assert (phone.variables["D"], phone.variables["RECEIVEMFSTATUS"]) == (digits, status)


@pytest.mark.parametrize("options", ["", "d", "m", "q", "dmq"])
async def test_quelching_changes_nothing_of_what_is_read(system: System, options: str) -> None:
    """d, m and q keep the signals from who would hear them; while they are read nobody does."""
    with LogCapture() as log:
        mf_call = await call(system, f"ReceiveMF(D,5,{options})", mf("*345#"))
        sf_call = await call(system, f"ReceiveSF(D,2,5,,{options})", pulses(3, 1))
    assert (mf_call.variables["D"], mf_call.variables["RECEIVEMFSTATUS"]) == ("*345#", "START")
    assert (sf_call.variables["D"], sf_call.variables["RECEIVESFSTATUS"]) == ("31", "MAXDIGITS")
    assert log.texts(Level.WARNING) == []


@pytest.mark.parametrize(("option", "digits"), [("", "1"), ("e", "*1D"), ("ed", "*1D")])
async def test_sf_e_takes_eleven_to_sixteen_pulses(system: System, option: str, digits: str) -> None:
    phone = await call(system, f"ReceiveSF(D,,8,,{option})", pulses(11, 1, 16))
    assert (phone.variables["D"], phone.variables["RECEIVESFSTATUS"]) == (digits, "TIMEOUT")


@pytest.mark.parametrize(("option", "digits"), [("", ""), ("r", "24")])
async def test_sf_r_takes_pulses_of_a_noisy_line(system: System, option: str, digits: str) -> None:
    phone = await call(system, f"ReceiveSF(D,2,6,,{option})", pulses(2, 4, noise_level=2700))
    assert phone.variables["D"] == digits


@pytest.mark.parametrize(
    ("option", "between", "digits"), [("", 0.7, "31"), ("", 1.2, "3"), ("t(1.5)", 1.2, "31"), ("t(0.65)", 0.75, "3")]
)
async def test_sf_t_is_the_pause_that_ends_the_number(system: System, option: str, between: float, digits: str) -> None:
    phone = await call(system, f"ReceiveSF(D,,9,,{option})", pulses(3, 1, seconds_between=between))
    assert (phone.variables["D"], phone.variables["RECEIVESFSTATUS"]) == (digits, "TIMEOUT")


async def test_sf_takes_another_frequency_and_what_is_sent_is_read(system: System) -> None:
    said = np.concatenate([np.frombuffer(sf_tone(digit, 1600).render(8 * (int(digit) * 100 + 600)), "<i2") for digit in "21"])
    phone = await call(system, "ReceiveSF(D,2,6,1600)", said)
    assert (phone.variables["D"], phone.variables["RECEIVESFSTATUS"]) == ("21", "MAXDIGITS")
    phone = await call(system, "ReceiveSF(D,2,3)", said)
    assert (phone.variables["D"], phone.variables["RECEIVESFSTATUS"]) == ("", "TIMEOUT")


def talk(seconds: float) -> Samples:
    """Something like a voice: harmonics of a pitch that glides, in syllables."""
    clock = np.arange(round(8000 * seconds)) / 8000
    phase = 2 * np.pi * np.cumsum(120 + 30 * np.sin(2 * np.pi * 0.7 * clock)) / 8000
    voice = sum(np.sin(number * phase) / number for number in range(1, 12))
    syllables = np.clip(np.sin(2 * np.pi * 3 * clock), 0, 1) ** 0.5
    return (5000 * voice * syllables).astype(np.int16)


@pytest.mark.parametrize(("option", "status"), [("v", "VOICE"), ("", "TIMEOUT"), ("f", "TIMEOUT"), ("fv", "VOICE")])
async def test_tone_scan_v_finds_voice(system: System, option: str, status: str) -> None:
    phone = await call(system, f"ToneScan(us,6,,{option})", talk(8))
    assert phone.variables["TONESCANSTATUS"] == status


@pytest.mark.parametrize("option", ["v", "fv"])
async def test_tone_scan_v_takes_no_tone_for_a_voice(system: System, option: str) -> None:
    busy = np.frombuffer(tone("480+620/500,0/500").render(8 * 8000), "<i2")
    phone = await call(system, f"ToneScan(us,20,,{option})", busy)
    assert phone.variables["TONESCANSTATUS"] == "BUSY"
