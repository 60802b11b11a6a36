"""The sockets that RTP sessions use: real UDP, or anything with the same shape."""

from __future__ import annotations

import ctypes
import errno
import ipaddress
import os
import socket
import struct
import sys
from collections.abc import Callable, Collection
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Protocol

from globstar.net.batch import MAX_DATAGRAM, Receiver, new_outbox
from globstar.net.poller import Poller

if TYPE_CHECKING:
    from globstar.net.batch import Outbox

__all__ = ["MAX_DATAGRAM", "Address", "MediaSocket", "Receiver", "SocketFactory", "UdpSocket", "UdpSockets", "admitted"]

Address = tuple[str, int]


class MediaSocket(Protocol):
    """What a session needs of a socket. All methods are non-blocking and raise OSError as sockets do."""

    @property
    def address(self) -> Address:
        """The bound address."""

    @property
    def descriptor(self) -> int | None:
        """The kernel's descriptor; None for sockets that are no real ones."""

    def route(self, address: Address, /) -> tuple[Address, int] | None:
        """For the native relay how an address is reached: where datagrams for it go and come from, and in which channel of TURN.

        A channel of 0: as they are. None: only ``sendto`` knows.
        """
        return address, 0

    @property
    def lost(self) -> int:
        """Packets that the kernel refused after ``send`` had returned."""

    def set_reader(self, on_readable: Callable[[float], None]) -> None:
        """Have ``on_readable(now)`` called while there is something to read."""

    def set_receiver(self, on_datagram: Receiver) -> None:
        """Have ``on_datagram(data, now)`` called for what comes from the connected peer, instead of a reader."""

    def pause_reader(self) -> None:
        """Call nobody until ``set_reader`` or ``set_receiver`` is called again."""

    def recvfrom(self, size: int, /) -> tuple[bytes, Address]:
        """One datagram and where it came from."""

    def recv(self, size: int, /) -> bytes:
        """One datagram; for connected sockets."""

    def admit(self, data: bytes, source: Address, /) -> tuple[bytes, Address]:
        """What ``recvfrom`` gives for a datagram that somebody else has read; OSError where it has nothing for the reader."""

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


def admitted(admit: Callable[[bytes], bytes], on_datagram: Receiver) -> Receiver:
    """A receiver that hands on what ``admit`` makes of a datagram, and drops what it refuses."""

    def receive(data: bytes, now: float) -> None:
        try:
            data = admit(data)
        except OSError:  # not for the reader
            return
        on_datagram(data, now)

    return receive


class SocketFactory(Protocol):
    """Makes sockets; ``UdpSockets`` makes real ones, ``MediaNetwork`` those of tests."""

    def open(self, host: str, port: int, tos: int = 0, cos: int = 0, *, checksums: bool | None = None) -> MediaSocket:
        """Bind a socket whose packets carry ``tos`` and the priority ``cos``; OSError (EADDRINUSE) when the port is taken.

        ``checksums``: whether they carry checksums over IPv4; None for what the factory does.
        """

    def taken(self, host: str) -> Collection[int]:
        """The ports of ``host`` that are in use, as far as the system tells; it may name more than that."""


