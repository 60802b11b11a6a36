"""Makes packets of one length out of voice frames of any length."""

from __future__ import annotations

from globstar.core.format import Format


class Smoother:
    """Collects what is written in one format and gives packets of ``milliseconds``; what is left over waits for more.

    Only for formats whose length in octets tells their length in time (``Format.bytes_for`` is not 0).
    """

    __slots__ = ("_size", "_waiting", "format", "samples")

    def __init__(self, format: Format, milliseconds: int) -> None:
        self.format = format
        self._size = format.bytes_for(milliseconds)
        #: samples in one packet, at the sampling rate
        self.samples = format.sample_rate * milliseconds // 1000
        self._waiting = b""

    def take(self, data: bytes) -> list[bytes]:
        """The packets that are full now."""
        size = self._size
        data = self._waiting + data
        whole = len(data) - len(data) % size
        self._waiting = data[whole:]
        return [data[start : start + size] for start in range(0, whole, size)]

    def clear(self) -> None:
        """Forget what waits: the source is another one."""
        self._waiting = b""
