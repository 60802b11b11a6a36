"""Gosub, GosubIf, Return, StackPop, LOCAL, LOCAL_PEEK and STACK_PEEK."""

from __future__ import annotations

import pytest

from globstar.base.log import Level
from globstar.core.system import System
from tests.support.calls import run_dialplan
from tests.support.switch import LogCapture

SUB = """exten => sub,1,NoOp(${ARGC}|${ARG1}|${ARG2})
 same => n,Return(v${ARG1})
"""


@pytest.mark.parametrize(
    ("call_text", "seen"),
    [
        ("Gosub(sub,1)", "0||"),
        ("Gosub(sub,1())", "0||"),
        ("Gosub(sub,1(a))", "1|a|"),
        ('Gosub(sub,1("a,b",c\\,d))', '2|"a,b"|c\\,d'),
        ("Gosub(default,sub,1((x,y),[z,w]))", "2|(x,y)|[z,w]"),
        ("GosubIf(1?sub,1(a:b,c))", "2|a:b|c"),
        ("GosubIf(0?x,1(y):sub,1(n))", "1|n|"),
    ],
)
async def test_arguments(system: System, call_text: str, seen: str) -> None:
    call = await run_dialplan(system, f"[default]\nexten => s,1,{call_text}\n same => n,NoOp(back ${{GOSUB_RETVAL}})\n{SUB}")
    assert call.steps[1] == f"NoOp({seen})"
    assert call.steps[3] == f"NoOp(back v{seen.split('|')[1]})"


@pytest.mark.parametrize("data", ["GosubIf(0?sub,1)", "GosubIf(1?:sub,1)", "GosubIf()"])
async def test_no_branch_goes_on(system: System, data: str) -> None:
    with LogCapture():
        call = await run_dialplan(system, f"[default]\nexten => s,1,{data}\n same => n,NoOp(next)\n{SUB}")
    assert call.steps[1] == "NoOp(next)"


@pytest.mark.parametrize("step", ["Gosub()", "Gosub(nowhere,1)", "Gosub(sub,nolabel)", "Return()"])
async def test_mistakes_end_the_call_with_an_error(system: System, step: str) -> None:
    with LogCapture(Level.WARNING | Level.ERROR) as log:
        call = await run_dialplan(system, f"[default]\nexten => s,1,{step}\n same => n,NoOp(never)\nexten => i,1,NoOp(i)\n{SUB}")
    assert len(call.steps) == 1
    assert log.records


async def test_stack_pop_makes_return_go_further_back(system: System) -> None:
    plan = (
        "[default]\nexten => s,1,Gosub(a,1)\n same => n,NoOp(home)\nexten => a,1,Gosub(b,1)\n same => n,NoOp(skipped)\n"
        "exten => b,1,StackPop()\n same => n,Return()\n"
    )
    call = await run_dialplan(system, plan)
    assert call.steps[-1] == "NoOp(home)"


async def test_stack_pop_of_nothing_is_a_warning(system: System) -> None:
    with LogCapture(Level.WARNING) as log:
        call = await run_dialplan(system, "[default]\nexten => s,1,StackPop()\n same => n,NoOp(on)\n")
    assert call.steps[-1] == "NoOp(on)"
    assert len(log.records) == 1


async def test_local_variables_end_with_the_subroutine(system: System) -> None:
    plan = (
        "[default]\nexten => s,1,Set(X=outer)\n same => n,Gosub(a,1)\n same => n,NoOp(${X})\n"
        "exten => a,1,Set(LOCAL(X)=inner)\n same => n,NoOp(${LOCAL(X)} ${LOCAL_PEEK(1,X)} ${LOCAL_PEEK(0,X)})\n"
        " same => n,Return()\n"
    )
    call = await run_dialplan(system, plan)
    assert call.steps[3] == "NoOp(inner outer inner)"
    assert call.steps[-1] == "NoOp(outer)"


@pytest.mark.parametrize("function", ["LOCAL_PEEK(\u00b2,X)", "STACK_PEEK(\u00b2,l)"])
async def test_digits_of_no_number_are_told(system: System, function: str) -> None:
    """A raised two is a digit to some, and no number."""
    with LogCapture(Level.WARNING) as log:
        call = await run_dialplan(
            system, f"[default]\nexten => s,1,Gosub(a,1)\nexten => a,1,NoOp(${{{function}}})\n same => n,Verbose(\u00b2,on)\n"
        )
    assert call.steps[-1] == "Verbose(\u00b2,on)"
    assert len(log.records) >= 2


async def test_local_outside_of_a_subroutine_is_refused(system: System) -> None:
    with LogCapture(Level.WARNING) as log:
        call = await run_dialplan(system, "[default]\nexten => s,1,Set(LOCAL(X)=1)\n same => n,NoOp(${X}${LOCAL(X)})\n")
    assert call.steps[-1] == "NoOp()"
    assert len(log.records) == 1


@pytest.mark.parametrize(
    ("arguments", "value", "is_warned"),
    [
        ("1,l", "default,s,1", False), ("1,c", "default", False), ("1,e", "s", False), ("1,p", "1", False),
        ("2,e", "", True), ("2,e,1", "", False), ("0,e", "", True), ("1,z", "", True), ("", "", True),
    ],
)  # fmt: skip
async def test_stack_peek(system: System, arguments: str, value: str, is_warned: bool) -> None:
    with LogCapture(Level.WARNING) as log:
        call = await run_dialplan(
            system, f"[default]\nexten => s,1,Gosub(a,1)\nexten => a,1,NoOp(${{STACK_PEEK({arguments})}})\n same => n,Return()\n"
        )
    assert call.steps[1] == f"NoOp({value})"
    assert bool(log.records) is is_warned
