"""ENUM related dialplan functions."""

from __future__ import annotations

from globstar.core.system import System
from globstar.modules.funcs.enum.functions import enum_lookup, enum_query, enum_result, txt_cid_name
from globstar.modules.funcs.enum.settings import SERVICE, read_settings

__all__ = ["enum_lookup", "enum_query", "enum_result", "txt_cid_name"]


def load(system: System) -> None:
    """Read enum.conf."""
    system.services[SERVICE] = read_settings(system.configuration.read("enum.conf"))


def reload(system: System) -> None:
    """Read enum.conf again."""
    load(system)


def unload(system: System) -> None:
    """Forget it."""
    system.services.pop(SERVICE, None)
