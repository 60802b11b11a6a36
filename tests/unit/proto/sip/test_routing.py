"""RFC 3261 18.2.2: responses after their connection is gone."""

from __future__ import annotations

import pytest

from globstar.proto.sip.flow import Flow, Transport
from globstar.proto.sip.routing import response_target

TCP = Transport("TCP", "192.0.2.1", 5060, reliable=True)


@pytest.mark.parametrize(("via", "port"), [
    ("Via: SIP/2.0/TCP phone.example:5070;rport=40000;received=192.0.2.9", 5070),
    ("v: SIP/2.0/TCP 192.0.2.9;branch=x", 5060),
    ("Via: SIP/2.0/TLS [2001:db8::1];branch=x", 5061),
    ("Via: SIP/2.0/TCP a:5080, SIP/2.0/TCP b:5090", 5080),
    ("Via: nonsense", 40000),
    ("X: y", 40000),
])  # fmt: skip
def test_rfc3261_18_2_2_port_of_sent_by(via: str, port: int) -> None:
    response = f"SIP/2.0 200 OK\r\nX-First: 1\r\n{via}\r\nVia: SIP/2.0/TCP later:1\r\n\r\nVia: body".encode()
    if via.startswith("X"):
        response = response.replace(b"\r\nVia: SIP/2.0/TCP later:1", b"")
    flow = Flow(TCP, "192.0.2.9", 40000, "gone")
    assert response_target(response, flow) == Flow(TCP, "192.0.2.9", port)
