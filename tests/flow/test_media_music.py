"""Music on hold: which files, in which order, without gaps, and where it goes on."""

from __future__ import annotations

import asyncio
import itertools
from collections.abc import AsyncIterator
from pathlib import Path

import numpy as np
import pytest

from globstar.base.log import Level
from globstar.config import MemorySource
from globstar.core import events
from globstar.core.cli import run_command
from globstar.core.frame import Control, control
from globstar.core.system import System
from tests.interop.support.audio import find
from tests.support.phone import Phone, Samples, companded, media_system, noise, sound, to_samples
from tests.support.switch import LogCapture

SONGS = {name: noise(0.4, 30 + index) for index, name in enumerate("abc")}
OTHER = noise(0.4, 40)
NEWS = noise(0.2, 41)
CONFIG = """
[general]
[default]
mode=files
directory=moh
sort=alpha
[other]
mode=files
directory={root}/other
digit=7
[announced]
mode=playlist
entry={root}/other/song
announcement=news
[shuffled]
mode=files
directory=moh
sort=random
[start]
mode=files
directory=moh
sort=randstart
[last]
mode=files
directory=moh
loop_last=yes
[answered]
mode=files
directory=moh
answeredonly=yes
[empty]
mode=files
directory=nothing
"""


@pytest.fixture
async def system(tmp_path: Path) -> AsyncIterator[System]:
    for name, samples in SONGS.items():
        sound(tmp_path / "data" / "moh", name, samples)
    sound(tmp_path / "other", "song", OTHER)
    sound(tmp_path / "data" / "sounds" / "en", "news", NEWS)
    async with media_system(tmp_path, {"musiconhold.conf": CONFIG.format(root=tmp_path)}) as system:
        yield system


def expected(*parts: Samples) -> Samples:
    return companded(np.concatenate(parts))


def began(phone: Phone) -> float:
    return phone.voice[0][0]


async def listen(system: System, music: str, seconds: float, **options: object) -> Phone:
    phone = Phone(system, name=f"Phone/{music}{system.now()}", **options)  # type: ignore[arg-type]
    return await phone.run(f"[default]\nexten => s,1,Answer(,i)\nsame => n,MusicOnHold({music},{seconds})\nsame => n,NoOp(on)\n")


async def test_the_files_in_order_again_and_again_without_a_gap(system: System) -> None:
    phone = await listen(system, "", 3)
    order = [SONGS["a"], SONGS["b"], SONGS["c"]]
    assert np.array_equal(phone.samples, expected(*order, *order, *order)[: len(phone.samples)])
    assert len(phone.samples) > 2.9 * 8000
    assert phone.gaps == {0.02}
    assert began(phone) <= 0.04
    assert phone.clock == pytest.approx(3, abs=0.01)
    assert phone.steps[-1] == "NoOp(on)"
    assert len(system.ticker) == 0


async def test_a_duration_that_is_none_is_told(system: System) -> None:
    phone = Phone(system).start("[default]\nexten => s,1,Answer(,i)\nsame => n,MusicOnHold(other,soon)\n")
    with LogCapture() as log:
        await phone.after(5)
        phone.hang_up()
        await phone.end()
    assert [text for text in log.texts(Level.WARNING) if "'soon'" in text]
    assert len(phone.samples) > 4.5 * 8000


async def test_a_class_by_name_and_one_that_does_not_exist(system: System) -> None:
    assert find((await listen(system, "other", 1)).samples, companded(OTHER)).correlation == pytest.approx(1)
    with LogCapture() as log:
        assert find((await listen(system, "nosuch", 1)).samples, companded(SONGS["a"])).correlation == pytest.approx(1)
    assert len([text for text in log.texts(Level.WARNING) if "no music class 'nosuch'" in text]) == 1


async def test_the_announcement_comes_first_and_between(system: System) -> None:
    phone = await listen(system, "announced", 1.5)
    wanted = expected(NEWS, OTHER, NEWS, OTHER, NEWS, OTHER)
    assert np.array_equal(phone.samples, wanted[: len(phone.samples)])


