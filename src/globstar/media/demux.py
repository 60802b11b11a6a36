"""What else arrives on a port of RTP: STUN and DTLS, told apart by their first byte (RFC 7983)."""

from __future__ import annotations

import errno
from collections.abc import Callable
from dataclasses import dataclass

from globstar.media.sockets import Address, MediaSocket, Receiver, admitted

#: ``on_other(component, data, source)``: a datagram that is no RTP; component 1 is the port of RTP, 2 that of RTCP.
#: What it gives is read in its place: a packet of RTP that was wrapped, and whose it is.
OtherCallback = Callable[[int, bytes, Address], tuple[bytes, Address] | None]


class Diverted(OSError):
    """The datagram was none of RTP: for the reader there was nothing to read."""


@dataclass(frozen=True, slots=True)
class Detour:
    """How an address is reached that is not reached directly: what sends there, and what :meth:`MediaSocket.route` gives."""

    send: Callable[[bytes], None]
    route: Callable[[], tuple[Address, int] | None]


class DemuxSocket(MediaSocket):
    """A socket that hands everything but RTP and RTCP to ``on_other``.

    With ``is_open`` it never connects, as peers may come from several addresses.
    """

    def __init__(self, inner: MediaSocket, component: int, on_other: OtherCallback) -> None:
        self.inner = inner
        self.component = component
        self.on_other = on_other
        self.is_open = False
        #: addresses that are not reached directly
        self.detours: dict[Address, Detour] = {}
        self._peer: Address = ("", 0)

    @property
    def address(self) -> Address:
        """See MediaSocket."""
        return self.inner.address

    @property
    def descriptor(self) -> int | None:
        """See MediaSocket. The native relay leaves everything but RTP to us (``admit``)."""
        return self.inner.descriptor

    def route(self, address: Address) -> tuple[Address, int] | None:
        """See MediaSocket."""
        detour = self.detours.get(address)
        return detour.route() if detour is not None else self.inner.route(address)

    @property
    def lost(self) -> int:
        """See MediaSocket."""
        return self.inner.lost

    def set_reader(self, on_readable: Callable[[float], None]) -> None:
        """See MediaSocket."""
        self.inner.set_reader(on_readable)

    def set_receiver(self, on_datagram: Receiver) -> None:
        """See MediaSocket."""
        self.inner.set_receiver(admitted(self._divert, on_datagram))

    def pause_reader(self) -> None:
        """See MediaSocket."""
        self.inner.pause_reader()

    def recvfrom(self, size: int, /) -> tuple[bytes, Address]:
        """See MediaSocket; Diverted stands for what was no RTP."""
        return self._sort(*self.inner.recvfrom(size))

    def _sort(self, data: bytes, source: Address) -> tuple[bytes, Address]:
        if data and 128 <= data[0] < 192:
            return data, source
        unwrapped = self.on_other(self.component, data, source)
        if unwrapped is not None:
            return unwrapped
        raise Diverted(errno.EAGAIN, "no RTP")

    def recv(self, size: int, /) -> bytes:
        """See MediaSocket; Diverted stands for what was no RTP."""
        return self._divert(self.inner.recv(size))

    def admit(self, data: bytes, source: Address, /) -> tuple[bytes, Address]:
        """See MediaSocket; Diverted stands for what was no RTP."""
        return self._sort(*self.inner.admit(data, source))

    def _divert(self, data: bytes) -> bytes:
        if data and 128 <= data[0] < 192:
            return data
        self.on_other(self.component, data, self._peer)
        raise Diverted(errno.EAGAIN, "no RTP")

    def sendto(self, data: bytes, address: Address, /) -> int:
        """See MediaSocket."""
        if self.detours and address in self.detours:
            self.detours[address].send(data)
            return len(data)
        return self.inner.sendto(data, address)

    def send(self, data: bytes, /) -> int:
        """See MediaSocket."""
        return self.inner.send(data)

    def connect(self, address: Address) -> None:
        """See MediaSocket."""
        if self.is_open:
            raise OSError(errno.EOPNOTSUPP, "packets may come from several addresses")
        self.inner.connect(address)
        self._peer = address

    def disconnect(self) -> None:
        """See MediaSocket."""
        self.inner.disconnect()

    def close(self) -> None:
        """See MediaSocket."""
        self.inner.close()
