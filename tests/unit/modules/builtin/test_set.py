"""Set and MSet."""

from __future__ import annotations

import pytest

from globstar.base.log import Level
from globstar.core.system import System
from tests.support.calls import run_dialplan
from tests.support.switch import LogCapture


async def run(system: System, *steps: str) -> dict[str, str]:
    lines = "".join(f" same => n,{step}\n" for step in steps)
    call = await run_dialplan(system, f"[default]\nexten => s,1,NoOp()\n{lines}")
    return call.variables


@pytest.mark.parametrize(
    ("step", "variables"),
    [
        ("Set(A=1)", {"A": "1"}),
        ("Set(A=a=b,c)", {"A": "a=b,c"}),
        ('Set(A="x y")', {"A": '"x y"'}),
        ("Set(__A=)", {"__A": ""}),
        ("Set(=x)", {"": "x"}),
        ("Set(A(b=c)", {"A(b": "c"}),
        ("MSet(A=1,_B=2)", {"A": "1", "_B": "2"}),
        ('MSet(A="1,2",B=(3,4),C=5\\,6)', {"A": "1,2", "B": "(3,4)", "C": "5,6"}),
    ],
)
async def test_values_are_taken_as_they_are(system: System, step: str, variables: dict[str, str]) -> None:
    assert await run(system, step) == variables


async def test_functions_are_written(system: System) -> None:
    await run(system, "Set(GLOBAL(G)=1)", "MSet(GLOBAL(H)=2,A=3)")
    assert (system.globals.get("G"), system.globals.get("H")) == ("1", "2")


@pytest.mark.parametrize(
    "step", ["Set()", "Set(A)", "MSet()", "MSet(A)", "Set(A =1)", "Set(NO_SUCH_FUNCTION(x)=1)", "Set(LEN(x)=1)"]
)
async def test_what_cannot_be_set_is_warned_of_and_the_call_goes_on(system: System, step: str) -> None:
    with LogCapture(Level.WARNING) as log:
        variables = await run(system, step, "Set(LAST=1)")
    assert len(log.records) == 1
    assert variables["LAST"] == "1"
