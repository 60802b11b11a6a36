"""Time conditions."""

from __future__ import annotations

import re
from datetime import UTC, datetime
from typing import Any
from zoneinfo import ZoneInfo

import pytest

from globstar.dialplan.timing import parse_timing
from tests.support.vectors import load_vectors

TUESDAY = datetime(2024, 3, 5, 15, 0, 45, tzinfo=UTC)


def matches(text: str, now: datetime = TUESDAY) -> tuple[bool, bool]:
    """Return (whether it matches, whether it was warned about)."""
    problems: list[str] = []
    return parse_timing(text, problems.append).matches(now), bool(problems)


def _is_test_time(case: dict[str, Any]) -> bool:
    return bool(
        re.match(r"Set\(TESTTIME\(\)=2024/03/05 15:00:45", case["steps"][0]) and case["steps"][1].startswith("GotoIfTime(")
    )


@pytest.mark.parametrize("case", load_vectors("functions", _is_test_time))
def test_asterisk_gotoiftime(case: dict[str, Any]) -> None:
    condition = case["steps"][1].removeprefix("GotoIfTime(").partition("?")[0]
    assert matches(condition) == (case["results"]["R"] == "yes", case["warned"])


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("", True),
        ("*", True),
        ("*,*,*,*", True),
        ("15:00", True),
        ("15:01", False),
        ("14:00-15:00", True),
        ("22:00-06:00", False),
        ("14:00-06:00", True),
        ("09:00-10:00&14:30-15:30", True),
        ("*,sat-sun", False),
        ("*,sat-tue", True),
        ("*,wed&TUE", True),
        ("*,3", True),
        ("*,*,25-5", True),
        ("*,*,6-4", False),
        ("*,*,1&5", True),
        ("*,*,*,dec-mar", True),
        ("*,*,*,4-2", False),
        ("16:00-17:00,*,*,*,Europe/Berlin", True),
        ("15:00,*,*,*,Europe/Berlin", False),
        ("00:00-23:59,mon-sun,1-31,jan-dec", True),
    ],
)
def test_condition(text: str, expected: bool) -> None:
    assert matches(text) == (expected, False)
    assert matches(text.replace(",", "|")) == (expected, False)


BAD_TIMES = ["bad", "24:00", "10:60", "9-17", "10:00-", "-10:00"]
BAD_OTHERS = ["*,tuesday", "*,8", "*, tue", "*,mon-", "*,*,0", "*,*,32", "*,*,x", "*,*,1-2-3", "*,*,*,13", "*,*,*,0"]


@pytest.mark.parametrize("text", BAD_TIMES + BAD_OTHERS)
def test_what_cannot_be_read_is_warned_about_and_never_matches(text: str) -> None:
    assert matches(text) == (False, True)


def test_good_part_of_a_field_counts() -> None:
    assert matches("*,tue&xyz") == (True, True)


def test_unknown_zone_is_warned_about_and_taken_to_be_utc() -> None:
    in_tokyo = datetime(2024, 3, 6, 0, 0, 45, tzinfo=ZoneInfo("Asia/Tokyo"))
    for zone in ("Mars/Base", "../etc/passwd"):
        assert matches(f"15:00,*,*,*,{zone}", in_tokyo) == (True, True)
        assert matches(f"00:00,*,*,*,{zone}", in_tokyo) == (False, True)
    names: list[str] = []
    parse_timing("15:00,*,*,*,Mars/Base", print, names.append)
    assert names == ["Mars/Base"]


def test_zones_in_the_form_of_posix() -> None:
    assert matches("16:00,*,*,*,CET-1CEST,M3.5.0,M10.5.0/3", TUESDAY.replace(tzinfo=UTC)) == (True, False)


def test_is_always() -> None:
    assert parse_timing("*,*,*,*,UTC", print).is_always
    assert not parse_timing("*,mon", print).is_always
