"""Music that programs make: one program for all who listen, run again when it ends, ended when nobody listens."""

from __future__ import annotations

import asyncio
import os
import shutil
import sys
from collections.abc import AsyncIterator, Callable
from pathlib import Path

import numpy as np
import pytest
import soundfile

from globstar.base.log import Level
from globstar.config import MemorySource
from globstar.core.cli import run_command
from globstar.core.system import System
from globstar.modules.res.musiconhold import program
from tests.interop.support.audio import find, sine, tone_share
from tests.support.phone import Phone, Samples, companded, media_system, noise
from tests.support.switch import LogCapture

SONG = noise(1.0, 51)
#: Notes each run in a file, then writes a song as often as it is told; 0 is for ever.
PROGRAM = """\
import pathlib, signal, sys
log, song, times, stubborn = pathlib.Path(sys.argv[1]), sys.argv[2], int(sys.argv[3]), sys.argv[4] == "stubborn"
def note(text):
    with log.open("a") as file:
        print(text, *map(lambda name: pathlib.Path(name).name, sys.argv[5:]), file=file)
def told(number, _):
    note(signal.Signals(number).name)
    if not stubborn:
        sys.exit(0)
for number in (signal.SIGHUP, signal.SIGTERM):
    signal.signal(number, told)
note("begins")
data = pathlib.Path(song).read_bytes()
while True:
    sys.stdout.buffer.write(data)
    sys.stdout.buffer.flush()
    times -= 1
    if times == 0:
        break
"""


class Studio:
    """A system, and the program of its classes."""

    def __init__(self, system: System, root: Path) -> None:
        self.system = system
        self.log = root / "program.log"

    def runs(self) -> list[str]:
        """What the program has noted."""
        return self.log.read_text().split("\n")[:-1] if self.log.exists() else []

    def listens(self, music: str, name: str) -> Phone:
        """One more listens to a class."""
        phone = Phone(self.system, name=f"Phone/{name}")
        return phone.start(f"[default]\nexten => s,1,Answer(,i)\nsame => n,MusicOnHold({music})\n")


def config(root: Path) -> str:
    def program(times: int, kind: str = "", *more: str) -> str:
        return " ".join([sys.executable, str(root / "program.py"), str(root / "program.log"), str(root / "song"), str(times),
                         kind or "mild", *more])  # fmt: skip

    return (
        f"[live]\nmode=custom\napplication={program(0)}\n"
        f"[short]\nmode=custom\napplication={program(1)}\nformat=slin16\n"
        f"[stubborn]\nmode=custom\nkill_escalation_delay=50\nkill_method=process\napplication={program(0, 'stubborn')}\n"
        f"[folder]\nmode=custom\ndirectory=mp3\napplication={program(0, 'mild', '--files')}\n"
        "[missing]\nmode=custom\napplication=/no/such/program -x\n"
        f"[unfit]\nmode=custom\nformat=opus\napplication={program(0)}\n"
        "[mp3]\nmode=quietmp3\ndirectory=mp3\n[nomp3]\nmode=mp3\ndirectory=empty\n[wrong]\nmode=vinyl\n"
    )


