"""Loading what takes long beside the event loop."""

from __future__ import annotations

import asyncio
import sys
from importlib import import_module


async def preload(name: str) -> None:
    """Import a module in a thread, unless it is there: an ``import`` that follows takes no time.

    For what only few servers use: it costs nobody else memory, and nobody's call waits while it is loaded.
    """
    if name not in sys.modules:
        await asyncio.get_running_loop().run_in_executor(None, import_module, name)
