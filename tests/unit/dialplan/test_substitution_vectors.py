"""Golden vectors of substitution that need variables only: the data that each application was given."""

from __future__ import annotations

import re
from typing import Any

import pytest

from tests.support.scope import ScriptedScope
from tests.support.vectors import RECORDED_GLOBALS, load_vectors

# Variables and functions of a live channel or of the system, and what Set itself warns about: for the executor's tests.
_NEEDS_CHANNEL = re.compile(
    r"\$\{(?:HANGUPCAUSE|CHANNEL|CALLERID\(|ENTITYID|CALLINGTNS|AST[A-Z]+DIR|EPOCH|UNIQUEID|PRIORITY|CUT|HASH\()"
    r"|Set\(_*EXTEN=|GLOBAL\(|Set\(R?\)|Set\( |R =",
)


def _is_plain(case: dict[str, Any]) -> bool:
    steps = case["steps"]
    return all(re.match(r"(?:Set|NoOp)\(", step) and not _NEEDS_CHANNEL.search(step) for step in steps)


@pytest.mark.parametrize("case", load_vectors("substitution", _is_plain))
def test_asterisk_substitution(case: dict[str, Any]) -> None:
    scope = ScriptedScope(RECORDED_GLOBALS | {"EXTEN": case["exten"], "CONTEXT": case["context"], "SYSTEMNAME": "vec"})
    for step, executed in zip(case["steps"], case["executed"], strict=True):
        if re.search(r"(?<!\\);", step):  # a comment for the file reader
            step = step[: step.index(";")] + ")"
        data = scope.run_set(re.sub(r"^NoOp", "Set", step.replace("\\;", ";")))
        assert data == executed[4]
    assert scope.warned == case["warned"]
