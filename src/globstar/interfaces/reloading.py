"""Reading configuration again: of modules, and of what is no module here but is one in Asterisk (``logger``, ``manager``)."""

from __future__ import annotations

from globstar.base.errors import RemoteFault
from globstar.base.log import Logger
from globstar.core.system import System

logger = Logger("loader")

#: What stands in ``module show`` beside the modules, with the description and the service that does it.
CORE_MODULES = {"logger": ("Logger", "log"), "manager": ("Asterisk Manager Interface", "manager")}
#: Modules of Asterisk's core by its names, and what they are called here.
RENAMED = {"acl": "named_acl"}


async def reload_core(system: System, name: str) -> bool:
    """Let ``logger`` or ``manager`` read their files again; False if it is neither, or not there. Raises ``ConfigError``."""
    service = system.services.get(CORE_MODULES[name][1]) if name in CORE_MODULES else None
    if service is None:
        return False
    if name == "logger":
        await system.run_blocking(service.load, system.configuration.source)
    else:
        await service.reload()
    return True


async def reload_everything(system: System) -> list[str]:
    """Let all read their files again; gives the names of those that failed, each logged. The others have done it."""
    failed = []
    for name in CORE_MODULES:
        try:
            await reload_core(system, name)
        except RemoteFault as fault:
            logger.error(f"{name} failed to reload; its old configuration stays: {fault}")
            failed.append(name)
    failed += await system.loader.reload_all()
    system.last_reload_wall = system.wall_time()
    return failed
