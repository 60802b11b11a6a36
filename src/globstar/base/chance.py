"""Random numbers of the operating system, fetched many at a time."""

from __future__ import annotations

import os
import random
import weakref

_POOL_BYTES = 4096
_pools: weakref.WeakSet[PooledRandom] = weakref.WeakSet()


def forget_pools() -> None:
    """Fetch anew what was fetched ahead: the source of random numbers is another one from now on (in a test)."""
    for pool in _pools:
        pool.forget()


class PooledRandom(random.SystemRandom):
    """As unpredictable as ``random.SystemRandom``, without a system call for each tag, branch and SSRC.

    For one thread: two that draw at once could get the same numbers. ``seed`` and state are without meaning.
    """

    def __init__(self) -> None:
        super().__init__()
        self._pool = b""
        self._at = 0
        _pools.add(self)

    def forget(self) -> None:
        """Throw away what was fetched ahead."""
        self._pool, self._at = b"", 0

    def getrandbits(self, k: int, /) -> int:
        """``k`` random bits; ValueError below zero."""
        if k < 0:
            raise ValueError("number of bits must be non-negative")
        size = (k + 7) // 8
        start = self._at
        end = start + size
        if end > len(self._pool):
            self._pool = os.urandom(max(_POOL_BYTES, size))
            start, end = 0, size
        self._at = end
        return int.from_bytes(self._pool[start:end], "big") >> (size * 8 - k)

    def random(self) -> float:
        """A number from 0.0 up to, but not including, 1.0."""
        return self.getrandbits(53) * 2.0**-53
