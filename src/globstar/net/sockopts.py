"""Options of sockets that all transports share: priority in the network, and probes of silent connections."""

from __future__ import annotations

import socket
from dataclasses import dataclass

from globstar.net.flow import Address


@dataclass(frozen=True, slots=True)
class SocketOptions:
    """``tos`` is the whole byte of the IP header (DSCP times 4), ``cos`` the priority of frames (802.1p, 0 to 7).

    ``keepalive`` makes the kernel probe silent TCP connections: after ``keepalive_idle`` seconds, every ``keepalive_interval``
    seconds, and end them when ``keepalive_count`` probes stay unanswered. A number that is 0 leaves the kernel's own.
    """

    tos: int = 0
    cos: int = 0
    keepalive: bool = False
    keepalive_idle: int = 0
    keepalive_interval: int = 0
    keepalive_count: int = 0

    def apply(self, bare: socket.socket) -> None:
        """Set them on a socket; raises OSError where the kernel refuses."""
        if self.tos:
            if bare.family == socket.AF_INET6:
                bare.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_TCLASS, self.tos)
            else:
                bare.setsockopt(socket.IPPROTO_IP, socket.IP_TOS, self.tos)
        if self.cos:
            bare.setsockopt(socket.SOL_SOCKET, socket.SO_PRIORITY, self.cos)
        if bare.type == socket.SOCK_STREAM:
            bare.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            if self.keepalive:
                bare.setsockopt(socket.SOL_SOCKET, socket.SO_KEEPALIVE, 1)
                for option, value in (
                    (socket.TCP_KEEPIDLE, self.keepalive_idle),
                    (socket.TCP_KEEPINTVL, self.keepalive_interval),
                    (socket.TCP_KEEPCNT, self.keepalive_count),
                ):
                    if value:
                        bare.setsockopt(socket.IPPROTO_TCP, option, value)


def bound_socket(kind: socket.SocketKind, address: Address, options: SocketOptions) -> socket.socket:
    """A non-blocking socket bound to a numeric address, with its options; an IPv6 socket takes IPv6 only.

    Raises:
        OSError: the address is taken or not ours.
    """
    family = socket.AF_INET6 if ":" in address[0] else socket.AF_INET
    bare = socket.socket(family, kind | socket.SOCK_NONBLOCK)
    try:
        if family == socket.AF_INET6:
            bare.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY, 1)
        if kind == socket.SOCK_STREAM:
            bare.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        options.apply(bare)
        bare.bind(address)
    except OSError:
        bare.close()
        raise
    return bare
