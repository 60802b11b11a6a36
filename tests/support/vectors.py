"""Golden vectors: lines of the JSON files that were recorded from a running Asterisk."""

from __future__ import annotations

import json
import os
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

SHARED = Path(os.environ.get("GLOBSTAR_SHARED") or Path(__file__).resolve().parents[2].parent / "shared")
IN_CI = os.environ.get("CI", "").lower() in ("1", "true", "yes")

# The [globals] in force when expressions, substitution and functions were recorded.
RECORDED_GLOBALS = {
    "GVAR": "globalvalue",
    "GVAR2": "gv2",
    "GNUM": "41",
    "GQUOTE": '"quoted"',
    "GSPACE": "padded",
    "GREF": "globalvalue-ref",
}


def load_vectors(name: str, wanted: Callable[[dict[str, Any]], bool] = lambda case: True) -> list[Any]:
    """Return the cases of vectors/dialplan/NAME.jsonl as parameters of a test, each under its own id."""
    path = SHARED / "vectors" / "dialplan" / f"{name}.jsonl"
    if not path.is_file():
        if IN_CI:
            raise FileNotFoundError(path)
        return [pytest.param({}, id="missing", marks=pytest.mark.skip(f"no {path}; set GLOBSTAR_SHARED"))]
    with path.open(encoding="utf-8") as lines:
        cases = [json.loads(line) for line in lines]
    return [pytest.param(case, id=case["id"]) for case in cases if wanted(case)]
