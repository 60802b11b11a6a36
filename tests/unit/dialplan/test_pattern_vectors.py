"""Golden vectors of whole dialplans: load warnings, and which steps each dialled string runs as far as they are NoOp."""

from __future__ import annotations

import re
from typing import Any

import pytest

from globstar.config import MemorySource, read_config
from globstar.dialplan import Dialplan, read_extensions
from tests.support.scope import ScriptedScope
from tests.support.vectors import load_vectors

GLOBALS = "[globals]\nGEX=777\nGPR=1\n"


def _run(plan: Dialplan, context: str, exten: str, caller: str) -> tuple[list[list[Any]], bool]:
    """Run NoOp steps from priority 1: what ran, and whether it came to the end without meeting another application."""
    executed: list[list[Any]] = []
    scope = ScriptedScope({"EXTEN": exten, "CONTEXT": context})
    while True:
        step = plan.find(context, exten, len(executed) + 1, caller)
        if step is None:
            return executed, True
        if step.app_name != "NoOp":
            return executed, False
        executed.append([context, exten, len(executed) + 1, "NoOp", step.template.render(scope)])


@pytest.mark.parametrize("case", load_vectors("patterns"))
def test_asterisk_dialplan(case: dict[str, Any]) -> None:
    files = {"extensions.conf": GLOBALS + case["conf"], **case.get("files", {})}
    loaded = read_extensions(read_config("extensions.conf", MemorySource(files)))
    expected_warnings = [entry for entry in case["load_log"] if "No such switch" not in entry[1]]
    assert bool(loaded.warnings) == bool(expected_warnings), list(map(str, loaded.warnings))
    assert all(warning.file and warning.line for warning in loaded.warnings)
    for dial in case["dials"]:
        expected = dial["executed"]
        context = expected[0][0] if expected else case["id"]
        number = re.search(r"<(.*)>", dial.get("callerid", ""))
        caller = number[1] if number else ""
        if not expected:
            step = loaded.plan.find(context, dial["exten"], 1, caller) if dial["exten"] else None
            assert step is None or step.app_name != "NoOp", dial
            continue
        executed, ended = _run(loaded.plan, context, dial["exten"], caller)
        if ended and dial["exten"] != "h" and loaded.plan.exists(context, "h", 1, caller):
            hangup, _ = _run(loaded.plan, context, "h", caller)
            executed += hangup
        assert executed == expected[: len(executed)], dial
        if all(entry[3] == "NoOp" for entry in expected) and dial["exten"] != "h":
            assert len(executed) == len(expected), dial
