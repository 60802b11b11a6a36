"""say_sounds(): in order, stopped by a key when asked, ended by a missing sound."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from globstar.base.log import Level
from globstar.core.channel import ChannelGone
from globstar.core.say import SayFault
from globstar.core.saying import say_sounds
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
    assert await say_sounds(phone.channel, lambda: ["one", "two", "three"]) is None
    assert phone.prompts == ["one", "two", "three"]
    assert await say_sounds(phone.channel, list) is None


@pytest.mark.parametrize(
    ("setting", "result", "count"), [("yes", "5", 1), ("1", "5", 1), ("no", None, 3), ("", None, 3), (None, None, 3)]
)
async def test_interrupt(phone: Phone, setting: str | None, result: str | None, count: int) -> None:
    if setting is not None:
        phone.channel.set_variable("SAY_DTMF_INTERRUPT", setting)
    asyncio.get_running_loop().call_later(0.1, phone.key, "5")
    assert await say_sounds(phone.channel, lambda: ["one", "two", "three"]) == result
    assert len(phone.prompts) == count


async def test_a_missing_sound_ends_the_call_but_an_optional_one_does_not(phone: Phone) -> None:
    assert await say_sounds(phone.channel, lambda: ["one", "uppercase", "two"]) is None
    with LogCapture() as log:
        assert await say_sounds(phone.channel, lambda: ["one", "nothing", "two"]) == -1
    assert phone.prompts == ["one", "two", "one"]
    assert len(log.texts(Level.WARNING)) == 1


async def test_what_cannot_be_said_is_logged_and_the_call_goes_on(phone: Phone) -> None:
    def cannot() -> list[str]:
        raise SayFault("not a number")

    with LogCapture() as log:
        assert await say_sounds(phone.channel, cannot) is None
    assert "not a number" in log.texts(Level.WARNING)[0]


async def test_hang_up(phone: Phone) -> None:
    asyncio.get_running_loop().call_later(0.3, phone.hang_up)
    with pytest.raises(ChannelGone):
        await say_sounds(phone.channel, lambda: ["one", "two", "three"])
    assert phone.prompts == ["one", "two"]
