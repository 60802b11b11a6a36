"""Addresses and networks of match=: how they are written, and who is found at an address."""

from __future__ import annotations

import ipaddress

import pytest

from globstar.modules.channels.pjsip.addresses import MAX_REMEMBERED, AddressIndex, read_match


@pytest.mark.parametrize(
    ("text", "network", "port"),
    [
        ("192.0.2.1", "192.0.2.1/32", 0),
        ("192.0.2.1/24", "192.0.2.0/24", 0),
        ("192.0.2.1/255.255.255.0", "192.0.2.0/24", 0),
        ("192.0.2.1:5061", "192.0.2.1/32", 5061),
        ("192.0.2.1:5061/24", "192.0.2.0/24", 5061),
        ("2001:db8::1", "2001:db8::1/128", 0),
        ("[2001:db8::1]", "2001:db8::1/128", 0),
        ("[2001:db8::1]:5061", "2001:db8::1/128", 5061),
        ("[2001:db8::1]:5061/32", "2001:db8::/32", 5061),
    ],
)
def test_matches_are_read(text: str, network: str, port: int) -> None:
    found = read_match(text)
    assert (str(found.network), found.port) == (network, port)


@pytest.mark.parametrize("text", ["example.com", "192.0.2.1:0", "192.0.2.1:70000", "192.0.2.1/33", "", "192.0.2.1:x"])
def test_what_is_no_address(text: str) -> None:
    with pytest.raises(ValueError, match=r".+|^$"):
        read_match(text)


def index(**matches: str) -> AddressIndex[str]:
    table: AddressIndex[str] = AddressIndex()
    for name, text in matches.items():
        table.add(name, [read_match(part) for part in text.split(",")])
    return table


def test_the_longest_prefix_wins_and_then_the_first() -> None:
    table = index(
        wide="10.0.0.0/8,2001:db8::/32", narrow="10.1.0.0/16", second="10.1.0.0/16", host="10.1.2.3", port="10.1.2.3:5080"
    )
    for host, port, name in (
        ("10.9.9.9", 5060, "wide"),
        ("10.1.9.9", 5060, "narrow"),
        ("10.1.2.3", 5060, "host"),
        ("10.1.2.3", 5080, "port"),
        ("2001:db8::77", 5060, "wide"),
        ("192.0.2.1", 5060, None),
        ("pbx.example.com", 5060, None),
    ):
        assert table.find(host, port) == name


def test_excluded_addresses_go_on_to_the_next() -> None:
    table = index(wide="10.0.0.0/8")
    table.add("narrow", [read_match("10.1.0.0/16")], (ipaddress.ip_network("10.1.1.0/24"),))
    assert table.find("10.1.2.1") == "narrow"
    assert table.find("10.1.1.1") == "wide"


def test_a_set_can_change() -> None:
    table: AddressIndex[str] = AddressIndex()
    table.put("name", "peer", (read_match("192.0.2.1"), read_match("192.0.2.2")))
    assert table.find("192.0.2.1") == "peer"
    table.put("name", "peer", (read_match("192.0.2.2"), read_match("192.0.2.3")))
    assert [table.find(f"192.0.2.{last}") for last in (1, 2, 3)] == [None, "peer", "peer"]


def test_remembered_answers_are_bounded() -> None:
    table = index(wide="10.0.0.0/8")
    for number in range(MAX_REMEMBERED + 10):
        table.find(f"10.0.{number >> 8}.{number & 255}")
    assert len(table._remembered) <= MAX_REMEMBERED
