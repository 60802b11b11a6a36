"""Three network namespaces: a provider with a public address, an office behind address translation, the translator between."""

from __future__ import annotations

import secrets
import subprocess
from typing import Self

from tests.interop.support.programs import require, require_namespaces

PROVIDER, GATE, OFFICE, INSIDE = "198.51.100.2", "198.51.100.1", "10.77.0.2", "10.77.0.1"
"""Public addresses of the provider and of the translator; private ones of the office and of the translator."""


class NatNetwork:
    """Made on entry, removed on exit. ``provider`` and ``office`` are prefixes of commands that run there.

    The translator forgets a UDP mapping after ``memory`` seconds without a packet from inside or outside.
    """

    def __init__(self, memory: int = 8) -> None:
        require_namespaces()
        self.memory = memory
        self._ip, self._nft = require("ip"), require("nft")
        mark = secrets.token_hex(4)  # what a run that was killed has left behind has other names
        self.names = {role: f"globstar-{role}-{mark}" for role in ("provider", "gate", "office")}
        self.provider = (self._ip, "netns", "exec", self.names["provider"])
        self.office = (self._ip, "netns", "exec", self.names["office"])

    def _run(self, *command: str, inside: str = "") -> None:
        prefix = (self._ip, "netns", "exec", self.names[inside]) if inside else ()
        done = subprocess.run([*prefix, *command], capture_output=True, text=True, check=False)
        assert done.returncode == 0, f"{command}: {done.stderr}"

    def _wire(self, outer: str, outer_address: str, inner: str, inner_address: str) -> None:
        """One cable between two namespaces; both ends are called ``eth-`` and the other side's name."""
        ends = (f"eth-{inner}", f"eth-{outer}")
        self._run(
            self._ip, "link", "add", ends[0], "netns", self.names[outer], "type", "veth", "peer", "name", ends[1], "netns",
            self.names[inner],
        )  # fmt: skip
        for role, device, address in ((outer, ends[0], outer_address), (inner, ends[1], inner_address)):
            self._run(self._ip, "address", "add", f"{address}/24", "dev", device, inside=role)
            self._run(self._ip, "link", "set", device, "up", inside=role)

    def __enter__(self) -> Self:
        try:
            for role, name in self.names.items():
                self._run(self._ip, "netns", "add", name)
                self._run(self._ip, "link", "set", "lo", "up", inside=role)
            self._wire("provider", PROVIDER, "gate", GATE)
            self._wire("gate", INSIDE, "office", OFFICE)
            self._run(self._ip, "route", "add", "default", "via", INSIDE, inside="office")
            self._run("sysctl", "-q", "-w", "net.ipv4.ip_forward=1", inside="gate")
            rules = (
                "add table ip nat; add chain ip nat out { type nat hook postrouting priority 100 ; }; "
                "add rule ip nat out oifname eth-provider masquerade random"
            )
            self._run(self._nft, rules, inside="gate")
            for kind in ("udp_timeout", "udp_timeout_stream"):
                self._run("sysctl", "-q", "-w", f"net.netfilter.nf_conntrack_{kind}={self.memory}", inside="gate")
        except BaseException:
            self.__exit__()
            raise
        return self

    def __exit__(self, *_: object) -> None:
        for name in self.names.values():
            subprocess.run([self._ip, "netns", "delete", name], capture_output=True, check=False)
