"""MixMonitor as others start and stop it (CLI, manager, force), and what becomes of files that cannot be written."""

from __future__ import annotations

import resource
from collections.abc import AsyncIterator, Iterator
from contextlib import contextmanager
from pathlib import Path

import numpy as np
import pytest

from globstar.base.log import Level
from globstar.core.bridge import Bridge
from globstar.core.channel import ChannelState
from globstar.core.cli import run_command
from globstar.core.loader import ModuleError
from globstar.core.system import System
from tests.flow.test_media_mixmonitor import PROMPT, SPEECH, holds, monitor, read, record, whole
from tests.interop.support.audio import find
from tests.support.phone import Phone, companded, media_system, noise, sound
from tests.support.switch import LogCapture

pytestmark = pytest.mark.virtual_time

BEEP = noise(0.2, 23)


@pytest.fixture
async def system(tmp_path: Path) -> AsyncIterator[System]:
    sounds = tmp_path / "data" / "sounds" / "en"
    sound(sounds, "prompt", PROMPT)
    sound(sounds, "beep", BEEP)
    async with media_system(tmp_path, modules=["app_mixmonitor", "app_chanspy", "bridge_simple", "format_ilbc"]) as system:
        yield system


def beeps(phone: Phone) -> int:
    """How often a phone heard the beep."""
    samples, count = phone.samples, 0
    while (found := find(samples, companded(BEEP))).correlation > 0.5:
        samples = np.delete(samples, slice(found.offset, found.offset + len(BEEP)))
        count += 1
    return count


class Call:
    """Two phones in a bridge; the first one is recorded."""

    def __init__(self, system: System) -> None:
        self.one = Phone(system, name="Phone/1-a", state=ChannelState.UP)
        self.two = Phone(system, name="Phone/2-a", state=ChannelState.UP)
        bridge = Bridge(system)
        for phone in (self.one, self.two):
            bridge.join(phone.channel)

    async def end(self) -> None:
        for phone in (self.one, self.two):
            await phone.stop_background()
            phone.channel.queue_hangup()
            phone.channel.hangup()
            phone.close()


@pytest.mark.parametrize(("options", "expected"), [("", 0), ("p", 1), ("P", 1), ("pP", 2)])
async def test_the_beeps_of_a_recording_that_the_console_starts_and_stops(system: System, options: str, expected: int) -> None:
    call = Call(system)
    await run_command(system, f"mixmonitor start Phone/1-a call.wav,{options}")
    await call.one.after(0.5)
    await run_command(system, "mixmonitor stop Phone/1-a")
    await call.one.after(0.5)
    assert (beeps(call.one), beeps(call.two)) == (expected, 0)
    await call.end()


async def test_only_the_recording_with_upper_p_beeps_at_its_end(system: System) -> None:
    phone = Phone(system)
    phone.start(
        "[default]\nexten => s,1,Answer(,i)\nsame => n,MixMonitor(one.wav,P)\nsame => n,MixMonitor(two.wav,i(TWO))\n"
        "same => n,StopMixMonitor(${TWO})\nsame => n,Playback(prompt)\nsame => n,StopMixMonitor()\n"
    )
    await phone.end()
    assert phone.prompts == ["prompt", "beep"]


async def test_an_id_that_no_recording_has_is_told(system: System) -> None:
    phone = Phone(system)
    with LogCapture() as log:
        await phone.run("[default]\nexten => s,1,StopMixMonitor()\nsame => n,StopMixMonitor(0x1)\nsame => n,NoOp(on)\n")
    assert log.texts(Level.WARNING) == ["Phone/1 has no MixMonitor '0x1'"]
    assert phone.steps[-1] == "NoOp(on)"


async def test_the_module_stays_while_it_records_unless_forced(system: System) -> None:
    phone = Phone(system)
    phone.start("[default]\nexten => s,1,Answer(,i)\nsame => n,MixMonitor(call.wav)\nsame => n,Wait(9)\n")
    phone.meanwhile(phone.speak(SPEECH))
    await phone.after(0.8)
    with pytest.raises(ModuleError, match="in use"):
        await system.loader.unload("app_mixmonitor")
    await system.loader.unload("app_mixmonitor", force=True)
    assert holds(read(monitor(system) / "call.wav"), companded(SPEECH)[:4800])
    await system.loader.load("app_mixmonitor")
    await run_command(system, "mixmonitor start Phone/1 more.wav")
    await run_command(system, "mixmonitor stop Phone/1")
    await system.loader.unload("app_mixmonitor")
    phone.hang_up()
    await phone.end()


@pytest.mark.parametrize("bad", ["/proc/none/said.wav", "said.nosuch", "said"])
async def test_a_file_that_cannot_be_made_leaves_the_others(system: System, bad: str) -> None:
    with LogCapture() as log:
        phone = await record(system, f"r({bad})t(heard.wav)")
    assert phone.steps[-1] == "NoOp(on)"
    assert len(log.texts(Level.ERROR)) == 1
    assert holds(read(monitor(system) / "heard.wav"), companded(PROMPT))
    assert len(read(monitor(system) / "call.wav")) > 4000


@pytest.mark.parametrize("bad", ["/proc/none/call.wav", "call.nosuch", "call", "call.ilbc"])
async def test_where_no_file_can_be_made_one_error_tells_and_nothing_is_left(system: System, bad: str) -> None:
    with LogCapture() as log:
        phone = await record(system, "", bad)
    assert phone.steps[-1] == "NoOp(on)"
    assert len(log.texts(Level.ERROR)) == 1
    assert not monitor(system).exists() or not list(monitor(system).iterdir())


@contextmanager
def limited_files(size: int) -> Iterator[None]:
    """No file may grow beyond so many bytes: as if the disk was full."""
    before = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (size, before[1]))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, before)


async def test_a_full_disk_leaves_a_whole_file_of_what_it_took(system: System) -> None:
    phone = Phone(system)
    phone.start("[default]\nexten => s,1,Answer(,i)\nsame => n,MixMonitor(full.wav)\nsame => n,Wait(6)\nsame => n,NoOp(on)\n")
    said = noise(6.0, 71)
    with LogCapture() as log, limited_files(50_000):
        await phone.speak(said)
        await phone.end()
        await whole(system)
    assert len(log.texts(Level.ERROR)) == 1
    assert phone.steps[-1] == "NoOp(on)"
    recording = read(monitor(system) / "full.wav")  # as its header says
    assert len(recording) == (50_000 - 44) // 2
    assert find(recording, companded(said)[8000:16000]).correlation > 0.99


@pytest.mark.parametrize("is_first", [True, False])
async def test_what_a_spy_whispers_is_in_no_recording(system: System, is_first: bool) -> None:
    """Whichever of the two came first."""
    call = Call(system)
    spy = Phone(system, name="Spy/1-a")
    whisper = noise(1.0, 72)
    if is_first:
        await run_command(system, "mixmonitor start Phone/1-a call.wav")
    spy.start("[default]\nexten => s,1,Answer(,i)\nsame => n,ChanSpy(Phone/1,qw)\n")
    call.two.meanwhile(call.two.keep_silent())
    await spy.after(0.2)
    if not is_first:
        await run_command(system, "mixmonitor start Phone/1-a call.wav")
    await spy.speak(whisper)
    await run_command(system, "mixmonitor stop Phone/1-a")
    assert find(call.one.samples, companded(whisper)[800:4800]).correlation > 0.9
    assert find(read(monitor(system) / "call.wav"), companded(whisper)[800:4800]).correlation < 0.2
    spy.hang_up()
    await spy.end()
    assert not call.one.channel.write_hooks
    await call.end()
