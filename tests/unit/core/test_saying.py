"""say_sounds(): in order, stopped by a key when asked, ended by a missing sound; what takes the place of missing recordings."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable, Sequence
from pathlib import Path

import pytest

from globstar.base.log import Level
from globstar.core import say
from globstar.core.channel import ChannelGone
from globstar.core.say import SayFault
from globstar.core.saying import choose_sounds, say_sounds
from tests.support.phone import Phone, media_system, noise, sound
from tests.support.switch import LogCapture

pytestmark = pytest.mark.virtual_time


@pytest.fixture
async def phone(tmp_path: Path) -> AsyncIterator[Phone]:
    for name in ("one", "two", "three"):
        sound(tmp_path / "data" / "sounds" / "en", name, noise(0.2, 1))
    async with media_system(tmp_path) as system:
        phone = Phone(system)
        yield phone
        phone.channel.hangup()
        phone.close()


async def test_all_in_order(phone: Phone) -> None:
    assert await say_sounds(phone.channel, lambda language: ["one", "two", "three"]) is None
    assert phone.prompts == ["one", "two", "three"]
    assert await say_sounds(phone.channel, lambda language: []) is None


@pytest.mark.parametrize(
    ("setting", "result", "count"), [("yes", "5", 1), ("1", "5", 1), ("no", None, 3), ("", None, 3), (None, None, 3)]
)
async def test_interrupt(phone: Phone, setting: str | None, result: str | None, count: int) -> None:
    if setting is not None:
        phone.channel.set_variable("SAY_DTMF_INTERRUPT", setting)
    asyncio.get_running_loop().call_later(0.1, phone.key, "5")
    assert await say_sounds(phone.channel, lambda language: ["one", "two", "three"]) == result
    assert len(phone.prompts) == count


async def test_a_missing_sound_ends_the_call_but_an_optional_one_does_not(phone: Phone) -> None:
    assert await say_sounds(phone.channel, lambda language: ["one", "uppercase", "two"]) is None
    with LogCapture() as log:
        assert await say_sounds(phone.channel, lambda language: ["one", "nothing", "two"]) == -1
    assert phone.prompts == ["one", "two", "one"]
    assert len(log.texts(Level.WARNING)) == 1


async def test_interruptible_by_itself(phone: Phone) -> None:
    asyncio.get_running_loop().call_later(0.1, phone.key, "#")
    assert await say_sounds(phone.channel, lambda language: ["one", "two"], is_interruptible=True) == "#"
    assert phone.channel.get_variable("SAY_DTMF_INTERRUPT") is None


def number(value: int, gender: str = "") -> Callable[[str], Sequence[str]]:
    return lambda language: say.say_number(value, language, gender)


@pytest.mark.parametrize(
    ("language", "there", "value", "gender", "said"),
    [
        ("fr", "1 20 et", 21, "f", "20 et 1"),  # no 1F, and no vm-and
        ("fr", "1 20 et 1F", 21, "f", "20 et 1F"),
        ("ru", "2 2n thousand hundred", 2200, "", "2 thousand 2 hundred"),  # no 200: as English does
        ("ru", "2n thousand 5 200", 2205, "", "2n thousand 200 5"),  # no plural
        ("pt", "100E 1 1000000S 2", 2_000_101, "", "2 1000000S 100E 1"),
        ("ja", "2 10 12 hundred thousand", 12_210, "", "12 thousand 2 hundred 10"),  # no ten thousands
        ("fr", "2 billion", 2_000_000_000, "", "2 billion"),
        ("de", "1 billion", 1_000_000_000, "", "1 billion"),
        ("xx", "1", 2, "", "2"),  # said as English is, whose words are what they are
        ("en", "1", 2, "", "2"),
    ],
)
async def test_recordings_that_are_missing(
    phone: Phone, tmp_path: Path, language: str, there: str, value: int, gender: str, said: str
) -> None:
    for name in there.split():
        sound(tmp_path / "data" / "sounds" / language, f"digits/{name}", noise(0.02, 1))
    phone.channel.language = language
    assert [name.removeprefix("digits/") for name in choose_sounds(phone.channel, number(value, gender))] == said.split()


async def test_another_language_than_that_of_the_channel(phone: Phone, tmp_path: Path) -> None:
    for name in ("20", "1"):
        sound(tmp_path / "data" / "sounds" / "de", f"digits/{name}", noise(0.02, 1))
    assert choose_sounds(phone.channel, number(21), "de") == ["digits/20", "digits/1"]
    assert choose_sounds(phone.channel, number(21)) == ["digits/20", "digits/1"]
    sound(tmp_path / "data" / "sounds" / "de", "digits/1-and", noise(0.02, 1))
    assert choose_sounds(phone.channel, number(21), "de") == ["digits/1-and", "digits/20"]


async def test_a_missing_recording_is_told_once(phone: Phone, tmp_path: Path) -> None:
    for name in ("2", "20", "vm-and", "1"):
        sound(tmp_path / "data" / "sounds" / "fr", name if name == "vm-and" else f"digits/{name}", noise(0.02, 1))
    phone.channel.language = "fr"
    with LogCapture() as log:
        for _ in range(3):
            choose_sounds(phone.channel, number(21, "f"))
    assert [text for text in log.texts(Level.NOTICE) if "digits/1F" in text] == log.texts(Level.NOTICE)
    assert len(log.texts(Level.NOTICE)) == 1


async def test_what_can_be_replaced_is_before_the_word_that_cannot(phone: Phone, tmp_path: Path) -> None:
    sound(tmp_path / "data" / "sounds" / "ru", "digits/2", noise(0.02, 1))
    phone.channel.language = "ru"
    assert choose_sounds(phone.channel, number(2000)) == ["digits/2", "digits/thousands-i"]


async def test_where_nothing_can_take_its_place_the_word_of_the_grammar_is_missed(phone: Phone) -> None:
    phone.channel.language = "de"
    assert choose_sounds(phone.channel, number(21)) == ["digits/1-and", "digits/20"]
    with LogCapture() as log:
        assert await say_sounds(phone.channel, number(21)) == -1
    assert "digits/1-and" in log.texts(Level.WARNING)[0]


async def test_what_cannot_be_said_is_logged_and_the_call_goes_on(phone: Phone) -> None:
    def cannot(language: str) -> list[str]:
        raise SayFault("not a number")

    with LogCapture() as log:
        assert await say_sounds(phone.channel, cannot) is None
    assert "not a number" in log.texts(Level.WARNING)[0]


async def test_hang_up(phone: Phone) -> None:
    asyncio.get_running_loop().call_later(0.3, phone.hang_up)
    with pytest.raises(ChannelGone):
        await say_sounds(phone.channel, lambda language: ["one", "two", "three"])
    assert phone.prompts == ["one", "two"]
