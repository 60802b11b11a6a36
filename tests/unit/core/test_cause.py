"""Hangup causes: numbers, names and texts of compat/hangup_causes.tsv."""

from __future__ import annotations

import csv
from pathlib import Path

import pytest

from globstar.core.cause import CAUSE_TEXT, Cause, cause_text, parse_cause


def test_every_cause_is_asterisks(shared: Path) -> None:
    with (shared / "compat" / "hangup_causes.tsv").open(newline="") as file:
        rows = list(csv.DictReader(file, delimiter="\t"))
    for row in rows:
        if row["value"].startswith("AST_CAUSE_"):  # an older name
            assert Cause[row["name"]] is Cause[row["value"].removeprefix("AST_CAUSE_")]
            continue
        cause = Cause[row["name"]]
        assert int(cause) == int(row["value"])
        if row["cause_text"]:
            assert cause_text(cause) == row["cause_text"]
    assert set(Cause.__members__) == {row["name"] for row in rows}
    assert set(CAUSE_TEXT) == {int(cause) for cause in Cause}


@pytest.mark.parametrize(
    ("text", "cause"),
    [
        ("17", 17),
        (" 17 ", 17),
        ("-1", -1),
        ("USER_BUSY", 17),
        ("busy", 17),
        ("AST_CAUSE_USER_BUSY", 17),
        ("ast_cause_normal", 16),
        ("999", 999),
        ("", None),
        ("--5", None),
        ("1-2", None),
        ("nonsense", None),
        ("\u00b2", None),
    ],
)
def test_parse(text: str, cause: int | None) -> None:
    assert parse_cause(text) == cause


def test_unknown_numbers_have_a_text() -> None:
    assert cause_text(4711) == "Unknown"
