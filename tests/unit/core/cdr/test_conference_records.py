"""Records of large conferences: one for each pair, handed over a few at a time, in order and without a loss."""

from __future__ import annotations

import pytest

from globstar.core.bridge import Bridge
from globstar.core.cdr import posting
from globstar.core.cdr.record import FinishedRecord
from tests.support.callrecords import collect, engine_of
from tests.support.testtech import World

pytestmark = pytest.mark.virtual_time

PLAN = "[default]\nexten => 1,1,Answer()\nsame => n,Wait(1000)\nexten => 2,1,Answer()\n"
MEMBERS = 12


async def world(general: str = "") -> World:
    return await World.start(PLAN, files={"cdr.conf": f"[general]\nenable=yes\n{general}"})


async def conference(w: World) -> Bridge:
    """Phones that answer one after the other, and then are in one bridge."""
    bridge = Bridge(w.system)
    for number in range(MEMBERS):
        leg = w.phone(f"p{number}", str(100 + number)).dials("1")
        await w.settle(1)
        bridge.join(leg.channel)
    await w.settle(1)
    return bridge


def pairs(records: list[FinishedRecord]) -> list[tuple[str, str]]:
    return [(record.src, record.dstchannel.partition("-")[0].rpartition("/p")[2]) for record in records if record.dstchannel]


EXPECTED = sorted((str(100 + a), str(b)) for a in range(MEMBERS) for b in range(a + 1, MEMBERS))


async def test_many_records_take_turns_with_other_work_and_later_ones_come_after_them(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(posting, "SLICE", 3)
    async with await world() as w:
        records = collect(w)
        slices: list[int] = []
        engine_of(w).poster.backends.register(
            posting.CdrBackendSpec(name="sizes", module="tests", post=lambda _system, new: slices.append(len(new)))
        )
        bridge = await conference(w)
        single = w.phone("single", "999").dials("1")
        await w.settle(1)
        first = next(iter(w.system.channels.values()))
        bridge.dissolve()
        first.hangup()
        single.channel.hangup()
        assert len(records) == 0, "not at once"
        await w.settle(0.01)
        assert records[-1].src == "999"
        for channel in list(w.system.channels.values()):
            channel.request_hangup()
        await w.all_gone()
        assert max(slices) == 3
        assert sorted(pairs(records)) == EXPECTED
        assert [record.sequence for record in records if record.src == "100"] == sorted(
            record.sequence for record in records if record.src == "100"
        )


@pytest.mark.parametrize("batch", ["", "batch=yes\nsize=1000\n"])
async def test_what_takes_turns_is_handed_over_when_the_server_ends(monkeypatch: pytest.MonkeyPatch, batch: str) -> None:
    monkeypatch.setattr(posting, "SLICE", 3)
    w = await world(batch)
    records = collect(w)
    bridge = await conference(w)
    bridge.dissolve()
    for channel in list(w.system.channels.values()):
        channel.hangup()
    assert not records
    engine_of(w).close()
    assert sorted(pairs(records)) == EXPECTED
    await w.stop()
