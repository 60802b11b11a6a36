"""Text Extension Configuration."""

from __future__ import annotations

from globstar.base.log import Logger
from globstar.core import events
from globstar.core.loader import ModuleDeclined
from globstar.core.system import System
from globstar.dialplan.reader import REGISTRAR, LoadedDialplan, read_extensions

logger = Logger("pbx_config")


class _GlobalScope:
    """What extensions.conf may refer to while it is read: the system's variables and functions."""

    def __init__(self, system: System) -> None:
        self.system = system

    def get_variable(self, name: str) -> str | None:
        """A global variable that [globals] does not set."""
        return self.system.globals.get(name)

    def call_function(self, name: str, args: str) -> str:
        """A function read without a channel."""
        return self.system.functions.read(None, name, args)

    def warn(self, level: str, message: str) -> None:
        """A complaint of substitution."""
        logger.log(level, message)


def _read(system: System) -> LoadedDialplan | None:
    config = system.configuration.read("extensions.conf")
    if config is None:
        return None
    return read_extensions(config, system.new_plan(), _GlobalScope(system))


def install(system: System, loaded: LoadedDialplan, *, is_reload: bool) -> None:
    """Put a dialplan that was read in force; running calls keep the one that they entered until they leave."""
    for warning in loaded.warnings:
        logger.log(warning.level, str(warning))
    plan = loaded.plan
    for refused in plan.adopt(system.plan, (REGISTRAR,)):
        logger.warning(str(refused))
    for context, included in plan.missing_includes():
        logger.warning(f"context '{context}' includes '{included}', which does not exist")
    if is_reload and loaded.general.clearglobalvars:
        system.globals.clear()
    for name, value in loaded.globals.items():
        system.globals.set(name, value)
    system.dialplan_options = loaded.general
    system.plan = plan
    system.bus.publish(events.DialplanReplaced())


def load(system: System) -> None:
    """Read extensions.conf. Declines if there is none."""
    loaded = _read(system)
    if loaded is None:
        raise ModuleDeclined("there is no extensions.conf")
    install(system, loaded, is_reload=False)


def reload(system: System) -> None:
    """Read extensions.conf again; a broken or missing file leaves the dialplan as it is."""
    loaded = _read(system)
    if loaded is None:
        logger.error("there is no extensions.conf; the dialplan stays as it is")
        return
    install(system, loaded, is_reload=True)


def unload(system: System) -> None:
    """Take the contexts of extensions.conf out."""
    plan = system.new_plan()
    plan.adopt(system.plan, (REGISTRAR,))
    system.plan = plan
    system.bus.publish(events.DialplanReplaced())
