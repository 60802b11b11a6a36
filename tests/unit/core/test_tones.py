"""Tones of a channel: by name, by list, by condition, and as digits."""

from __future__ import annotations

from collections.abc import AsyncIterator
from pathlib import Path

import numpy as np
import pytest

from globstar.base.log import Level
from globstar.core.format import slin
from globstar.core.frame import Control
from globstar.core.generator import Generator
from globstar.core.indications import ToneZone
from globstar.core.tones import ToneList
from globstar.dsp.tones import tone
from tests.interop.support.audio import tone_share
from tests.support.phone import Phone
from tests.support.switch import LogCapture, running_system

pytestmark = pytest.mark.virtual_time


@pytest.fixture
async def phone(tmp_path: Path) -> AsyncIterator[Phone]:
    async with running_system(tmp_path, {"modules.conf": "[modules]\nautoload=no\n"}) as system:
        phone = Phone(system, format=slin)
        yield phone
        phone.channel.hangup()
        phone.close()


def share(phone: Phone, *hertz: float) -> float:
    return sum(tone_share(phone.samples, frequency, 20) for frequency in hertz)


async def test_a_list_ends_with_its_last_part_and_tells(phone: Phone) -> None:
    over: list[float] = []
    phone.channel.start_generator(ToneList(tone("!440/100,!880/50"), lambda: over.append(phone.clock)))
    await phone.after(1)
    assert len(phone.voice) == 8
    assert len(phone.samples) == 8 * 160
    assert not phone.samples[1200:].any()  # the last packet is filled up with silence
    assert over == pytest.approx([0.18])


@pytest.mark.parametrize(("text", "hertz"), [("dial", (350, 440)), ("1000/500", (1000,)), ("  BUSY ", (480, 620))])
async def test_play(phone: Phone, text: str, hertz: tuple[float, ...]) -> None:
    assert phone.system.tones.play(phone.channel, text)
    await phone.after(0.4)
    assert share(phone, *hertz) > 0.95


async def test_play_of_nonsense_leaves_what_plays(phone: Phone) -> None:
    phone.system.tones.play(phone.channel, "dial")
    playing = phone.channel.generator
    with LogCapture() as log:
        assert not phone.system.tones.play(phone.channel, "no such tone")
    assert phone.channel.generator is playing
    assert log.texts(Level.WARNING)


@pytest.mark.parametrize(
    ("condition", "hertz"),
    [
        (Control.RINGING, (440, 480)),
        (Control.BUSY, (480, 620)),
        (Control.CONGESTION, (480, 620)),
        (Control.PROGRESS, ()),
        (Control.FLASH, ()),
    ],
)
async def test_indicate(phone: Phone, condition: Control, hertz: tuple[float, ...]) -> None:
    phone.system.tones.indicate(phone.channel, condition, b"")
    await phone.after(0.2)
    assert bool(phone.voice) is bool(hertz)
    if hertz:
        assert share(phone, *hertz) > 0.9


async def test_hold_without_music_is_silence(phone: Phone) -> None:
    phone.system.tones.indicate(phone.channel, Control.HOLD, "default")
    phone.system.tones.indicate(phone.channel, Control.UNHOLD, b"")
    await phone.after(0.1)
    assert not phone.voice


@pytest.mark.parametrize(("digit", "hertz"), [("5", (770, 1336)), ("#", (941, 1477)), ("a", (697, 1633))])
async def test_digits_sound_until_they_end(phone: Phone, digit: str, hertz: tuple[float, ...]) -> None:
    phone.system.tones.start_digit(phone.channel, digit)
    await phone.after(0.205)
    phone.system.tones.stop_digit(phone.channel)
    await phone.after(0.2)
    assert len(phone.voice) == 10
    assert share(phone, *hertz) > 0.95


async def test_what_is_no_digit_is_silent_and_stops_nothing_else(phone: Phone) -> None:
    phone.system.tones.start_digit(phone.channel, "x")
    assert phone.channel.generator is None
    other = Generator()
    phone.channel.start_generator(other)
    phone.system.tones.stop_digit(phone.channel)
    assert phone.channel.generator is other


async def test_level_of_each_frequency(phone: Phone) -> None:
    phone.system.tones.play(phone.channel, "1000")
    await phone.after(0.5)
    peak = int(np.abs(phone.samples.astype(int)).max())
    assert 20 * np.log10(peak / 32768) == pytest.approx(-13.2, abs=0.3)  # -10 dBm0, as 0 dBm0 is -3.2 dB of full scale


async def test_a_zone_of_another_country(phone: Phone) -> None:
    phone.system.tones.indications.zones["de"] = ToneZone("de", tones={"dial": "425"})
    phone.channel.tone_zone = "de"
    assert phone.system.tones.play(phone.channel, "dial")
    await phone.after(0.3)
    assert share(phone, 425) > 0.98
