"""The executor: priorities, special extensions, timeouts, redirection, subroutines, hang-up logic."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from pathlib import Path

import pytest
import pytest_asyncio

from globstar.base.log import Level
from globstar.core.channel import Channel, ChannelState, SoftHangup
from globstar.core.frame import Control
from globstar.core.pbx import parse_goto, resolve_priority, run_subroutine
from globstar.core.registry import application, function
from globstar.core.system import System
from tests.support.calls import Call, load_dialplan, run_dialplan
from tests.support.switch import LogCapture, running_system

pytestmark = pytest.mark.virtual_time


@pytest_asyncio.fixture
async def system(tmp_path: Path) -> AsyncIterator[System]:
    async with running_system(tmp_path) as system:
        yield system


async def test_priorities_run_in_order_and_fall_through(system: System) -> None:
    call = await run_dialplan(system, "[default]\nexten => s,1,NoOp(a)\n same => n,Set(X=1)\n same => n,NoOp(${X})\n")
    assert call.steps == ["NoOp(a)", "Set(X=1)", "NoOp(1)"]
    assert call.channel.hangup_cause == 0
    assert call.channel.is_hung_up


async def test_unknown_extension_starts_at_s(system: System) -> None:
    call = await run_dialplan(system, "[default]\nexten => s,1,NoOp(${EXTEN})\n", extension="nowhere")
    assert call.steps == ["NoOp(s)"]


async def test_goto_to_nowhere_leads_to_i_with_what_was_wanted(system: System) -> None:
    plan = "[default]\nexten => s,1,Goto(99,1)\nexten => i,1,NoOp(${INVALID_EXTEN})\n"
    call = await run_dialplan(system, plan)
    assert call.steps == ["Goto(99,1)", "NoOp(99)"]


async def test_without_i_extension_e_is_told_why(system: System) -> None:
    plan = "[default]\nexten => s,1,Goto(99,1)\nexten => e,1,NoOp(${EXCEPTION(reason)} ${EXCEPTION(exten)})\n"
    call = await run_dialplan(system, plan)
    assert call.steps[-1] == "NoOp(INVALID 99)"


async def test_missing_application_ends_the_call_but_h_runs(system: System) -> None:
    with LogCapture() as log:
        call = await run_dialplan(system, "[default]\nexten => s,1,NoOpp(x)\n same => n,NoOp(y)\nexten => h,1,NoOp(h)\n")
    assert call.steps == ["NoOp(h)"]
    assert "did you mean NoOp" in log.texts(Level.WARNING)[0]


async def test_a_bug_in_an_application_ends_only_this_call(system: System) -> None:
    @application("Broken")
    def broken(channel: Channel) -> None:
        """Fail."""
        raise ZeroDivisionError

    system.applications.register(broken.__globstar_specs__[0])
    load_dialplan(
        system, "[default]\nexten => s,1,Broken()\n same => n,NoOp(y)\n[other]\nexten => s,1,Wait(5)\n same => n,NoOp(ok)\n"
    )
    other = Call(system, "other", name="Scripted/2").start()
    with LogCapture() as log:
        call = await Call(system).run()
    assert call.steps == ["Broken()"]
    assert call.channel.hangup_cause == 38
    assert "ZeroDivisionError" in log.texts(Level.ERROR)[0]
    assert (await other.end()).steps == ["Wait(5)", "NoOp(ok)"]


async def test_a_bug_in_a_function_ends_the_call_with_h(system: System) -> None:
    @function("T_BROKEN")
    def broken(channel: Channel | None, args: str) -> str:
        """Fail."""
        raise ZeroDivisionError

    system.function_registry.register(broken.spec)
    with LogCapture() as log:
        call = await run_dialplan(system, "[default]\nexten => s,1,NoOp(${T_BROKEN()})\nexten => h,1,NoOp(${HANGUPCAUSE})\n")
    assert call.steps == ["NoOp(38)"]
    assert "ZeroDivisionError" in log.texts(Level.ERROR)[0]


async def test_a_function_that_waits_ends_with_the_call(system: System) -> None:
    @function("T_WAITS")
    async def waits(channel: Channel, args: str) -> str:
        """Wait for ever."""
        await channel.wait()
        return ""

    system.function_registry.register(waits.spec)
    load_dialplan(system, "[default]\nexten => s,1,NoOp(${T_WAITS()})\nexten => h,1,NoOp(h)\n")
    call = Call(system).start()
    await asyncio.sleep(1)
    call.hang_up()
    assert (await call.end()).steps == ["NoOp(h)"]


async def test_caller_hanging_up_interrupts_and_runs_h(system: System) -> None:
    load_dialplan(system, "[default]\nexten => s,1,Wait(60)\n same => n,NoOp(never)\nexten => h,1,NoOp(${HANGUPCAUSE})\n")
    call = Call(system).start()
    await asyncio.sleep(1)
    call.hang_up(19)
    await call.end()
    assert call.steps == ["Wait(60)", "NoOp(19)"]


async def test_redirect_interrupts_whatever_runs(system: System) -> None:
    load_dialplan(system, "[default]\nexten => s,1,Wait(60)\n same => n,NoOp(never)\n[b]\nexten => x,2,NoOp(here)\n")
    call = Call(system).start()
    await asyncio.sleep(1)
    call.channel.redirect("b", "x", 2)
    await call.end()
    assert call.places == ["default,s,1", "b,x,2"]


async def test_redirect_from_within_an_application(system: System) -> None:
    plan = "[default]\nexten => s,1,NoOp(a)\n same => n,Away()\n same => n,NoOp(never)\nexten => x,1,NoOp(x)\n"

    @application("Away")
    def away(channel: Channel) -> None:
        """Redirect oneself."""
        channel.redirect("default", "x", 1)

    system.applications.register(away.__globstar_specs__[0])
    assert (await run_dialplan(system, plan)).steps == ["NoOp(a)", "Away()", "NoOp(x)"]


@pytest.mark.parametrize(
    ("extra", "last"),
    [
        ("exten => T,1,NoOp(T)\n", "NoOp(T)"),
        ("exten => e,1,NoOp(${EXCEPTION(reason)})\n", "NoOp(ABSOLUTETIMEOUT)"),
        ("", "Wait(60)"),
    ],
)
async def test_absolute_timeout_leads_to_T_or_e_or_the_end(system: System, extra: str, last: str) -> None:
    load_dialplan(system, "[default]\nexten => s,1,Wait(60)\n same => n,NoOp(never)\n" + extra)
    call = Call(system)
    call.channel.set_absolute_timeout(3)
    start = system.now()
    await call.run()
    assert call.steps[-1] == last
    assert system.now() - start == pytest.approx(3, abs=0.1)
    assert call.channel.when_to_hangup is None


async def test_autofallthrough_repeats_what_dial_said(system: System) -> None:
    call = await run_dialplan(system, "[default]\nexten => s,1,Set(DIALSTATUS=BUSY)\n")
    assert call.tech.told == [Control.BUSY]
    assert call.channel.hangup_cause == 17
    assert call.channel.state is ChannelState.BUSY


async def test_without_autofallthrough_digits_are_waited_for(system: System) -> None:
    plan = (
        "[general]\nautofallthrough=no\n[default]\nexten => s,1,Answer(,i)\nexten => 12,1,NoOp(${EXTEN})\n same => n,Hangup()\n"
    )
    load_dialplan(system, plan)
    call = Call(system).start()
    await asyncio.sleep(1)
    await call.press("12")
    assert (await call.end()).steps == ["Answer(,i)", "NoOp(12)", "Hangup()"]


async def test_without_autofallthrough_silence_leads_to_t(system: System) -> None:
    plan = "[general]\nautofallthrough=no\n[default]\nexten => s,1,Answer(,i)\nexten => t,1,NoOp(t)\n same => n,Hangup()\n"
    start = system.now()
    call = await run_dialplan(system, plan)
    assert call.steps[-2:] == ["NoOp(t)", "Hangup()"]
    assert system.now() - start == pytest.approx(10, abs=0.2)


async def test_extension_for_a_caller_is_left_when_the_number_changes(system: System) -> None:
    plan = "[default]\nexten => s,1,Renumber()\n same => n,NoOp(anybody)\nexten => s/5,1,NoOp(never)\nexten => s/5,2,NoOp(five)\n"

    @application("Renumber")
    def renumber(channel: Channel) -> None:
        """Become caller 5."""
        channel.set_caller_id("5")

    system.applications.register(renumber.__globstar_specs__[0])
    assert (await run_dialplan(system, plan)).steps == ["Renumber()", "NoOp(five)"]


async def test_running_call_keeps_its_dialplan_over_a_reload(system: System) -> None:
    load_dialplan(system, "[default]\nexten => s,1,Wait(2)\n same => n,NoOp(old)\n")
    call = Call(system).start()
    await asyncio.sleep(1)
    load_dialplan(system, "[default]\nexten => s,1,Wait(2)\n same => n,NoOp(new)\n")
    assert (await call.end()).steps == ["Wait(2)", "NoOp(old)"]
    assert (await Call(system).run()).steps == ["Wait(2)", "NoOp(new)"]


async def test_hangup_handlers_run_newest_first_after_h(system: System) -> None:
    plan = "[default]\nexten => s,1,NoOp(s)\nexten => h,1,NoOp(h)\nexten => a,1,NoOp(${ARG1})\n same => n,Return()\n"
    load_dialplan(system, plan)
    call = Call(system)
    call.channel.hangup_handlers += ["default,a,1(first)", "default,a,1(second)"]
    await call.run()
    assert call.steps == ["NoOp(s)", "NoOp(h)", "NoOp(second)", "Return()", "NoOp(first)", "Return()"]


async def test_long_loops_let_other_tasks_run(system: System) -> None:
    plan = "[default]\nexten => s,1,Set(I=0)\n same => n(a),Set(I=$[${I}+1])\n same => n,GotoIf($[${I} < 2000]?a)\n"
    turns = 0

    async def other() -> None:
        nonlocal turns
        while True:
            turns += 1
            await asyncio.sleep(0)

    task = asyncio.ensure_future(other())
    await run_dialplan(system, plan)
    task.cancel()
    assert turns > 5


async def test_subroutine_from_outside_puts_the_place_back(system: System) -> None:
    load_dialplan(system, "[default]\nexten => s,1,Wait(9)\n[sub]\nexten => s,1,Set(SEEN=${ARG1}${ARGC})\n same => n,Return(x)\n")
    call = Call(system)
    assert await run_subroutine(call.channel, "sub", "s", 1, ["a", "b"])
    assert (call.channel.context, call.channel.extension, call.channel.priority) == ("default", "s", 1)
    assert call.variables["SEEN"] == "a2"
    assert call.variables["GOSUB_RETVAL"] == "x"
    assert call.channel.variables.own("ARG1") is None
    call.channel.hangup()


async def test_subroutine_without_return_or_place_is_told(system: System) -> None:
    load_dialplan(system, "[sub]\nexten => s,1,NoOp(x)\n")
    call = Call(system)
    with LogCapture() as log:
        assert not await run_subroutine(call.channel, "sub", "s", 1, [])
        assert not await run_subroutine(call.channel, "sub", "nowhere", 1, [])
    assert len(log.texts(Level.WARNING)) == 1
    assert len(log.texts(Level.ERROR)) == 1
    assert call.channel.stack == []
    call.channel.hangup()


async def test_hangup_request_ends_a_loop_without_waiting(system: System) -> None:
    load_dialplan(system, "[default]\nexten => s,1,NoOp()\n same => n,Goto(1)\nexten => h,1,NoOp(h)\n")
    call = Call(system).start()
    for _ in range(10):
        await asyncio.sleep(0)
    assert len(call.steps) > 1000
    call.channel.request_hangup(SoftHangup.EXPLICIT, 16)
    assert (await call.end()).steps[-1] == "NoOp(h)"


@pytest.mark.parametrize(
    ("text", "place"),
    [
        ("5", ("c", "e", 5)),
        ("+2", ("c", "e", 5)),
        ("-1", ("c", "e", 2)),
        (" 4 ", ("c", "e", 4)),
        ("lab", ("c", "e", 7)),
        ("x,1", ("c", "x", 1)),
        ("d,y,1", ("d", "y", 1)),
        ("d,y,nolabel", None),
        ("0", None),
        ("-9", None),
        ("", None),
        ("nolabel", None),
    ],
)
async def test_places_of_goto(system: System, text: str, place: tuple[str, str, int] | None) -> None:
    load_dialplan(system, "[c]\nexten => e,1,NoOp()\nexten => e,7(lab),NoOp()\n")
    call = Call(system, "c", "e")
    call.channel.priority = 3
    assert parse_goto(call.channel, text) == place
    call.channel.hangup()


async def test_priority_of_a_number_beyond_reason(system: System) -> None:
    call = Call(system)
    assert resolve_priority(call.channel, "c", "e", "9" * 40) == 9999999999
    call.channel.hangup()
