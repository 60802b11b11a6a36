"""``core show resources`` and ``core show objects``: what the server holds, so that a leak can be seen."""

from __future__ import annotations

import asyncio
import gc
import os
import sys
import threading
from collections import Counter

from globstar.core.cli import cli_command
from globstar.core.cli_data import CliText
from globstar.core.system import System


@cli_command("core show resources")
def show_resources(system: System, args: list[str]) -> str:
    """Show how many channels, bridges, tasks, threads, descriptors and blocks of memory there are.

    Lists counts of what the server holds now. After all calls have ended they are what
    they were before the calls.
    """
    counts = {
        "channels": len(system.channels),
        "bridges": len(system.bridges),
        "tasks": len(asyncio.all_tasks()),
        "threads": threading.active_count(),
        "descriptors": len(os.listdir("/proc/self/fd")),
        "blocks": sys.getallocatedblocks(),
    }
    return CliText("".join(f"{name:<20} {count}\n" for name, count in counts.items()), counts)


_COUNTED = ("globstar.", "asyncio.", "_asyncio", "uvloop.")


@cli_command("core show objects")
def show_objects(system: System, args: list[str]) -> str:
    """Show how many objects of each class of Globstar and of the event loop are alive.

    Timers and tasks of the event loop are among them.
    Counts after a full garbage collection, which holds the server for some ten milliseconds: meant for looking for leaks.
    """
    gc.collect()
    counts: Counter[str] = Counter()
    for thing in gc.get_objects():
        kind = type(thing)
        module: object = kind.__module__
        if isinstance(module, str) and module.startswith(_COUNTED):  # a C type may have anything there
            counts[f"{module.removeprefix('globstar.')}.{kind.__qualname__}"] += 1
    return CliText("".join(f"{name:<60} {count}\n" for name, count in sorted(counts.items())), dict(counts))
