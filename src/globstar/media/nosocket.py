"""What a session has in place of a socket when it has none."""

from __future__ import annotations

import errno
from collections.abc import Callable

from globstar.media.sockets import Address, MediaSocket, Receiver


class NoSocket(MediaSocket):
    """What a session has that has no ports: nothing comes, and nothing goes."""

    @property
    def address(self) -> Address:
        """See MediaSocket."""
        return ("", 0)

    @property
    def descriptor(self) -> int | None:
        """See MediaSocket."""
        return None

    @property
    def lost(self) -> int:
        """See MediaSocket."""
        return 0

    def set_reader(self, on_readable: Callable[[float], None]) -> None:
        """See MediaSocket; nothing is ever read here."""

    def set_receiver(self, on_datagram: Receiver) -> None:
        """See MediaSocket; nothing is ever read here."""

    def pause_reader(self) -> None:
        """See MediaSocket."""

    def recvfrom(self, size: int, /) -> tuple[bytes, Address]:
        """See MediaSocket."""
        raise BlockingIOError(errno.EAGAIN, "nothing comes here")

    def recv(self, size: int, /) -> bytes:
        """See MediaSocket."""
        raise BlockingIOError(errno.EAGAIN, "nothing comes here")

    def admit(self, data: bytes, source: Address, /) -> tuple[bytes, Address]:
        """See MediaSocket."""
        raise BlockingIOError(errno.EAGAIN, "nothing comes here")

    def sendto(self, data: bytes, address: Address, /) -> int:
        """See MediaSocket; there is one address for all."""
        return self.send(data)

    def send(self, data: bytes, /) -> int:
        """See MediaSocket."""
        raise OSError(errno.ENOTCONN, "there is no way")

    def connect(self, address: Address) -> None:
        """See MediaSocket."""
        raise OSError(errno.EOPNOTSUPP, "there is one address for all")

    def disconnect(self) -> None:
        """See MediaSocket."""

    def close(self) -> None:
        """See MediaSocket."""


#: for all that is over
GONE = NoSocket()
