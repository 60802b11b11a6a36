"""Lua PBX Switch."""

from __future__ import annotations

import importlib.util

from globstar.base.log import Logger
from globstar.core import events
from globstar.core.loader import ModuleDeclined
from globstar.core.system import System
from globstar.modules.pbx.lua.service import FILE, REGISTRAR, SERVICE, LuaDialplan, lua_extension, lua_switch

__all__ = ["load", "lua_extension", "lua_switch", "reload", "unload"]

logger = Logger("pbx_lua")


def load(system: System) -> None:
    """Read extensions.lua. Declines without the file, or without the package lupa."""
    if not system.configuration.source.glob(FILE):
        raise ModuleDeclined(f"there is no {FILE}")
    if importlib.util.find_spec("lupa") is None:
        raise ModuleDeclined("the package lupa is not installed (pip install globstar[lua])")
    lua = LuaDialplan(system)
    lua.read()
    system.services[SERVICE] = lua


def reload(system: System) -> None:
    """Read extensions.lua again; one with a mistake leaves what is in force, and calls go on with what they began with."""
    lua: LuaDialplan = system.services[SERVICE]
    if not system.configuration.source.glob(FILE):
        logger.error(f"there is no {FILE}; the dialplan stays as it is")
        return
    lua.read()


def unload(system: System) -> None:
    """Take its contexts out."""
    plan = system.new_plan()
    plan.adopt(system.plan, (REGISTRAR,))
    system.plan = plan
    del system.services[SERVICE]
    system.bus.publish(events.DialplanReplaced())
