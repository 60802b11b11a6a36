"""ExtenSpy with every option: whom it listens to, what its keys do, and what a wrong argument comes to."""

from __future__ import annotations

from collections.abc import AsyncIterator
from pathlib import Path

import numpy as np
import pytest

from globstar.core import events
from globstar.core.system import System
from tests.flow.test_media_chanspy import A_HZ, B_HZ, BEEP, SPY_HZ, Talk, finish, hears, last, spy
from tests.interop.support.audio import tone_share
from tests.support.phone import Phone, media_system, sound

pytestmark = pytest.mark.virtual_time


@pytest.fixture
async def system(tmp_path: Path) -> AsyncIterator[System]:
    sounds = tmp_path / "data" / "sounds" / "en"
    for name in ("beep", "digits/2", "spy-phone"):
        sound(sounds, name, BEEP)
    modules = ["app_chanspy", "bridge_simple"]
    async with media_system(tmp_path, modules=modules, files={"voicemail.conf": "[default]\n2 => 1,Two\n"}) as system:
        yield system


def conversation(system: System, extension: str = "200", first: str = "Phone/1-a", second: str = "Phone/2-a") -> Talk:
    """Somebody dialled ``extension`` of default and talks to the phone that it made ring."""
    talk = Talk(system, first, second)
    talk.one.channel.extension = extension
    return talk


@pytest.mark.parametrize(
    ("arguments", "by_spy", "by_called", "by_caller"),
    [
        ("200@default,q", {A_HZ, B_HZ}, {A_HZ}, {B_HZ}),
        ("200@default,qo", {B_HZ}, {A_HZ}, {B_HZ}),
        ("200@default,qw", {A_HZ, B_HZ}, {A_HZ, SPY_HZ}, {B_HZ}),
        ("200@default,qW", set(), {A_HZ, SPY_HZ}, {B_HZ}),
        ("200@default,qB", {A_HZ, B_HZ}, {A_HZ, SPY_HZ}, {B_HZ, SPY_HZ}),
        ("200,qwl", {A_HZ, B_HZ}, {A_HZ, SPY_HZ}, {B_HZ}),  # the caller's own context
    ],
)
async def test_the_called_channel_is_spied_on(
    system: System, arguments: str, by_spy: set[int], by_called: set[int], by_caller: set[int]
) -> None:
    talk = conversation(system)
    phone = spy(system, arguments, "ExtenSpy")
    await phone.after(1)
    assert (hears(phone), hears(talk.two), hears(talk.one)) == (by_spy, by_called, by_caller)
    await finish(phone, talk)


async def test_d_gives_the_keys_to_the_modes(system: System) -> None:
    talk = conversation(system)
    phone = spy(system, "200@default,qd", "ExtenSpy")
    await phone.after(0.6)
    expected = {"5": ({A_HZ, SPY_HZ}, {B_HZ}), "6": ({A_HZ, SPY_HZ}, {B_HZ, SPY_HZ}), "4": ({A_HZ}, {B_HZ})}
    for key, (by_called, by_caller) in expected.items():
        phone.key(key)
        await phone.after(0.7)
        assert (hears(talk.two), hears(talk.one)) == (by_called, by_caller), key
    await finish(phone, talk)


