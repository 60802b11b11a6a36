"""Watching a folder for files that come or change: inotify on the loop, or a look each second where there is none."""

from __future__ import annotations

import asyncio
import ctypes
import errno
import os
import struct
from collections.abc import Callable
from contextlib import suppress
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


#: Descriptors that watch nothing. Closing one that has watched something takes ten milliseconds and more, in which the kernel
#: waits and the event loop stands, so some are kept for whoever watches next.
_spare: list[int] = []
_MOST_SPARE = 4


def _open(folder: Path) -> tuple[int, int]:
    """A descriptor that tells of changes in ``folder``, and its number for that.

    Raises OSError where the kernel has no such thing.
    """
    libc = ctypes.CDLL(None, use_errno=True)
    if not hasattr(libc, "inotify_init1"):
        raise OSError(errno.ENOSYS, "no inotify")
    descriptor: int = _spare.pop() if _spare else libc.inotify_init1(_FLAGS)
    if descriptor < 0:
        raise OSError(ctypes.get_errno(), os.strerror(ctypes.get_errno()))
    watch: int = libc.inotify_add_watch(descriptor, os.fsencode(folder), _WATCHED)
    if watch < 0:
        number = ctypes.get_errno()
        os.close(descriptor)
        raise OSError(number, os.strerror(number), str(folder))
    return descriptor, watch


def _release(descriptor: int, watch: int) -> None:
    """Watch no more with a descriptor of :func:`_open`, and keep it for the next; nothing that it had to tell is left."""
    if len(_spare) >= _MOST_SPARE or ctypes.CDLL(None).inotify_rm_watch(descriptor, watch) < 0:
        os.close(descriptor)
        return
    with suppress(BlockingIOError):
        while os.read(descriptor, 65536):
            pass
    _spare.append(descriptor)


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
        self._watch = 0
        try:
            self._descriptor, self._watch = _open(folder)
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
            _release(self._descriptor, self._watch)
            self._descriptor = None
