"""Generators: one frame a tick, no gap between one and the next, an end that is always told."""

from __future__ import annotations

from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from globstar.base.log import Level
from globstar.core.format import g729, slin
from globstar.core.frame import Frame, voice
from globstar.core.generator import Generator
from globstar.core.system import System
from tests.support.phone import Phone
from tests.support.switch import LogCapture, running_system

pytestmark = pytest.mark.virtual_time


class Counter(Generator):
    """Makes ``count`` frames whose data is their number, then ends, or fails with ``error``."""

    def __init__(self, count: int, ends: list[str], error: Exception | None = None) -> None:
        super().__init__(lambda: ends.append("end"))
        self.left = count
        self.error = error
        self.ends = ends

    def opened(self, channel: object) -> None:
        self.ends.append("opened")

    def closed(self) -> None:
        self.ends.append("closed")

    def next_frame(self) -> Frame | None:
        if not self.left:
            if self.error is not None:
                raise self.error
            return None
        self.left -= 1
        return voice(slin, bytes([self.left]) * 320, 160)


@pytest.fixture
async def system(tmp_path: Path) -> AsyncIterator[System]:
    async with running_system(tmp_path, {"modules.conf": "[modules]\nautoload=no\n"}) as system:
        yield system


@pytest.fixture
async def phone(system: System) -> AsyncIterator[Phone]:
    phone = Phone(system, format=slin)
    yield phone
    phone.channel.hangup()
    phone.close()


async def test_a_frame_a_tick_and_one_end(phone: Phone) -> None:
    ends: list[str] = []
    phone.channel.start_generator(Counter(3, ends))
    await phone.after(0.2)
    assert [when for when, _ in phone.voice] == pytest.approx([0.02, 0.04, 0.06])
    assert ends == ["opened", "closed", "end"]
    assert phone.channel.generator is None
    assert len(phone.system.ticker) == 0


async def test_stopping_is_no_end(phone: Phone) -> None:
    ends: list[str] = []
    phone.channel.start_generator(Counter(9, ends))
    await phone.after(0.05)
    phone.channel.stop_generator()
    phone.channel.stop_generator()
    await phone.after(0.2)
    assert len(phone.voice) == 2
    assert ends == ["opened", "closed"]


async def test_the_next_replaces_it(phone: Phone) -> None:
    ends: list[str] = []
    phone.channel.start_generator(Counter(9, ends))
    await phone.after(0.05)
    phone.channel.start_generator(Counter(2, ends))
    await phone.after(0.2)
    assert ends == ["opened", "closed", "opened", "closed", "end"]
    assert len(phone.voice) == 4


async def test_no_gap_after_one_that_ended_in_the_same_tick(system: System, phone: Phone) -> None:
    """Another channel's generator keeps the tick running or not: no difference."""
    for other in (None, Phone(system, format=slin, name="Phone/2")):
        if other is not None:
            other.channel.start_generator(Counter(100, []))
        phone.heard.clear()
        for _ in range(3):
            ends: list[str] = []
            over = phone.future()
            generator = Counter(2, ends)
            generator.on_end = lambda over=over: over.set_result(None)
            phone.channel.start_generator(generator)
            await over
        assert phone.gaps == {0.02}
        assert len(phone.voice) == 6
        await phone.after(1)
        if other is not None:
            other.channel.hangup()
            other.close()


async def test_one_that_starts_late_in_a_tick_waits_for_the_next(system: System, phone: Phone) -> None:
    other = Phone(system, format=slin, name="Phone/2")
    other.channel.start_generator(Counter(100, []))
    await phone.after(0.031)
    phone.channel.start_generator(Counter(2, []))
    await phone.after(0.1)
    assert [when for when, _ in phone.voice] == pytest.approx([0.04, 0.06])
    other.channel.hangup()
    other.close()


async def test_a_failure_is_logged_and_is_an_end(phone: Phone) -> None:
    ends: list[str] = []
    with LogCapture() as log:
        phone.channel.start_generator(Counter(1, ends, ValueError("broken")))
        await phone.after(0.1)
    assert ends == ["opened", "closed", "end"]
    assert phone.channel.generator is None
    assert "broken" in log.texts(Level.ERROR)[0]


async def test_no_translator_is_a_warning_and_an_end(system: System) -> None:
    phone = Phone(system, format=g729)
    ends: list[str] = []
    with LogCapture() as log:
        phone.channel.start_generator(Counter(5, ends))
        await phone.after(0.1)
    assert ends == ["opened", "closed", "end"]
    assert log.texts(Level.WARNING)[0] == f"{phone.channel.name}: no translators lead from slin to g729"
    assert not log.texts(Level.ERROR)
    phone.channel.hangup()
    phone.close()


async def test_nothing_is_generated_on_a_channel_that_is_gone(system: System) -> None:
    phone = Phone(system, format=slin)
    ends: list[str] = []
    phone.channel.start_generator(Counter(9, ends))
    phone.channel.hangup()
    phone.channel.start_generator(Counter(9, []))
    await phone.after(0.1)
    assert not phone.voice
    assert ends == ["opened", "closed"]
    assert len(system.ticker) == 0
    phone.close()
