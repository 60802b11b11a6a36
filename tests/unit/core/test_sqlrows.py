"""Columns of tables: what a text or a time becomes by the type of its column."""

from __future__ import annotations

from datetime import UTC, date, datetime, time, timedelta, timezone

import pytest

from globstar.core.sqlrows import Column, Value, storable


@pytest.mark.parametrize(
    ("kind", "length", "text", "value"),
    [
        ("text", 0, "a" * 300, "a" * 300), ("text", 3, "abcd", "abc"), ("text", 2, "äöü", "äö"), ("text", 0, "", ""),
        ("integer", 0, "12.9", 12), ("integer", 0, "", None), ("integer", 0, "x", None), ("integer", 0, "inf", None),
        ("float", 0, "12.5", 12.5), ("float", 0, "", None), ("date", 0, "2026-01-02 03:04:05", date(2026, 1, 2)),
        ("datetime", 0, "2026-01-02 03:04:05", datetime(2026, 1, 2, 3, 4, 5)), ("time", 0, "03:04:05", time(3, 4, 5)),
        ("datetime", 0, "soon", None), ("other", 0, "", None), ("other", 0, "10.0.0.1", "10.0.0.1"),
    ],
)  # fmt: skip
def test_a_text_as_its_column_takes_it(kind: str, length: int, text: str, value: Value) -> None:
    assert Column("x", kind, length).of_text(text) == value


def test_a_time_as_its_column_takes_it() -> None:
    zone = timezone(timedelta(hours=2))
    moment = 1_700_000_000.25
    assert Column("x", "integer").of_time(moment, zone) == 1_700_000_000
    assert Column("x", "float").of_time(moment, zone) == moment
    assert Column("x", "datetime").of_time(moment, zone) == datetime(2023, 11, 15, 0, 13, 20, 250_000)
    assert Column("x", "datetime", is_zoned=True).of_time(moment, zone) == datetime.fromtimestamp(moment, UTC)
    assert Column("x", "date").of_time(moment, zone) == date(2023, 11, 15)
    assert Column("x", "time").of_time(moment, UTC) == time(22, 13, 20, 250_000)
    assert Column("x", "text", 10).of_time(moment, UTC) == "2023-11-14"
    assert Column("x", "datetime").of_time(0.0, UTC) is None


@pytest.mark.parametrize(
    ("text", "stored"),
    [("plain", "plain"), ("a\0b", "ab"), ("ä\U0001f600", "ä\U0001f600"), ("\udcff", "\ufffd"), ("ä\ud83d", "ä\ufffd")],
)
def test_what_no_database_takes_as_text_is_replaced(text: str, stored: str) -> None:
    assert storable(text) == stored
