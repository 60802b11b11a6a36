"""Dialplan functions as recorded, read and written."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.support.vectors import RECORDED_GLOBALS, load_vectors
from tests.vectors.harness import Case, Harness, differences

FIELDS = ("results", "executed", "varset", "hangup_cause", "warned")
#: On purpose otherwise, see docs/differences.md: the zone's own name for %Z, MATH(,int) beyond 32 bits.
DIFFERENT = {"x0184", "x0194", "x0439"}
#: Nor is imitated what the recorded program died of.
CASES = load_vectors("functions", lambda case: case["id"] not in DIFFERENT and not case.get("crash"))


@pytest.fixture(scope="module")
def harness(tmp_path_factory: pytest.TempPathFactory, shared: Path) -> Iterator[Harness]:
    harness = Harness(tmp_path_factory.mktemp("functions"), RECORDED_GLOBALS)
    yield harness
    harness.close()


@pytest.mark.parametrize("case", CASES)
def test_function(harness: Harness, case: Case) -> None:
    found = list(differences(case, harness.run_case(case), FIELDS))
    assert not found, "\n".join(found)


def test_asterisk_strftime_zone_name_is_right(harness: Harness) -> None:
    conf = "[zone]\nexten => s,1,Set(R=${STRFTIME(1709650845,America/New_York,%T %Z)})\n"
    seen = harness.run_case({"id": "zone", "conf": conf, "exten": "s", "context": "zone"})
    assert seen.results == {"R": "10:00:45 EST"}


def test_asterisk_math_int_does_not_overflow(harness: Harness) -> None:
    conf = "[big]\nexten => s,1,Set(R=${MATH(9999999999+1,int)})\n"
    seen = harness.run_case({"id": "big", "conf": conf, "exten": "s", "context": "big"})
    assert seen.results == {"R": "10000000000"}
