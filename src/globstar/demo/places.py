"""Where the demo keeps its files, and what the environment says about it."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any


def demo_folders() -> tuple[Path, Path]:
    """Where the demo keeps its configuration and data: of the system for root, else of the user."""
    if data := os.environ.get("GLOBSTAR_DEMO_DIR"):
        return Path(data) / "etc", Path(data)
    root = Path("/var/lib/globstar-demo") if os.geteuid() == 0 else Path.home() / ".local/share/globstar-demo"
    return root / "etc", root


def demo_options() -> dict[str, Any]:
    """Where the demo listens and finds recorded prompts, when the environment says so."""
    options: dict[str, Any] = {}
    if bind := os.environ.get("GLOBSTAR_DEMO_BIND"):
        options["bind"] = bind
    if recorded := os.environ.get("GLOBSTAR_DEMO_RECORDED_SOUNDS"):
        options["recorded"] = Path(recorded)
    return options
