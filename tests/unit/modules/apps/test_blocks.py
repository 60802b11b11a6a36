"""While and If, with all that belongs to them, and the search for the ends of blocks."""

from __future__ import annotations

import pytest

from globstar.base.log import Level
from globstar.core.system import System
from tests.support.calls import Call, run_dialplan
from tests.support.switch import LogCapture


async def run(system: System, *steps: str) -> Call:
    first, *others = steps
    lines = "".join(f" same => n,{step}\n" for step in others)
    return await run_dialplan(system, f"[default]\nexten => s,1,{first}\n{lines}")


def noops(call: Call) -> list[str]:
    return [step[5:-1] for step in call.steps if step.startswith("NoOp(")]


async def test_loop_runs_while_its_condition_holds(system: System) -> None:
    call = await run(system, "Set(I=0)", "While($[${I} < 3])", "Set(I=$[${I}+1])", "NoOp(${I})", "EndWhile()", "NoOp(end)")
    assert noops(call) == ["1", "2", "3", "end"]
    assert all(not name.startswith(("WHILE", "END_WHILE", "default_s")) or not value for name, value in call.channel.variables)


async def test_loop_that_never_runs(system: System) -> None:
    call = await run(system, "While(0)", "NoOp(body)", "While(1)", "EndWhile()", "EndWhile()", "NoOp(end)")
    assert noops(call) == ["end"]


async def test_nested_loops(system: System) -> None:
    call = await run(
        system, "Set(I=0)", "While($[${I} < 2])", "Set(I=$[${I}+1])", "Set(J=0)", "While($[${J} < 2])", "Set(J=$[${J}+1])",
        "NoOp(${I}${J})", "EndWhile()", "EndWhile()", "NoOp(end)",
    )  # fmt: skip
    assert noops(call) == ["11", "12", "21", "22", "end"]


async def test_exit_and_continue(system: System) -> None:
    call = await run(
        system, "Set(I=0)", "While(1)", "Set(I=$[${I}+1])", "ExecIf($[${I} = 2]?ContinueWhile())", "NoOp(${I})",
        "ExecIf($[${I} = 3]?ExitWhile())", "EndWhile()", "NoOp(end)",
    )  # fmt: skip
    assert noops(call) == ["1", "3", "end"]


@pytest.mark.parametrize(("step", "is_warned"), [("EndWhile()", False), ("ContinueWhile()", False), ("ExitWhile()", True)])
async def test_outside_of_a_loop(system: System, step: str, is_warned: bool) -> None:
    with LogCapture(Level.WARNING) as log:
        assert noops(await run(system, step, "NoOp(on)")) == ["on"]
    assert bool(log.records) is is_warned


@pytest.mark.parametrize(("first", "second", "branch"), [("1", "0", "a"), ("0", "1", "b"), ("0", "0", "c")])
async def test_branches(system: System, first: str, second: str, branch: str) -> None:
    call = await run(
        system, f"If({first})", "NoOp(a)", "ExitIf()", f"ElseIf({second})", "NoOp(b)", "Else()", "NoOp(c)", "EndIf()", "NoOp(end)"
    )
    assert noops(call) == [branch, "end"]


async def test_nested_branches_are_passed_over(system: System) -> None:
    call = await run(
        system, "If(0)", "If(1)", "NoOp(x)", "Else()", "NoOp(y)", "EndIf()", "Else()", "NoOp(z)", "EndIf()", "NoOp(end)"
    )
    assert noops(call) == ["z", "end"]


async def test_else_leaves_the_branch(system: System) -> None:
    assert noops(await run(system, "If(1)", "NoOp(a)", "Else()", "NoOp(b)", "EndIf()", "NoOp(end)")) == ["a", "end"]


async def test_unfinished_branch_goes_on_with_the_next_priority(system: System) -> None:
    with LogCapture(Level.WARNING) as log:
        assert noops(await run(system, "If(0)", "NoOp(a)")) == ["a"]
    assert not log.records


@pytest.mark.parametrize("step", ["ExitIf()", "Else()"])
async def test_no_end_to_go_to_is_a_warning(system: System, step: str) -> None:
    with LogCapture(Level.WARNING) as log:
        assert noops(await run(system, step, "NoOp(a)")) == ["a"]
    assert len(log.records) == 1


async def test_names_of_applications_are_found_in_any_case(system: System) -> None:
    assert noops(await run(system, "WHILE(0)", "noop(a)", "ENDWHILE()", "NoOp(end)")) == ["end"]
