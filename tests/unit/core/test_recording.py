"""record(): why it ends, how long it was, and several files at a time."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from pathlib import Path

import numpy as np
import pytest

from globstar.base.log import Level
from globstar.core.format import g722, g729, slin
from globstar.core.frame import voice
from globstar.core.recording import RecordEnd, record
from globstar.core.soundfile import SoundFault
from globstar.core.system import System
from globstar.dsp.g711 import ulaw_to_linear
from tests.interop.support.audio import sine
from tests.support.phone import Phone, companded, media_system, noise
from tests.support.switch import LogCapture

pytestmark = pytest.mark.virtual_time

SPEECH = noise(1, 5)
SILENCE = np.zeros(8000, np.int16)


@pytest.fixture
async def system(tmp_path: Path) -> AsyncIterator[System]:
    async with media_system(tmp_path) as system:
        yield system


@pytest.fixture
async def phone(system: System) -> AsyncIterator[Phone]:
    phone = Phone(system)
    yield phone
    phone.channel.hangup()
    phone.close()


async def test_key_ends_and_the_length_is_told(phone: Phone, tmp_path: Path) -> None:
    writers = [phone.system.sounds.create(str(tmp_path / "a"), extension) for extension in ("wav", "ulaw", "gsm")]
    speaking = phone.meanwhile(phone.speak(SPEECH))
    speaking.add_done_callback(lambda _: phone.key("#"))
    result = await record(phone.channel, writers)
    assert (result.end, result.digit, result.duration_ms, result.silence_ms) == (RecordEnd.DIGIT, "#", 1000, 0)
    assert all(writer.is_closed for writer in writers)
    data = (tmp_path / "a.ulaw").read_bytes()
    assert np.array_equal(np.frombuffer(ulaw_to_linear(data), "<i2"), companded(SPEECH))
    assert np.array_equal(np.frombuffer((tmp_path / "a.wav").read_bytes()[44:], "<i2"), companded(SPEECH))
    assert len((tmp_path / "a.gsm").read_bytes()) == 33 * 50


async def test_silence_ends_it_after_the_time_asked_for(phone: Phone, tmp_path: Path) -> None:
    writer = phone.system.sounds.create(str(tmp_path / "a"), "wav")
    phone.meanwhile(phone.speak(np.concatenate((SPEECH, SILENCE, SPEECH, SILENCE, SILENCE, SILENCE))))
    result = await record(phone.channel, [writer], silence_seconds=1.5)
    assert (result.end, result.duration_ms, result.silence_ms) == (RecordEnd.SILENCE, 4500, 1500)
    assert (tmp_path / "a.wav").stat().st_size == 44 + 3 * 16000
    await phone.stop_background()


async def test_a_quiet_hum_is_silence_below_the_threshold_only(phone: Phone, tmp_path: Path) -> None:
    phone.meanwhile(phone.speak(sine(300, 5, level=150)))
    ends = []
    for threshold in (50, 500):
        writer = phone.system.sounds.create(str(tmp_path / str(threshold)), "wav")
        result = await record(phone.channel, [writer], silence_seconds=0.5, maximum_seconds=1, silence_threshold=threshold)
        ends.append(result.end)
    assert ends == [RecordEnd.TIMEOUT, RecordEnd.SILENCE]
    await phone.stop_background()


async def test_on_digit_decides(phone: Phone, tmp_path: Path) -> None:
    asked: list[str] = []

    def on_digit(digit: str) -> bool:
        asked.append(digit)
        return digit == "5"

    loop = asyncio.get_running_loop()
    for index, digit in enumerate("345"):
        loop.call_later(0.1 * (index + 1), phone.key, digit)
    result = await record(phone.channel, [phone.system.sounds.create(str(tmp_path / "a"), "wav")], stop_on="", on_digit=on_digit)
    assert (result.end, result.digit, asked) == (RecordEnd.DIGIT, "5", ["3", "4", "5"])


async def test_hang_up_and_time_limit(phone: Phone, tmp_path: Path) -> None:
    result = await record(phone.channel, [phone.system.sounds.create(str(tmp_path / "a"), "wav")], maximum_seconds=2)
    assert (result.end, result.duration_ms, phone.clock) == (RecordEnd.TIMEOUT, 0, 2)
    asyncio.get_running_loop().call_later(1, phone.hang_up)
    for _ in range(2):  # the second time the channel is gone from the beginning
        writer = phone.system.sounds.create(str(tmp_path / "b"), "wav")
        assert (await record(phone.channel, [writer])).end is RecordEnd.HANGUP
        assert writer.is_closed


async def test_wideband_seconds_are_seconds(tmp_path: Path) -> None:
    """G.722 has a clock of 8 kHz and 16,000 samples a second (RFC 3551 4.5.2)."""
    pytest.importorskip("G722")
    async with media_system(tmp_path, modules=["codec_g722", "format_g722"]) as system:
        phone = Phone(system, format=g722)
        writers = [system.sounds.create(str(tmp_path / "a"), extension) for extension in ("g722", "wav")]
        for index in range(50):
            asyncio.get_running_loop().call_later(index * 0.02, phone.channel.deliver, voice(g722, bytes(160), 320))
        result = await record(phone.channel, writers, maximum_seconds=1)
        assert result.duration_ms == 1000
        assert (tmp_path / "a.g722").stat().st_size == 8000
        assert (tmp_path / "a.wav").stat().st_size == pytest.approx(16044, abs=100)
        phone.channel.hangup()
        phone.close()


async def test_faults_are_logged_and_every_file_is_closed(
    system: System, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    foreign = Phone(system, format=g729)
    writer = system.sounds.create(str(tmp_path / "a"), "wav")
    with LogCapture() as log:
        assert (await record(foreign.channel, [writer])).end is RecordEnd.FAILED
    assert writer.is_closed
    assert "no translators lead from g729 to slin" in log.texts(Level.ERROR)[0]
    foreign.channel.hangup()
    foreign.close()

    phone = Phone(system, format=slin, name="Phone/2")
    writers = [system.sounds.create(str(tmp_path / name), "wav") for name in "bc"]

    def refuse(frame: object) -> None:
        raise SoundFault("disk full")

    monkeypatch.setattr(type(writers[0]), "write", lambda self, frame: refuse(frame))
    asyncio.get_running_loop().call_later(0.1, phone.channel.deliver, voice(slin, bytes(320), 160))
    with LogCapture() as log:
        assert (await record(phone.channel, writers)).end is RecordEnd.FAILED
    assert all(writer.is_closed for writer in writers)
    assert "disk full" in log.texts(Level.ERROR)[0]
    phone.channel.hangup()
    phone.close()
