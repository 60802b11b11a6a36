"""How endpoints are recognised."""

from __future__ import annotations

import pytest

from globstar.config import MemorySource, read_config
from globstar.config.options import Report
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
match_header=X-Customer: /^4[0-9]$/
[other.example]
type=domain_alias
domain=example.com
"""
UDP = Transport("UDP", "127.0.0.1", 5060)


def identifier(extra: str = "", order: str = "username,ip,auth_username") -> Identifier:
    text = f"{OBJECTS}{extra}[global]\ntype=global\nendpoint_identifier_order={order}\n"
    return Identifier(read_settings(read_config("pjsip.conf", MemorySource({"pjsip.conf": text})), Report()))


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
    import ipaddress

    ways.resolved["pbx.example.com"] = [ipaddress.ip_address("203.0.113.9")]
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
