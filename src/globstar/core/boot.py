"""Bringing a system up: configuration, core services, modules, in that order."""

from __future__ import annotations

import sys
from pathlib import Path

from globstar.base.log import Logger
from globstar.config.errors import ConfigFileMissing
from globstar.config.file import ConfigFile
from globstar.config.reader import read_config
from globstar.config.source import ConfigSource
from globstar.core.astdb import AstDb
from globstar.core.bridgetech import follow_modules
from globstar.core.devicestate import DeviceStates
from globstar.core.loader import PREFIXES
from globstar.core.mailboxes import Mailboxes
from globstar.core.realtime import Realtime
from globstar.core.realtime.static import OverlaidSource
from globstar.core.settings import read_modules_config
from globstar.core.system import System
from globstar.core.testevents import follow_bus

logger = Logger("asterisk")


class Configuration:
    """The configuration folder of a running system; modules read their files through it.

    ``source`` is the folder itself, ``overlay`` the same with the files that a database has instead.
    """

    def __init__(self, source: ConfigSource) -> None:
        self.overlay = OverlaidSource(source)
        #: name of a file that was read, and the module that read it
        self.readers: set[tuple[str, str]] = {("asterisk.conf", "core"), ("modules.conf", "core"), ("logger.conf", "logger")}

    @property
    def source(self) -> ConfigSource:
        """The folder."""
        return self.overlay.below

    @source.setter
    def source(self, source: ConfigSource) -> None:
        self.overlay.below = source

    def read(self, name: str) -> ConfigFile | None:
        """Read one file and log its warnings; None if there is none. Raises ``ConfigError`` if it is broken."""
        reader = module_of(sys._getframe(1).f_globals.get("__name__", ""))
        try:
            config = read_config(name, self.overlay)
        except ConfigFileMissing:
            self.readers.discard((name, reader))
            return None
        self.readers.add((name, reader))
        for warning in config.warnings:
            logger.log(warning.level, str(warning))
        return config


def module_of(python_name: str) -> str:
    """The module that Python's ``globstar.modules.apps.dial.callee`` belongs to: ``app_dial``; ``core`` for all else."""
    parts = python_name.split(".")
    if parts[:2] != ["globstar", "modules"] or len(parts) < 4:
        return "manager" if parts[1:3] == ["interfaces", "ami"] else "core"
    return parts[3] if parts[2] == "builtin" else f"{PREFIXES.get(parts[2], parts[2])}_{parts[3]}"


async def boot(system: System, source: ConfigSource, *, keep_database: bool = True) -> None:
    """Load everything. Raises ``ModuleError`` or ``ConfigError`` if what is required cannot be had.

    ``keep_database`` False holds the AstDB in memory only.
    """
    system.configuration = Configuration(source)
    path = Path(system.directories.astdbdir) / "astdb.sqlite3" if keep_database else None
    system.database = await system.run_blocking(AstDb, path)
    if keep_database:
        _recall_uuid(system)
    system.device_states = DeviceStates(system)
    system.mailboxes = Mailboxes(system.bus)
    system.realtime = Realtime(system, system.configuration.overlay)
    system.is_configured = True
    if system.test_events:
        follow_bus(system)
    follow_modules(system)
    modules = read_modules_config(source)
    system.realtime.configure()
    await system.realtime.start(modules)
    await system.loader.load_builtin()
    await system.loader.load_all(modules)
    system.mark_booted()


def _recall_uuid(system: System) -> None:
    kept = system.database.get("pbx", "UUID")
    if kept:
        system.pbx_uuid = kept
    else:
        system.database.put("pbx", "UUID", system.pbx_uuid)


async def shut_down(system: System) -> None:
    """Stop the system and write what must not be lost."""
    await system.stop()
    if system.is_configured:
        await system.loop.run_in_executor(None, system.database.close)
