"""Reading, writing and waiting for dialplan functions."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest
import pytest_asyncio

from globstar.base.log import Level
from globstar.core.channel import Channel
from globstar.core.functions import FunctionError
from globstar.core.registry import function, write_function
from globstar.core.system import System
from globstar.dialplan.substitute import compile_template
from tests.support.calls import Call, run_dialplan
from tests.support.switch import LogCapture, running_system

pytestmark = pytest.mark.virtual_time

calls: list[str] = []


@function("T_COUNT")
def count(channel: Channel | None, args: str) -> str:
    """How often it was read."""
    calls.append(args)
    return f"{args}{len(calls)}"


@function("T_SLOW")
async def slow(channel: Channel | None, args: str) -> str:
    """Give the argument after a second."""
    await asyncio.sleep(1)
    if args == "fail":
        raise FunctionError("it failed")
    return f"<{args}>"


@function("T_FAILS")
def fails(channel: Channel | None, args: str) -> str:
    """Fail."""
    raise FunctionError("no value")


@function("T_NONE")
def none(channel: Channel | None, args: str) -> None:
    """Have no value."""


@write_function("T_KEEP")
def keep(channel: Channel | None, args: str, value: str) -> None:
    """Note what was written."""
    calls.append(f"{args}={value}")


@write_function("T_SLOW_KEEP")
async def slow_keep(channel: Channel | None, args: str, value: str) -> None:
    """Note what was written, later."""
    await asyncio.sleep(1)
    if value == "bad":
        raise FunctionError("bad value")
    calls.append(f"{args}={value}")


@pytest_asyncio.fixture
async def system(tmp_path: Path) -> AsyncIterator[System]:
    calls.clear()
    async with running_system(tmp_path) as system:
        for target in (count, slow, fails, none, keep, slow_keep):
            spec: Any = target.__dict__["__globstar_specs__"][0]
            system.function_registry.register(spec)
        yield system


async def test_failures_are_logged_and_give_nothing(system: System) -> None:
    with LogCapture() as log:
        assert system.functions.read(None, "T_FAILS", "") == ""
        assert system.functions.read(None, "T_NONE", "") == ""
        assert system.functions.read(None, "T_COUNTT", "") == ""
        assert system.functions.read(None, "T_KEEP", "") == ""
    assert log.texts(Level.WARNING) == ["T_FAILS: no value"]
    assert "did you mean T_COUNT" in log.texts(Level.ERROR)[0]
    assert len(log.texts(Level.ERROR)) == 2


async def test_writing_what_cannot_be_written_raises(system: System) -> None:
    with pytest.raises(FunctionError):
        system.functions.write(None, "T_COUNT", "", "x")
    with pytest.raises(FunctionError):
        system.functions.write(None, "NO_SUCH", "", "x")
    assert system.functions.write(None, "T_KEEP", "k", "v") is None
    assert calls == ["k=v"]


async def test_may_wait_sees_names_and_computed_names(system: System) -> None:
    may_wait = system.functions.may_wait
    assert not may_wait("no call (here), only ${LEN(x)}")
    assert not may_wait("${T_COUNT(a)}")
    assert may_wait("${T_COUNT(${T_SLOW(x)})}")
    assert may_wait("${${NAME}(x)}")
    assert may_wait("$[T_SLOW(1)]")


async def test_rendering_waits_and_calls_every_function_once(system: System) -> None:
    call = Call(system)
    template = compile_template("${T_COUNT(a)} ${T_SLOW(${T_COUNT(b)})} ${T_COUNT(c)} ${T_SLOW(d)}")
    rendered = system.functions.render(call.channel, template)
    assert not isinstance(rendered, str)
    assert await rendered == "a1 <b2> c3 <d>"
    assert calls == ["a", "b", "c"]
    call.channel.hangup()


async def test_rendering_without_waiting_gives_the_text_at_once(system: System) -> None:
    call = Call(system)
    assert system.functions.render(call.channel, compile_template("${T_COUNT(a)}-${T_COUNT(a)}")) == "a1-a2"
    call.channel.hangup()


async def test_a_waiting_function_that_fails_gives_nothing(system: System) -> None:
    call = Call(system)
    with LogCapture() as log:
        assert await system.functions.render(call.channel, compile_template("[${T_SLOW(fail)}]")) == "[]"
    assert log.texts(Level.WARNING) == ["T_SLOW: it failed"]
    call.channel.hangup()


async def test_two_channels_wait_independently(system: System) -> None:
    first, second = Call(system), Call(system, name="Scripted/2")
    one = system.functions.render(first.channel, compile_template("${T_COUNT(x)}${T_SLOW(1)}"))
    two = system.functions.render(second.channel, compile_template("${T_SLOW(2)}${T_COUNT(y)}"))
    assert await asyncio.gather(one, two) == ["x1<1>", "<2>y2"]
    first.channel.hangup()
    second.channel.hangup()


async def test_where_nothing_may_wait_a_slow_function_is_refused(system: System) -> None:
    with LogCapture() as log:
        assert system.functions.read(None, "T_SLOW", "x") == ""
    assert "has to wait" in log.texts(Level.WARNING)[0]
    assert await system.functions.read_async(None, "T_SLOW", "x") == "<x>"
    assert await system.functions.read_async(None, "T_COUNT", "x") == "x1"


async def test_the_dialplan_waits_for_functions(system: System) -> None:
    plan = "[default]\nexten => s,1,Set(X=${T_SLOW(a)})\n same => n,Set(T_SLOW_KEEP(k)=${X})\n same => n,NoOp(${X})\n"
    start = system.now()
    call = await run_dialplan(system, plan)
    assert call.steps[-1] == "NoOp(<a>)"
    assert calls == ["k=<a>"]
    assert system.now() - start == pytest.approx(2, abs=0.1)


async def test_a_waiting_write_that_fails_is_a_warning(system: System) -> None:
    with LogCapture() as log:
        call = await run_dialplan(system, "[default]\nexten => s,1,Set(T_SLOW_KEEP(k)=bad)\n same => n,NoOp(on)\n")
    assert call.steps[-1] == "NoOp(on)"
    assert log.texts(Level.WARNING) == ["bad value"]
