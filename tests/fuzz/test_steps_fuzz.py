"""Invariants: whatever the data of the logic applications is, a priority gives a place to go on at, or the end of the call, or a
value, never an exception; a call made of arbitrary such priorities ends by itself or goes on in bounded memory.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Iterator
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from globstar.base.log import Level, hub
from globstar.core.system import System
from globstar.dialplan import Step
from tests.support.calls import Call, load_dialplan
from tests.support.switch import running_system
from tests.support.virtual_loop import VirtualTimeLoop

APPLICATIONS = (
    "Set", "MSet", "NoOp", "Goto", "GotoIf", "GotoIfTime", "ExecIfTime", "Gosub", "GosubIf", "Return", "StackPop",
    "While", "EndWhile", "ExitWhile", "ContinueWhile", "If", "ElseIf", "Else", "EndIf", "ExitIf", "Exec", "ExecIf",
    "TryExec", "Verbose", "Log", "UserEvent", "Hangup", "RaiseException", "ResetCDR", "ForkCDR", "Signal", "SoftHangup",
    "DumpChan", "DBdeltree", "WaitUntil", "WaitForCondition", "Read", "ReadExten", "SendDTMF", "WaitDigit", "Answer",
    "Transfer", "SendText",
)  # fmt: skip
PIECES = [
    "1", "0", "x", "s", "default", ",", ":", "?", "(", ")", "[", "]", "{", "}", '"', "\\", "$", "${ARG1}", "${LOCAL(X)}",
    "LOCAL(X)=", "X=", "_", "+", "-", "&", "/", "^", " ", "=", "*", "a", "lab", "NoOp(y)", "Goto(s,1)", "Return()", "é",
    "\udc80", "9999999999", "0.1", "t(", "#",
]  # fmt: skip
data_texts = st.lists(st.sampled_from(PIECES), max_size=8).map("".join) | st.text(max_size=12)
PLAN = "[default]\nexten => s,1,NoOp()\nexten => s,5(lab),NoOp()\nexten => x,1,Return(v)\n"


class Office:
    """One system on a loop of its own, without the applications that reach outside."""

    def __init__(self, root: Path) -> None:
        self.runner = asyncio.Runner(loop_factory=VirtualTimeLoop)
        self.system: System = self.runner.run(self._start(root))

    async def _start(self, root: Path) -> System:
        self._context = running_system(root)
        system = await self._context.__aenter__()
        for name in ("System", "TrySystem", "Reload"):
            spec = system.applications.get(name)
            assert spec is not None
            system.applications.unregister(spec)
        return system

    async def _end(self) -> None:
        await self._context.__aexit__(None, None, None)

    def close(self) -> None:
        self.runner.run(self._end())
        self.runner.close()


@pytest.fixture(scope="module")
def office(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Office]:
    hub.add(Level.WARNING | Level.ERROR | Level.NOTICE, _drop)
    office = Office(tmp_path_factory.mktemp("office"))
    yield office
    office.close()
    hub.remove(_drop)


def _drop(_: object) -> None:
    """Keep the complaints about nonsense from the terminal."""


@given(name=st.sampled_from(APPLICATIONS), data=data_texts)
def test_any_data_gives_a_result(office: Office, name: str, data: str) -> None:
    async def one() -> Any:
        load_dialplan(office.system, PLAN)
        call = Call(office.system)
        spec = office.system.applications.get(name)
        assert spec is not None
        try:
            result = spec.run(call.channel, data)
            if isinstance(result, Awaitable):
                result = await asyncio.wait_for(result, 3600)
        except TimeoutError:
            result = 0
        finally:
            call.channel.hangup()
        return result

    result = office.runner.run(one())
    assert result is None or isinstance(result, (int, str))


@settings(max_examples=60)
@given(steps=st.lists(st.tuples(st.sampled_from(APPLICATIONS), data_texts), min_size=1, max_size=12))
def test_any_dialplan_ends_or_goes_round(office: Office, steps: list[tuple[str, str]]) -> None:
    async def one() -> Call:
        load_dialplan(office.system, PLAN)
        plan = office.system.plan
        for number, (name, data) in enumerate(steps, 1):
            plan.add_step(Step("default", "s", number, name, data), replace=True)
        call = Call(office.system)
        call.start()
        loops = 0
        while not call.ended.done() and loops < 200:
            await asyncio.sleep(0)
            loops += 1
        call.hang_up()
        await call.end()
        return call

    call = office.runner.run(one())
    assert call.channel.is_hung_up
    assert call.channel.hangup_cause != 38, call.steps[-3:]
    assert len(call.channel.stack) <= len(call.steps)
