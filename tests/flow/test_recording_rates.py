"""Recordings and spies where phones and files differ in rate and codec: each has what its rate can carry, at the right pitch."""

from __future__ import annotations

from collections.abc import AsyncIterator
from pathlib import Path

import numpy as np
import numpy.typing as npt
import pytest

from globstar.core.bridge import Bridge
from globstar.core.channel import ChannelState
from globstar.core.cli import run_command
from globstar.core.format import Format, alaw, g722, slin16, slin48, slin_for_rate, ulaw
from globstar.core.frame import FrameType, voice
from globstar.core.system import System
from globstar.core.translate import TranslationPath
from tests.support.calls import load_dialplan
from tests.support.phone import Phone, media_system

pytestmark = pytest.mark.virtual_time

MODULES = (
    "app_mixmonitor app_chanspy app_record bridge_simple codec_g722 codec_gsm codec_adpcm format_wav_gsm format_gsm "
    "format_ogg_vorbis format_vox format_sln"
).split()
#: what the recorded phone says: only wide band carries the second tone
LOW, HIGH = 500, 5600
#: what its partner says
OTHER = 1300

Waves = npt.NDArray[np.float64]


@pytest.fixture
async def system(tmp_path: Path) -> AsyncIterator[System]:
    async with media_system(tmp_path, modules=MODULES) as system:
        yield system


def tones(rate: int, seconds: float, *hertz: float) -> bytes:
    """Tones together as signed linear."""
    time = np.arange(int(rate * seconds)) / rate
    return sum(4000 * np.sin(2 * np.pi * one * time) for one in hertz).astype("<i2").tobytes()  # type: ignore[union-attr]


def path_between(system: System, source: Format, wanted: Format) -> TranslationPath | None:
    """Translators from one format to another, None where they are the same."""
    return None if source.codec is wanted.codec else system.translation.build_path(source, wanted)


