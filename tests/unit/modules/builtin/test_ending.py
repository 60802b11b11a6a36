"""Hangup, Busy, Congestion, Incomplete and RaiseException."""

from __future__ import annotations

import asyncio

import pytest

from globstar.base.log import Level
from globstar.core.channel import ChannelState
from globstar.core.frame import Control
from globstar.core.system import System
from tests.support.calls import Call, load_dialplan, run_dialplan
from tests.support.switch import LogCapture

pytestmark = pytest.mark.virtual_time


@pytest.mark.parametrize(
    ("data", "cause", "is_warned"),
    [
        ("", 16, False), ("17", 17, False), ("999", 999, False), ("USER_BUSY", 17, False), ("normal_clearing", 16, False),
        ("0", 16, True), ("-1", 16, True), ("abc", 16, True), ("AST_CAUSE_BUSY", 16, True),
    ],
)  # fmt: skip
async def test_hangup_causes(system: System, data: str, cause: int, is_warned: bool) -> None:
    with LogCapture(Level.WARNING) as log:
        call = await run_dialplan(system, f"[default]\nexten => s,1,Hangup({data})\nexten => h,1,NoOp(${{HANGUPCAUSE}})\n")
    assert call.steps[-1] == f"NoOp({cause})"
    assert call.channel.hangup_cause == cause
    assert bool(log.records) is is_warned


async def test_hangup_keeps_a_cause_that_is_set(system: System) -> None:
    load_dialplan(system, "[default]\nexten => s,1,Hangup()\n")
    call = Call(system)
    call.channel.hangup_cause = 21
    await call.run()
    assert call.channel.hangup_cause == 21


@pytest.mark.parametrize(
    ("application", "condition", "cause"), [("Busy", Control.BUSY, 17), ("Congestion", Control.CONGESTION, 34)]
)
async def test_tones_last_as_long_as_said(system: System, application: str, condition: Control, cause: int) -> None:
    start = system.now()
    call = await run_dialplan(system, f"[default]\nexten => s,1,{application}(2.5)\n same => n,NoOp(never)\n")
    assert system.now() - start == pytest.approx(2.5, abs=0.1)
    assert call.tech.told == [condition]
    assert call.channel.hangup_cause == cause
    assert len(call.steps) == 1


async def test_busy_lasts_until_the_caller_hangs_up(system: System) -> None:
    load_dialplan(system, "[default]\nexten => s,1,Answer(,i)\n same => n,Busy()\n")
    call = Call(system).start()
    await asyncio.sleep(1000)
    assert not call.channel.is_hung_up
    call.hang_up()
    await call.end()
    assert call.channel.hangup_cause == 16
    assert call.channel.state is ChannelState.UP


async def test_incomplete_answers_and_waits_for_more_digits(system: System) -> None:
    load_dialplan(system, "[default]\nexten => _1,1,Incomplete()\nexten => _1X,1,NoOp(${EXTEN})\n")
    call = Call(system, extension="1").start()
    await asyncio.sleep(1)
    assert call.tech.answers == 1
    await call.press("7")
    assert (await call.end()).steps == ["Incomplete()", "NoOp(17)"]


async def test_incomplete_without_more_digits_leads_to_i(system: System) -> None:
    plan = "[default]\nexten => 1,1,Incomplete(n)\nexten => i,1,NoOp(${INVALID_EXTEN})\n"
    call = await run_dialplan(system, plan, extension="1")
    assert call.steps[-1] == "NoOp(1)"
    assert call.tech.answers == 0
    assert call.tech.told == [Control.INCOMPLETE]


async def test_raise_exception_tells_e_where_it_happened(system: System) -> None:
    fields = "/".join(f"${{EXCEPTION({name})}}" for name in ("reason", "context", "exten", "priority", "bogus"))
    plan = f"[default]\nexten => s,1,NoOp()\n same => n,RaiseException(why)\nexten => e,1,NoOp({fields})\n"
    call = await run_dialplan(system, plan)
    assert call.steps[-1] == "NoOp(why/default/s/2/)"


async def test_raise_exception_without_e_ends_the_call(system: System) -> None:
    with LogCapture(Level.WARNING) as log:
        call = await run_dialplan(system, "[default]\nexten => s,1,RaiseException(why)\n same => n,NoOp(never)\n")
    assert len(call.steps) == 1
    assert len(log.records) == 1