async def test_the_announcement_comes_again_with_every_hold_and_the_music_goes_on(system: System) -> None:
    holds = "".join(
        f"same => n,StartMusicOnHold(announced)\nsame => n,Wait({seconds})\nsame => n,StopMusicOnHold()\nsame => n,Wait(2)\n"
        for seconds in (0.3, 0.1, 0.5)  # the second one ends within the announcement
    )
    phone = await Phone(system).run(f"[default]\nexten => s,1,Answer(,i)\n{holds}")
    parts: list[list[Samples]] = []
    last = -9.0
    for when, frame in phone.voice:
        if when > last + 1:
            parts.append([])
        parts[-1].append(to_samples(frame))
        last = when
    first, second, third = map(np.concatenate, parts)
    assert np.array_equal(first, expected(NEWS, OTHER)[: len(first)])
    assert np.array_equal(second, expected(NEWS)[: len(second)])
    so_far = len(first) - len(NEWS)
    assert 500 < so_far < 1000
    assert np.array_equal(third, expected(NEWS, OTHER[so_far:])[: len(third)])


async def test_random_order_plays_each_once_a_round(system: System) -> None:
    phone = await listen(system, "shuffled", 1.25)
    starts = {name: find(phone.samples, companded(samples)) for name, samples in SONGS.items()}
    assert all(match.correlation == pytest.approx(1) for match in starts.values())
    assert sorted(match.offset for match in starts.values()) == [0, 3200, 6400]


async def test_loop_last_stays_at_the_last(system: System) -> None:
    phone = await listen(system, "last", 2.05)
    assert np.array_equal(phone.samples[: 5 * 3200], expected(SONGS["a"], SONGS["b"], SONGS["c"], SONGS["c"], SONGS["c"]))


async def test_answered_only(system: System) -> None:
    with LogCapture():
        phone = await Phone(system).run("[default]\nexten => s,1,MusicOnHold(answered,0.5)\nsame => n,NoOp(on)\n")
    assert not phone.voice
    assert phone.steps[-1] == "NoOp(on)"
    assert (await listen(system, "answered", 0.5)).voice


async def test_a_class_without_files_gives_way_to_the_next(system: System, tmp_path: Path) -> None:
    with LogCapture() as log:
        phone = await listen(system, "empty", 1)
    assert find(phone.samples, companded(SONGS["a"])).correlation == pytest.approx(1)
    assert [text for text in log.texts(Level.WARNING) if "'empty' has no files" in text]
    system.configuration.source = MemorySource({"musiconhold.conf": "[default]\ndirectory=nothing\n"})
    await run_command(system, "moh reload")
    with LogCapture() as log:
        assert not (await listen(system, "", 0.5)).voice
    assert log.texts(Level.WARNING)


async def test_hidden_files_are_no_music(system: System, tmp_path: Path) -> None:
    for name in (".b", "._a"):
        sound(tmp_path / "data" / "moh", name, OTHER)
    await run_command(system, "moh reload")
    assert not [line for line in (await run_command(system, "moh show files")).splitlines() if "/." in line]


async def test_music_goes_on_where_it_stopped(system: System) -> None:
    phone = await Phone(system).run(
        "[default]\nexten => s,1,Answer(,i)\nsame => n,StartMusicOnHold()\nsame => n,Wait(0.61)\nsame => n,StopMusicOnHold()\n"
        "same => n,Wait(2)\nsame => n,MusicOnHold(,1)\n"
    )
    whole = expected(*SONGS.values(), *SONGS.values())
    assert np.array_equal(phone.samples, whole[: len(phone.samples)])
    assert 0.02 in phone.gaps
    assert max(phone.gaps) > 2


@pytest.mark.parametrize("music", ["shuffled", "start"])
async def test_music_in_random_order_goes_on_where_it_stopped(system: System, music: str) -> None:
    for attempt in range(4):  # by chance it might begin again with the same file
        phone = await Phone(system, name=f"Phone/{music}{attempt}").run(
            f"[default]\nexten => s,1,Answer(,i)\nsame => n,StartMusicOnHold({music})\nsame => n,Wait(0.61)\n"
            f"same => n,StopMusicOnHold()\nsame => n,MusicOnHold({music},0.8)\n"
        )
        firsts = [
            order for order in itertools.permutations(SONGS.values())
            if np.array_equal(phone.samples, expected(*order, *order)[: len(phone.samples)])
        ]  # fmt: skip
        assert len(firsts) == 1
        assert len(phone.samples) > 8000


