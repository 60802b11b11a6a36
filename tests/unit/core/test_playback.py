"""Players: which file, in which format, who is told, and what ends them."""

from __future__ import annotations

import asyncio
import shutil
from collections.abc import AsyncIterator
from pathlib import Path

import numpy as np
import pytest

from globstar.base.log import Level
from globstar.core import events
from globstar.core.channel import ChannelGone
from globstar.core.format import alaw, slin, ulaw
from globstar.core.frame import Frame, FrameType, digit_end
from globstar.core.playback import ControlKeys, SoundMissing, find_sound, open_player, play, play_all, play_controlled
from globstar.core.system import System
from tests.support.phone import Phone, companded, media_system, noise, sound
from tests.support.switch import LogCapture

pytestmark = pytest.mark.virtual_time

ONE = noise(0.1, 1)
LONG = noise(3, 2)


@pytest.fixture
async def system(tmp_path: Path) -> AsyncIterator[System]:
    folder = tmp_path / "data" / "sounds" / "en"
    sound(folder, "one", ONE)
    sound(folder, "long", LONG)
    (folder / "both.wav").write_bytes((folder / "one.wav").read_bytes())
    (folder / "both.alaw").write_bytes(b"\xd5" * 800)
    (folder / "broken.wav").write_bytes(b"RIFF, or so it says")
    async with media_system(tmp_path) as system:
        yield system


@pytest.fixture
async def phone(system: System) -> AsyncIterator[Phone]:
    phone = Phone(system)
    yield phone
    phone.channel.hangup()
    phone.close()


@pytest.mark.parametrize(("format", "suffix"), [(alaw, ".alaw"), (slin, ".wav")], ids=str)
async def test_the_cheapest_format_is_found(system: System, format: object, suffix: str) -> None:
    phone = Phone(system, format=alaw if format is alaw else slin)
    assert (await find_sound(phone.channel, "both")).path.suffix == suffix
    phone.channel.hangup()
    phone.close()


async def test_missing_and_broken_files(phone: Phone) -> None:
    with pytest.raises(SoundMissing, match="nothing does not exist"):
        await find_sound(phone.channel, "nothing")
    with pytest.raises(SoundMissing, match="cannot be played"):
        await open_player(phone.channel, "broken")
    assert phone.played == []


class _Speaker:
    """A service that makes one prompt."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self.asked: list[tuple[str, str]] = []

    def ensure_prompt(self, name: str, language: str = "en") -> Path | None:
        self.asked.append((name, language))
        return self.path if name == "made" else None


async def test_prompts_that_nobody_recorded_are_made(system: System, phone: Phone, tmp_path: Path) -> None:
    made = tmp_path / "spoken" / "made.wav"
    made.parent.mkdir()
    shutil.copy(tmp_path / "data/sounds/en/one.wav", made)
    speaker = _Speaker(made)
    system.services["prompts"] = speaker
    await play(phone.channel, "made")
    assert np.array_equal(phone.samples, companded(ONE))
    await play(phone.channel, "one")  # is recorded: nobody is asked
    with pytest.raises(SoundMissing):
        await play(phone.channel, "unknown")
    assert speaker.asked == [("made", "en"), ("unknown", "en")]


async def test_who_listens_is_told_name_format_and_language(system: System, phone: Phone) -> None:
    told: list[events.FilePlayed] = []
    system.bus.subscribe(events.FilePlayed, told.append)
    with LogCapture(Level.VERBOSE):
        await play(phone.channel, "one", language="en_GB")
    assert [(event.channel, event.file, event.language) for event in told] == [(phone.channel, "one.slin", "en_GB")]


async def test_play_to_the_end_or_to_a_key(phone: Phone) -> None:
    assert await play(phone.channel, "one", stop_on="0123") is None
    assert len(phone.voice) == 5
    asyncio.get_running_loop().call_later(0.5, phone.key, "7")  # not one of them: dropped
    asyncio.get_running_loop().call_later(1, phone.key, "2")
    frames: list[Frame] = []
    assert await play(phone.channel, "long", stop_on="0123", on_frame=frames.append) == "2"
    assert len(phone.voice) == pytest.approx(5 + 50, abs=1)
    assert [frame.digit for frame in frames if frame.type is FrameType.DTMF_END] == ["7", "2"]
    assert phone.channel.generator is None
    assert await phone.channel.wait_for_digit(0) is None


async def test_a_key_that_waited_already_stops_it_at_once(phone: Phone) -> None:
    for digit in "12":
        phone.channel.deliver(digit_end(digit))
    assert await play(phone.channel, "long", stop_on="0123456789") == "1"
    assert not phone.voice
    assert await phone.channel.wait_for_digit(0) == "2"


async def test_hang_up_and_a_channel_that_is_gone(phone: Phone) -> None:
    asyncio.get_running_loop().call_later(1, phone.hang_up)
    with pytest.raises(ChannelGone):
        await play(phone.channel, "long")
    assert phone.channel.generator is None
    for attempt in (play(phone.channel, "one"), play_controlled(phone.channel, "one", ControlKeys())):
        with pytest.raises(ChannelGone):
            await attempt
    assert phone.prompts == ["long"]


async def test_another_generator_is_not_stopped_by_the_end(system: System, phone: Phone) -> None:
    """Somebody else's sound took its place: the wait goes on to the hang-up, and that sound stays."""
    waiting = asyncio.get_running_loop().create_task(play(phone.channel, "long"))
    await phone.after(0.1)
    other = await open_player(phone.channel, "one")
    phone.channel.start_generator(other)
    await phone.after(0.05)
    assert phone.channel.generator is other
    phone.hang_up()
    with pytest.raises(ChannelGone):
        await waiting
    assert phone.channel.generator is other


async def test_play_all_leaves_out_what_is_missing(phone: Phone) -> None:
    with LogCapture() as log:
        assert await play_all(phone.channel, ["one", "nothing", "both"]) is None
    assert phone.prompts == ["one", "both"]
    assert len(log.texts(Level.WARNING)) == 1
    asyncio.get_running_loop().call_later(0.05, phone.key, "5")
    assert await play_all(phone.channel, ["long", "one"], stop_on="5") == "5"
    assert phone.prompts[2:] == ["long"]


async def test_controlled_end_offset_and_stop(phone: Phone) -> None:
    assert await play_controlled(phone.channel, "one", ControlKeys()) == (None, -1)
    asyncio.get_running_loop().call_later(0.2, phone.key, "9")
    stopped, offset = await play_controlled(phone.channel, "long", ControlKeys(stop="89"), offset_ms=1000)
    assert stopped == "9"
    assert offset == pytest.approx(1200, abs=20)
    assert np.array_equal(phone.samples[800:], companded(LONG)[8000 : offset * 8])


async def test_pausing_keeps_the_place(phone: Phone) -> None:
    loop = asyncio.get_running_loop()
    for when, key in ((1.0, "0"), (2.0, "0")):
        loop.call_later(when, phone.key, key)
    assert await play_controlled(phone.channel, "long", ControlKeys(pause="0")) == (None, -1)
    assert np.array_equal(phone.samples, companded(LONG, ulaw))
    assert phone.clock == pytest.approx(4, abs=0.05)