@pytest.fixture
async def studio(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[Studio]:
    monkeypatch.setattr(program, "_IDLE", 0.1)
    (tmp_path / "program.py").write_text(PROGRAM)
    (tmp_path / "song").write_bytes(SONG.tobytes())
    folder = tmp_path / "data" / "mp3"
    folder.mkdir(parents=True)
    soundfile.write(folder / "b.mp3", sine(700, 2.0), 8000, format="MP3")
    soundfile.write(folder / "a.mp3", sine(700, 2.0), 8000, format="MP3")
    async with media_system(tmp_path, {"musiconhold.conf": config(tmp_path)}) as system:
        yield Studio(system, tmp_path)
        for channel in list(system.channels.values()):
            channel.request_hangup()


@pytest.fixture(autouse=True)
async def real_pace() -> AsyncIterator[None]:
    """Programs live in real time: a descriptor that might speak makes the loop's time go with it."""
    reading, writing = os.pipe()
    loop = asyncio.get_running_loop()
    loop.add_reader(reading, lambda: None)
    yield
    loop.remove_reader(reading)
    os.close(reading)
    os.close(writing)


async def until(condition: Callable[[], bool], seconds: float = 20.0) -> None:
    """Wait for the programs."""
    deadline = asyncio.get_running_loop().time() + seconds
    while not condition():
        assert asyncio.get_running_loop().time() < deadline, "it never came about"
        await asyncio.sleep(0.02)


def heard(phone: Phone) -> Samples:
    """What a phone has heard, from the first sound on."""
    samples = phone.samples
    loud = np.flatnonzero(samples)
    return samples[loud[0] :] if loud.size else samples[:0]


def is_song(samples: Samples) -> bool:
    """Whether this is the song, from somewhere on, without a gap, again and again."""
    again = companded(np.concatenate([SONG] * 4))
    start = find(again[:16000], samples[:4000])
    return start.correlation > 0.99 and bool(np.array_equal(again[start.offset :][: len(samples)], samples))


async def gone(*phones: Phone) -> None:
    """All hang up, and programs end as nobody listens."""
    for phone in phones:
        phone.hang_up()
        await phone.end()
    tasks = phones[0].system.tasks
    await until(lambda: not any("music class" in name for name in tasks.names()))


async def test_all_hear_one_program_at_the_same_time(studio: Studio) -> None:
    one = studio.listens("live", "one")
    await until(lambda: len(heard(one)) >= 8000)
    two = studio.listens("live", "two")
    await until(lambda: len(heard(two)) >= 8000)
    first, second = heard(one), heard(two)
    assert is_song(first[:24000])
    assert is_song(second[:16000])
    assert np.array_equal(first[-4000:], second[-4000:])
    assert studio.runs() == ["begins"]
    await gone(one, two)
    assert studio.runs() == ["begins", "SIGHUP"]
    again = studio.listens("live", "again")
    await until(lambda: len(heard(again)) >= 1600)
    assert studio.runs() == ["begins", "SIGHUP", "begins"]
    await gone(again)


async def test_a_program_that_ends_is_run_again(studio: Studio, monkeypatch: pytest.MonkeyPatch) -> None:
    """In its own format: wideband for a phone that is not."""
    monkeypatch.setattr(program, "_PAUSE", 0.05)
    phone = studio.listens("short", "one")
    await until(lambda: studio.runs().count("begins") >= 3)
    assert len(heard(phone)) >= 4000
    listed = await run_command(studio.system, "moh show classes")
    assert "Class: short\n\tMode: custom\n" in listed
    assert "\tFormat: slin16" in listed
    await gone(phone)


async def test_a_program_that_will_not_end_is_killed(studio: Studio) -> None:
    phone = studio.listens("stubborn", "one")
    await until(lambda: len(heard(phone)) >= 1600)
    await gone(phone)
    assert studio.runs() == ["begins", "SIGHUP", "SIGTERM"]


async def test_files_of_a_folder_are_arguments(studio: Studio) -> None:
    phone = studio.listens("folder", "one")
    await until(lambda: bool(studio.runs()))
    assert studio.runs() == ["begins --files a.mp3 b.mp3"]
    await gone(phone)


# in CI a skip fails the run
@pytest.mark.skipif(shutil.which("mpg123") is None, reason="mpg123 is not installed")
async def test_mpg123_plays_a_folder(studio: Studio) -> None:
    phone = studio.listens("mp3", "one")
    await until(lambda: len(heard(phone)) >= 16000)
    assert tone_share(heard(phone)[4000:12000], 700, 30) > 0.85
    await gone(phone)


async def test_what_cannot_be_run_is_told(tmp_path: Path) -> None:
    (tmp_path / "program.py").write_text(PROGRAM)
    with LogCapture() as log:
        async with media_system(tmp_path, {"musiconhold.conf": config(tmp_path)}) as system:
            phone = Phone(system)
            phone.start("[default]\nexten => s,1,Answer(,i)\nsame => n,MusicOnHold(missing,0.1)\nsame => n,NoOp(on)\n")
            await phone.end()
            assert phone.steps[-1] == "NoOp(on)"
    told = "\n".join(log.texts(Level.WARNING))
    for what in (
        "there is no program '/no/such/program'",
        "format 'opus' is no codec of fixed length",
        "there are no MP3 files in",
        "music class 'wrong': there is no mode 'vinyl'",
    ):
        assert what in told, told


async def test_a_reload_leaves_a_program_that_is_as_before(tmp_path: Path) -> None:
    (tmp_path / "program.py").write_text(PROGRAM)
    (tmp_path / "song").write_bytes(SONG.tobytes())
    async with media_system(tmp_path, {"musiconhold.conf": config(tmp_path)}) as system:
        studio = Studio(system, tmp_path)
        one = studio.listens("live", "one")
        await until(lambda: len(heard(one)) >= 1600)
        await run_command(system, "moh reload")
        two = studio.listens("live", "two")
        await until(lambda: len(heard(two)) >= 1600)
        assert studio.runs() == ["begins"]
        system.configuration.source = MemorySource({"musiconhold.conf": ""})
        await run_command(system, "moh reload")
        length = len(heard(one))
        await until(lambda: len(heard(one)) >= length + 1600)  # music that plays goes on
        await gone(one, two)  # nobody can come any more: it ends with the last who listens
        assert studio.runs() == ["begins", "SIGHUP"]


async def left_idle(system: System, folder: Path) -> Studio:
    """A program that somebody has heard and nobody hears any more; it goes on for a while."""
    studio = Studio(system, folder)
    phone = studio.listens("live", "one")
    await until(lambda: len(heard(phone)) >= 1600)
    phone.hang_up()
    await phone.end()
    assert studio.runs() == ["begins"]
    return studio


async def test_the_end_of_the_server_ends_a_program(tmp_path: Path) -> None:
    (tmp_path / "program.py").write_text(PROGRAM)
    (tmp_path / "song").write_bytes(SONG.tobytes())
    async with media_system(tmp_path, {"musiconhold.conf": config(tmp_path)}) as system:
        studio = await left_idle(system, tmp_path)
    assert studio.runs() == ["begins", "SIGHUP"]
    assert not any("music class" in name for name in system.tasks.names())


async def test_an_idle_program_ends_when_its_class_is_taken_away(tmp_path: Path) -> None:
    (tmp_path / "program.py").write_text(PROGRAM)
    (tmp_path / "song").write_bytes(SONG.tobytes())
    async with media_system(tmp_path, {"musiconhold.conf": config(tmp_path)}) as system:
        studio = await left_idle(system, tmp_path)
        await run_command(system, "moh unregister class live")
        await until(lambda: studio.runs() == ["begins", "SIGHUP"])
