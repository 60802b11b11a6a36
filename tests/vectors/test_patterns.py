"""Extension patterns, includes, special extensions and the syntax of extensions.conf as recorded, dial by dial."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.support.vectors import load_vectors
from tests.vectors.harness import PATTERN_GLOBALS, Case, Harness

CASES = load_vectors("patterns")


@pytest.fixture(scope="module")
def harness(tmp_path_factory: pytest.TempPathFactory, shared: Path) -> Iterator[Harness]:
    harness = Harness(tmp_path_factory.mktemp("patterns"), PATTERN_GLOBALS)
    yield harness
    harness.close()


@pytest.mark.parametrize("case", CASES)
def test_pattern(harness: Harness, case: Case) -> None:
    load_log = harness.load_dialplan(case["conf"], case.get("files"))
    found: list[str] = []
    if "load_log" not in case.get("unstable_fields", ()):
        wanted = any(level in ("WARNING", "ERROR") for level, _ in case["load_log"])
        got = any(level in ("WARNING", "ERROR") for level, _ in load_log)
        if wanted is not got:
            found.append(f"load_log:\n  recorded {case['load_log']}\n  got      {load_log}")
    for number, dial in enumerate(case["dials"], 1):
        seen = harness.dial(
            case["id"],
            dial["exten"],
            dial["context"],
            number=number,
            caller_id=dial.get("callerid", ""),
            variables=dial.get("variables"),
        )
        got_dial = {
            "matched": bool(seen.executed),
            "executed": seen.executed,
            "hangup_cause": seen.hangup_cause,
            "originate": seen.originate[0],
        }
        wanted_dial = {name: dial[name] for name in got_dial}
        if got_dial != wanted_dial:
            found.append(f"{dial['exten']}@{dial['context']}:\n  recorded {wanted_dial}\n  got      {got_dial}")
    assert not found, "\n".join(found)
