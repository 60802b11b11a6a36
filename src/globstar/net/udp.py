"""UDP: a bare non-blocking socket, drained in bounded slices; never asyncio's DatagramProtocol."""

from __future__ import annotations

import asyncio
import socket
from collections import deque
from collections.abc import Callable

from globstar.base.log import Logger
from globstar.net.flow import Address, DataCallback
from globstar.net.sockopts import SocketOptions, bound_socket

logger = Logger("net.udp")

MAX_DATAGRAM = 65536
#: Most datagrams read in one wake-up; the loop then serves others before it comes back.
READ_BUDGET = 64
#: Most datagrams that wait for the kernel to take them; more are dropped, the newest first.
SEND_QUEUE = 1024
RECEIVE_BUFFER = 1 << 20

#: ``on_datagram(data, source)``
DatagramCallback = Callable[[bytes, Address], None]


class DatagramSocket:
    """One UDP socket for signalling. A callback that raises is logged and the socket goes on."""

    __slots__ = (
        "_loop",
        "_on_datagram",
        "_queue",
        "_socket",
        "_writing",
        "address",
        "dropped",
        "failures",
        "is_closed",
        "received",
        "send_errors",
        "sent",
    )

    def __init__(self, loop: asyncio.AbstractEventLoop, bound: socket.socket, on_datagram: DatagramCallback) -> None:
        self._loop = loop
        self._socket = bound
        self._on_datagram = on_datagram
        self._queue: deque[tuple[bytes, Address]] = deque()
        self._writing = False
        name = bound.getsockname()
        self.address: Address = (name[0], name[1])
        self.is_closed = False
        self.received = 0
        self.sent = 0
        #: Datagrams given up because ``SEND_QUEUE`` of them were waiting.
        self.dropped = 0
        #: Datagrams that the kernel refused (no route, too long).
        self.send_errors = 0
        self.failures = 0
        loop.add_reader(bound.fileno(), self._readable)

    @staticmethod
    def bind(
        loop: asyncio.AbstractEventLoop, address: Address, on_datagram: DatagramCallback, *, options: SocketOptions | None = None
    ) -> DatagramSocket:
        """Bind to a numeric IPv4 or IPv6 address; an IPv6 socket takes IPv6 only.

        Raises:
            OSError: the address is taken or not ours.
        """
        bare = bound_socket(socket.SOCK_DGRAM, address, options or SocketOptions())
        bare.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, RECEIVE_BUFFER)
        return DatagramSocket(loop, bare, on_datagram)

    @property
    def waiting(self) -> int:
        """Datagrams that wait for the kernel."""
        return len(self._queue)

    def send(self, data: bytes, address: Address) -> bool:
        """Send a datagram; False when it was dropped or refused (counted)."""
        if self.is_closed:
            return False
        if self._queue:
            return self._enqueue(data, address)
        try:
            self._socket.sendto(data, address)
        except BlockingIOError:
            return self._enqueue(data, address)
        except OSError as error:
            self._refused(error, address)
            return False
        self.sent += 1
        return True

    def apply(self, options: SocketOptions) -> None:
        """Set options; raises OSError where the kernel refuses."""
        options.apply(self._socket)

    def close(self) -> None:
        """Close the socket; what waits is dropped."""
        if self.is_closed:
            return
        self.is_closed = True
        self.dropped += len(self._queue)
        self._queue.clear()
        self._loop.remove_reader(self._socket.fileno())
        if self._writing:
            self._loop.remove_writer(self._socket.fileno())
        self._socket.close()

    def _readable(self) -> None:
        receive, on_datagram = self._socket.recvfrom, self._on_datagram
        for _ in range(READ_BUDGET):
            try:
                data, source = receive(MAX_DATAGRAM)
            except BlockingIOError:
                return
            except OSError:  # an ICMP error of an earlier datagram; the socket is fine
                continue
            self.received += 1
            try:
                on_datagram(data, source[:2])
            except Exception as error:  # a bug in handling one datagram must not deafen the server
                self.failures += 1
                logger.error(f"handling a datagram from {source[0]}:{source[1]} failed", exception=error)
            if self.is_closed:
                return

    def _enqueue(self, data: bytes, address: Address) -> bool:
        if len(self._queue) >= SEND_QUEUE:
            self.dropped += 1
            return False
        self._queue.append((data, address))
        if not self._writing:
            self._writing = True
            self._loop.add_writer(self._socket.fileno(), self._writable)
        return True

    def _writable(self) -> None:
        while self._queue:
            data, address = self._queue[0]
            try:
                self._socket.sendto(data, address)
            except BlockingIOError:
                return
            except OSError as error:
                self._refused(error, address)
            else:
                self.sent += 1
            self._queue.popleft()
        self._writing = False
        self._loop.remove_writer(self._socket.fileno())

    def _refused(self, error: OSError, address: Address) -> None:
        self.send_errors += 1
        logger.debug(1, f"sending to {address[0]}:{address[1]} failed: {error}")


