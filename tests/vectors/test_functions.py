"""Dialplan functions as recorded, read and written."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.conftest import SHARED
from tests.vectors.harness import GLOBALS, Case, Harness, differences, load_cases

FIELDS = ("results", "executed", "varset", "hangup_cause", "warned")
#: What the recorded program died of is not imitated (docs/differences.md).
CASES = [case for case in load_cases(SHARED, "functions") if not case.get("crash")]


@pytest.fixture(scope="module")
def harness(tmp_path_factory: pytest.TempPathFactory, shared: Path) -> Iterator[Harness]:
    harness = Harness(tmp_path_factory.mktemp("functions"), GLOBALS)
    yield harness
    harness.close()


@pytest.mark.parametrize("case", CASES, ids=lambda case: str(case["id"]))
def test_function(harness: Harness, case: Case) -> None:
    found = list(differences(case, harness.run_case(case), FIELDS))
    assert not found, "\n".join(found)
