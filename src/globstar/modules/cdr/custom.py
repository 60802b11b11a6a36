"""Customizable Comma Separated Values CDR Backend."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from globstar.base.log import Logger
from globstar.core.cdr.engine import SERVICE, CdrEngine
from globstar.core.cdr.posting import CdrBackendSpec
from globstar.core.cdr.record import FinishedRecord
from globstar.core.cdr.scope import RecordScope
from globstar.core.linewriter import LineWriter
from globstar.core.loader import ModuleDeclined
from globstar.core.system import System
from globstar.dialplan.substitute import Template, compile_template

logger = Logger("cdr_custom")

_STATE = "cdr_custom"


class _State:
    """The mappings (file and line) and the writer of one system."""

    def __init__(self, system: System, mappings: list[tuple[Path, Template]]) -> None:
        self.mappings = mappings
        self.writer = LineWriter(system, "cdr_custom")


def _read(system: System) -> list[tuple[Path, Template]]:
    config = system.configuration.read("cdr_custom.conf")
    folder = Path(system.directories.astlogdir) / "cdr-custom"
    mappings: list[tuple[Path, Template]] = []
    for category in config.categories if config is not None else ():
        if category.name.lower() != "mappings":
            logger.warning(f"cdr_custom.conf: section [{category.name}] has no effect")
            continue
        for variable in category:
            if variable.name and variable.value:
                mappings.append((folder / variable.name, compile_template(variable.value)))
            else:
                logger.notice(f"{variable.file}:{variable.line}: a mapping needs a file and a line")
    return mappings


def load(system: System) -> None:
    """Begin to write the files of [mappings]; declines if there are none."""
    mappings = _read(system)
    if not mappings:
        raise ModuleDeclined("cdr_custom.conf has no mappings")
    system.services[_STATE] = _State(system, mappings)


def reload(system: System) -> None:
    """Read the mappings again."""
    system.services[_STATE].mappings = _read(system)


async def unload(system: System) -> None:
    """Write what waits."""
    engine = system.service(SERVICE, CdrEngine)
    if engine is not None and engine.settings.safeshutdown:
        engine.poster.submit()
    state: _State | None = system.services.pop(_STATE, None)
    if state is not None:
        await state.writer.flush()


def _post(system: Any, records: list[FinishedRecord]) -> None:
    state: _State = system.services[_STATE]
    for record in records:
        scope = RecordScope(system, record)
        for file, template in state.mappings:
            state.writer.append(file, template.render(scope))


backend = CdrBackendSpec(name="cdr-custom", description="CDR File custom backend", post=_post)
