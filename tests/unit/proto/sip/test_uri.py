"""RFC 3261 19.1 and RFC 3966: parsing, escaping, comparison of URIs."""

from __future__ import annotations

import pytest

from globstar.proto.sip.errors import SipParseError
from globstar.proto.sip.grammar import Params
from globstar.proto.sip.uri import SipUri, unescape

GOOD = [
    "sip:alice@atlanta.com",
    "sip:alice:secretword@atlanta.com;transport=tcp",
    "sips:alice@atlanta.com?subject=project%20x&priority=urgent",
    "sip:+1-212-555-1212:1234@gateway.com;user=phone",
    "sips:1212@gateway.com",
    "sip:alice@192.0.2.4",
    "sip:atlanta.com;method=REGISTER?to=alice%40atlanta.com",
    "sip:alice;day=tuesday@atlanta.com",
    "sip:[2001:db8::1]:5061;lr",
    "sip:bob@[fe80::1%25eth0]",
    "tel:+1-201-555-0123;phone-context=example.com",
    "urn:service:sos",
    "http://www.example.com/a?b=c",
    "sip:@host",
]


@pytest.mark.parametrize("text", GOOD)
def test_round_trip(text: str) -> None:
    uri = SipUri.parse(text)
    assert SipUri.parse(str(uri)) == uri


@pytest.mark.parametrize("text", [uri for uri in GOOD if "%25" not in uri])
def test_written_as_read(text: str) -> None:
    assert str(SipUri.parse(text)) == text


@pytest.mark.parametrize(
    "text",
    [
        "", "alice", "sip:", ":x", "sip:alice@", "sip:a b@host", "sip:<a>@host", "sip:host:port", "sip:host:70000",
        "sip:a:b:c", "sip:::1", "sip:host;;a", "sip:[::1", "sip:ho]st", "tel:", "1sip:x", "sip:\x00@h", 'sip:"a"@h',
        "sip:a@b@", "sip:host:-1", "sip:host:١",
    ],
)  # fmt: skip
def test_refused(text: str) -> None:
    with pytest.raises(SipParseError):
        SipUri.parse(text)


def test_parts() -> None:
    uri = SipUri.parse("SIP:alice:pw@Example.COM:5070;Transport=tcp;lr?Subject=a%20b&X")
    assert (uri.scheme, uri.user, uri.password, uri.host, uri.port) == ("sip", "alice", "pw", "Example.COM", 5070)
    assert uri.transport == "TCP"
    assert uri.params == Params([("transport", "tcp"), ("lr", None)])
    assert uri.headers == (("Subject", "a b"), ("X", ""))
    assert uri.host_port == "Example.COM:5070"
    assert SipUri.parse("sip:[::1]:5060").bare_host == "::1"


def test_raw_at_sign_in_embedded_header() -> None:
    """Phones put an unescaped Call-ID into the Replaces of a Refer-To."""
    uri = SipUri.parse("sip:bob@host?Replaces=abc@1.2.3.4%3Bto-tag%3D1%3Bfrom-tag%3D2")
    assert (uri.user, uri.host) == ("bob", "host")
    assert uri.headers == (("Replaces", "abc@1.2.3.4;to-tag=1;from-tag=2"),)


def test_asterisk_user_is_decoded_and_encoded_again() -> None:
    """sip:1%30%30@ is extension 100; # is written %23."""
    assert str(SipUri.parse("sip:1%30%30@h")) == "sip:100@h"
    assert str(SipUri.parse("sip:#1@h")) == "sip:%231@h"
    assert str(SipUri.parse("sip:a%20b@h")) == "sip:a%20b@h"
    assert SipUri.parse("sip:100;foo=bar@h").user == "100;foo=bar"


def test_bytes_that_are_no_utf8_survive() -> None:
    uri = SipUri.parse("sip:%ff%C3%BC@h")
    assert uri.user == "\udcff\u00fc"
    assert str(uri) == "sip:%FF%C3%BC@h"
    assert unescape("100%") == "100%"


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("sip:%61lice@atlanta.com;transport=TCP", "sip:alice@AtLanTa.CoM;Transport=tcp"),
        ("sip:carol@chicago.com", "sip:carol@chicago.com;newparam=5"),
        ("sip:carol@chicago.com;security=on", "sip:carol@chicago.com;newparam=5"),
        ("sip:alice@a.com?b=1&c=2", "sip:alice@a.com?c=2&b=1"),
    ],
)
def test_rfc3261_19_1_4_equivalent(one: str, other: str) -> None:
    assert SipUri.parse(one).is_equivalent(SipUri.parse(other))
    assert SipUri.parse(other).is_equivalent(SipUri.parse(one))


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("SIP:ALICE@AtLanTa.CoM;Transport=udp", "sip:alice@AtLanTa.CoM;Transport=UDP"),
        ("sip:bob@biloxi.com", "sip:bob@biloxi.com:5060"),
        ("sip:bob@biloxi.com", "sip:bob@biloxi.com;transport=udp"),
        ("sip:bob@biloxi.com", "sip:bob@biloxi.com:6000;transport=tcp"),
        ("sip:carol@chicago.com", "sip:carol@chicago.com?Subject=next%20meeting"),
        ("sip:bob@phone21.boxesbybob.com", "sip:bob@192.0.2.4"),
        ("sip:carol@chicago.com;security=on", "sip:carol@chicago.com;security=off"),
        ("sip:a@b", "sips:a@b"),
    ],
)
def test_rfc3261_19_1_4_not_equivalent(one: str, other: str) -> None:
    assert not SipUri.parse(one).is_equivalent(SipUri.parse(other))
    assert not SipUri.parse(other).is_equivalent(SipUri.parse(one))


def test_rfc3261_19_1_1_forms() -> None:
    uri = SipUri.parse("sip:a@h:5070;transport=tcp;user=phone;lr;maddr=1.2.3.4;method=INVITE?X=1")
    assert str(uri.for_from_to()) == "sip:a@h;user=phone"
    assert str(uri.for_request_line()) == "sip:a@h:5070;transport=tcp;user=phone;lr;maddr=1.2.3.4"
    plain = SipUri.parse("sip:a@h")
    assert plain.for_from_to() is plain
    assert plain.for_request_line() is plain


def test_equal_short_texts_share_one_object() -> None:
    assert SipUri.parse("sip:shared@h") is SipUri.parse("sip:shared@h")
    long = "sip:" + "x" * 300 + "@h"
    assert SipUri.parse(long) == SipUri.parse(long)


def test_last_at_sign_ends_a_user_that_holds_a_question_mark() -> None:
    uri = SipUri.parse("sip:a?b@c;d@host?x=y@z")
    assert (uri.user, uri.host, uri.headers) == ("a?b@c;d", "host", (("x", "y@z"),))
    assert SipUri.parse(str(uri)) == uri


def test_rfc3261_25_1_an_address_of_ipv6_is_written_in_brackets() -> None:
    """However it came to be the host."""
    uri = SipUri("sip", "100", host="2001:db8::1", port=5070)
    assert str(uri) == "sip:100@[2001:db8::1]:5070"
    assert SipUri.parse(str(uri)).host == "[2001:db8::1]"
    assert str(SipUri.parse("sip:[::1];lr")) == "sip:[::1];lr"
