"""Call detail records in tests: a backend that keeps what it is given."""

from __future__ import annotations

from globstar.core.cdr.engine import SERVICE, CdrEngine
from globstar.core.cdr.posting import CdrBackendSpec
from globstar.core.cdr.record import FinishedRecord
from tests.support.testtech import World


def engine_of(world: World) -> CdrEngine:
    """The engine of a world."""
    engine = world.system.services[SERVICE]
    assert isinstance(engine, CdrEngine)
    return engine


def collect(world: World) -> list[FinishedRecord]:
    """The records from now on, in the order in which the backends get them."""
    records: list[FinishedRecord] = []
    backend = CdrBackendSpec(name="kept", module="tests", post=lambda _system, new: records.extend(new))
    engine_of(world).poster.backends.register(backend)
    return records


def summary(record: FinishedRecord) -> tuple[str, str, str, int, int]:
    """Source, destination channel's phone, disposition, duration and billed seconds."""
    name = record.dstchannel.rpartition("-")[0].partition("/")[2]
    return record.src, name, record.disposition, record.duration, record.billsec
