"""Batches of call detail records, and backends that fail."""

from __future__ import annotations

import pytest

from globstar.core.cdr.posting import CdrBackendSpec
from globstar.core.cli import run_command
from tests.support.callrecords import collect, engine_of
from tests.support.testtech import World

pytestmark = pytest.mark.virtual_time

PLAN = "[default]\nexten => 1,1,Answer()\nsame => n,Hangup()\n"


async def world(general: str) -> World:
    world = await World.start(PLAN, files={"cdr.conf": f"[general]\nenable=yes\n{general}"})
    world.phone("alice", "100")
    return world


async def calls(world: World, count: int) -> None:
    for _ in range(count):
        world.tech.phones["alice"].dials("1")
    await world.all_gone()


async def test_a_batch_is_handed_over_when_it_is_full() -> None:
    async with await world("batch=yes\nsize=3\n") as w:
        records = collect(w)
        await calls(w, 2)
        assert (len(records), len(engine_of(w).poster.waiting)) == (0, 2)
        await calls(w, 1)
        assert (len(records), len(engine_of(w).poster.waiting)) == (3, 0)


async def test_a_batch_is_handed_over_after_its_time() -> None:
    async with await world("batch=yes\ntime=60\n") as w:
        records = collect(w)
        await calls(w, 1)
        assert engine_of(w).poster.next_batch_in() == pytest.approx(60, abs=1)
        await w.settle(59)
        assert records == []
        await w.settle(1)
        assert len(records) == 1


@pytest.mark.parametrize(("safe", "kept"), [("yes", 2), ("no", 0)])
async def test_safeshutdown(safe: str, kept: int) -> None:
    w = await world(f"batch=yes\nsafeshutdown={safe}\n")
    records = collect(w)
    await calls(w, 2)
    await w.stop()
    assert len(records) == kept
    assert any("lost" in warning for warning in w.warnings) is (safe == "no")


async def test_a_reload_without_batches_hands_over_what_waits() -> None:
    async with await world("batch=yes\n") as w:
        records = collect(w)
        await calls(w, 2)
        w.files["cdr.conf"] = "[general]\nenable=yes\nbatch=no\n"
        await w.system.loader.reload("cdr")
        assert len(records) == 2


async def test_a_backend_that_fails_does_not_keep_the_records_from_the_others() -> None:
    def fail(system: object, records: object) -> None:
        raise RuntimeError("disk on fire")

    async with await world("") as w:
        backends = engine_of(w).poster.backends
        backends.register(CdrBackendSpec(name="broken", module="tests", post=fail))
        records = collect(w)
        await calls(w, 1)
        assert len(records) == 1
        assert any("broken failed" in warning for warning in w.warnings)


async def test_a_backend_is_suspended_in_one_system_alone() -> None:
    got: list[object] = []
    shared = CdrBackendSpec(name="shared", module="tests", post=lambda system, new: got.extend([system] * len(new)))
    async with await world("") as one, await world("") as other:
        for w in (one, other):
            engine_of(w).poster.backends.register(shared)
        engine_of(one).poster.suspend("shared")
        await calls(one, 1)
        await calls(other, 1)
        assert got == [other.system]
        status = [await run_command(w.system, "cdr show status") for w in (one, other)]
        assert ["shared (suspended)" in text for text in status] == [True, False]
        engine_of(one).poster.resume("shared")
        await calls(one, 1)
        assert got == [other.system, one.system]


async def test_only_a_backend_that_is_there_can_be_suspended() -> None:
    async with await world("") as w:
        with pytest.raises(LookupError, match="nobody"):
            engine_of(w).poster.suspend("nobody")
        engine_of(w).poster.resume("nobody")
        assert not engine_of(w).poster.suspended
