"""cel_custom: lines of one's own about events of channels."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.support.testtech import World

pytestmark = pytest.mark.virtual_time

PLAN = "[globals]\nGREETING=hello\n[default]\nexten => 1,1,CELGenUserEvent(mine,x)\nsame => n,Wait(1)\n"
CEL = "[general]\nenable=yes\nevents=CHAN_START,USER_DEFINED\n"
MAPPINGS = """[mappings]
One.csv => ${CSV_QUOTE(${eventtype})},${eventenum},${userdeftype},${CALLERID(num)},${CHANNEL(channame)},${eventextra}
Two.csv => ${CALLERID(all)}/${CHANNEL(nothing)}/${GREETING}/${LEN(${eventtype})}/${BRIDGEPEER}
Empty.csv =>
[other]
x => y
"""


async def world(root: Path, mappings: str) -> World:
    world = await World.start(PLAN, files={"cel_custom.conf": mappings, "cel.conf": CEL}, root=root)
    world.phone("alice", "100", "Alice")
    return world


def text(root: Path, name: str) -> str:
    return (root / "log" / "cel-custom" / name).read_text()


async def test_each_mapping_is_a_file(tmp_path: Path) -> None:
    async with await world(tmp_path, MAPPINGS) as w:
        channel = w.tech.phones["alice"].dials("1").channel.name
        await w.all_gone()
        await w.settle(1)
        assert text(tmp_path, "One.csv") == (
            f'"CHAN_START",CHAN_START,,100,{channel},\n"mine",USER_DEFINED,mine,100,{channel},{{"extra":"x"}}\n'
        )
        assert text(tmp_path, "Two.csv") == '"Alice" <100>//hello/10/\n"Alice" <100>//hello/4/\n'
        assert any("[other]" in warning for warning in w.warnings)


async def test_a_reload_takes_other_mappings_and_the_end_writes_what_waits(tmp_path: Path) -> None:
    w = await world(tmp_path, MAPPINGS)
    w.files["cel_custom.conf"] = "[mappings]\nThree.csv => ${eventtype}\n"
    await w.system.loader.reload("cel_custom")
    w.tech.phones["alice"].dials("1")
    await w.settle(0.01)
    await w.stop()
    assert text(tmp_path, "Three.csv") == "CHAN_START\nmine\n"
    assert not (tmp_path / "log" / "cel-custom" / "One.csv").exists()


async def test_without_mappings_the_module_declines(tmp_path: Path) -> None:
    async with await world(tmp_path, "[mappings]\n") as w:
        assert w.system.loader.modules["cel_custom"].status.name == "DECLINED"