@pytest.mark.parametrize(
    ("options", "expected"),
    [
        ("qS", ["Phone/2-a", "Phone/4-a", "Phone/5-a"]),
        ("qSb", ["Phone/2-a", "Phone/4-a"]),
        ("qSg(sales:support)", ["Phone/4-a"]),
        ("qSe(5:2)", ["Phone/2-a", "Phone/5-a"]),
        ("qSc(9)", ["Phone/2-a", "Phone/4-a", "Phone/5-a"]),
    ],
)
async def test_which_calls_to_the_extension(system: System, options: str, expected: list[str]) -> None:
    started: list[str] = []
    system.bus.subscribe(events.ChanSpyStarted, lambda event: started.append(event.spied.name))
    talk, second = conversation(system), conversation(system, "200", "Phone/3-a", "Phone/4-a")
    other = conversation(system, "300", "Phone/6-a", "Phone/7-a")
    second.two.channel.set_variable("SPYGROUP", "other:support")
    ringing = Phone(system, name="Phone/5-a", extension="200")
    ringing.channel.is_outgoing = True
    phone = spy(system, f"200@default,{options}", "ExtenSpy")
    while not phone.channel.is_hung_up and phone.clock < 10:
        await phone.after(0.1)
        phone.key("9" if "c(9)" in options else "*")
    assert started == expected
    assert "NoOp(on)" in phone.steps  # S: it ends when there is nobody left
    ringing.channel.hangup()
    ringing.close()
    await finish(phone, talk, second, other)


async def test_e_ends_with_the_channel(system: System) -> None:
    talk = conversation(system)
    phone = spy(system, "200@default,qE", "ExtenSpy")
    await phone.after(0.6)
    assert phone.steps == ["ExtenSpy(200@default,qE)"]
    await talk.end()
    await phone.after(0.1)
    assert phone.steps[-1] == "NoOp(on)"
    await finish(phone)


async def test_x_and_upper_x_end_by_a_key(system: System) -> None:
    talk = conversation(system)
    phone = spy(system, "200@default,qx(5)", "ExtenSpy")
    await phone.after(0.3)
    phone.key("7")
    await phone.after(0.1)
    assert phone.steps == ["ExtenSpy(200@default,qx(5))"]
    phone.key("5")
    await phone.after(0.1)
    assert phone.steps[-1] == "NoOp(on)"
    await finish(phone)
    phone = Phone(system, name="Spy/9-1")
    phone.start(
        "[default]\nexten => s,1,Set(SPY_EXIT_CONTEXT=exits)\nsame => n,ExtenSpy(200@default,qX)\n"
        "same => n,NoOp(on)\n[exits]\nexten => 7,1,NoOp(seven)\n"
    )
    await phone.after(0.2)
    phone.key("6")
    await phone.after(0.1)
    phone.key("7")
    await phone.end()
    assert phone.steps[-1] == "NoOp(seven)"
    assert phone.variables["SPY_CHANNEL"] == "Phone/2-a"
    await talk.end()


async def test_who_is_named_and_how(system: System) -> None:
    talk = conversation(system)
    greeting = Path(system.directories.astspooldir) / "voicemail" / "default" / "2"
    sound(greeting, "greet", BEEP)
    prompts = {}
    for options in ("", "s", "q", "n"):
        phone = spy(system, f"200@default,{options}", "ExtenSpy")
        await phone.after(1.5)
        prompts[options] = phone.prompts
        await finish(phone)
    assert prompts == {
        "": ["beep", "spy-phone", "digits/2"],
        "s": ["beep", "digits/2"],
        "q": [],
        "n": ["beep", str(greeting / "greet")],
    }
    await talk.end()


async def test_r_records_v_sets_the_volume_and_upper_n_does_not_answer(system: System) -> None:
    talk = conversation(system)
    loud = spy(system, "200@default,qor(mine)", "ExtenSpy")
    await loud.after(1)
    assert loud.answered_at is not None
    level = np.abs(last(loud, 0.2).astype(float)).mean()
    await finish(loud)
    quiet = spy(system, "200@default,qoNv(-2)", "ExtenSpy")
    await quiet.after(1)
    assert quiet.answered_at is None
    assert np.abs(last(quiet, 0.2).astype(float)).mean() / level == pytest.approx(1 / 4, rel=0.1)
    await finish(quiet, talk)
    (file,) = (Path(system.directories.astspooldir) / "monitor").glob("mine.*.raw")
    recorded = np.frombuffer(file.read_bytes(), "<i2")
    assert len(recorded) / 8000 == pytest.approx(1, abs=0.1)
    assert tone_share(recorded, B_HZ) > 0.5
