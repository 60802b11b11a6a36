"""Libraries that only few servers use: loaded late, so that they cost the others neither memory nor time."""

from __future__ import annotations

import asyncio
import sys
from importlib import import_module
from types import ModuleType
from typing import Any


class LateModule:
    """Stands for a module that is loaded when something of it is asked for; types come from an import under TYPE_CHECKING."""

    __slots__ = ("_module", "_name")

    def __init__(self, name: str) -> None:
        self._name = name
        self._module: ModuleType | None = None

    def __getattr__(self, name: str) -> Any:
        if self._module is None:
            self._module = import_module(self._name)
        return getattr(self._module, name)


async def preload(name: str) -> None:
    """Import a module in a thread, unless it is there: an ``import`` that follows takes no time, and no call waits meanwhile."""
    if name not in sys.modules:
        await asyncio.get_running_loop().run_in_executor(None, import_module, name)
