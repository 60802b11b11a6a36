"""Customizable Comma Separated Values CEL Backend."""

from __future__ import annotations

from typing import Any

from globstar.base.log import Logger
from globstar.core.cel.engine import CelBackendSpec
from globstar.core.cel.event import CelEvent
from globstar.core.cel.scope import EventScope, field_of, find_field
from globstar.core.custommappings import Mappings, read_mappings
from globstar.core.loader import ModuleDeclined
from globstar.core.outbox import Outbox, append_lines
from globstar.core.system import System

logger = Logger("cel_custom")

_STATE = "cel_custom"


class _State:
    """The mappings (file and line) of one system and the lines on their way."""

    def __init__(self, system: System, mappings: Mappings) -> None:
        self.mappings = mappings
        self.outbox = Outbox(system, "cel_custom", append_lines)


def _read(system: System) -> Mappings:
    return read_mappings(
        system, "cel_custom.conf", "cel-custom", find_field, field_of, lambda event: EventScope(system, event), logger
    )


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
