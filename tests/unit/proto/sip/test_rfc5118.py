"""The messages of RFC 5118 (SIP with IPv6) under the numbers of its sections, parsed and answered by an endpoint.

The requests are those of the RFC in what matters: the addresses. Where it leaves a choice, the docstring says which is taken.
"""

from __future__ import annotations

import pytest

from globstar.proto.sdp import parse as parse_sdp
from globstar.proto.sip.errors import SipParseError
from globstar.proto.sip.flow import Transport
from globstar.proto.sip.message import Request
from globstar.proto.sip.parser import parse
from globstar.proto.sip.settings import SipSettings
from globstar.proto.sip.transaction import ServerTransaction
from tests.unit.proto.sip.ladder import Ladder, wire

UDP6 = Transport("UDP", "2001:db8::10", 5060)
SOURCE = ("2001:db8::9:1", 5060)
VIA = "SIP/2.0/UDP [2001:db8::9:1];branch=z9hG4bKas3-111"
CONTACT = '"Caller" <sip:caller@[2001:db8::1]>'


def message(uri: str, *, method: str = "REGISTER", via: str = VIA, contact: str = CONTACT, body: str = "") -> bytes:
    kind = "Content-Type: application/sdp\n" if body else ""
    raw = wire(body)
    return (
        wire(
            f"{method} {uri} SIP/2.0\nTo: sip:user@example.com\nFrom: sip:user@example.com;tag=81x2\nVia: {via}\n"
            f"Call-ID: SSG9559905523997077@hlau_4100\nMax-Forwards: 70\nContact: {contact}\nCSeq: 98176 {method}\n{kind}"
            f"Content-Length: {len(raw)}\n\n"
        )
        + raw
    )


def parsed(data: bytes) -> Request:
    """The message as a request; written out and read again it is the same."""
    request = parse(data)
    assert isinstance(request, Request)
    again = parse(request.to_bytes())
    assert isinstance(again, Request)
    assert str(again.uri) == str(request.uri)
    return request


def received(data: bytes, source: tuple[str, int] = SOURCE) -> tuple[Ladder, ServerTransaction]:
    """The message reaches the handler of an endpoint that listens on an IPv6 address; its answer goes back to ``source``."""
    ladder = Ladder(SipSettings(answer_malformed=True))
    transaction = ladder.receive(data, source, UDP6)
    assert transaction is not None
    transaction.respond(200)
    ladder.expect("SIP/2.0 200 ")
    _, flow, _ = ladder.sent[-1]
    assert flow.host == source[0]
    return ladder, transaction


def test_rfc5118_4_1_ipv6_good() -> None:
    data = message("sip:[2001:db8::10]")
    request = parsed(data)
    assert request.uri.host == "[2001:db8::10]"
    assert request.uri.port is None
    assert request.contacts[0].uri.host == "[2001:db8::1]"
    assert request.via.host == "[2001:db8::9:1]"
    received(data)


def test_rfc5118_4_2_ipv6_bad() -> None:
    """An address without brackets is refused with 400."""
    data = message("sip:2001:db8::10")
    with pytest.raises(SipParseError) as fault:
        parse(data)
    assert fault.value.status == 400
    ladder = Ladder(SipSettings(answer_malformed=True))
    assert ladder.receive(data, SOURCE, UDP6) is None
    ladder.expect("SIP/2.0 400 ")


def test_rfc5118_4_3_port_ambiguous() -> None:
    """5070 is a part of the address: there is no port."""
    data = message("sip:[2001:db8::10:5070]")
    request = parsed(data)
    assert request.uri.host == "[2001:db8::10:5070]"
    assert request.uri.port is None
    received(data)


def test_rfc5118_4_4_port_unambiguous() -> None:
    data = message("sip:[2001:db8::10]:5070")
    request = parsed(data)
    assert request.uri.host == "[2001:db8::10]"
    assert request.uri.port == 5070
    received(data)


@pytest.mark.parametrize("value", ["[2001:db8::9:255]", "2001:db8::9:255"], ids=["with delimiters", "without"])
def test_rfc5118_4_5_via_received_param(value: str) -> None:
    """With brackets and without (as RFC 3261 has it) it is the same address."""
    data = message("sip:[2001:db8::10]", via=f"SIP/2.0/UDP [2001:db8::9:1];received={value};branch=z9hG4bKas3-111")
    request = parsed(data)
    assert request.via.host == "[2001:db8::9:1]"
    assert (request.via.params.get("received") or "").strip("[]") == "2001:db8::9:255"
    assert request.via.branch == "z9hG4bKas3-111"
    received(data)


