"""MixMonitor: what a channel says and hears, mixed or apart, aligned, and whole when it stops."""

from __future__ import annotations

import asyncio
import wave
from collections.abc import AsyncIterator
from pathlib import Path

import numpy as np
import pytest

from globstar.base.log import Level
from globstar.core import events
from globstar.core.cli import run_command
from globstar.core.system import System
from tests.interop.support.audio import find
from tests.support.phone import Phone, Samples, companded, media_system, noise, sound
from tests.support.switch import LogCapture

pytestmark = pytest.mark.virtual_time

SPEECH = noise(1.0, 21)
PROMPT = noise(0.8, 22)


@pytest.fixture
async def system(tmp_path: Path) -> AsyncIterator[System]:
    sound(tmp_path / "data" / "sounds" / "en", "prompt", PROMPT)
    async with media_system(tmp_path, modules=["app_mixmonitor", "app_system"]) as system:
        yield system


def read(path: Path, channels: int = 1) -> Samples:
    """A recording as samples."""
    if path.suffix == ".raw":
        return np.frombuffer(path.read_bytes(), "<i2")
    with wave.open(str(path)) as file:
        assert file.getnchannels() == channels
        return np.frombuffer(file.readframes(file.getnframes()), "<i2")


async def record(system: System, options: str = "", name: str = "call.wav") -> Phone:
    """A caller who speaks while a prompt is played to it."""
    phone = Phone(system, name=f"Phone/{system.now()}")
    phone.start(
        f"[default]\nexten => s,1,Answer(,i)\nsame => n,MixMonitor({name},{options})\nsame => n,Playback(prompt)\n"
        "same => n,StopMixMonitor()\nsame => n,NoOp(on)\n"
    )
    phone.meanwhile(phone.speak(SPEECH))
    return await phone.end()


def monitor(system: System) -> Path:
    return Path(system.directories.astspooldir) / "monitor"


async def whole(system: System) -> None:
    """Wait until the recordings of channels that are gone are whole."""
    for _ in range(500):
        if not any("MixMonitor" in name for name in system.tasks.names()):
            return
        await asyncio.sleep(0.01)
    raise AssertionError(system.tasks.names())


def position(needle: Samples, recording: Samples) -> float:
    """Where in a recording a sound begins, seconds."""
    found = find(recording, needle[800:4800])
    assert found.correlation > 0.6
    return (found.offset - 800) / 8000


def holds(recording: Samples, needle: Samples) -> bool:
    """Whether a sound, and nothing else, is in that part of a recording."""
    return find(recording, needle[800:4800]).correlation > 0.99


async def test_both_directions_are_mixed_and_aligned(system: System) -> None:
    phone = await record(system)
    recording = read(monitor(system) / "call.wav")
    assert phone.variables["MIXMONITOR_FILENAME"] == str(monitor(system) / "call.wav")
    said, heard = companded(SPEECH), companded(PROMPT)
    assert 0.75 <= len(recording) / 8000 <= 0.9
    assert abs(position(said, recording) - position(heard, recording)) <= 0.06
    start = round(position(heard, recording) * 8000)
    overlap = recording[start + 1600 : start + 4800].astype(int)
    shift = round((position(said, recording) - position(heard, recording)) * 8000)
    expected = heard[1600:4800].astype(int) + said[1600 - shift : 4800 - shift].astype(int)
    assert np.abs(overlap - expected).mean() < 80


async def test_files_of_one_direction_are_as_long_as_each_other(system: System) -> None:
    await record(system, "r(said.wav)t(heard.wav)")
    said, heard = read(monitor(system) / "said.wav"), read(monitor(system) / "heard.wav")
    assert len(said) == len(heard) == len(read(monitor(system) / "call.wav"))
    assert holds(said, companded(SPEECH))
    assert holds(heard, companded(PROMPT))
    assert not holds(said, companded(PROMPT))


@pytest.mark.parametrize(("options", "is_shorter"), [("n", True), ("", False)])
async def test_without_synchronisation_a_direction_is_as_long_as_its_sound(
    system: System, options: str, is_shorter: bool
) -> None:
    phone = Phone(system)
    phone.start(
        f"[default]\nexten => s,1,Answer(,i)\nsame => n,MixMonitor(call.wav,{options}r(said.wav)t(heard.wav))\n"
        "same => n,Wait(0.5)\nsame => n,Playback(prompt)\n"
    )
    phone.meanwhile(phone.speak(SPEECH))
    await phone.end()
    await whole(system)
    call, heard = read(monitor(system) / "call.wav"), read(monitor(system) / "heard.wav")
    assert (len(call) - len(heard) > 3000) is is_shorter
    assert len(heard) == (len(PROMPT) if is_shorter else len(call))
    assert holds(heard, companded(PROMPT))


async def test_interleaved_raw_audio_has_one_direction_on_each_side(system: System) -> None:
    await record(system, "D", "both.raw")
    both = read(monitor(system) / "both.raw")
    assert holds(both[0::2].copy(), companded(SPEECH))
    assert holds(both[1::2].copy(), companded(PROMPT))


async def test_volumes(system: System) -> None:
    await record(system, "r(plain.wav)")
    plain = read(monitor(system) / "plain.wav").astype(float)
    await record(system, "V(1)r(loud.wav)", "other.wav")
    loud = read(monitor(system) / "loud.wav").astype(float)
    assert np.abs(loud).mean() / np.abs(plain).mean() == pytest.approx(2, rel=0.05)


