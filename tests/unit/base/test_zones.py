"""Time zones by name and by POSIX's TZ."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest

from globstar.base.zones import find_zone, zone_or_utc

SUMMER, WINTER = datetime(2024, 7, 1, 12, tzinfo=UTC), datetime(2024, 1, 1, 12, tzinfo=UTC)


@pytest.mark.parametrize(
    ("name", "summer", "winter"),
    [
        ("America/New_York", -4, -5),
        ("EST5EDT", -4, -5),
        ("Zulu", 0, 0),
        ("UTC-3", 3, 3),
        ("<+0530>-5:30", 5.5, 5.5),
        ("CET-1CEST,M3.5.0,M10.5.0/3", 2, 1),
        ("NZST-12NZDT,M9.5.0,M4.1.0/3", 12, 13),
    ],
)
def test_offsets_of_summer_and_winter(name: str, summer: float, winter: float) -> None:
    zone = find_zone(name)
    assert zone is not None
    offsets = [moment.astimezone(zone).utcoffset() for moment in (SUMMER, WINTER)]
    assert offsets == [timedelta(hours=summer), timedelta(hours=winter)]


@pytest.mark.parametrize(
    "name",
    [
        "Mars/Base", "", " ", "../etc/passwd", "/etc/passwd", "America", "AB3", "UTC99", "UTC0\0", "CET-1CEST",
        "CET-1CEST,M99.5.0,M10.5.0",
        "x" * 5000, "\udce4", "UTC-3\n", "tzdata.zi",
    ],
)  # fmt: skip
def test_what_is_no_zone(name: str) -> None:
    assert find_zone(name) is None


def test_an_unknown_zone_is_utc_and_none_is_the_machines() -> None:
    assert zone_or_utc("Mars/Base") is UTC
    assert zone_or_utc("Asia/Tokyo") == ZoneInfo("Asia/Tokyo")
    assert zone_or_utc("") is None
