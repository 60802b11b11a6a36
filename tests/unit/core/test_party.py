"""Caller ids as text."""

from __future__ import annotations

import pytest

from globstar.core.party import PartyId, format_caller_id, parse_caller_id


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ('"Alice Example" <100>', ("Alice Example", "100")),
        ("Alice <100>", ("Alice", "100")),
        ("<100>", ("", "100")),
        ("100", ("", "100")),
        ("Alice", ("Alice", "")),
        ('"A \\"B\\"" <1>', ('A "B"', "1")),
        ("", ("", "")),
    ],
)
def test_parse_caller_id(text: str, expected: tuple[str, str]) -> None:
    assert parse_caller_id(text) == expected


def test_format_caller_id() -> None:
    assert format_caller_id("A", "1") == '"A" <1>'
    assert format_caller_id("", "1") == "1"
    assert format_caller_id("A", "") == "A"
    assert format_caller_id("", "", "unknown") == "unknown"


def test_presentation_is_the_more_restrictive_one() -> None:
    party = PartyId.of("A", "1")
    assert party.presentation == 0
    party.name.presentation = 0x20
    assert party.presentation == 0x20
