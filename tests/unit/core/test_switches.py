"""Alternative switches in the dialplan."""

from __future__ import annotations

from pathlib import Path

from globstar.base.log import Level
from tests.support.switch import LogCapture, running_system

DIALPLAN = """
[globals]
AREA=49
[main]
exten => 100,1,NoOp(own)
lswitch => Loopback/8${EXTEN}@other/_2XX
eswitch => Loopback/${AREA}${EXTEN}@far
[other]
exten => _82XX,1,NoOp(other)
exten => _82XX,2,NoOp(second)
[far]
exten => _49X.,1,NoOp(far)
[loop]
lswitch => Loopback/1${EXTEN}@loop
[lost]
switch => Nowhere/x
"""


async def test_switches_answer_for_what_the_context_lacks(tmp_path: Path) -> None:
    async with running_system(tmp_path, {"extensions.conf": DIALPLAN}) as system:
        plan = system.plan

        def data(exten: str, priority: int = 1, context: str = "main") -> str | None:
            step = plan.find(context, exten, priority)
            return step.data if step is not None else None

        assert data("100") == "own"
        assert data("200") == "other"
        assert data("200", 2) == "second"
        assert data("300") == "far"
        assert plan.can_match("main", "30")
        assert plan.match_more("main", "2")
        assert data("5", context="loop") is None
        with LogCapture() as log:
            assert data("5", context="lost") is None
        assert "Nowhere" in log.texts(Level.WARNING)[0]
