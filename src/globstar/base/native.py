"""Whether compiled parts are used: where they were built, and from the sources that are beside them."""

from __future__ import annotations

import os
from pathlib import Path
from types import ModuleType

from globstar.base.log import Logger
from globstar.base.sources import digest_of

logger = Logger("native")

#: modules that were complained of
_told: set[str] = set()


def require_native() -> None:
    """Raise ImportError if ``GLOBSTAR_NATIVE=no`` says to do without compiled modules.

    To be called before such a module is imported, so that whoever imports it takes its Python twin.
    """
    if os.environ.get("GLOBSTAR_NATIVE", "").strip().lower() in ("no", "0", "off", "false"):
        raise ImportError("compiled modules are switched off by GLOBSTAR_NATIVE")


def require_current(module: ModuleType) -> None:
    """Raise ImportError if a compiled module was built from other sources than those beside it, and log what to do.

    What uses it may have changed with its sources. Where there are no sources there is nothing to compare.
    """
    name = module.__name__
    source = Path(module.__file__ or "").parent / f"{name.rpartition('.')[2]}.pyx"
    if source.exists() and getattr(module, "SOURCES", "") != digest_of(source):
        if name not in _told:
            _told.add(name)
            logger.warning(f"{name} was built from other sources than those beside it and is not used: make venv builds anew")
        raise ImportError(f"{name} was built from other sources")
