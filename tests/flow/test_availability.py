"""ChanIsAvail's options, what waits in BridgeWait hear, and SendDTMF to a call that is not answered."""

from __future__ import annotations

import asyncio
from pathlib import Path

import pytest

from globstar.core import events
from globstar.core.devicestate import DeviceState
from tests.flow.test_dial_apps import available, start
from tests.support.dialling import went_on
from tests.support.testtech import World

# -- ChanIsAvail -----------------------------------------------------------------------------------------------------------


async def asked(arguments: str, busy: str = "bob") -> tuple[World, list[str]]:
    """What a caller learns while one phone is in use."""
    async with await start(f"exten => 700,1,ChanIsAvail({arguments})\nsame => n,UserEvent(after)\n") as world:
        states = world.system.device_states
        states.set_remote(f"Test/{busy}", "elsewhere", DeviceState.INUSE)
        call = world.tech.phones["alice"].dials("700")
        await world.settle(0.5)
        assert went_on(world, call)[0] == ("after",)
        return world, available(world, call)


async def test_without_s_a_phone_in_use_takes_another_call() -> None:
    world, answers = await asked("Test/bob&Test/carol")
    assert answers[1:] == ["Test/bob", "0", "0"]
    assert [leg.channel.name for leg in world.tech.phones["bob"].legs] == [answers[0]]


async def test_s_leaves_out_a_phone_that_is_in_use() -> None:
    world, answers = await asked("Test/bob&Test/carol,s")
    assert answers[1] == "Test/carol"
    assert [leg.channel.name for leg in world.tech.phones["carol"].legs] == [answers[0]]
    assert world.tech.phones["bob"].legs == []


async def test_s_with_nobody_free_tells_the_state() -> None:
    world, answers = await asked("Test/bob,s")
    assert answers == ["", "", str(int(DeviceState.INUSE)), "0"]
    assert world.tech.phones["bob"].legs == []


async def test_a_with_s_lists_all_that_are_free() -> None:
    """Who asks is in use, too."""
    _, answers = await asked("Test/carol&Test/bob&Test/alice&Test/carol,as")
    assert answers[1] == "Test/carol&Test/carol"


async def test_t_makes_no_channel() -> None:
    world, answers = await asked("Test/bob&Test/carol,at")
    assert answers[:2] == ["Test/carol", "Test/carol"]
    assert world.tech.phones["carol"].legs == []


async def test_what_is_no_device_is_told() -> None:
    async with await start("exten => 700,1,ChanIsAvail(bob)\nsame => n,UserEvent(after)\n") as world:
        call = world.tech.phones["alice"].dials("700")
        await world.all_gone()
        assert any("not 'bob'" in text for text in world.warnings)
        assert ("after",) not in went_on(world, call)


# -- BridgeWait ------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("options", "music", "told"),
    [
        ("m(jazz)", ["jazz"], []),
        ("e(m)m(jazz)", ["jazz"], []),
        ("", ["default"], []),
        ("e(r)m(jazz)", [], ["ringing"]),
        ("e(s)m(jazz)", [], []),
        ("e(n)m(jazz)", [], []),
        ("e(h)m(jazz)", ["jazz"], ["hold"]),
    ],
)
async def test_what_who_waits_hears(tmp_path: Path, options: str, music: list[str], told: list[str]) -> None:
    for name in ("default", "jazz"):
        await asyncio.to_thread((tmp_path / name).mkdir)
        await asyncio.to_thread((tmp_path / name / "tune.ulaw").write_bytes, b"\x31" * 80000)
    classes = "".join(f"[{name}]\nmode=files\ndirectory={tmp_path}/{name}\n" for name in ("default", "jazz"))
    plan = f"exten => 600,1,BridgeWait(hall,participant,{options})\n"
    async with await start(plan, files={"musiconhold.conf": classes}) as world:
        call = world.tech.phones["alice"].dials("600")
        await world.settle(1)
        begun = [event.music_class for event in world.seen(events.MusicOnHoldChanged) if event.music_class]
        assert begun == music
        assert [word for word in call.told if word in ("ringing", "hold")] == told
        call.hangs_up()
        await world.all_gone()


@pytest.mark.parametrize(
    ("option", "warning"), [("e(x)", "'x' is no entertainment"), ("S(soon)", "'soon' is no time in seconds")]
)
async def test_bridgewait_options_that_make_no_sense(option: str, warning: str) -> None:
    async with await start(f"exten => 600,1,BridgeWait(hall,,{option})\n") as world:
        call = world.tech.phones["alice"].dials("600")
        await world.settle(30)
        assert any(warning in text for text in world.warnings)
        assert call.channel.bridge_member is not None
        call.hangs_up()
        await world.all_gone()


# -- SendDTMF and Flash ----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(("option", "answered"), [("a", True), ("", False)])
async def test_senddtmf_a_answers_first(option: str, answered: bool) -> None:
    async with await start(f"exten => 730,1,SendDTMF(12#,100,120,,{option})\nsame => n,UserEvent(after)\n") as world:
        call = world.tech.phones["alice"].dials("730")
        await world.all_gone()
        assert ("answer" in call.told) is answered
        assert [word for word in call.told if word.startswith("digit")] == ["digit 1", "digit 2", "digit #"]
        assert went_on(world, call)[0] == ("after",)
        if answered:
            assert call.told[0] == "answer"


async def test_senddtmf_a_answers_the_other_channel() -> None:
    plan = "exten => 731,1,SendDTMF(5,,,${OTHER},a)\nsame => n,UserEvent(after)\nexten => 732,1,Wait(20)\n"
    async with await start(plan) as world:
        other = world.tech.phones["bob"].dials("732")
        world.system.globals.set("OTHER", other.channel.name)
        call = world.tech.phones["alice"].dials("731")
        await world.settle(2)
        assert other.told == ["answer", "digit 5"]
        assert "answer" not in call.told
        other.hangs_up()
        await world.all_gone()


async def test_flash_is_passed_to_the_phone_and_the_call_goes_on() -> None:
    async with await start("exten => 740,1,Answer()\nsame => n,Flash()\nsame => n,UserEvent(after)\n") as world:
        call = world.tech.phones["alice"].dials("740")
        await world.all_gone()
        assert call.told[:2] == ["answer", "flash"]
        assert went_on(world, call)[0] == ("after",)
