"""Transports and flows."""

from __future__ import annotations

from globstar.proto.sip.flow import Flow, Transport, bracket


def test_addresses_in_via_and_contact() -> None:
    udp = Transport("UDP", "192.0.2.1", 5060)
    assert udp.sent_by("198.51.100.1") == "192.0.2.1:5060"
    assert str(udp.contact_uri("asterisk", "198.51.100.1")) == "sip:asterisk@192.0.2.1:5060"
    tcp = Transport("TCP", "2001:db8::1", 5060, reliable=True)
    assert tcp.sent_by("::1") == "[2001:db8::1]:5060"
    assert str(tcp.contact_uri(None, "::1")) == "sip:[2001:db8::1]:5060;transport=TCP"


def test_external_address_by_destination() -> None:
    def advertise(host: str) -> tuple[str, int]:
        return ("10.0.0.1", 5060) if host.startswith("10.") else ("203.0.113.9", 15060)

    udp = Transport("UDP", "10.0.0.1", 5060, advertise=advertise)
    assert udp.sent_by("10.0.0.9") == "10.0.0.1:5060"
    assert udp.sent_by("198.51.100.1") == "203.0.113.9:15060"
    assert str(udp.contact_uri("a", "198.51.100.1")) == "sip:a@203.0.113.9:15060"


def test_flows_are_values_and_transports_are_not() -> None:
    one, other = Transport("UDP", "h", 1), Transport("UDP", "h", 1)
    assert Flow(one, "a", 1) == Flow(one, "a", 1)
    assert Flow(one, "a", 1) != Flow(other, "a", 1)


def test_bracket() -> None:
    assert bracket("::1") == bracket("[::1]") == "[::1]"
    assert bracket("192.0.2.1") == "192.0.2.1"
