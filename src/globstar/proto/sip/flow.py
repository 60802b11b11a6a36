"""Where a message came from and where it goes: transports and flows."""

from __future__ import annotations

from collections.abc import Callable, Hashable
from dataclasses import dataclass
from typing import NamedTuple

from globstar.proto.sip.grammar import NO_PARAMS, Params
from globstar.proto.sip.uri import SipUri

DEFAULT_PORTS = {"UDP": 5060, "TCP": 5060, "TLS": 5061, "WS": 80, "WSS": 443}


def bracket(host: str) -> str:
    """Return ``host`` as it is written in a URI or Via: IPv6 in square brackets (RFC 3261 25.1)."""
    return f"[{host}]" if ":" in host and not host.startswith("[") else host


@dataclass(slots=True, eq=False)
class Transport:
    """One listening transport. It lives as long as its socket and is compared by identity.

    ``name`` is the Via transport (UDP, TCP, TLS, WS, WSS). ``host`` and ``port`` are the address put in Via and
    Contact. ``advertise`` (optional) maps the remote host to the address to show it instead, which is how
    local_net and external_signaling_address are done. ``label`` is the configuration's name of the transport.
    """

    name: str
    host: str
    port: int
    reliable: bool = False
    secure: bool = False
    advertise: Callable[[str], tuple[str, int]] | None = None
    label: str = ""
    _sent_by: str = ""

    def __post_init__(self) -> None:
        self._sent_by = f"{bracket(self.host)}:{self.port}"

    def address_for(self, remote_host: str) -> tuple[str, int]:
        """Return the (host, port) that ``remote_host`` shall use to reach us."""
        return self.advertise(remote_host) if self.advertise is not None else (self.host, self.port)

    def sent_by(self, remote_host: str) -> str:
        """Return the sent-by of our Via towards ``remote_host`` (RFC 3261 18.1.1)."""
        if self.advertise is None:
            return self._sent_by
        host, port = self.advertise(remote_host)
        return f"{bracket(host)}:{port}"

    def contact_uri(self, user: str | None, remote_host: str) -> SipUri:
        """Return the URI for our Contact towards ``remote_host``; other transports than UDP are named in it."""
        host, port = self.address_for(remote_host)
        params = NO_PARAMS if self.name == "UDP" else Params([("transport", self.name)])
        return SipUri("sip", user, None, bracket(host), port, params)


class Flow(NamedTuple):
    """A transport and the far end on it. ``connection`` is the driver's opaque key of a TCP, TLS or WS connection.

    ``host`` of an outgoing flow may be a name: with a ``Lookup`` as its connection it is resolved before a transaction starts.
    ``name`` is the domain that an address was found by; whoever answers there with TLS must prove to be that.
    """

    transport: Transport
    host: str
    port: int
    connection: Hashable = None
    name: str = ""
