"""Tones to a call, and the echo of what it says: frequencies, levels, cadence and pacing as they arrive."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from pathlib import Path

import numpy as np
import pytest

from globstar.base.log import Level
from globstar.core.format import Format, alaw, slin, ulaw
from globstar.core.frame import Control, Frame, FrameType
from globstar.core.system import System
from globstar.dsp.dtmf import FREQUENCIES, DtmfDetector
from globstar.dsp.level import PEAK_0DBM0
from tests.interop.support.audio import level, tone_share
from tests.support.phone import Phone, Samples, companded, media_system, noise, to_samples
from tests.support.switch import LogCapture

_US = (
    "[us]\nringcadence=2000,4000\ndial=350+440\nbusy=480+620/500,0/500\nring=440+480/2000,0/4000\n"
    "congestion=480+620/250,0/250\ninfo=!950/330,!1400/330,!1800/330,0\n"
)
_DE = "[de]\ndial=425\nbusy=425/480,0/480\nring=425/1000,0/4000\n"


@pytest.fixture
async def system(tmp_path: Path) -> AsyncIterator[System]:
    files = {"indications.conf": "[general]\ncountry=us\n" + _US + _DE}
    async with media_system(tmp_path, files, modules=["app_senddtmf"]) as system:
        yield system


def share(samples: Samples, *hertz: float) -> float:
    """The part of the energy that lies at these frequencies."""
    return sum(tone_share(samples, frequency, 20) for frequency in hertz)


def part(phone: Phone, start: float, end: float) -> Samples:
    """What was heard between two times of the call; every packet must have come in its time."""
    frames = [(when, frame) for when, frame in phone.voice if start < when <= end + 1e-9]
    assert len(frames) == round((end - start) / 0.02)
    assert all(abs((when / 0.02) - round(when / 0.02)) < 1e-6 for when, _ in frames)
    return np.concatenate([to_samples(frame) for _, frame in frames])


# -- Milliwatt -----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("format", [ulaw, alaw, slin], ids=str)
@pytest.mark.parametrize(("option", "hertz"), [("", 1004), ("o", 1000)])
async def test_milliwatt_is_1004_hz_at_0_dbm0(system: System, format: Format, option: str, hertz: float) -> None:
    phone = Phone(system, format=format).start(f"[default]\nexten => s,1,Milliwatt({option})\n")
    phone.meanwhile(phone.keep_silent())
    await asyncio.sleep(3)
    phone.hang_up()
    await phone.end()
    assert phone.answered_at == 0
    assert phone.gaps == {0.02}
    assert len(phone.voice) == pytest.approx(148, abs=2)
    heard = phone.samples
    spectrum = np.abs(np.fft.rfft(heard * np.hanning(heard.size)))
    assert np.fft.rfftfreq(heard.size, 1 / 8000)[int(np.argmax(spectrum))] == pytest.approx(hertz, abs=0.5)
    assert share(heard, hertz) > 0.999
    assert 20 * np.log10(level(heard) * np.sqrt(2) / PEAK_0DBM0) == pytest.approx(0, abs=0.15)
    assert len(system.ticker) == 0


async def test_an_option_that_milliwatt_does_not_know_is_told(system: System) -> None:
    with LogCapture() as log:
        phone = Phone(system, format=slin).start("[default]\nexten => s,1,Milliwatt(zo)\n")
        phone.meanwhile(phone.keep_silent())
        await asyncio.sleep(2)
        phone.hang_up()
        await phone.end()
    assert log.texts(Level.WARNING) == ["unknown option 'z'"]
    assert share(phone.samples, 1000) > 0.99


async def test_milliwatt_m_pauses_one_second_in_ten(system: System) -> None:
    phone = Phone(system, format=slin).start("[default]\nexten => s,1,Answer(,i)\nsame => n,Milliwatt(m)\n")
    await asyncio.sleep(20.1)
    phone.hang_up()
    await phone.end()
    for start in (0, 10):
        assert share(part(phone, start, start + 9), 1004) > 0.999
        assert not part(phone, start + 9, start + 10).any()


# -- PlayTones and the tones of conditions ------------------------------------------------------------------------------------


async def test_playtones_goes_on_while_the_dialplan_does(system: System) -> None:
    steps = ["Answer(,i)", "PlayTones(dial)", "Wait(1)", "StopPlayTones()", "Wait(1)"]
    phone = await Phone(system).run("[default]\n" + "".join(f"exten => s,{at},{step}\n" for at, step in enumerate(steps, 1)))
    heard = part(phone, 0, 1)
    assert share(heard, 350, 440) > 0.99
    assert share(heard, 350) == pytest.approx(0.5, abs=0.05)
    assert phone.voice[-1][0] <= 1.0
    assert phone.clock == pytest.approx(2)


@pytest.mark.parametrize(
    ("tones", "parts"),
    [
        ("busy", [(0, 0.5, (480, 620)), (0.5, 1, ()), (1, 1.5, (480, 620))]),
        ("440/200,0/100,!880/100,660/100", [
            (0, 0.2, (440,)), (0.2, 0.3, ()), (0.3, 0.4, (880,)), (0.4, 0.5, (660,)),
            (0.5, 0.7, (440,)), (0.7, 0.8, ()), (0.8, 0.9, (660,)),
        ]),
        ("info", [(0, 0.32, (950,)), (0.34, 0.66, (1400,)), (0.68, 0.98, (1800,)), (1, 2, ())]),
    ],
)  # fmt: skip
async def test_cadence(system: System, tones: str, parts: list[tuple[float, float, tuple[float, ...]]]) -> None:
    phone = Phone(system, format=slin)
    await phone.run(f"[default]\nexten => s,1,Answer(,i)\nsame => n,PlayTones({tones})\nsame => n,Wait(2)\n")
    for start, end, frequencies in parts:
        heard = part(phone, start, end)
        if frequencies:
            spectrum = np.abs(np.fft.rfft(heard * np.hanning(heard.size), 8000)) ** 2
            near = sum(spectrum[max(0, f - 25) : f + 26].sum() for f in map(int, frequencies))
            assert near / spectrum.sum() > 0.9, (start, end)
        else:
            assert not heard.any(), (start, end)


async def test_the_channels_tone_zone_counts(system: System) -> None:
    phone = Phone(system)
    phone.channel.tone_zone = "de"
    await phone.run("[default]\nexten => s,1,Answer(,i)\nsame => n,PlayTones(dial)\nsame => n,Wait(1)\n")
    assert share(part(phone, 0, 1), 425) > 0.99


async def test_playtones_of_nonsense_warns_and_goes_on(system: System) -> None:
    for data in ("", "nosuchtone", "1/x"):
        with LogCapture() as log:
            phone = await Phone(system, name=f"Phone/{data}").run(
                f"[default]\nexten => s,1,PlayTones({data})\nsame => n,NoOp(on)\n"
            )
        assert phone.steps[-1] == "NoOp(on)"
        assert log.texts(Level.WARNING)
        assert not phone.voice


async def test_a_prompt_or_the_answer_stops_the_tone(system: System) -> None:
    phone = Phone(system, format=slin).start(
        "[default]\nexten => s,1,PlayTones(dial)\nsame => n,Wait(0.5)\nsame => n,Answer(1000)\n"
    )
    await phone.end()
    assert phone.voice[-1][0] <= 0.5


@pytest.mark.parametrize(
    ("step", "told", "frequencies"),
    [
        ("Ringing()", Control.RINGING, (440, 480)),
        ("Busy(1)", Control.BUSY, (480, 620)),
        ("Congestion(1)", Control.CONGESTION, (480, 620)),
    ],
)
async def test_a_condition_is_heard_where_the_phone_cannot_show_it(
    system: System, step: str, told: Control, frequencies: tuple[float, ...]
) -> None:
    dialplan = f"[default]\nexten => s,1,{step}\nsame => n,Wait(1)\n"
    phone = await Phone(system).run(dialplan)
    assert told in phone.told
    assert share(part(phone, 0, 0.24), *frequencies) > 0.9
    shown = await Phone(system, name="Phone/2", native=frozenset({told})).run(dialplan)
    assert told in shown.told
    assert not shown.voice


async def test_falling_off_the_end_after_busy_is_heard(system: System) -> None:
    phone = Phone(system).start("[default]\nexten => s,1,Set(DIALSTATUS=BUSY)\n")
    await asyncio.sleep(2)
    phone.hang_up()
    await phone.end()
    assert share(part(phone, 0, 0.5), 480, 620) > 0.95


# -- digits in the audio ------------------------------------------------------------------------------------------------------


async def test_digits_are_sent_as_tones_where_the_phone_has_no_other_way(system: System) -> None:
    phone = await Phone(system, format=slin, takes_digits=False).run(
        "[default]\nexten => s,1,Answer(,i)\nsame => n,SendDTMF(159#A,100,120)\n"
    )
    detector = DtmfDetector()
    stream = np.zeros(round(phone.clock * 8000) + 2000, np.int16)
    for when, frame in phone.voice:
        start = round((when - 0.02) * 8000)
        stream[start : start + 160] = np.frombuffer(frame.data, "<i2")
    found = [event.digit for event in detector.receive(stream.tobytes()) if type(event).__name__ == "DigitBegan"]
    assert "".join(found) == "159#A"
    first = part(phone, 0, 0.1)
    assert share(first, *FREQUENCIES["1"]) > 0.9
    assert len(system.ticker) == 0


# -- Echo ---------------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("format", [ulaw, alaw, slin], ids=str)
async def test_echo_sends_back_every_frame_at_once_until_the_pound_key(system: System, format: Format) -> None:
    phone = Phone(system, format=format).start("[default]\nexten => s,1,Answer(,i)\nsame => n,Echo()\nsame => n,NoOp(on)\n")
    said = noise(1, 21)
    await asyncio.sleep(0)
    await phone.after(0.02)
    began = phone.clock
    await phone.speak(said)
    await phone.press("#")
    await phone.end()
    assert np.array_equal(phone.samples, companded(said, format))
    assert [when for when, _ in phone.voice] == pytest.approx([began + 0.02 * index for index in range(50)])
    assert phone.steps[-1] == "NoOp(on)"


async def test_echo_sends_back_digits_video_and_text(system: System) -> None:
    phone = Phone(system).start("[default]\nexten => s,1,Answer(,i)\nsame => n,Echo()\n")
    await phone.after(0.02)
    video, text = Frame(FrameType.VIDEO, 0, b"picture"), Frame(FrameType.TEXT, 0, "hello")
    phone.channel.deliver(video)
    phone.channel.deliver(text)
    await phone.press("5")
    await phone.after(0.2)
    phone.channel.deliver(Frame(FrameType.CONTROL, Control.VIDUPDATE))
    await phone.press("#")
    await phone.end()
    assert [frame for _, frame in phone.heard if frame.type is not FrameType.VOICE] == [video, text]
    assert phone.digits == "5"
