"""Shared libraries of the system, found by their names."""

from __future__ import annotations

import ctypes
import ctypes.util
from functools import cache


@cache
def find_library(*names: str) -> ctypes.CDLL | None:
    """The first of the libraries that can be loaded (``libspeex.so.1``, or ``speex`` for any version); None without one."""
    for name in names:
        path = name if ".so" in name else ctypes.util.find_library(name)
        if path:
            try:
                return ctypes.CDLL(path)
            except OSError:
                continue
    return None


class Gatherer:
    """Cuts a stream of bytes into blocks of one size; what is left waits for the next call."""

    __slots__ = ("_rest", "_size")

    def __init__(self, size: int) -> None:
        self._size = size
        self._rest = b""

    @property
    def missing(self) -> int:
        """The bytes that the block still needs which has begun; 0 where none has."""
        return self._size - len(self._rest) if self._rest else 0

    def blocks(self, data: bytes) -> list[bytes]:
        """The whole blocks that there are now."""
        size = self._size
        if self._rest:
            data = self._rest + data
        whole = len(data) - len(data) % size
        self._rest = data[whole:]
        return [data[start : start + size] for start in range(0, whole, size)]
