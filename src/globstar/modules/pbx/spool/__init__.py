"""Outgoing Spool Support."""

from __future__ import annotations

from pathlib import Path

from globstar.core import events
from globstar.core.loader import ModuleDeclined
from globstar.core.system import System
from globstar.modules.pbx.spool.spooler import Spooler

_SERVICE, _UNDO = "call files", "call files undo"


async def load(system: System) -> None:
    """Watch ``outgoing`` below the spool folder. Declines if it cannot be made."""
    spool = Path(system.directories.astspooldir)
    folder = spool / "outgoing"
    try:
        await system.run_blocking(lambda: folder.mkdir(parents=True, exist_ok=True))
    except OSError as error:
        raise ModuleDeclined(f"call files cannot be taken: {error}") from error
    spooler = system.services[_SERVICE] = Spooler(system, folder, spool / "outgoing_done")
    system.services[_UNDO] = system.bus.subscribe(events.FullyBooted, lambda event: spooler.look())
    spooler.look()


async def unload(system: System) -> None:
    """Take no more call files."""
    system.services.pop(_UNDO)()
    await system.services.pop(_SERVICE).close()
