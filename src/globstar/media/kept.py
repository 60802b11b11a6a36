"""Packets that were sent and are kept for a while, for who asks for them once more (RFC 4585 section 6.2.1)."""

from __future__ import annotations

from typing import TYPE_CHECKING

from globstar.media import native

if TYPE_CHECKING:
    from globstar.media._native import KeptPackets as NativeKeptPackets

#: How many: some seconds of pictures.
KEPT = 512


class KeptPackets:
    """The last packets by their numbers; the native twin, into which a thread of the relay puts what it sends, does the same."""

    __slots__ = ("_packets",)

    def __init__(self) -> None:
        self._packets: dict[int, bytes] = {}

    def put(self, data: bytes) -> None:
        """Keep a packet of RTP, in place of the one that was so many numbers before."""
        self._packets[data[3] | (data[2] & 1) << 8] = data

    def get(self, number: int) -> bytes | None:
        """The packet of that number; None if it is not kept."""
        data = self._packets.get(number % KEPT)
        return data if data is not None and data[2] << 8 | data[3] == number else None

    def clear(self) -> None:
        """Forget all."""
        self._packets.clear()


def new_kept() -> KeptPackets | NativeKeptPackets:
    """Where a session keeps packets: natively, where the module was built."""
    return native.new_kept() or KeptPackets()
