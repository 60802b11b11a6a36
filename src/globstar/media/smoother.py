"""Makes packets of one length out of voice of any length."""

from __future__ import annotations


class Smoother:
    """Collects what is written and gives packets of ``size`` octets, ``samples`` samples each; what is left over waits."""

    __slots__ = ("_waiting", "samples", "size")

    def __init__(self, size: int, samples: int) -> None:
        self.size = size
        self.samples = samples
        self._waiting = b""

    @property
    def is_empty(self) -> bool:
        """Whether nothing waits."""
        return not self._waiting

    def take(self, data: bytes) -> list[bytes]:
        """The packets that are full now."""
        size = self.size
        data = self._waiting + data
        whole = len(data) - len(data) % size
        self._waiting = data[whole:]
        return [data[start : start + size] for start in range(0, whole, size)]
