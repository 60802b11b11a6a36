"""cdr_custom: lines of one's own."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.support.testtech import World

pytestmark = pytest.mark.virtual_time

PLAN = "[default]\nexten => 1,1,Answer()\nsame => n,Set(CDR(colour)=blue, sky)\nsame => n,Wait(2)\n"
MAPPINGS = """[mappings]
One.csv => ${CSV_QUOTE(${CDR(clid)})},${CDR(disposition)},${CDR(disposition,u)},${CDR(colour)},${CDR(none)}
sub/Two.csv => ${CDR(duration)},${CDR(billsec,f)},${CDR(amaflags)}/${CDR(amaflags,u)},${GREETING}
Empty.csv =>
[other]
x => y
"""


async def world(root: Path, mappings: str) -> World:
    files = {"cdr_custom.conf": mappings, "cdr.conf": "[general]\nenable=yes\nunanswered=yes\n"}
    world = await World.start("[globals]\nGREETING=hello\n" + PLAN, files=files, root=root)
    world.phone("alice", "100", "Alice")
    return world


def text(root: Path, name: str) -> str:
    return (root / "log" / "cdr-custom" / name).read_text()


async def test_each_mapping_is_a_file(tmp_path: Path) -> None:
    async with await world(tmp_path, MAPPINGS) as w:
        w.tech.phones["alice"].dials("1")
        await w.all_gone()
        await w.settle(1)
        assert text(tmp_path, "One.csv") == '"""Alice"" <100>",ANSWERED,8,blue, sky,\n'
        assert text(tmp_path, "sub/Two.csv") == "2,2.500000,DOCUMENTATION/3,hello\n"
        assert any("[other]" in warning for warning in w.warnings)


async def test_a_reload_takes_other_mappings_and_the_end_writes_what_waits(tmp_path: Path) -> None:
    w = await world(tmp_path, MAPPINGS)
    w.files["cdr_custom.conf"] = "[mappings]\nThree.csv => ${CDR(src)}\n"
    await w.system.loader.reload("cdr_custom")
    w.tech.phones["alice"].dials("1")
    await w.settle(1)
    await w.stop()
    assert text(tmp_path, "Three.csv") == "100\n"
    assert not (tmp_path / "log" / "cdr-custom" / "One.csv").exists()


async def test_without_mappings_the_module_declines(tmp_path: Path) -> None:
    async with await world(tmp_path, "[mappings]\n") as w:
        assert w.system.loader.modules["cdr_custom"].status.name == "DECLINED"
