"""Exec, TryExec and ExecIf."""

from __future__ import annotations

import pytest

from globstar.base.log import Level
from globstar.core.system import System
from tests.support.calls import run_dialplan
from tests.support.switch import LogCapture


@pytest.mark.parametrize(
    ("step", "then"),
    [
        ("ExecIf(1?Set(R=a):Set(R=b))", "a"),
        ("ExecIf(0?Set(R=a):Set(R=b))", "b"),
        ("ExecIf(1?Set(R=a:b))", "a:b"),
        ("ExecIf(0?Set(R=a))", ""),
        ("ExecIf(1?set(R=low))", "low"),
        ("Exec(Set(R=x,y))", "x,y"),
        ("Exec()", ""),
        ("TryExec(Set(R=1))", "1"),
        ("TryExec(NoSuch(x))", ""),
    ],
)
async def test_runs_and_goes_on(system: System, step: str, then: str) -> None:
    with LogCapture():
        call = await run_dialplan(system, f"[default]\nexten => s,1,{step}\n same => n,NoOp([${{R}}])\n")
    assert call.steps[1] == f"NoOp([{then}])"


@pytest.mark.parametrize("step", ["ExecIf(1)", "ExecIf(1?)", "ExecIf(1?NoSuch(x))", "Exec(NoSuch(x))", "Exec(NoOp,x)"])
async def test_what_cannot_be_run_ends_the_call(system: System, step: str) -> None:
    with LogCapture(Level.WARNING) as log:
        call = await run_dialplan(system, f"[default]\nexten => s,1,{step}\n same => n,NoOp(never)\n")
    assert len(call.steps) == 1
    assert log.records


async def test_try_exec_goes_on_after_an_application_that_failed(system: System) -> None:
    with LogCapture():
        call = await run_dialplan(system, "[default]\nexten => s,1,TryExec(ExecIf(1?))\n same => n,NoOp(${TRYSTATUS})\n")
    assert call.steps[1] == "NoOp(FAILED)"


@pytest.mark.parametrize(
    ("step", "status"), [("TryExec(NoOp(x))", "SUCCESS"), ("TryExec(Nope())", "NOAPP"), ("TryExec(Hangup())", "FAILED")]
)
async def test_try_exec_tells(system: System, step: str, status: str) -> None:
    with LogCapture():
        call = await run_dialplan(system, f"[default]\nexten => s,1,{step}\n")
    assert call.variables["TRYSTATUS"] == status


async def test_goto_within_exec_counts(system: System) -> None:
    call = await run_dialplan(system, "[default]\nexten => s,1,Exec(Goto(x,1))\n same => n,NoOp(never)\nexten => x,1,NoOp(x)\n")
    assert call.steps[-1] == "NoOp(x)"
    call = await run_dialplan(
        system, "[default]\nexten => s,1,ExecIf(1?Goto(x,1))\n same => n,NoOp(never)\nexten => x,1,NoOp(x)\n"
    )
    assert call.steps[-1] == "NoOp(x)"


@pytest.mark.virtual_time
async def test_applications_that_wait(system: System) -> None:
    start = system.now()
    call = await run_dialplan(
        system,
        "[default]\nexten => s,1,ExecIf(1?Wait(1))\n same => n,Exec(Wait(2))\n same => n,TryExec(Wait(4))\n same => n,NoOp()\n",
    )
    assert system.now() - start == pytest.approx(7, abs=0.1)
    assert len(call.steps) == 4


async def test_exec_substitutes_once_more(system: System) -> None:
    plan = "[default]\nexten => s,1,Set(V=1)\n same => n,Set(D=$)\n same => n,Exec(Set(R=${D}{V}))\n same => n,NoOp(${R})\n"
    assert (await run_dialplan(system, plan)).steps[-1] == "NoOp(1)"