def test_rfc5118_4_5_our_received_parameter_tells_the_address() -> None:
    ladder, _ = received(message("sip:[2001:db8::10]", via="SIP/2.0/UDP [2001:db8::7];branch=z9hG4bKas3-112;rport"))
    answer = parse(ladder.sent[-1][2])
    assert (answer.via.params.get("received") or "").strip("[]") == SOURCE[0]
    assert answer.via.params.get("rport") == str(SOURCE[1])


IPV6_SDP = """v=0
o=assistant 971731711378798081 0 IN IP6 2001:db8::20
s=Live video feed for today's meeting
c=IN IP6 2001:db8::20
t=3338481189 3370017201
m=audio 6000 RTP/AVP 2
a=rtpmap:2 G726-32/8000
m=video 6024 RTP/AVP 107
a=rtpmap:107 H263-1998/90000
"""


def test_rfc5118_4_6_ipv6_in_sdp() -> None:
    data = message("sip:user@[2001:db8::10]", method="INVITE", body=IPV6_SDP)
    request = parsed(data)
    description = parse_sdp(request.body)
    assert description.connection is not None
    assert description.connection.address == "2001:db8::20"
    assert [stream.port for stream in description.media] == [6000, 6024]
    received(data)


def test_rfc5118_4_7_mult_ip_in_header() -> None:
    via = (
        "SIP/2.0/UDP [2001:db8::9:1]:6050;branch=z9hG4bKas3-111\n"
        "Via: SIP/2.0/UDP 192.0.2.1;branch=z9hG4bKjhja8781hjuaij65144\n"
        "Via: SIP/2.0/TCP [2001:db8::9:255];branch=z9hG4bK451jj;received=192.0.2.200"
    )
    data = message("sip:user@host.example.net", method="BYE", via=via)
    request = parsed(data)
    assert [via.host for via in request.vias] == ["[2001:db8::9:1]", "192.0.2.1", "[2001:db8::9:255]"]
    assert request.via.port == 6050
    ladder, _ = received(data)
    answer = parse(ladder.sent[-1][2])
    assert [via.host for via in answer.vias] == [via.host for via in request.vias]


MIXED_SDP = """v=0
o=bob 280744730 28977631 IN IP4 host.example.com
s=
t=0 0
m=audio 22334 RTP/AVP 0
c=IN IP4 192.0.2.1
m=video 6024 RTP/AVP 107
c=IN IP6 2001:db8::1
a=rtpmap:107 H263-1998/90000
"""


def test_rfc5118_4_8_mult_ip_in_sdp() -> None:
    data = message("sip:user@[2001:db8::10]", method="INVITE", body=MIXED_SDP)
    description = parse_sdp(parsed(data).body)
    addresses = [stream.connections[0].address for stream in description.media]
    assert addresses == ["192.0.2.1", "2001:db8::1"]
    received(data)


def test_rfc5118_4_9_ipv4_mapped_ipv6() -> None:
    body = IPV6_SDP.replace("2001:db8::20", "::ffff:192.0.2.1")
    data = message(
        "sip:user@example.com",
        method="INVITE",
        via="SIP/2.0/UDP [::ffff:192.0.2.10]:19823;branch=z9hG4bKbh19",
        contact='"T. desk phone" <sip:ted@[::ffff:192.0.2.2]>',
        body=body,
    )
    request = parsed(data)
    assert request.via.host == "[::ffff:192.0.2.10]"
    assert request.via.port == 19823
    assert request.contacts[0].uri.host == "[::ffff:192.0.2.2]"
    assert parse_sdp(request.body).connection is not None
    received(data, ("::ffff:192.0.2.10", 19823))


def test_rfc5118_4_10_ipv6_bug_abnf_3_colons() -> None:
    """Three colons, which the grammar of RFC 3261 allows by mistake, are accepted and kept; never sent by us."""
    data = message("sip:user@[2001:db8:::192.0.2.1]", method="OPTIONS")
    assert parsed(data).uri.host == "[2001:db8:::192.0.2.1]"
    received(data)


def test_rfc5118_4_10_the_address_as_it_was_meant() -> None:
    request = parsed(message("sip:user@[2001:db8::192.0.2.1]", method="OPTIONS"))
    assert request.uri.host == "[2001:db8::192.0.2.1]"
    received(message("sip:user@[2001:db8::192.0.2.1]", method="OPTIONS"))
