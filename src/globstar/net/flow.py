"""What every transport looks like from above: flows that carry bytes, whatever is below them."""

from __future__ import annotations

from collections.abc import Callable
from typing import Protocol

Address = tuple[str, int]


class Flow(Protocol):
    """A way to one peer: a connection, or a datagram socket with the peer's address.

    A flow stays usable while its transport and, for a connection, the connection live; ``send`` on a dead one gives False.
    """

    @property
    def transport_name(self) -> str:
        """``udp``, ``tcp``, ``tls``, ``ws`` or ``wss``."""

    @property
    def is_reliable(self) -> bool:
        """Whether the bytes arrive or the flow ends (everything but UDP)."""

    @property
    def is_secure(self) -> bool:
        """Whether nobody between can read along."""

    @property
    def local_address(self) -> Address:
        """Our end."""

    @property
    def remote_address(self) -> Address:
        """The peer's end."""

    @property
    def is_open(self) -> bool:
        """Whether ``send`` may succeed."""

    def send(self, data: bytes) -> bool:
        """Queue bytes to the peer; False when the flow is dead or its buffer is full (then it is being cut off)."""

    def close(self) -> None:
        """End the connection; for UDP, nothing."""


#: ``on_data(flow, data)``: a datagram, or a piece of a stream.
DataCallback = Callable[[Flow, bytes], None]
#: ``on_open(flow)`` and ``on_close(flow, error)`` of connections.
OpenCallback = Callable[[Flow], None]
CloseCallback = Callable[[Flow, Exception | None], None]


class Transport(Protocol):
    """Something bound to a local address that makes flows."""

    @property
    def transport_name(self) -> str:
        """``udp``, ``tcp``, ``tls``, ``ws`` or ``wss``."""

    @property
    def local_address(self) -> Address:
        """Where it is bound."""

    def describe(self) -> dict[str, object]:
        """Its state and counters, for the CLI."""

    async def close(self) -> None:
        """Stop, and end every flow."""
