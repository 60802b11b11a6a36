"""The commands of the core, one file per family; every other command belongs to its module."""

from __future__ import annotations

import importlib
import pkgutil

from globstar.core.registry import specs_of
from globstar.core.system import System


def register_commands(system: System) -> None:
    """Offer every command of this package in ``system``."""
    registry = system.registry("cli command")
    for entry in pkgutil.iter_modules(__path__):
        for spec in specs_of(importlib.import_module(f"{__name__}.{entry.name}")):
            spec.module = "core"
            registry.register(spec)
