"""Values of pjsip.conf as text and back."""

from __future__ import annotations

import pytest

from globstar.modules.channels.pjsip.access import AccessRules
from globstar.modules.channels.pjsip.readers import (
    groups,
    host_port,
    networks,
    one_of,
    presentation,
    proxy_routes,
    ranges,
    shown,
    tos,
    tos_value,
    variable,
    yes_no,
)
from globstar.proto.sip.errors import SipParseError


@pytest.mark.parametrize(
    ("text", "host", "port", "again"),
    [
        ("127.0.0.1", "127.0.0.1", 0, "127.0.0.1:0"),
        ("127.0.0.1:5070", "127.0.0.1", 5070, "127.0.0.1:5070"),
        ("[::1]:5070", "::1", 5070, "[::1]:5070"),
        ("[::]", "::", 0, "[::]:0"),
        ("::1", "::1", 0, "[::1]:0"),
    ],
)
def test_addresses_to_bind_to(text: str, host: str, port: int, again: str) -> None:
    found = host_port(text)
    assert (found.host, found.port, str(found)) == (host, port, again)


@pytest.mark.parametrize("text", ["", "here", "127.0.0.1:", "1.2.3.4:70000", "1.2.3.4:x", "1.2.3.400", "[::1"])
def test_no_addresses(text: str) -> None:
    if text == "127.0.0.1:":
        assert host_port(text).port == 0
        return
    if text == "[::1":
        assert host_port(text).host == "::1"
        return
    with pytest.raises(ValueError, match=r"."):
        host_port(text)


def test_groups() -> None:
    assert groups("1,3-5, 63") == {1, 3, 4, 5, 63}
    assert groups("") == frozenset()
    for bad in ("64", "5-3", "a", "1-"):
        with pytest.raises(ValueError, match="group"):
            groups(bad)
    assert ranges(sorted(groups("1,3-5,9"))) == "1, 3-5, 9"
    assert shown(groups("0-63")) == "0-63"


def test_words() -> None:
    read = one_of("rfc4733", "info", rfc2833="rfc4733")
    assert read(" RFC2833 ") == read("rfc4733") == "rfc4733"
    with pytest.raises(ValueError, match="rfc4733, info"):
        read("telegraph")
    assert yes_no("on")
    assert not yes_no("no")
    assert shown(yes_no("yes")) == "yes"
    assert shown(True) == "true"
    with pytest.raises(ValueError, match="yes or no"):
        yes_no("perhaps")
    assert variable("A=b=c") == (("A", "b=c"),)
    with pytest.raises(ValueError, match="NAME=value"):
        variable("A")
    assert presentation("prohib") == 0x23
    with pytest.raises(ValueError, match="expected one of"):
        presentation("hidden")


def test_networks() -> None:
    assert [str(net) for net in networks("10.0.0.1/8, [::1]")] == ["10.0.0.0/8", "::1/128"]
    with pytest.raises(ValueError, match="10"):
        networks("10.0.0.0/99")


def test_the_last_rule_that_fits_decides() -> None:
    rules = AccessRules()
    assert not rules
    assert rules.allows("192.0.2.1")
    rules.add(False, "0.0.0.0/0")
    rules.add(True, "192.0.2.0/24")
    rules.add(False, "192.0.2.66")
    assert rules.allows("192.0.2.1")
    assert not rules.allows("192.0.2.66")
    assert not rules.allows("198.51.100.1")
    assert rules.allows("::1")
    assert not rules.allows("pbx.example.com")
    with pytest.raises(ValueError, match="here"):
        rules.add(True, "here")


@pytest.mark.parametrize(
    ("text", "octet"), [("0", 0), ("ef", 0xB8), ("AF41", 0x88), ("cs3", 0x60), ("af11", 0x28), ("184", 184), ("0xB8", 184)]
)
def test_tos_names_and_numbers(text: str, octet: int) -> None:
    assert tos(text) == text
    assert tos_value(text) == octet


@pytest.mark.parametrize("text", ["", "af44", "cs8", "256", "-1", "high"])
def test_tos_nonsense(text: str) -> None:
    with pytest.raises(ValueError, match="expected a name"):
        tos(text)


@pytest.mark.parametrize(
    ("text", "routes"),
    [
        ("sip:p;lr", ["<sip:p;lr>"]), ("<sip:p;lr>", ["<sip:p;lr>"]), (" sip:p ", ["<sip:p>"]),
        ("sip:p;lr, <sip:q;transport=tcp;lr>", ["<sip:p;lr>", "<sip:q;transport=tcp;lr>"]), ("", []),
    ],
)  # fmt: skip
def test_proxies_are_routes_as_they_are_written(text: str, routes: list[str]) -> None:
    assert [str(route) for route in proxy_routes(text)] == routes


@pytest.mark.parametrize("text", ["proxy", "sip:", "<sip:p"])
def test_a_proxy_that_is_none(text: str) -> None:
    with pytest.raises(SipParseError):
        proxy_routes(text)
