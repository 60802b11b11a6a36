"""Golden vectors of `$[...]`: result, and whether there was a warning, of every recorded expression."""

from __future__ import annotations

from typing import Any

import pytest

from tests.support.scope import FUNCTIONS, ScriptedScope
from tests.support.vectors import RECORDED_GLOBALS, load_vectors


@pytest.mark.parametrize("case", load_vectors("expressions"))
def test_asterisk_expression(case: dict[str, Any]) -> None:
    scope = ScriptedScope(RECORDED_GLOBALS)

    def failing(args: str) -> str:  # MATH without an operator, as in "MATH(2,int)", gives nothing and a warning
        scope.warn("WARNING", "no operation")
        return ""

    scope.functions = {**FUNCTIONS, "MATH": failing}
    for line in [*case["setup"], case["input"]]:
        scope.run_set(line)
    assert scope.variables["R"] == case["result"]
    assert scope.warned == case["warned"], scope.log