async def test_a_file_that_cannot_be_played_is_told_once(system: System, tmp_path: Path) -> None:
    text = f"[default]\nmode=playlist\nentry={tmp_path}/none\nentry={tmp_path}/other/song\n"
    text += "[gone]\nmode=playlist\nentry=/a\nentry=/b\n"
    system.configuration.source = MemorySource({"musiconhold.conf": text})
    await run_command(system, "moh reload")
    for music, count in (("default", 1), ("gone", 2)):
        with LogCapture() as log:
            phone = await listen(system, music, 5)
        assert len(log.texts(Level.WARNING)) == count
        assert bool(phone.voice) == (music == "default")


async def test_a_file_that_comes_back_is_played(system: System, tmp_path: Path) -> None:
    (tmp_path / "other" / "song.wav").unlink()
    phone = Phone(system).start("[default]\nexten => s,1,Answer(,i)\nsame => n,MusicOnHold(other,10)\n")
    with LogCapture():
        await phone.after(4)
        assert not phone.voice
        sound(tmp_path / "other", "song", OTHER)
        await phone.end()
    assert find(phone.samples, companded(OTHER)).correlation == pytest.approx(1)


async def test_the_channels_class_is_preferred_unless_told_otherwise(system: System, tmp_path: Path) -> None:
    dialplan = "[default]\nexten => s,1,Answer(,i)\nsame => n,MusicOnHold(default,0.5)\n"
    for setting, wanted in (("yes", OTHER), ("no", SONGS["a"])):
        files = {
            "musiconhold.conf": CONFIG.replace("[general]", f"[general]\npreferchannelclass={setting}").format(root=tmp_path)
        }
        async with media_system(tmp_path, files) as other:
            phone = Phone(other)
            phone.channel.music_class = "other"
            await phone.run(dialplan)
        assert find(phone.samples, companded(wanted)).correlation == pytest.approx(1), setting


async def test_a_key_changes_the_class(system: System) -> None:
    phone = Phone(system).start("[default]\nexten => s,1,Answer(,i)\nsame => n,MusicOnHold()\n")
    await phone.after(0.2)
    phone.key("3")
    await phone.after(0.1)
    phone.key("7")
    await phone.after(0.6)
    phone.hang_up()
    await phone.end()
    assert np.array_equal(phone.samples[:2240], expected(SONGS["a"])[:2240])
    assert find(phone.samples, companded(OTHER)).correlation == pytest.approx(1)


async def test_a_key_changes_the_class_wherever_music_is_heard_and_is_a_key_as_well(system: System) -> None:
    changes: list[str | None] = []
    undo = system.bus.subscribe(events.MusicOnHoldChanged, lambda event: changes.append(event.music_class))
    phone = Phone(system).start(
        "[default]\nexten => s,1,Answer(,i)\nsame => n,StartMusicOnHold()\nsame => n,WaitDigit(2)\n"
        "same => n,NoOp(${WAITDIGITRESULT})\nsame => n,Wait(1)\nsame => n,StopMusicOnHold()\nsame => n,WaitDigit(1)\n"
    )
    await phone.after(0.2)
    phone.key("7")
    await phone.after(0.1)
    assert phone.channel.music_class == "other"
    phone.key("7")  # of the class that is heard already
    await phone.after(1.3)
    phone.key("7")  # there is no music any more
    await phone.end()
    undo()
    assert "NoOp(7)" in phone.steps
    assert changes == ["default", None, "other", None]
    assert not phone.channel.signal_hooks


async def test_every_start_has_its_stop(system: System) -> None:
    changes: list[str | None] = []
    undo = system.bus.subscribe(events.MusicOnHoldChanged, lambda event: changes.append(event.music_class))
    await listen(system, "other", 0.2)
    assert changes == ["other", None]
    changes.clear()
    # a prompt in its place, and the hang-up, end the music too
    phone = Phone(system).start(
        "[default]\nexten => s,1,Answer(,i)\nsame => n,StartMusicOnHold()\nsame => n,Wait(0.3)\nsame => n,Playback(news)\n"
        "same => n,StartMusicOnHold(other)\nsame => n,Wait(9)\n"
    )
    await asyncio.sleep(1)
    phone.hang_up()
    await phone.end()
    assert changes == ["default", None, "other", None]
    undo()


