"""Host candidates: the addresses of this machine at which a stream can be reached, and what is shown instead of them."""

from __future__ import annotations

import ipaddress
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass

import ifaddr

#: Addresses of one stream; more are left out.
MAX_HOSTS = 16
#: Seconds for which the addresses of the interfaces are taken for known.
FRESH = 10.0


@dataclass(frozen=True, slots=True)
class HostRule:
    """A line of ``[ice_host_candidates]``: show ``advertised`` instead of ``local``, or besides it."""

    local: str
    advertised: str
    keeps_local: bool = False


def interface_addresses() -> tuple[str, ...]:
    """The addresses of all interfaces but loopback ones and those of a link (fe80::)."""
    found: list[str] = []
    for adapter in ifaddr.get_adapters():
        for one in adapter.ips:
            host = one.ip if isinstance(one.ip, str) else one.ip[0]
            address = ipaddress.ip_address(host)
            if not (address.is_loopback or address.is_link_local or address.is_unspecified):
                found.append(str(address))
    return tuple(dict.fromkeys(found))


class LocalHosts:
    """Which addresses are candidates. ``allows`` is ice_acl; ``interfaces`` gives those of the machine."""

    def __init__(
        self,
        rules: Sequence[HostRule] = (),
        allows: Callable[[str], bool] = lambda host: True,
        interfaces: Callable[[], Sequence[str]] = interface_addresses,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._rules = {rule.local: rule for rule in rules}
        self._allows = allows
        self._interfaces = interfaces
        self._clock = clock
        self._known: Sequence[str] = ()
        self._known_until = float("-inf")

    def _addresses(self) -> Sequence[str]:
        now = self._clock()
        if now >= self._known_until:
            self._known, self._known_until = self._interfaces(), now + FRESH
        return self._known

    def of(self, bound: str, shown: str) -> list[str]:
        """The hosts of a socket: the one of our SDP first, then all others if it is ``bound`` to none."""
        hosts = [shown]
        if bound in ("0.0.0.0", "::"):
            version = 4 if bound == "0.0.0.0" else 6
            hosts += [host for host in self._addresses() if ipaddress.ip_address(host).version == version]
        found: list[str] = []
        for host in dict.fromkeys(hosts):
            if not self._allows(host):
                continue
            rule = self._rules.get(host)
            if rule is None:
                found.append(host)
            else:
                found += [rule.advertised, host] if rule.keeps_local else [rule.advertised]
        return list(dict.fromkeys(found))[:MAX_HOSTS]
