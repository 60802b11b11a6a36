"""Configuration files that the server writes itself: whole or not at all, one writer at a time. All of it waits for the disk."""

from __future__ import annotations

import contextlib
import fcntl
import os
import secrets
import time
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from globstar.core.settings import Options

#: Seconds to wait for another program's lock of the folder.
PATIENCE = 5.0
_LOCK = ".lock"


def replace_config(target: Path, text: str, options: Options) -> None:
    """Write a configuration file anew, with the permissions that it had.

    With ``lockconfdir`` its folder is locked meanwhile, as ``lockmode`` says. Raises ``OSError``, ``TimeoutError`` where the lock
    is another's for too long.
    """
    with locked_folder(target.parent, options.lockmode) if options.lockconfdir else contextlib.nullcontext():
        fresh = target.with_name(f".{target.name}.new")
        fresh.write_text(text, encoding="utf-8", errors="surrogateescape")
        if target.exists():
            fresh.chmod(target.stat().st_mode & 0o7777)
        fresh.replace(target)


@contextlib.contextmanager
def locked_folder(folder: Path, mode: str) -> Iterator[None]:
    """Hold the lock of a folder: ``flock`` locks the file ``.lock`` in it, ``lockfile`` is the only one to have such a file."""
    deadline = time.monotonic() + PATIENCE
    lock = folder / _LOCK
    if mode == "flock":
        with lock.open("ab") as file:
            while not _flocked(file.fileno()):
                _be_patient(lock, deadline)
            yield
        return
    own = folder / f"{_LOCK}-{secrets.token_hex(4)}"
    own.touch(0o640, exist_ok=False)
    try:
        while not _linked(own, lock):
            _be_patient(lock, deadline)
        try:
            yield
        finally:
            lock.unlink(missing_ok=True)
    finally:
        own.unlink(missing_ok=True)


def _flocked(descriptor: int) -> bool:
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    return True


def _linked(own: Path, lock: Path) -> bool:
    """A link is made by one program only, on network file systems, too."""
    try:
        os.link(own, lock)
    except FileExistsError:
        return False
    return True


def _be_patient(lock: Path, deadline: float) -> None:
    if time.monotonic() > deadline:
        raise TimeoutError(f"{lock} is held by another program")
    time.sleep(0.05)  # polled: a lock of another program tells nobody of its end
