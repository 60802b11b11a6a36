"""Dialplan functions as recorded, read and written."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.support.vectors import RECORDED_GLOBALS, load_vectors
from tests.vectors.harness import Case, Harness, differences

FIELDS = ("results", "executed", "varset", "hangup_cause", "warned")
#: What the recorded program died of is not imitated.
CASES = load_vectors("functions", lambda case: not case.get("crash"))


@pytest.fixture(scope="module")
def harness(tmp_path_factory: pytest.TempPathFactory, shared: Path) -> Iterator[Harness]:
    harness = Harness(tmp_path_factory.mktemp("functions"), RECORDED_GLOBALS)
    yield harness
    harness.close()


@pytest.mark.parametrize("case", CASES)
def test_function(harness: Harness, case: Case) -> None:
    found = list(differences(case, harness.run_case(case), FIELDS))
    assert not found, "\n".join(found)
