"""Makes packets of one length out of voice of any length."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Generic, Protocol, TypeVar

T = TypeVar("T")


class Packer(Protocol):
    """What makes packets of one length."""

    @property
    def samples(self) -> int:
        """How many samples a full packet has."""

    @property
    def is_empty(self) -> bool:
        """Whether nothing waits."""

    def flush(self) -> list[tuple[bytes, int]]:
        """What waits, in a packet that is shorter than it should be; nothing waits afterwards."""

    def take(self, data: bytes, samples: int) -> list[tuple[bytes, int]]:
        """The packets that are full now, each with its samples; ``data`` holds ``samples`` samples."""


class Smoother:
    """Collects what is written and gives packets of ``size`` octets, ``samples`` samples each; what is left over waits."""

    __slots__ = ("_waiting", "samples", "size")

    def __init__(self, size: int, samples: int) -> None:
        self.size = size
        self.samples = samples
        self._waiting = b""

    @property
    def is_empty(self) -> bool:
        """See Packer."""
        return not self._waiting

    def flush(self) -> list[tuple[bytes, int]]:
        """See Packer."""
        waiting, self._waiting = self._waiting, b""
        return [(waiting, len(waiting) * self.samples // self.size)] if waiting else []

    def take(self, data: bytes, samples: int = 0) -> list[tuple[bytes, int]]:
        """See Packer; the length in octets tells the samples."""
        size = self.size
        data = self._waiting + data
        whole = len(data) - len(data) % size
        self._waiting = data[whole:]
        each = self.samples
        return [(data[start : start + size], each) for start in range(0, whole, size)]


class FramePacker(Generic[T]):
    """As Smoother for codecs whose packets tell where their frames are: frames are moved between packets, never changed.

    ``split`` gives the kind of the frames of a packet, the samples of each, and the frames; None for a packet that cannot be
    divided, which then goes as it came. ``join`` makes a packet of frames of one kind. A change of kind ends a packet early, as
    a packet has frames of one kind; a frame that is longer than ``samples`` makes a packet by itself.
    """

    __slots__ = ("_each", "_join", "_kind", "_split", "_waiting", "samples")

    def __init__(
        self,
        samples: int,
        split: Callable[[bytes], tuple[int, int, list[T]] | None],
        join: Callable[[int, Sequence[T]], bytes],
    ) -> None:
        self.samples = samples
        self._split = split
        self._join = join
        self._kind = self._each = 0
        self._waiting: list[T] = []

    @property
    def is_empty(self) -> bool:
        """See Packer."""
        return not self._waiting

    def take(self, data: bytes, samples: int) -> list[tuple[bytes, int]]:
        """See Packer."""
        found = self._split(data)
        if found is None:
            return [*self.flush(), (data, samples)]
        kind, each, frames = found
        packets: list[tuple[bytes, int]] = []
        if self._waiting and (kind, each) != (self._kind, self._each):
            packets = self.flush()
        self._kind, self._each = kind, each
        waiting = self._waiting
        count = max(1, self.samples // each)
        waiting += frames
        while len(waiting) >= count:
            packets.append((self._join(kind, waiting[:count]), count * each))
            del waiting[:count]
        return packets

    def flush(self) -> list[tuple[bytes, int]]:
        """See Packer."""
        waiting, self._waiting = self._waiting, []
        return [(self._join(self._kind, waiting), len(waiting) * self._each)] if waiting else []