class UdpSocket:
    """A bare UDP socket in a poller; the hot methods are the socket's own, but for ``send``, which the tick may gather."""

    __slots__ = ("_outbox", "_poller", "_sender", "_socket", "address", "recv", "recvfrom", "send", "sendto")

    def __init__(self, poller: Poller, outbox: Outbox, bound: socket.socket, address: Address | None = None) -> None:
        self._poller = poller
        self._outbox = outbox
        self._socket = bound
        self._sender = outbox.sender(bound)
        if address is None:
            address = bound.getsockname()[:2]
        self.address: Address = address
        self.recv = bound.recv
        self.send = self._sender.send
        self.recvfrom: Callable[[int], tuple[bytes, Address]] = bound.recvfrom
        self.sendto = bound.sendto
        if bound.family == socket.AF_INET6:
            self.recvfrom = partial(_recvfrom_ipv6, bound)

    @property
    def descriptor(self) -> int | None:
        """See MediaSocket."""
        return self._socket.fileno()

    @property
    def lost(self) -> int:
        """See MediaSocket."""
        return self._sender.lost

    def route(self, address: Address) -> tuple[Address, int] | None:
        """See MediaSocket."""
        return address, 0

    def set_reader(self, on_readable: Callable[[float], None]) -> None:
        """See MediaSocket."""
        self._poller.add(self._socket.fileno(), on_readable)

    def set_receiver(self, on_datagram: Receiver) -> None:
        """See MediaSocket."""
        self._poller.add_receiver(self._socket.fileno(), on_datagram)

    def pause_reader(self) -> None:
        """See MediaSocket."""
        self._poller.remove(self._socket.fileno())

    def admit(self, data: bytes, source: Address) -> tuple[bytes, Address]:
        """See MediaSocket: there is nothing to take off."""
        return data, source

    def connect(self, address: Address) -> None:
        """See MediaSocket."""
        self._outbox.flush()
        self._socket.connect(address)

    def disconnect(self) -> None:
        """See MediaSocket; connecting to AF_UNSPEC dissolves the association (connect(2))."""
        self._outbox.flush()
        unspecified = struct.pack("=H14x", socket.AF_UNSPEC)
        if _libc.connect(self._socket.fileno(), unspecified, len(unspecified)) != 0:
            code = ctypes.get_errno()
            if code != errno.EAFNOSUPPORT:
                raise OSError(code, os.strerror(code))

    def close(self) -> None:
        """See MediaSocket."""
        if self._socket.fileno() >= 0:
            self._poller.remove(self._socket.fileno())
            self._outbox.flush()  # what waits names the descriptor, which may be another's soon
            self._socket.close()


def _recvfrom_ipv6(bound: socket.socket, size: int) -> tuple[bytes, Address]:
    """IPv6 addresses come with flow and scope, which peers in SDP do not have."""
    data, source = bound.recvfrom(size)
    return data, (source[0], source[1])


class UdpSockets:
    """Real UDP sockets, all read through one poller; ``outbox`` gathers what a tick sends."""

    __slots__ = ("checksums", "outbox", "poller")

    def __init__(self, poller: Poller) -> None:
        self.poller = poller
        #: whether what is sent over IPv4 carries a checksum unless said (rtp.conf ``rtpchecksums``); over IPv6 it always does
        self.checksums = True
        self.outbox = new_outbox()

    def open(self, host: str, port: int, tos: int = 0, cos: int = 0, *, checksums: bool | None = None) -> UdpSocket:
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
            if not (self.checksums if checksums is None else checksums) and family == socket.AF_INET:
                bare.setsockopt(socket.SOL_SOCKET, _NO_CHECK, 1)
            bare.bind((host, port))
        except OSError:
            bare.close()
            raise
        is_as_said = port and family == socket.AF_INET and host.replace(".", "").isdigit()
        return UdpSocket(self.poller, self.outbox, bare, (host, port) if is_as_said else None)

    def taken(self, host: str) -> Collection[int]:
        """See SocketFactory; what the kernel lists (proc(5), /proc/net/udp), nothing where it lists nothing."""
        found: set[int] = set()
        for path in _TABLES:
            try:
                lines = path.read_bytes().splitlines()[1:]
            except OSError:  # no Linux, or no such protocol
                continue
            found.update(port for address, port in map(_bound_to, lines) if _overlaps(address, host))
        return found


def _bound_to(line: bytes) -> tuple[bytes, int]:
    """The address of a line of the kernel's table, as its words stand in memory, and the port."""
    address, _, port = line.split(None, 2)[1].partition(b":")
    return bytes.fromhex(address.decode()), int(port, 16)


def _overlaps(address: bytes, host: str) -> bool:
    """Whether a socket of that address is in the way of one of ours; ``::`` may have the ports of IPv4 as well."""
    if not any(address):
        return True
    packed = ipaddress.ip_address(host).packed
    swapped = b"".join(word.to_bytes(4, sys.byteorder) for (word,) in struct.iter_unpack("!I", packed))
    return not any(packed) or swapped == address


#: SO_NO_CHECK of Linux, which Python does not name.
_NO_CHECK = 11
#: The kernel's lists of bound UDP sockets.
_TABLES = (Path("/proc/net/udp"), Path("/proc/net/udp6"))
_libc = ctypes.CDLL(None, use_errno=True)
