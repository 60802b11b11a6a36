"""Which addresses of the machine are candidates."""

from __future__ import annotations

import ipaddress

from globstar.media.hosts import FRESH, MAX_HOSTS, HostRule, LocalHosts, interface_addresses

LAN, VPN, SIX = "192.168.1.10", "10.8.0.1", "2001:db8::1"


def hosts(*rules: HostRule, denied: str = "") -> LocalHosts:
    return LocalHosts(rules, lambda host: host != denied, lambda: (LAN, VPN, SIX))


def test_a_bound_socket_has_one_address() -> None:
    assert hosts().of(LAN, LAN) == [LAN]
    assert hosts().of(LAN, "203.0.113.9") == ["203.0.113.9"]


def test_an_unbound_socket_has_all_of_its_family_that_of_sdp_first() -> None:
    assert hosts().of("0.0.0.0", VPN) == [VPN, LAN]
    assert hosts().of("::", SIX) == [SIX]


def test_asterisk_ice_acl_and_host_candidates() -> None:
    assert hosts(denied=VPN).of("0.0.0.0", LAN) == [LAN]
    assert hosts(HostRule(LAN, "203.0.113.9")).of("0.0.0.0", LAN) == ["203.0.113.9", VPN]
    assert hosts(HostRule(LAN, "203.0.113.9", keeps_local=True)).of(LAN, LAN) == ["203.0.113.9", LAN]


def test_addresses_are_bounded_and_looked_at_now_and_then() -> None:
    now, looks = 0.0, 0

    def look() -> list[str]:
        nonlocal looks
        looks += 1
        return [f"10.0.0.{number}" for number in range(99)]

    many = LocalHosts((), lambda host: True, look, lambda: now)
    assert len(many.of("0.0.0.0", LAN)) == MAX_HOSTS
    many.of("0.0.0.0", LAN)
    now = FRESH
    many.of("0.0.0.0", LAN)
    assert looks == 2


def test_the_interfaces_of_this_machine() -> None:
    assert not any(ipaddress.ip_address(host).is_loopback for host in interface_addresses())
