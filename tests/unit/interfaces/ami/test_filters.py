"""Event filters in both forms."""

from __future__ import annotations

import pytest

from globstar.interfaces.ami.filters import FilterSet, read_filter

TEXT = "Event: Newchannel\r\nPrivilege: call,all\r\nChannel: PJSIP/alice-00000001\r\nExten: 100\r\n"


@pytest.mark.parametrize(
    ("criteria", "expression", "is_fit"),
    [
        (None, "Channel: PJSIP/al", True),
        (None, "^Channel", False),
        (None, "Exten: [[:digit:]]{3}[[:space:]]", True),
        ("header(Exten),method(regex)", "^[[:alpha:]]+$", False),
        ("name(Newchannel)", "", True),
        ("name(Hangup)", "", False),
        ("header(Exten),method(exact)", "100", True),
        ("header(Exten),method(exact)", "10", False),
        ("header(channel), method(starts_with)", "PJSIP/", True),
        ("header(Channel),method(endsWith)", "0001", True),
        ("header(Channel),method(contains)", "alice", True),
        ("name(Newchannel),header(Channel),method(regex)", "bob|carol", False),
        ("header(Nothing)", "", False),
        ("header(Exten)", "", True),
    ],
)
def test_one_filter(criteria: str | None, expression: str, is_fit: bool) -> None:
    assert read_filter(criteria, expression).matches("Newchannel", TEXT) is is_fit


@pytest.mark.parametrize(
    ("criteria", "expression"),
    [
        ("action(include),name(UserEvent)", "UserEvent"),
        ("name(X),method(regex)", ""),
        ("name(X),method(regex)", "("),
        (None, "["),
        ("name(X),name(Y)", ""),
        ("colour(red)", ""),
        ("action(maybe),name(X)", ""),
        ("method(guess)", "x"),
        ("action(include)", ""),
        ("name(", ""),
    ],
)
def test_what_is_no_filter(criteria: str | None, expression: str) -> None:
    with pytest.raises(ValueError):
        read_filter(criteria, expression)


def test_inclusions_and_exclusions() -> None:
    filters = FilterSet()
    filters.add(read_filter(None, "!Exten: 200"))
    assert filters.passes("Newchannel", TEXT)
    assert not filters.passes("Newchannel", TEXT.replace("100", "200"))
    filters.add(read_filter("name(Hangup)", ""))
    assert not filters.passes("Newchannel", TEXT)
    filters.add(read_filter("name(Newchannel)", ""))
    assert filters.passes("Newchannel", TEXT)
    assert not filters.passes("Newchannel", TEXT.replace("100", "200"))
