"""Whether compiled parts are used where they were built."""

from __future__ import annotations

import os


def require_native() -> None:
    """Raise ImportError if ``GLOBSTAR_NATIVE=no`` says to do without compiled modules.

    To be called before such a module is imported, so that whoever imports it takes its Python twin.
    """
    if os.environ.get("GLOBSTAR_NATIVE", "").strip().lower() in ("no", "0", "off", "false"):
        raise ImportError("compiled modules are switched off by GLOBSTAR_NATIVE")