async def test_hold_plays_music_to_a_phone_that_is_told_so(system: System) -> None:
    phone = Phone(system).start("[default]\nexten => s,1,Answer(,i)\nsame => n,Wait(2)\n")
    await phone.after(0.1)
    phone.channel.indicate(Control.HOLD, "other")
    await phone.after(0.5)
    phone.channel.indicate(Control.UNHOLD)
    last = phone.clock
    await phone.end()
    assert find(phone.samples, companded(OTHER)).correlation == pytest.approx(1)
    assert phone.voice[-1][0] <= last + 1e-6
    phone = Phone(system, name="Phone/2")
    states = []
    for condition in (Control.HOLD, Control.UNHOLD):
        phone.channel.deliver(control(condition))
        states.append(phone.channel.hold_state)
    assert states == [True, False]
    phone.channel.hangup()
    phone.close()


async def test_waitexten_with_music_or_tone(system: System) -> None:
    phone = await Phone(system).run(
        "[default]\nexten => s,1,Answer(,i)\nsame => n,WaitExten(0.5,m(other))\nexten => t,1,NoOp(t)\n"
    )
    assert find(phone.samples, companded(OTHER)).correlation == pytest.approx(1)
    assert phone.channel.generator is None


async def test_reload_takes_new_classes_and_keeps_the_old_ones_when_broken(system: System, tmp_path: Path) -> None:
    text = "[default]\nmode=files\nsort=zigzag\n[new]\nmode=files\ndirectory=moh\nsort=\n[odd]\nmode=nosuch\n"
    system.configuration.source = MemorySource({"musiconhold.conf": text})
    with LogCapture() as log:
        await run_command(system, "moh reload")
    assert all(any(word in text for text in log.texts(Level.WARNING)) for word in ("nosuch", "zigzag"))
    assert len(log.texts(Level.WARNING)) == 2
    shown = await run_command(system, "moh show classes")
    assert "Class: new" in shown
    assert "Class: other" not in shown
    assert f"\tFile: {tmp_path}/data/moh/a" in await run_command(system, "moh show files")
    system.configuration.source = MemorySource({"musiconhold.conf": "[new\n"})
    with LogCapture() as log:
        await system.loader.reload_all()
    assert log.texts(Level.ERROR)
    assert "Class: new" in await run_command(system, "moh show classes")


async def test_a_digit_is_one_key_and_a_program_needs_no_folder(system: System) -> None:
    text = "[keys]\ndigit=##\n[radio]\nmode=custom\napplication=/bin/cat /dev/zero\n[both]\nmode=custom\ndirectory=nodir\n"
    system.configuration.source = MemorySource({"musiconhold.conf": text + "application=/bin/cat /dev/zero\n"})
    with LogCapture() as log:
        await run_command(system, "moh reload")
    assert log.texts(Level.WARNING) == [
        "musiconhold.conf:2: bad value '##' of option 'digit': expected one key: 0 to 9, *, # or A to D"
    ]
    shown = await run_command(system, "moh show classes")
    for name in ("radio", "both"):
        assert f"Class: {name}\n\tMode: custom\n\tDirectory: <none>\n\tApplication: /bin/cat /dev/zero\n" in shown


async def test_a_class_with_nothing_to_hear_is_told_when_it_is_read(system: System, tmp_path: Path) -> None:
    text = "[away]\nmode=files\ndirectory=/no/such/folder\n[bare]\nmode=playlist\n[default]\nmode=files\ndirectory=moh\n"
    system.configuration.source = MemorySource({"musiconhold.conf": text})
    with LogCapture() as log:
        await run_command(system, "moh reload")
    assert log.texts(Level.WARNING) == [
        "music class 'away' has no sound in its folder '/no/such/folder'", "music class 'bare' has no entry",
    ]  # fmt: skip
