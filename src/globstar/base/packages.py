"""What is in packages: looked up in folders once in a process, as it takes milliseconds and every system asks for the same."""

from __future__ import annotations

import os
import pkgutil
import sys
from functools import cache, lru_cache
from importlib.metadata import EntryPoint, entry_points
from importlib.util import find_spec
from types import ModuleType


def submodules(package: ModuleType) -> tuple[str, ...]:
    """The names of the modules in a package of ours, sorted, without its own name before them."""
    return _names_in(tuple(package.__path__))


@cache
def _names_in(folders: tuple[str, ...]) -> tuple[str, ...]:
    return tuple(entry.name for entry in pkgutil.iter_modules(folders))


def installed(group: str) -> tuple[EntryPoint, ...]:
    """The entry points of a group, of all packages that are installed now.

    Whoever installs a package changes the folder that it goes to, so the answer is kept until one of them has changed.
    """
    return _entry_points(group, _folders())


def is_installed(name: str) -> bool:
    """Whether a module of that name could be imported now; it is not. For top-level names."""
    if name in sys.modules:
        return sys.modules[name] is not None
    return _is_found(name, _folders())


def _folders() -> tuple[tuple[str, int], ...]:
    """Python's path, and when each folder in it was changed."""
    return tuple((folder, _changed(folder or os.curdir)) for folder in sys.path)


def _changed(folder: str) -> int:
    """When something came to a folder or went from there; 0 if there is no such folder (the path of Python may name any)."""
    try:
        return os.stat(folder).st_mtime_ns
    except OSError:
        return 0


@lru_cache(maxsize=8)
def _entry_points(group: str, folders: tuple[tuple[str, int], ...]) -> tuple[EntryPoint, ...]:
    return tuple(entry_points(group=group))


@lru_cache(maxsize=64)
def _is_found(name: str, folders: tuple[tuple[str, int], ...]) -> bool:
    return find_spec(name) is not None
