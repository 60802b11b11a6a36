"""Caller ids as text."""

from __future__ import annotations

from dataclasses import replace

import pytest

from globstar.core.party import PartyId, PartyName, PartyNumber, PartySubaddress, format_caller_id, parse_caller_id


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
    party.name = replace(party.name, presentation=0x20)
    assert party.presentation == 0x20


def test_what_changes_in_a_copy_stays_there() -> None:
    party = PartyId.of("A", "1")
    party.set_presentation(0x20)
    copy = party.copy()
    copy.set_name("B")
    copy.set_number("2")
    copy.set_presentation(0)
    assert (party.name.text, party.number.text, party.presentation) == ("A", "1", 0x20)
    assert (copy.name.text, copy.number.text, copy.presentation) == ("B", "2", 0)
    assert PartyId() == PartyId(PartyName(), PartyNumber(), PartySubaddress())


def test_a_number_that_gets_known_keeps_its_plan() -> None:
    party = PartyId(PartyName("", charset=3), PartyNumber("", plan=33, presentation=1))
    party.set_name("A")
    party.set_number("1")
    assert (party.name, party.number) == (PartyName("A", True, 3), PartyNumber("1", True, 33, 1))