class UdpFlow:
    """A peer's address behind a UDP transport."""

    __slots__ = ("_transport", "remote_address")

    transport_name = "udp"
    is_reliable = False
    is_secure = False

    def __init__(self, transport: UdpTransport, remote_address: Address) -> None:
        self._transport = transport
        self.remote_address = remote_address

    @property
    def local_address(self) -> Address:
        """See Flow."""
        return self._transport.local_address

    @property
    def is_open(self) -> bool:
        """See Flow."""
        return not self._transport.socket.is_closed

    def send(self, data: bytes) -> bool:
        """See Flow."""
        return self._transport.socket.send(data, self.remote_address)

    def close(self) -> None:
        """See Flow; there is no connection to end."""

    def __eq__(self, other: object) -> bool:
        return isinstance(other, UdpFlow) and other._transport is self._transport and other.remote_address == self.remote_address

    def __hash__(self) -> int:
        return hash((id(self._transport), self.remote_address))

    def __repr__(self) -> str:
        return f"UdpFlow({self.remote_address[0]}:{self.remote_address[1]})"


class UdpTransport:
    """UDP as a transport of flows: one socket, a flow per peer address (two flows to one address are equal)."""

    __slots__ = ("_on_data", "socket")

    transport_name = "udp"

    def __init__(
        self, loop: asyncio.AbstractEventLoop, address: Address, on_data: DataCallback, *, options: SocketOptions | None = None
    ) -> None:
        self._on_data = on_data
        self.socket = DatagramSocket.bind(loop, address, self._received, options=options)

    @property
    def local_address(self) -> Address:
        """See Transport."""
        return self.socket.address

    def flow_to(self, address: Address) -> UdpFlow:
        """The way to a numeric address."""
        return UdpFlow(self, address)

    def describe(self) -> dict[str, object]:
        """See Transport."""
        socket = self.socket
        return {
            "received": socket.received,
            "sent": socket.sent,
            "waiting": socket.waiting,
            "dropped": socket.dropped,
            "send_errors": socket.send_errors,
            "failures": socket.failures,
        }

    async def close(self) -> None:
        """See Transport."""
        self.socket.close()

    def _received(self, data: bytes, source: Address) -> None:
        self._on_data(UdpFlow(self, source), data)


def local_address_for(remote: Address) -> str | None:
    """Which of our addresses the kernel would use towards ``remote`` (numeric); None without a route.

    Nothing is sent: connecting a UDP socket only looks up the route.
    """
    family = socket.AF_INET6 if ":" in remote[0] else socket.AF_INET
    with socket.socket(family, socket.SOCK_DGRAM) as probe:
        try:
            probe.connect((remote[0], remote[1] or 9))
        except OSError:
            return None
        name: str = probe.getsockname()[0]
        return name
