"""The sockets that RTP sessions use: real UDP, or anything with the same shape."""

from __future__ import annotations

import ctypes
import errno
import os
import socket
import struct
from collections.abc import Callable
from functools import partial
from typing import Protocol

from globstar.net.poller import Poller

Address = tuple[str, int]

#: Longest datagram read; longer ones are cut off and fail to parse.
MAX_DATAGRAM = 2048


class MediaSocket(Protocol):
    """What a session needs of a socket. All methods are non-blocking and raise OSError as sockets do."""

    @property
    def address(self) -> Address:
        """The bound address."""

    @property
    def descriptor(self) -> int | None:
        """The kernel's descriptor; None for sockets that are no real ones."""

    def set_reader(self, on_readable: Callable[[float], None]) -> None:
        """Have ``on_readable(now)`` called while there is something to read."""

    def pause_reader(self) -> None:
        """Call nobody until ``set_reader`` is called again."""

    def recvfrom(self, size: int, /) -> tuple[bytes, Address]:
        """One datagram and where it came from."""

    def recv(self, size: int, /) -> bytes:
        """One datagram; for connected sockets."""

    def admit(self, data: bytes, /) -> bytes:
        """What ``recv`` gives for a datagram that somebody else has read; raises OSError where it has nothing for the reader."""

    def sendto(self, data: bytes, address: Address, /) -> int:
        """Send to an address."""

    def send(self, data: bytes, /) -> int:
        """Send to the connected address."""

    def connect(self, address: Address, /) -> None:
        """Talk to this address only; others are filtered out below us."""

    def disconnect(self) -> None:
        """Talk to all addresses again."""

    def close(self) -> None:
        """Give the socket back."""


class SocketFactory(Protocol):
    """Makes sockets; ``UdpSockets`` makes real ones, ``MediaNetwork`` those of tests."""

    def open(self, host: str, port: int, tos: int = 0, cos: int = 0) -> MediaSocket:
        """Bind a socket whose packets carry ``tos`` and the priority ``cos``; OSError (EADDRINUSE) when the port is taken."""


class UdpSocket:
    """A bare UDP socket in a poller; the hot methods are the socket's own."""

    __slots__ = ("_poller", "_socket", "address", "recv", "recvfrom", "send", "sendto")

    def __init__(self, poller: Poller, bound: socket.socket) -> None:
        self._poller = poller
        self._socket = bound
        name = bound.getsockname()
        self.address: Address = (name[0], name[1])
        self.recv = bound.recv
        self.send = bound.send
        self.recvfrom: Callable[[int], tuple[bytes, Address]] = bound.recvfrom
        self.sendto = bound.sendto
        if bound.family == socket.AF_INET6:
            self.recvfrom = partial(_recvfrom_ipv6, bound)

    @property
    def descriptor(self) -> int | None:
        """See MediaSocket."""
        return self._socket.fileno()

    def set_reader(self, on_readable: Callable[[float], None]) -> None:
        """See MediaSocket."""
        self._poller.add(self._socket.fileno(), on_readable)

    def pause_reader(self) -> None:
        """See MediaSocket."""
        self._poller.remove(self._socket.fileno())

    def admit(self, data: bytes) -> bytes:
        """See MediaSocket: there is nothing to take off."""
        return data

    def connect(self, address: Address) -> None:
        """See MediaSocket."""
        self._socket.connect(address)

    def disconnect(self) -> None:
        """See MediaSocket; connecting to AF_UNSPEC dissolves the association (connect(2))."""
        unspecified = struct.pack("=H14x", socket.AF_UNSPEC)
        if _libc.connect(self._socket.fileno(), unspecified, len(unspecified)) != 0:
            code = ctypes.get_errno()
            if code != errno.EAFNOSUPPORT:
                raise OSError(code, os.strerror(code))

    def close(self) -> None:
        """See MediaSocket."""
        if self._socket.fileno() >= 0:
            self._poller.remove(self._socket.fileno())
            self._socket.close()


def _recvfrom_ipv6(bound: socket.socket, size: int) -> tuple[bytes, Address]:
    """IPv6 addresses come with flow and scope, which peers in SDP do not have."""
    data, source = bound.recvfrom(size)
    return data, (source[0], source[1])


class UdpSockets:
    """Real UDP sockets, all read through one poller."""

    __slots__ = ("poller",)

    def __init__(self, poller: Poller) -> None:
        self.poller = poller

    def open(self, host: str, port: int, tos: int = 0, cos: int = 0) -> UdpSocket:
        """See SocketFactory."""
        family = socket.AF_INET6 if ":" in host else socket.AF_INET
        bare = socket.socket(family, socket.SOCK_DGRAM | socket.SOCK_NONBLOCK)
        try:
            if tos:
                if family == socket.AF_INET6:
                    bare.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_TCLASS, tos)
                else:
                    bare.setsockopt(socket.IPPROTO_IP, socket.IP_TOS, tos)
            if cos:
                bare.setsockopt(socket.SOL_SOCKET, socket.SO_PRIORITY, cos)
            bare.bind((host, port))
        except OSError:
            bare.close()
            raise
        return UdpSocket(self.poller, bare)


_libc = ctypes.CDLL(None, use_errno=True)
