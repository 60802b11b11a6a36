"""Random numbers of the operating system, fetched many at a time."""

from __future__ import annotations

import os
import random
import struct
import weakref

_WORDS = struct.Struct("=512Q")
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
        self._words: list[int] = []
        _pools.add(self)

    def forget(self) -> None:
        """Throw away what was fetched ahead."""
        self._words.clear()

    def getrandbits(self, k: int, /) -> int:
        """``k`` random bits; ValueError below zero."""
        if 0 <= k <= 64:
            words = self._words
            if not words:
                words.extend(_WORDS.unpack(os.urandom(_WORDS.size)))
            return words.pop() >> (64 - k)
        if k < 0:
            raise ValueError("number of bits must be non-negative")
        if k <= 128:
            return self.getrandbits(k - 64) << 64 | self.getrandbits(64)
        size = (k + 7) // 8
        return int.from_bytes(os.urandom(size), "big") >> (size * 8 - k)

    def random(self) -> float:
        """A number from 0.0 up to, but not including, 1.0."""
        return self.getrandbits(53) * 2.0**-53
