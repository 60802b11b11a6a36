"""Access lists."""

from __future__ import annotations

import pytest

from globstar.config import MemorySource, read_config
from globstar.core.acl import AccessRules, NamedLists, allows_all, read_lists


def rules(*lines: str) -> AccessRules:
    found = AccessRules()
    for line in lines:
        kind, _, value = line.partition("=")
        found.add(kind == "permit", value)
    return found


@pytest.mark.parametrize(
    ("lines", "host", "is_allowed"),
    [
        ((), "192.0.2.1", True),
        (("deny=0.0.0.0/0", "permit=192.0.2.0/24"), "192.0.2.1", True),
        (("permit=192.0.2.0/24", "deny=0.0.0.0/0"), "192.0.2.1", False),
        (("deny=0.0.0.0/0.0.0.0", "permit=192.0.2.0/255.255.255.0"), "198.51.100.1", False),
        (("permit=!192.0.2.1,192.0.2.0/24",), "192.0.2.1", True),
        (("permit=192.0.2.0/24,!192.0.2.1",), "192.0.2.1", False),
        (("deny=10.0.0.0/8",), "::ffff:10.0.0.1", False),
        (("deny=0.0.0.0/0",), "2001:db8::1", True),
        (("deny=2001:db8::/32",), "[2001:db8::1]", False),
        (("deny=10.0.0.0/8",), "pbx.example.com", False),
    ],
)
def test_the_last_rule_that_fits_decides(lines: tuple[str, ...], host: str, is_allowed: bool) -> None:
    assert rules(*lines).allows(host) is is_allowed


def lists(text: str) -> tuple[NamedLists, list[str]]:
    return read_lists(read_config("acl.conf", MemorySource({"acl.conf": text})))


def test_all_named_lists_must_let_an_address_in() -> None:
    named, problems = lists("[inside]\ndeny=0.0.0.0/0\npermit=10.0.0.0/8\n[not-him]\ndeny=10.0.0.66\n")
    assert not problems
    assert allows_all(named, ("inside", "not-him"), "10.0.0.1") == ""
    assert allows_all(named, ("inside", "not-him"), "10.0.0.66") == "not-him"
    assert allows_all(named, ("inside",), "192.0.2.1") == "inside"


def test_a_list_that_is_missing_or_broken_lets_nobody_in() -> None:
    named, problems = lists("[broken]\npermit=10.0.0.0/99\n[odd]\nallow=10.0.0.1\n")
    assert len(problems) == 2
    assert allows_all(named, ("broken",), "10.0.0.1") == "broken"
    assert allows_all(named, ("nowhere",), "10.0.0.1") == "nowhere"
    assert allows_all(None, ("nowhere",), "10.0.0.1") == "nowhere"


def test_without_acl_conf_there_are_no_lists() -> None:
    named, problems = read_lists(None)
    assert not named.lists
    assert not problems
