"""Watching a folder for files that come or change: inotify on the loop, or a look each second where there is none."""

from __future__ import annotations

import asyncio
import ctypes
import errno
import os
import struct
from collections.abc import Callable
from pathlib import Path

from globstar.base.log import Logger

logger = Logger("filewatch")

#: How often a folder is looked at where the kernel does not tell, seconds.
POLL_INTERVAL = 1.0

# inotify(7)
_ATTRIB, _CLOSE_WRITE, _MOVED_TO, _CREATE, _DELETE, _MOVED_FROM = 0x4, 0x8, 0x80, 0x100, 0x200, 0x40
_QUEUE_OVERFLOW = 0x4000
_WATCHED = _ATTRIB | _CLOSE_WRITE | _MOVED_TO | _MOVED_FROM | _CREATE | _DELETE
_HEAD = struct.Struct("iIII")
_FLAGS = os.O_NONBLOCK | os.O_CLOEXEC


def _open(folder: Path) -> int:
    """A descriptor that tells of changes in ``folder``. Raises OSError where the kernel has no such thing."""
    libc = ctypes.CDLL(None, use_errno=True)
    if not hasattr(libc, "inotify_init1"):
        raise OSError(errno.ENOSYS, "no inotify")
    descriptor: int = libc.inotify_init1(_FLAGS)
    if descriptor < 0:
        raise OSError(ctypes.get_errno(), os.strerror(ctypes.get_errno()))
    if libc.inotify_add_watch(descriptor, os.fsencode(folder), _WATCHED) < 0:
        number = ctypes.get_errno()
        os.close(descriptor)
        raise OSError(number, os.strerror(number), str(folder))
    return descriptor


class FolderWatch:
    """Calls ``on_change`` when something in a folder has changed, any number of changes at a time; it must not wait.

    ``unfinished`` are the names of files that somebody still writes, as far as the kernel tells.
    """

    def __init__(self, loop: asyncio.AbstractEventLoop, folder: Path, on_change: Callable[[], None]) -> None:
        self.folder = folder
        self.unfinished: set[str] = set()
        self._loop = loop
        self._on_change = on_change
        self._timer: asyncio.TimerHandle | None = None
        self._descriptor: int | None = None
        try:
            self._descriptor = _open(folder)
        except OSError as error:
            logger.notice(f"{folder} is looked at each second, as the kernel does not tell of changes: {error}")
            self._timer = loop.call_later(POLL_INTERVAL, self._poll)
        else:
            loop.add_reader(self._descriptor, self._read)

    @property
    def is_polling(self) -> bool:
        """Whether the folder is looked at each second."""
        return self._descriptor is None

    def _poll(self) -> None:
        self._timer = self._loop.call_later(POLL_INTERVAL, self._poll)
        self._on_change()

    def _read(self) -> None:
        assert self._descriptor is not None
        try:
            data = os.read(self._descriptor, 65536)
        except BlockingIOError:
            return
        position = 0
        while position < len(data):
            _, mask, _, length = _HEAD.unpack_from(data, position)
            name = os.fsdecode(data[position + _HEAD.size : position + _HEAD.size + length].rstrip(b"\0"))
            position += _HEAD.size + length
            if mask & _QUEUE_OVERFLOW:
                self.unfinished.clear()
            elif mask & _CREATE:
                self.unfinished.add(name)
            elif mask & (_CLOSE_WRITE | _MOVED_TO | _DELETE | _MOVED_FROM):
                self.unfinished.discard(name)
        self._on_change()

    def close(self) -> None:
        """Watch no more."""
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None
        if self._descriptor is not None:
            self._loop.remove_reader(self._descriptor)
            os.close(self._descriptor)
            self._descriptor = None
