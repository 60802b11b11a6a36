"""Calls of applications in texts."""

from __future__ import annotations

from pathlib import Path

import pytest

from globstar.base.log import Level
from globstar.core.applications import run_application, split_call
from tests.support.calls import Call
from tests.support.switch import LogCapture, running_system


@pytest.mark.parametrize(
    ("text", "name", "arguments", "is_warned"),
    [
        ("NoOp(a,b)", "NoOp", "a,b", False),
        ("NoOp", "NoOp", "", False),
        (" NoOp (a)", "NoOp", "a", False),
        ("NoOp((a)b)c", "NoOp", "(a)b", False),
        ("NoOp(a", "NoOp", "a", True),
    ],
)
def test_split_call(text: str, name: str, arguments: str, is_warned: bool) -> None:
    with LogCapture(Level.WARNING) as log:
        assert split_call(text) == (name, arguments)
    assert bool(log.records) is is_warned


async def test_run_application_by_name_in_any_case(tmp_path: Path) -> None:
    async with running_system(tmp_path) as system:
        call = Call(system)
        with LogCapture(Level.WARNING) as log:
            assert run_application(call.channel, "SET", "A=1") is None
            assert run_application(call.channel, "Sett", "A=2") == -1
        assert call.variables == {"A": "1"}
        assert "did you mean Set" in log.texts(Level.WARNING)[0]
        call.channel.hangup()
