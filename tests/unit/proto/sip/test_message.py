"""Requests and responses as objects."""

from __future__ import annotations

import pytest

from globstar.proto.sip.errors import SipParseError
from globstar.proto.sip.headers import Reason, Replaces
from globstar.proto.sip.message import Request, Response, serialise
from globstar.proto.sip.parser import parse
from globstar.proto.sip.uri import SipUri
from tests.unit.proto.sip.ladder import SDP, request


def a_request() -> Request:
    message = parse(request(body=SDP, extra="X-Custom: 1\nSupported: a, b\nRequire: c\nX-Custom: 2\n"))
    assert isinstance(message, Request)
    return message


def test_raw_access_by_any_spelling() -> None:
    message = a_request()
    for name in ("Call-ID", "call-id", "i", "CALL-ID"):
        assert message.get(name) == "call-1"
    assert message.get("x-custom") == "1"
    assert message.get_all("X-CUSTOM") == ["1", "2"]
    assert message.get_all("v") == ["SIP/2.0/UDP 127.0.0.1:15071;branch=z9hG4bKalice1;rport"]
    assert message.get("Nothing") is None
    assert message.get_all("Nothing") == []
    assert message.has("m")


def test_typed_values_are_kept() -> None:
    message = a_request()
    assert message.cseq is message.cseq
    assert message.via is message.via
    assert message.contacts is message.contacts
    assert message.value("Replaces", Replaces.parse) is None
    assert message.supports("a")
    assert message.supports("c")
    assert not message.supports("x")


def test_changes_are_seen_by_typed_access() -> None:
    message = a_request()
    seen = [message.expires]
    message.add("expires", "60")
    seen.append(message.expires)
    message.set("Expires", "70")
    seen.append(message.expires)
    assert message.remove("Expires") == 1
    seen.append(message.expires)
    assert seen == [None, 60, 70, None]


def test_set_keeps_the_place_and_drops_repetitions() -> None:
    message = a_request()
    before = [name for name, _ in message.headers]
    message.set("x-custom", "3")
    assert message.get_all("X-Custom") == ["3"]
    assert [name for name, _ in message.headers] == before[: before.index("X-Custom") + 1] + [
        name for name in before[before.index("X-Custom") + 1 :] if name != "X-Custom"
    ]
    message.set("Subject", "new")
    assert message.headers[-1] == ("Subject", "new")


def test_bad_value_names_its_header() -> None:
    message = a_request()
    message.set("Contact", "<sip:")
    with pytest.raises(SipParseError) as caught:
        _ = message.contacts
    assert caught.value.header == "Contact"
    assert caught.value.message is message
    message.set("Reason", ";")
    with pytest.raises(SipParseError):
        message.values("Reason", Reason.parse_list)


def test_star_contact() -> None:
    message = a_request()
    message.set("Contact", "*")
    assert message.is_star_contact
    assert message.contacts == ()


def test_asterisk_missing_contact() -> None:
    message = a_request()
    message.remove("Contact")
    with pytest.raises(SipParseError) as caught:
        _ = message.contact
    assert (caught.value.status, caught.value.reason) == (400, "Missing Contact header")


def test_missing_required_header_on_a_built_message() -> None:
    with pytest.raises(SipParseError):
        _ = Request("OPTIONS", SipUri.parse("sip:h")).cseq
    with pytest.raises(SipParseError):
        _ = Response(200, "OK").call_id


def test_round_trip_through_bytes() -> None:
    message = a_request()
    again = parse(message.to_bytes())
    assert isinstance(again, Request)
    assert (again.method, again.uri, again.body) == (message.method, message.uri, message.body)
    assert [pair for pair in again.headers if pair[0] != "Content-Length"] == [
        pair for pair in message.headers if pair[0] != "Content-Length"
    ]


def test_asterisk_content_length_layout() -> None:
    assert serialise("X", [], b"").endswith(b"\r\nContent-Length:  0\r\n\r\n")
    assert b"\r\nContent-Length:   216\r\n\r\n" in serialise("X", [("Content-Length", "1")], b"x" * 216)
    assert b"\r\nContent-Length:     5\r\n\r\n" in serialise("X", [], b"12345")


def test_no_header_can_be_injected() -> None:
    data = serialise("X", [("A", "1\r\nInjected: yes"), ("B", "2\nC: 3"), ("D", "4\rE")], b"body")
    assert data == (b"X\r\nA: 1  Injected: yes\r\nB: 2 C: 3\r\nD: 4 E\r\nContent-Length:     4\r\n\r\nbody")


def test_response_classes() -> None:
    assert Response(183, "x").is_provisional
    assert Response(202, "x").is_success
    assert not Response(302, "x").is_success
    assert "486" in repr(Response(486, "Busy"))


def test_routes_that_are_not_there_are_none_until_they_are_added() -> None:
    data = a_request()
    data.remove("Record-Route")
    data.remove("Route")
    message = parse(data.to_bytes())
    assert (message.record_route, message.route) == ((), ())
    message.add("Record-Route", "<sip:a;lr>")
    message.add("route", "<sip:b;lr>, <sip:c;lr>")
    assert [str(route) for route in message.record_route] == ["<sip:a;lr>"]
    assert [str(route) for route in message.route] == ["<sip:b;lr>", "<sip:c;lr>"]
    message.headers.append(("Route", "<sip:d;lr>"))
    message.headers_changed()
    assert len(message.route) == 3
    message.remove("Route")
    assert message.route == ()
