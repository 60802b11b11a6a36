"""name-addr and addr-spec (RFC 3261 20.10)."""

from __future__ import annotations

import pytest

from globstar.proto.sip.errors import SipParseError
from globstar.proto.sip.grammar import Params
from globstar.proto.sip.headers.address import NameAddr, parse_expires


@pytest.mark.parametrize(
    ("text", "display", "uri", "params"),
    [
        ('"Alice, \\"A\\"" <sip:a@b;x=1>;tag=2', 'Alice, "A"', "sip:a@b;x=1", ";tag=2"),
        ("Alice Smith <sip:a@b>", "Alice Smith", "sip:a@b", ""),
        ("<sip:a@b>", "", "sip:a@b", ""),
        ("sip:a@b;tag=2", "", "sip:a@b", ";tag=2"),
        ("  sip:a@b  ;  tag = 2 ", "", "sip:a@b", ";tag=2"),
        ("alice@home <sip:a@b>", "alice@home", "sip:a@b", ""),
        ("<tel:+123>;x", "", "tel:+123", ";x"),
        ('"" <sip:a@b>', "", "sip:a@b", ""),
    ],
)
def test_parse(text: str, display: str, uri: str, params: str) -> None:
    value = NameAddr.parse(text)
    assert (value.display, str(value.uri), str(value.params)) == (display, uri, params)
    assert NameAddr.parse(str(value)) == value


@pytest.mark.parametrize(
    "text",
    [
        "", "<>", "<sip:a@b", '"a <sip:a@b>', '"a" sip:a@b', "sip:a@b?x=y", "sip:a,b@c", "a;b <sip:a@b>",
        "<sip:a@b> x", '"a" b <sip:a@b>', "Bell, A <sip:a@b>", "*",
    ],
)  # fmt: skip
def test_refused(text: str) -> None:
    with pytest.raises(SipParseError):
        NameAddr.parse(text)


def test_display_is_always_quoted() -> None:
    assert str(NameAddr.parse("Alice <sip:a@b>")) == '"Alice" <sip:a@b>'


def test_list_over_lines() -> None:
    values = NameAddr.parse_list(['"a, b" <sip:1@h>;q=0.5, <sip:2,x@h>', "sip:3@h"])
    assert [value.uri.user for value in values] == ["1", "2,x", "3"]


def test_tags() -> None:
    value = NameAddr.parse("<sip:a@b>;x=1")
    assert value.tag is None
    assert str(value.with_tag("t")) == "<sip:a@b>;x=1;tag=t"
    assert value.with_tag("t").without_tag() == value


def test_from_to_form_drops_the_port() -> None:
    assert str(NameAddr.parse('"A" <sip:a@b:5070;lr>;tag=1').for_from_to()) == '"A" <sip:a@b>;tag=1'


@pytest.mark.parametrize(
    ("text", "expires"), [("", None), (";expires=60", 60), (";expires=x", 3600), (";expires=99999999999", 2**32 - 1)]
)
def test_rfc3261_10_2_1_1_contact_expires(text: str, expires: int | None) -> None:
    assert NameAddr.parse(f"<sip:a@b>{text}").expires == expires


@pytest.mark.parametrize(("text", "q"), [("", 1.0), (";q=0.3", 0.3), (";q=7", 1.0), (";q=x", 1.0), (";q=nan", 1.0)])
def test_contact_q(text: str, q: float) -> None:
    assert NameAddr.parse(f"<sip:a@b>{text}").q == q


def test_expires_header() -> None:
    assert parse_expires(" 3600 ") == 3600
    with pytest.raises(SipParseError):
        parse_expires("4294967296")


def test_params_type() -> None:
    assert isinstance(NameAddr.parse("<sip:a@b>;x").params, Params)