async def say(phone: Phone, seconds: float, *hertz: float) -> None:
    """Say tones, a packet every 20 ms, encoded as the phone does."""
    linear = slin_for_rate(phone.format.sample_rate)
    path = path_between(phone.system, linear, phone.format)
    sound, size = tones(linear.sample_rate, seconds, *hertz), linear.bytes_for(20)
    for start in range(0, len(sound), size):
        frame = voice(linear, sound[start : start + size], size // 2)
        encoded = frame if path is None else path.translate(frame)
        assert encoded is not None
        phone.channel.deliver(encoded)
        await phone.after(0.02)


def decoded(system: System, data: bytes, format: Format) -> tuple[Waves, int]:
    """Sound as samples, and its rate."""
    linear = slin_for_rate(format.sample_rate)
    path = path_between(system, format, linear)
    return np.frombuffer(data if path is None else path.translate_bytes(data), "<i2").astype(float), format.sample_rate


def recorded(system: System, path: Path) -> tuple[Waves, int]:
    """The sound of a file, as it would be played."""
    sound = next(one for one in system.sounds.find_all(str(path.with_suffix(""))) if one.path == path)
    reader = system.sounds.open_now(sound)
    return decoded(system, reader.read_rest(), sound.format)


def loud(sound: tuple[Waves, int]) -> set[int]:
    """Which of the tones are in the middle of a sound."""
    samples, rate = sound
    part = samples[len(samples) // 3 : len(samples) * 2 // 3]
    time = np.arange(len(part)) / rate
    strength = {hertz: 2 * abs(np.mean(part * np.exp(-2j * np.pi * hertz * time))) for hertz in (LOW, HIGH, OTHER)}
    return {hertz for hertz, value in strength.items() if value > 1200}


class Call:
    """Two phones in a bridge."""

    def __init__(self, system: System, one: Format, two: Format) -> None:
        self.one = Phone(system, name="Phone/1-a", state=ChannelState.UP, format=one)
        self.two = Phone(system, name="Phone/2-a", state=ChannelState.UP, format=two)
        bridge = Bridge(system)
        bridge.join(self.one.channel)
        bridge.join(self.two.channel)

    async def talk(self, seconds: float) -> None:
        """Both say their tones."""
        speaking = self.two.meanwhile(say(self.two, seconds, OTHER))
        await say(self.one, seconds, LOW, HIGH) if self.one.format.sample_rate > 8000 else await say(self.one, seconds, LOW)
        await speaking

    async def end(self) -> None:
        for phone in (self.one, self.two):
            phone.channel.queue_hangup()
            phone.channel.hangup()
            phone.close()


FILES = {
    "wav": 8000,
    "WAV": 8000,
    "ulaw": 8000,
    "gsm": 8000,
    "vox": 8000,
    "wav16": 16000,
    "g722": 16000,
    "sln16": 16000,
    "sln48": 48000,
}


@pytest.mark.parametrize("extension", FILES)
@pytest.mark.parametrize(("one", "two"), [(ulaw, alaw), (g722, ulaw), (slin16, g722), (slin48, ulaw)], ids=str)
async def test_a_recording_has_what_phone_and_file_carry(system: System, one: Format, two: Format, extension: str) -> None:
    call = Call(system, one, two)
    options = f"r(said.{extension})t(heard.{extension})"
    await run_command(system, f"mixmonitor start {call.one.channel.name} both.{extension},{options}")
    await call.talk(0.6)
    await run_command(system, f"mixmonitor stop {call.one.channel.name}")
    folder = Path(system.directories.astspooldir) / "monitor"
    own = {LOW, HIGH} if one.sample_rate > 8000 and FILES[extension] > 8000 else {LOW}
    both, said, heard = (recorded(system, folder / f"{name}.{extension}") for name in ("both", "said", "heard"))
    assert (loud(both), loud(said), loud(heard)) == (own | {OTHER}, own, {OTHER})
    for samples, rate in (both, said, heard):
        assert len(samples) / rate == pytest.approx(0.6, abs=0.05)
    await call.end()


@pytest.mark.parametrize("extension", FILES)
@pytest.mark.parametrize("format", [ulaw, g722, slin48], ids=str)
async def test_record_has_what_phone_and_file_carry(system: System, tmp_path: Path, format: Format, extension: str) -> None:
    phone = Phone(system, format=format)
    phone.start(f"[default]\nexten => s,1,Answer(,i)\nsame => n,Record({tmp_path}/said.{extension},0,9,q)\n")
    await phone.after(0.1)
    hertz = (LOW, HIGH) if format.sample_rate > 8000 else (LOW,)
    await say(phone, 0.6, *hertz)
    phone.key("#")
    await phone.end()
    assert phone.variables["RECORD_STATUS"] == "DTMF"
    samples, rate = recorded(system, tmp_path / f"said.{extension}")
    assert loud((samples, rate)) == (set(hertz) if FILES[extension] > 8000 else {LOW})
    assert len(samples) / rate == pytest.approx(0.6, abs=0.05)


@pytest.mark.parametrize("spied", [ulaw, g722, slin48], ids=str)
@pytest.mark.parametrize("spying", [ulaw, g722, slin16], ids=str)
async def test_a_spy_of_any_rate_hears_and_is_heard(system: System, spied: Format, spying: Format) -> None:
    call = Call(system, spied, alaw)
    load_dialplan(system, "[default]\nexten => s,1,Answer(,i)\nsame => n,ChanSpy(Phone/1,qoB)\n")
    spy = Phone(system, name="Spy/1-a", format=spying)
    spy.start()
    await spy.after(0.1)
    talking = spy.meanwhile(call.talk(0.8))
    await say(spy, 0.8, OTHER + 800)
    await talking
    spy.hang_up()
    await spy.end()
    own = {LOW, HIGH} if min(spied.sample_rate, spying.sample_rate) > 8000 else {LOW}
    heard = b"".join(frame.data for _, frame in spy.heard if frame.type is FrameType.VOICE)
    assert loud(decoded(system, heard, spying)) == own
    for phone in (call.one, call.two):
        samples, rate = decoded(system, b"".join(frame.data for _, frame in phone.voice), phone.format)
        part = samples[len(samples) // 3 : len(samples) * 2 // 3]
        time = np.arange(len(part)) / rate
        assert 2 * abs(np.mean(part * np.exp(-2j * np.pi * (OTHER + 800) * time))) > 2000
    await call.end()
