"""How endpoints are recognised."""

from __future__ import annotations

import cProfile

import pytest

from globstar.config import MemorySource, read_config
from globstar.config.options import Report
from globstar.modules.channels.pjsip.addresses import read_match
from globstar.modules.channels.pjsip.endpoint import EndpointObject
from globstar.modules.channels.pjsip.identify import MAX_SOURCES, Identifier, UnidentifiedRequests
from globstar.modules.channels.pjsip.settings import read_settings
from globstar.proto.sip.flow import Flow, Transport
from globstar.proto.sip.message import Request
from globstar.proto.sip.parser import parse

OBJECTS = """\
[alice]
type=endpoint
allow=ulaw
[bob@example.com]
type=endpoint
allow=ulaw
[peer]
type=endpoint
allow=ulaw
identify_by=ip
[hidden]
type=endpoint
allow=ulaw
identify_by=auth_username
auth=hidden
[hidden]
type=auth
username=Secret-Agent
[marked]
type=endpoint
allow=ulaw
identify_by=header
[peer-id]
type=identify
endpoint=peer
match=192.0.2.0/24,2001:db8::1,pbx.example.com
[marked-id]
type=identify
endpoint=marked
match_header=X-Customer: /^4[[:digit:]]$/
[other.example]
type=domain_alias
domain=example.com
"""
UDP = Transport("UDP", "127.0.0.1", 5060)


def identifier(extra: str = "", order: str = "username,ip,auth_username") -> Identifier:
    text = f"{OBJECTS}{extra}[global]\ntype=global\nendpoint_identifier_order={order}\n"
    return Identifier(read_settings(read_config("pjsip.conf", MemorySource({"pjsip.conf": text})), Report()))


def endpoints(ways: Identifier) -> dict[str, EndpointObject]:
    return ways._endpoints


def request(from_: str, extra: str = "") -> Request:
    found = parse(
        f"REGISTER sip:x SIP/2.0\r\nVia: SIP/2.0/UDP 1.2.3.4;branch=z9hG4bK1\r\nFrom: <{from_}>;tag=1\r\nTo: <sip:x>\r\n"
        f"Call-ID: 1\r\nCSeq: 1 REGISTER\r\n{extra}Content-Length: 0\r\n\r\n".encode()
    )
    assert isinstance(found, Request)
    return found


@pytest.mark.parametrize(
    ("from_", "source", "extra", "endpoint"),
    [
        ("sip:alice@anywhere", "203.0.113.1", "", "alice"),
        ("sip:Alice@anywhere", "203.0.113.1", "", None),
        ("sip:bob@example.com", "203.0.113.1", "", "bob@example.com"),
        ("sip:bob@other.example", "203.0.113.1", "", "bob@example.com"),
        ("sip:bob@elsewhere", "203.0.113.1", "", None),
        ("sip:peer@anywhere", "203.0.113.1", "", None),
        ("sip:unknown@anywhere", "192.0.2.77", "", "peer"),
        ("sip:alice@anywhere", "192.0.2.77", "", "alice"),
        ("sip:x@anywhere", "2001:db8::1", "", "peer"),
        ("sip:x@anywhere", "203.0.113.9", "", "peer"),
        ("sip:x@anywhere", "203.0.113.1", "X-Customer: 42\r\n", "marked"),
        ("sip:x@anywhere", "203.0.113.1", "X-Customer: 421\r\n", None),
        ("sip:x@a", "203.0.113.1", ('Authorization: Digest username="secret-agent", realm="r", nonce="n", uri="sip:x",'
         ' response="0"\r\n'), "hidden"),
        ("sip:x@a", "203.0.113.1", "Authorization: Digest garbage\r\n", None),
        ("sip:127.0.0.1", "203.0.113.1", "", None),
        ("tel:+49301234", "203.0.113.1", "", None),
    ],
)  # fmt: skip
def test_who_it_is(from_: str, source: str, extra: str, endpoint: str | None) -> None:
    ways = identifier()
    ways.addresses.put("peer-id/pbx.example.com", endpoints(ways)["peer"], (read_match("203.0.113.9"),))
    found = ways.identify(request(from_, extra), Flow(UDP, source, 5060))
    assert (found.name if found is not None else None) == endpoint


def test_order_decides() -> None:
    found = identifier(order="ip,username").identify(request("sip:alice@x"), Flow(UDP, "192.0.2.1", 5060))
    assert found is not None
    assert found.name == "peer"


