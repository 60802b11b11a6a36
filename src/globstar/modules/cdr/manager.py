"""Asterisk Manager Interface CDR Backend."""

from __future__ import annotations

from typing import Any

from globstar.base.log import Logger
from globstar.config.options import Options, Report, option
from globstar.config.values import boolean
from globstar.core.cdr.posting import CdrBackendSpec
from globstar.core.cdr.record import FinishedRecord, format_time
from globstar.core.cdr.scope import read_field
from globstar.core.manager import ManagerEvent, Permission
from globstar.core.system import System

logger = Logger("cdr_manager")

_STATE = "cdr_manager"


class ManagerOptions(Options):
    """``[general]`` of cdr_manager.conf."""

    enabled = option(boolean, False, help="Tell manager clients of records.")


class _State:
    """Whether records are told, and the headers of one's own: variable and header."""

    def __init__(self, is_enabled: bool, mappings: list[tuple[str, str]]) -> None:
        self.is_enabled = is_enabled
        self.mappings = mappings


def _read(system: System) -> _State:
    config = system.configuration.read("cdr_manager.conf")
    options = ManagerOptions()
    mappings: list[tuple[str, str]] = []
    report = Report()
    for category in config.categories if config is not None else ():
        match category.name.lower():
            case "general":
                options = ManagerOptions.read(category, report)
            case "mappings":
                for variable in category:
                    if variable.name and variable.value.strip() and ":" not in variable.value:
                        mappings.append((variable.name, variable.value.strip()))
                    else:
                        report(variable, "a mapping needs a variable and the name of a header")
            case _:
                logger.warning(f"cdr_manager.conf: section [{category.name}] has no effect")
    for warning in report.warnings:
        logger.log(warning.level, str(warning))
    return _State(options.enabled, mappings)


def load(system: System) -> None:
    """Read cdr_manager.conf; without one nothing is told."""
    reload(system)


def reload(system: System) -> None:
    """Read it again; the backend is there only while it is enabled."""
    state = system.services[_STATE] = _read(system)
    backends = system.registry("cdr backend")
    if state.is_enabled and _BACKENDS[0].name not in backends:
        backends.register(_BACKENDS[0])
    elif not state.is_enabled:
        backends.unregister(_BACKENDS[0])


def unload(system: System) -> None:
    """Stop."""
    system.registry("cdr backend").unregister(_BACKENDS[0])
    system.services.pop(_STATE, None)


def _post(system: Any, records: list[FinishedRecord]) -> None:
    state: _State | None = system.services.get(_STATE)
    if state is None or not state.is_enabled or not system.bus.listeners(ManagerEvent):
        return
    for record in records:
        system.bus.publish(ManagerEvent("Cdr", Permission.CDR, _fields(record, state.mappings)))


def _fields(record: FinishedRecord, mappings: list[tuple[str, str]]) -> list[tuple[str, str | None]]:
    return [
        ("AccountCode", record.account_code), ("Source", record.src), ("Destination", record.dst),
        ("DestinationContext", record.dcontext), ("CallerID", record.clid), ("Channel", record.channel),
        ("DestinationChannel", record.dstchannel), ("LastApplication", record.lastapp), ("LastData", record.lastdata),
        ("StartTime", format_time(record.start)), ("AnswerTime", format_time(record.answer)),
        ("EndTime", format_time(record.end)), ("Duration", str(record.duration)), ("BillableSeconds", str(record.billsec)),
        ("Disposition", record.disposition), ("AMAFlags", record.amaflags), ("UniqueID", record.uniqueid),
        ("UserField", record.userfield),
        *[(header, value) for name, header in mappings if (value := read_field(record, name))],
    ]  # fmt: skip


#: in a tuple, so that the loader does not register it: it is shown only while it is enabled
_BACKENDS = (CdrBackendSpec(module="cdr_manager", name="cdr_manager", description="cdr_manager", post=_post),)
