"""Goto, GotoIf, GotoIfTime and ExecIfTime."""

from __future__ import annotations

import pytest

from globstar.base.log import Level
from globstar.core.system import System
from tests.support.calls import run_dialplan
from tests.support.switch import LogCapture

PLAN = """[default]
exten => s,1,{step}
 same => n,NoOp(next)
 same => n,Hangup()
 same => n(a),NoOp(a)
 same => n,Hangup()
 same => n(b),NoOp(b)
 same => n,Hangup()
exten => x,1,NoOp(x)
[other]
exten => y,1,NoOp(y)
"""
# A fixed moment: Tue Nov 14 2023 22:13:20 UTC.
MOMENT = "Set(TESTTIME()=2023/11/14 22:13:20 UTC)"


async def run(system: System, step: str) -> str | None:
    """What the step after ``step`` was, None if the call ended."""
    call = await run_dialplan(system, PLAN.replace("{step}", step))
    return call.steps[1] if len(call.steps) > 1 else None


@pytest.mark.parametrize(
    ("step", "then"),
    [
        ("Goto(a)", "NoOp(a)"),
        ("Goto(6)", "NoOp(b)"),
        ("Goto(+3)", "NoOp(a)"),
        ("Goto(s,b)", "NoOp(b)"),
        ("Goto(other,y,1)", "NoOp(y)"),
        ("Goto()", None),
        ("Goto(nolabel)", None),
        ("Goto(99)", None),
        ("GotoIf(1?a:b)", "NoOp(a)"),
        ("GotoIf(0?a:b)", "NoOp(b)"),
        ("GotoIf(?a:b)", "NoOp(b)"),
        ("GotoIf(0?a)", "NoOp(next)"),
        ("GotoIf(1?:b)", "NoOp(next)"),
        ("GotoIf(yes?a:b)", "NoOp(a)"),
        ("GotoIf(00?a:b)", "NoOp(b)"),
        ("GotoIf(007?a:b)", "NoOp(a)"),
        ("GotoIf(0x?a:b)", "NoOp(b)"),
        ("GotoIf(-0?a:b)", "NoOp(a)"),
        ("GotoIf( 0?a:b)", "NoOp(a)"),
        ("GotoIf(1)", "NoOp(next)"),
        ("GotoIf()", "NoOp(next)"),
        ("GotoIf(1?other,y,1:b)", "NoOp(y)"),
        ("GotoIfTime(*,*,*,*?a:b)", "NoOp(a)"),
        ("GotoIfTime(*,*,32,*?a:b)", "NoOp(b)"),
        ("GotoIfTime(*,*,*,*)", "NoOp(next)"),
        ("GotoIfTime()", "NoOp(next)"),
    ],
)
async def test_where_it_goes(system: System, step: str, then: str | None) -> None:
    with LogCapture():
        assert await run(system, step) == then


@pytest.mark.parametrize(
    ("condition", "is_met"),
    [
        ("22:00-22:30,tue,14,nov", True),
        ("22:13-22:13,*,*,*", True),
        ("00:00-22:12,*,*,*", False),
        ("23:00-22:14,*,*,*", True),
        ("*,fri-wed,*,*", True),
        ("17:00-17:30,*,*,*,America/New_York", True),
        ("*,tue,*,jan-oct", False),
    ],
)
async def test_time_conditions_look_at_testtime(system: System, condition: str, is_met: bool) -> None:
    plan = (
        f"[default]\nexten => s,1,{MOMENT}\n same => n,ExecIfTime({condition}?Set(EXECUTED=1))\n"
        f" same => n,GotoIfTime({condition}?yes:no)\n same => n(yes),Set(R=yes)\n same => n,Hangup()\n same => n(no),Set(R=no)\n"
    )
    call = await run_dialplan(system, plan)
    assert call.variables["R"] == ("yes" if is_met else "no")
    assert call.variables.get("EXECUTED") == ("1" if is_met else None)


@pytest.mark.parametrize("step", ["ExecIfTime(*,*,*,*)", "ExecIfTime(*,*,*,*?NoSuchApplication(x))", "GotoIf(1?nowhere)"])
async def test_mistakes_end_the_call_with_a_warning(system: System, step: str) -> None:
    with LogCapture(Level.WARNING) as log:
        assert await run(system, step) is None
    assert log.records