def test_anonymous() -> None:
    ways = identifier("[anonymous]\ntype=endpoint\nallow=ulaw\n[anonymous@example.com]\ntype=endpoint\nallow=ulaw\n",
                      "username,ip,anonymous")  # fmt: skip
    for host, name in (("nowhere", "anonymous"), ("example.com", "anonymous@example.com")):
        found = ways.identify(request(f"sip:who@{host}"), Flow(UDP, "203.0.113.1", 5060))
        assert found is not None
        assert found.name == name


@pytest.mark.parametrize(
    ("pattern", "uri", "is_match"),
    [
        ("sip:x", "sip:x", True),
        ("sip:x;line=1", "sip:x", False),
        ("/^sip:x$/", "sip:x", True),
        ("/line=7/", "sip:x", False),
        ("/[/", "sip:x", False),
    ],
)
def test_request_uri(pattern: str, uri: str, is_match: bool) -> None:
    text = (
        f"[trunk]\ntype=endpoint\nallow=ulaw\nidentify_by=request_uri\n[t]\ntype=identify\nendpoint=trunk\n"
        f"match_request_uri={pattern.replace(';', chr(92) + ';')}\n"
    )
    found = identifier(text).identify(request("sip:nobody@x"), Flow(UDP, "203.0.113.1", 5060))
    assert (found is not None) == is_match


def test_exact_header_values() -> None:
    text = (
        "[a]\ntype=endpoint\nallow=ulaw\nidentify_by=header\n[a]\ntype=identify\nendpoint=a\nmatch_header=X-Id: one\n"
        "[b]\ntype=endpoint\nallow=ulaw\nidentify_by=header\n[b]\ntype=identify\nendpoint=b\nmatch_header=X-Id: two\n"
    )
    ways = identifier(text)
    for value, name in (("one", "a"), ("two", "b"), ("onetwo", None)):
        found = ways.identify(request("sip:nobody@x", f"X-Id: {value}\r\n"), Flow(UDP, "203.0.113.1", 5060))
        assert (found.name if found is not None else None) == name


def test_ways_that_the_order_leaves_out_come_after_the_others() -> None:
    ways = identifier(order="username")
    assert ways.order == ["username", "ip", "header", "request_uri", "auth_username", "anonymous"]
    found = ways.identify(request("sip:x@y", "X-Customer: 42\r\n"), Flow(UDP, "192.0.2.1", 5060))
    assert found is not None
    assert found.name == "peer"


def test_ways_without_a_name_come_first() -> None:
    ways = identifier()
    marked = endpoints(ways)["marked"]
    ways.set_unnamed([lambda request, flow: marked if request.has("X-Line") else None])
    for extra, name in (("X-Line: 1\r\n", "marked"), ("", "alice")):
        found = ways.identify(request("sip:alice@x", extra), Flow(UDP, "203.0.113.1", 5060))
        assert found is not None
        assert found.name == name


def test_disable_multi_domain_ignores_domains() -> None:
    text = "[bob]\ntype=endpoint\nallow=ulaw\n"
    for extra, name in (("", "bob@example.com"), ("disable_multi_domain=yes\n", "bob")):
        found = identifier(text, f"username\n{extra}").identify(request("sip:bob@example.com"), Flow(UDP, "203.0.113.1", 5060))
        assert found is not None
        assert found.name == name


def test_the_cost_is_flat_with_thousands_of_objects() -> None:
    """Work is counted in calls that the profiler sees, not in time."""

    def calls(count: int) -> int:
        text = "".join(
            f"[t{n}]\ntype=endpoint\nallow=ulaw\nidentify_by=ip,header\n[t{n}]\ntype=identify\nendpoint=t{n}\n"
            f"match=10.{n >> 8}.{n & 255}.0/24\nmatch_header=X-Id: {n}\n"
            for n in range(count)
        )
        ways, asked = identifier(text), request("sip:nobody@x", "X-Id: none\r\n")
        ways.identify(asked, Flow(UDP, "203.0.113.1", 5060))
        profile = cProfile.Profile()
        profile.enable()
        assert ways.identify(asked, Flow(UDP, "203.0.113.2", 5060)) is None
        profile.disable()
        return sum(entry.callcount for entry in profile.getstats())

    assert calls(2000) == calls(20)


def test_counting_strangers_is_bounded() -> None:
    counts = UnidentifiedRequests()
    assert [counts.count("a", now, 5, 3) for now in (0, 1, 2, 3)] == [False, False, True, False]
    assert not counts.count("a", 6, 5, 3), "a new period"
    for number in range(MAX_SOURCES + 100):
        counts.count(f"host{number}", 7, 5, 3)
    assert len(counts) <= MAX_SOURCES
    counts.prune(100, 30)
    assert len(counts) == 0
    assert counts.total == MAX_SOURCES + 105
