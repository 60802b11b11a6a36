"""Substitution as recorded: variables, offsets, nesting, Set, MSet and the arguments of Gosub."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.support.vectors import RECORDED_GLOBALS, load_vectors
from tests.vectors.harness import Case, Harness, differences

FIELDS = ("results", "executed", "varset", "hangup_cause", "warned")
CASES = load_vectors("substitution")


@pytest.fixture(scope="module")
def harness(tmp_path_factory: pytest.TempPathFactory, shared: Path) -> Iterator[Harness]:
    harness = Harness(tmp_path_factory.mktemp("substitution"), RECORDED_GLOBALS)
    yield harness
    harness.close()


@pytest.mark.parametrize("case", CASES)
def test_substitution(harness: Harness, case: Case) -> None:
    found = list(differences(case, harness.run_case(case), FIELDS))
    assert not found, "\n".join(found)
