"""UDPTL sockets: the datagrams of a fax, in and out as they are."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING

from globstar.base.log import Logger
from globstar.media.ports import bind_free
from globstar.media.sockets import MAX_DATAGRAM, Address, MediaSocket
from globstar.media.source import address_text
from globstar.proto.t38 import UdptlParseError, parse_udptl

if TYPE_CHECKING:
    from globstar.media.engine import RtpEngine
    from globstar.media.ports import PortAllocator

logger = Logger("udptl")


@dataclass(frozen=True, slots=True)
class UdptlSettings:
    """udptl.conf ``[general]``; ports are inclusive bounds."""

    port_start: int = 4000
    port_end: int = 4999
    checksums: bool = True
    fec_entries: int = 0
    fec_span: int = 0
    even_ports: bool = False


@dataclass(slots=True)
class UdptlTrace:
    """``udptl set debug``: whether packets are shown, and of which peer (port 0: of any port); all without one."""

    is_on: bool = False
    peer: Address | None = None

    def show(self, is_sent: bool, peer: Address, data: bytes) -> None:
        """Log a packet if it is asked for."""
        if not self.is_on or (self.peer is not None and (peer[0] != self.peer[0] or self.peer[1] not in (0, peer[1]))):
            return
        sequence = int.from_bytes(data[:2], "big")
        verb, where = ("Sent", "to") if is_sent else ("Got", "from")
        logger.verbose(0, f"{verb} UDPTL packet {where} {address_text(peer)} (seq {sequence}, len {len(data)})")


class UdptlSession:
    """One UDPTL stream. ``on_packet`` gets each datagram that is UDPTL and comes from where it may.

    With ``is_symmetric`` (t38_udptl_nat) packets are sent to where they come from; otherwise only those of the address
    in SDP are taken.
    """

    __slots__ = ("_allocator", "_port", "_socket", "dropped", "is_symmetric", "on_packet", "received", "remote", "sent", "trace")

    def __init__(
        self, socket: MediaSocket, allocator: PortAllocator, port: int, is_symmetric: bool, trace: UdptlTrace | None = None
    ) -> None:
        self.trace = trace or UdptlTrace()
        self._socket: MediaSocket | None = socket
        self._allocator = allocator
        self._port = port
        self.is_symmetric = is_symmetric
        self.remote: Address | None = None
        self.on_packet: Callable[[bytes], None] | None = None
        self.received = self.sent = 0
        #: datagrams that are no UDPTL, come from elsewhere, or that the kernel did not send
        self.dropped = 0
        socket.set_reader(self._read)

    @property
    def port(self) -> int:
        """Our port; 0 when closed."""
        return self._socket.address[1] if self._socket is not None else 0

    def send(self, data: bytes) -> None:
        """Send a datagram on."""
        if self._socket is None or self.remote is None:
            self.dropped += 1
            return
        try:
            self._socket.sendto(data, self.remote)
        except OSError:  # a full socket buffer or a refused port: redundancy makes good for it
            self.dropped += 1
        else:
            self.sent += 1
            if self.trace.is_on:
                self.trace.show(True, self.remote, data)

    def _read(self, _now: float) -> None:
        if self._socket is None:
            return
        try:
            data, source = self._socket.recvfrom(MAX_DATAGRAM)
        except OSError:  # nothing there, or an ICMP error of an earlier packet
            return
        try:
            parse_udptl(data)
        except UdptlParseError:
            self.dropped += 1
            return
        if source != self.remote:
            if not self.is_symmetric:
                self.dropped += 1
                return
            self.remote = source
        self.received += 1
        if self.trace.is_on:
            self.trace.show(False, source, data)
        if self.on_packet is not None:
            self.on_packet(data)

    def close(self) -> None:
        """Give the port back; a second call does nothing."""
        socket, self._socket = self._socket, None
        if socket is not None:
            self.on_packet = None
            socket.close()
            self._allocator.release(self._port)


def open_udptl(
    engine: RtpEngine,
    host: str,
    settings: UdptlSettings,
    *,
    is_symmetric: bool,
    tos: int = 0,
    cos: int = 0,
    trace: UdptlTrace | None = None,
) -> UdptlSession | None:
    """A session on a free port of ``host``; None, with a line in the log, when there is none."""
    allocator = engine.ports(settings.port_start, settings.port_end)
    try:
        found = bind_free(
            allocator,
            lambda port: engine.sockets.open(host, port, tos, cos, checksums=settings.checksums),
            partial(engine.sockets.taken, host),
        )
    except OSError as error:
        logger.error(f"cannot bind a UDPTL port on {host}: {error}")
        return None
    if found is None:
        complaint = allocator.complaint()
        if complaint is not None:
            logger.error(f"no UDPTL port of {host} {complaint}")
        return None
    port, socket = found
    return UdptlSession(socket, allocator, port, is_symmetric, trace)
