"""Customizable Comma Separated Values CEL Backend."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from globstar.base.log import Logger
from globstar.core.cel.engine import CelBackendSpec
from globstar.core.cel.event import CelEvent
from globstar.core.cel.scope import EventScope, find_field
from globstar.core.loader import ModuleDeclined
from globstar.core.outbox import Outbox, append_lines
from globstar.core.recordline import RecordLine, compile_line
from globstar.core.system import System

logger = Logger("cel_custom")

_STATE = "cel_custom"


class _State:
    """The mappings (file and line) of one system and the lines on their way."""

    def __init__(self, system: System, mappings: list[tuple[str, RecordLine]]) -> None:
        self.mappings = mappings
        self.outbox = Outbox(system, "cel_custom", append_lines)


def _read(system: System) -> list[tuple[str, RecordLine]]:
    config = system.configuration.read("cel_custom.conf")
    folder = Path(system.directories.astlogdir) / "cel-custom"
    mappings: list[tuple[str, RecordLine]] = []
    for category in config.categories if config is not None else ():
        if category.name.lower() != "mappings":
            logger.warning(f"cel_custom.conf: section [{category.name}] has no effect")
            continue
        for variable in category:
            if variable.name and variable.value:
                line = compile_line(variable.value, find_field, lambda event: EventScope(system, event))
                mappings.append((str(folder / variable.name), line))
            else:
                logger.notice(f"{variable.file}:{variable.line}: a mapping needs a file and a line")
    return mappings


def load(system: System) -> None:
    """Begin to write the files of [mappings]; declines if there are none."""
    mappings = _read(system)
    if not mappings:
        raise ModuleDeclined("cel_custom.conf has no mappings")
    system.services[_STATE] = _State(system, mappings)


def reload(system: System) -> None:
    """Read the mappings again."""
    system.services[_STATE].mappings = _read(system)


async def unload(system: System) -> None:
    """Write what waits."""
    state: _State | None = system.services.pop(_STATE, None)
    if state is not None:
        await state.outbox.close()


def _post(system: Any, event: CelEvent) -> None:
    state: _State | None = system.services.get(_STATE)
    if state is not None:
        for file, line in state.mappings:
            state.outbox.put([file, line.render(event)])


backend = CelBackendSpec(name="cel_custom", description="CEL Custom CSV Logging", post=_post)