async def test_volumes_of_what_is_heard_and_of_both(system: System) -> None:
    await record(system, "t(plain.wav)")
    plain = read(monitor(system) / "plain.wav").astype(float)
    for options in ("v(-1)", "W(-1)"):
        await record(system, f"{options}t(quiet.wav)", "other.wav")
        quiet = read(monitor(system) / "quiet.wav").astype(float)
        assert np.abs(quiet).mean() / np.abs(plain).mean() == pytest.approx(0.5, rel=0.05)


async def test_the_beginning_is_left_out(system: System) -> None:
    phone = Phone(system)
    phone.start("[default]\nexten => s,1,Answer(,i)\nsame => n,MixMonitor(late.wav,s(1))\nsame => n,Wait(2)\n")
    said = noise(3.0, 23)
    phone.meanwhile(phone.speak(said))
    await phone.end()
    await whole(system)
    recording = read(monitor(system) / "late.wav")
    assert len(recording) / 8000 == pytest.approx(1.0, abs=0.04)
    assert find(recording, companded(said)[9600:12000]).correlation > 0.99
    assert find(recording, companded(said)[4000:6400]).correlation < 0.2


@pytest.mark.parametrize(("value", "is_taken"), [("120", True), ("0", False), ("121", False), ("x", False), ("", False)])
async def test_how_much_may_be_left_out(system: System, value: str, is_taken: bool) -> None:
    phone = Phone(system)
    phone.start(f"[default]\nexten => s,1,Answer(,i)\nsame => n,MixMonitor(late.wav,s({value}))\nsame => n,Wait(1)\n")
    with LogCapture() as log:
        await phone.end()
    assert any("option s takes 1 to 120 seconds" in text for text in log.texts(Level.WARNING)) is not is_taken
    await whole(system)
    assert (len(read(monitor(system) / "late.wav")) == 0) is is_taken


async def test_beeps_at_both_ends_and_a_file_that_is_not_kept(system: System) -> None:
    beep = sound(Path(system.directories.astdatadir) / "sounds" / "en", "beep", noise(0.1, 24))
    phone = await record(system, "pPd")
    assert not (monitor(system) / "call.wav").exists()
    first = find(phone.samples, companded(beep))
    assert first.correlation > 0.9
    assert find(phone.samples[first.offset + len(beep) :], companded(beep)).correlation > 0.9


async def test_nothing_is_recorded_outside_of_a_bridge_with_b(system: System) -> None:
    await record(system, "b")
    assert len(read(monitor(system) / "call.wav")) == 0


async def test_a_command_runs_when_the_file_is_whole(system: System, tmp_path: Path) -> None:
    mark = tmp_path / "size"
    phone = Phone(system)
    phone.start(
        "[default]\nexten => s,1,Answer(,i)\nsame => n,Set(WHERE=" + str(mark) + ")\n"
        f"same => n,MixMonitor({tmp_path}/x.wav,,wc -c < ^{{MIXMONITOR_FILENAME}} > ^{{WHERE}})\nsame => n,Playback(prompt)\n"
        "same => n,StopMixMonitor()\n"
    )
    await phone.end()
    await whole(system)  # the call does not wait for the command
    assert int(mark.read_text()) == (tmp_path / "x.wav").stat().st_size > 10000


async def test_the_end_of_the_channel_ends_the_recording_and_appending_goes_on(system: System) -> None:
    lengths = []
    for _ in range(2):
        phone = Phone(system, name=f"Phone/{system.now()}")
        phone.start("[default]\nexten => s,1,Answer(,i)\nsame => n,MixMonitor(twice.wav,a)\nsame => n,Playback(prompt)\n")
        await phone.end()
        await whole(system)
        lengths.append(len(read(monitor(system) / "twice.wav")))
    assert lengths[1] == pytest.approx(2 * lengths[0], rel=0.1)


async def test_ids_function_and_commands(system: System) -> None:
    heard: list[str] = []
    system.bus.subscribe(events.MixMonitorStarted, lambda event: heard.append("start"))
    system.bus.subscribe(events.MixMonitorStopped, lambda event: heard.append("stop"))
    phone = Phone(system, name="Phone/ids")
    phone.start(
        "[default]\nexten => s,1,Answer(,i)\nsame => n,MixMonitor(ids.wav,i(ID))\n"
        "same => n,Set(FILE=${MIXMONITOR(${ID},filename)})\nsame => n,Playback(prompt)\nsame => n,Playback(prompt)\n"
    )
    await phone.after(0.1)
    name = phone.channel.name
    listed = await run_command(system, f"mixmonitor list {name}")
    assert listed.splitlines()[0] == "MixMonitor ID\tFile\tReceive File\tTransmit File"
    assert listed.splitlines()[2] == f"{phone.variables['ID']}\t{monitor(system) / 'ids'}\t\t"
    assert await run_command(system, f"mixmonitor start {name} second.wav") == ""
    assert await run_command(system, f"mixmonitor stop {name} {phone.variables['ID']}") == ""
    await phone.end()
    await whole(system)
    assert phone.variables["FILE"] == str(monitor(system) / "ids")
    assert heard[:3] == ["start", "start", "stop"]
    assert len(read(monitor(system) / "second.wav")) > 4000


async def test_bad_arguments_are_told(system: System) -> None:
    phone = Phone(system)
    phone.start("[default]\nexten => s,1,Answer(,i)\nsame => n,MixMonitor(noextension)\nsame => n,NoOp(reached)\n")
    await phone.end()
    assert not (monitor(system) / "noextension").exists()
