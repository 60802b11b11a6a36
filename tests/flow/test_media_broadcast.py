"""Broadcast: one channel speaks to several, or hears them, whatever they do; StreamEcho."""

from __future__ import annotations

from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from globstar.base.log import Level
from globstar.core.bridge import Bridge
from globstar.core.channel import ChannelState
from globstar.core.format import alaw
from globstar.core.system import System
from tests.interop.support.audio import sine, tone_share
from tests.support.phone import Phone, Samples, media_system, noise
from tests.support.switch import LogCapture

pytestmark = pytest.mark.virtual_time

#: what each party says: two who talk to one another, one who waits alone, the one who broadcasts
ONE, TWO, ALONE, OWN = 500, 900, 1300, 1700
ALL = (ONE, TWO, ALONE, OWN)


@pytest.fixture
async def system(tmp_path: Path) -> AsyncIterator[System]:
    async with media_system(tmp_path, modules=["app_broadcast", "app_stream_echo", "bridge_simple"]) as system:
        yield system


class Scene:
    """Phone 1 and 2 in a bridge, phone 3 for itself, all saying their tone."""

    def __init__(self, system: System) -> None:
        self.system = system
        self.phones = [Phone(system, name=f"Phone/{n}-1", state=ChannelState.UP) for n in (1, 2)]
        self.phones.append(Phone(system, name="Phone/3-1", state=ChannelState.UP, format=alaw))
        bridge = Bridge(system)
        for phone in self.phones[:2]:
            bridge.join(phone.channel)
        for phone, hertz in zip(self.phones, (ONE, TWO, ALONE), strict=True):
            phone.meanwhile(phone.speak(sine(hertz, 15)))

    def broadcast(self, arguments: str, *, speaks: bool = True) -> Phone:
        """Somebody runs the application."""
        phone = Phone(self.system, name="Phone/caster-1", extension="7")
        phone.start(f"[default]\nexten => 7,1,Broadcast({arguments})\nsame => n,NoOp(on)\n")
        if speaks:
            phone.meanwhile(phone.speak(sine(OWN, 15)))
        return phone

    async def hang_up(self, *phones: Phone) -> None:
        for phone in phones:
            await phone.stop_background()
            if not phone.channel.is_hung_up:
                phone.channel.queue_hangup()
                phone.channel.hangup()
            phone.close()


def last(phone: Phone, seconds: float = 0.4) -> Samples:
    return phone.samples[-round(seconds * 8000) :]


def hears(phone: Phone) -> set[int]:
    """Whose tones a phone hears now."""
    if not phone.voice or phone.voice[-1][0] < phone.clock - 0.1:
        return set()
    return {hertz for hertz in ALL if tone_share(last(phone), hertz) > 0.08}


@pytest.mark.parametrize(
    ("options", "own", "one", "two", "alone"),
    [
        ("w", set(), {TWO, OWN}, {ONE}, {OWN}),
        ("", set(), {TWO, OWN}, {ONE}, {OWN}),
        ("wb", set(), {TWO, OWN}, {ONE, OWN}, {OWN}),
        ("wr", set(), {TWO}, {ONE, OWN}, set()),
        ("s", {ONE, ALONE}, {TWO}, {ONE}, set()),
        ("sl", {ONE, ALONE}, {TWO}, {ONE}, set()),
        ("sb", {ONE, TWO, ALONE}, {TWO}, {ONE}, set()),
        ("so", {ONE}, {TWO}, {ONE}, set()),
        ("sw", {ONE, ALONE}, {TWO, OWN}, {ONE}, {OWN}),
    ],
)
async def test_who_hears_whom(system: System, options: str, own: set[int], one: set[int], two: set[int], alone: set[int]) -> None:
    scene = Scene(system)
    phone = scene.broadcast(f"{options},Phone/1-1&Phone/3-1")
    await phone.after(1.5)
    assert [hears(which) for which in (phone, *scene.phones)] == [own, one, two, alone]
    phone.hang_up()
    await phone.end()
    await scene.phones[0].after(0.5)
    assert [hears(which) for which in scene.phones] == [{TWO}, {ONE}, set()]
    await scene.hang_up(*scene.phones)


async def test_it_goes_on_until_all_have_hung_up(system: System) -> None:
    scene = Scene(system)
    phone = scene.broadcast("s,Phone/1-1,Phone/3-1", speaks=False)
    await phone.after(1)
    await scene.hang_up(scene.phones[0])
    await phone.after(0.5)
    assert hears(phone) == {ALONE}
    assert "NoOp(on)" not in phone.steps
    await scene.hang_up(scene.phones[2])
    await phone.end()
    assert phone.steps[-1] == "NoOp(on)"
    await scene.hang_up(scene.phones[1])


async def test_who_is_silent_is_spoken_for(system: System) -> None:
    """Option r with a target that sends nothing."""
    scene = Scene(system)
    await scene.phones[0].stop_background()
    phone = scene.broadcast("wr,Phone/1-1")
    await phone.after(1)
    assert hears(scene.phones[1]) == {OWN}
    phone.hang_up()
    await phone.end()
    await scene.hang_up(*scene.phones)


@pytest.mark.parametrize(
    ("arguments", "goes_on", "warnings"),
    [("w", False, 1), ("w,Phone/9-1", True, 1), ("w,Phone/caster-1&", True, 1), ("wx,Phone/9", True, 2), ("", False, 1)],
)
async def test_bad_arguments(system: System, arguments: str, goes_on: bool, warnings: int) -> None:
    scene = Scene(system)
    with LogCapture() as log:
        phone = await scene.broadcast(arguments, speaks=False).end()
    assert len(log.texts(Level.WARNING)) == warnings
    assert ("NoOp(on)" in phone.steps) is goes_on
    await scene.hang_up(*scene.phones)


@pytest.mark.parametrize("arguments", ["", "1", "4", "2,audio", "2,VIDEO"])
async def test_stream_echo(system: System, arguments: str) -> None:
    phone = Phone(system, extension="8")
    phone.start(f"[default]\nexten => 8,1,Answer(,i)\nsame => n,StreamEcho({arguments})\nsame => n,NoOp(on)\n")
    said = noise(0.2, 5)
    await phone.after(0.7)
    await phone.speak(said)
    await phone.press("1")
    assert len(phone.samples) == len(said)
    assert phone.digits == "1"
    await phone.press("#")
    await phone.end()
    assert phone.steps[-1] == "NoOp(on)"


@pytest.mark.parametrize("arguments", ["0", "-1", "many", "2,smell"])
async def test_stream_echo_with_bad_arguments(system: System, arguments: str) -> None:
    with LogCapture() as log:
        phone = Phone(system, extension="8")
        await phone.start(f"[default]\nexten => 8,1,StreamEcho({arguments})\nsame => n,NoOp(on)\n").end()
    assert "NoOp(on)" not in phone.steps
    assert len(log.texts(Level.ERROR)) == 1
