"""The commands of the core, one file per family; every other command belongs to its module."""

from __future__ import annotations

import importlib
import sys

from globstar.base.packages import submodules
from globstar.core.registry import specs_of
from globstar.core.system import System


def register_commands(system: System) -> None:
    """Offer every command of this package in ``system``."""
    registry = system.registry("cli command")
    for name in submodules(sys.modules[__name__]):
        for spec in specs_of(importlib.import_module(f"{__name__}.{name}")):
            spec.module = "core"
            registry.register(spec)
