"""Customizable Comma Separated Values CDR Backend."""

from __future__ import annotations

from typing import Any

from globstar.base.log import Logger
from globstar.core.cdr.engine import SERVICE, CdrEngine
from globstar.core.cdr.posting import CdrBackendSpec
from globstar.core.cdr.record import FinishedRecord
from globstar.core.cdr.scope import RecordScope, field_of, find_field
from globstar.core.custommappings import Mappings, read_mappings
from globstar.core.loader import ModuleDeclined
from globstar.core.outbox import Outbox, append_lines
from globstar.core.system import System

logger = Logger("cdr_custom")

_STATE = "cdr_custom"


class _State:
    """The mappings (file and line) of one system and the lines on their way."""

    def __init__(self, system: System, mappings: Mappings) -> None:
        self.mappings = mappings
        self.outbox = Outbox(system, "cdr_custom", append_lines)


def _read(system: System) -> Mappings:
    return read_mappings(
        system, "cdr_custom.conf", "cdr-custom", find_field, field_of, lambda record: RecordScope(system, record), logger
    )


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
    if engine is not None:
        engine.hand_over_all()
    state: _State | None = system.services.pop(_STATE, None)
    if state is not None:
        await state.outbox.close()


def _post(system: Any, records: list[FinishedRecord]) -> None:
    state: _State = system.services[_STATE]
    for record in records:
        for file, line in state.mappings:
            state.outbox.put([file, line.render(record)])


backend = CdrBackendSpec(name="cdr-custom", description="CDR File custom backend", post=_post)
