"""Gosub's stack: local variables come and go with their level."""

from __future__ import annotations

from collections.abc import AsyncIterator
from pathlib import Path

import pytest_asyncio

from globstar.core.stack import StackFrame, peek_local, pop_frame, push_frame, set_local
from tests.support.calls import Call
from tests.support.switch import running_system


@pytest_asyncio.fixture
async def call(tmp_path: Path) -> AsyncIterator[Call]:
    async with running_system(tmp_path) as system:
        yield Call(system)
        for channel in list(system.channels.values()):
            channel.hangup()


async def test_arguments_are_local_and_hide_outer_ones(call: Call) -> None:
    channel = call.channel
    channel.set_variable("ARG1", "mine")
    push_frame(channel, StackFrame("c", "e", 1), ["a", "b"])
    push_frame(channel, StackFrame("c", "e", 2), ["z"])
    assert [channel.get_variable(name) for name in ("ARG1", "ARG2", "ARGC")] == ["z", "", "1"]
    assert [peek_local(channel, level, "ARG1") for level in range(4)] == ["z", "a", "mine", ""]
    assert peek_local(channel, 1, "ARG2") == "b"
    frame = pop_frame(channel)
    assert frame is not None
    assert frame.priority == 2
    assert [channel.get_variable(name) for name in ("ARG1", "ARG2", "ARGC")] == ["a", "b", "2"]
    pop_frame(channel)
    assert channel.get_variable("ARG1") == "mine"
    assert channel.get_variable("ARGC") is None
    assert pop_frame(channel) is None


async def test_events_name_local_variables_and_leave_empty_ones_out_at_the_end(call: Call) -> None:
    push_frame(call.channel, StackFrame("c", "e", 1), ["a", ""])
    pop_frame(call.channel)
    assert call.set == [
        ("LOCAL(ARG1)", "a"), ("LOCAL(ARG2)", ""), ("LOCAL(ARGC)", "2"), ("ARGC", ""), ("ARG1", ""),
    ]  # fmt: skip


async def test_inheritance_of_a_hidden_variable_comes_back(call: Call) -> None:
    channel = call.channel
    channel.set_variable("__X", "outer")
    frame = StackFrame("c", "e", 1)
    push_frame(channel, frame, [])
    set_local(channel, frame, "X", "inner")
    set_local(channel, frame, "X", "inner again")
    assert channel.variables.inheritance("X") == 0
    pop_frame(channel)
    assert channel.get_variable("X") == "outer"
    assert channel.variables.inheritance("X") == 2
