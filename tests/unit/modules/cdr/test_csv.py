"""cdr_csv: the lines of Master.csv, byte by byte, and that none is lost."""

from __future__ import annotations

import csv
import dataclasses
from pathlib import Path

import pytest

from globstar.core.cdr.record import FinishedRecord
from globstar.modules.cdr.csv import CsvSettings, csv_line
from tests.support.testtech import World

RECORD = FinishedRecord(
    "sales", "100", "201", "default", '"Al ""ice" <100>', "PJSIP/alice-00000001", "PJSIP/bob-00000002", "Dial", "PJSIP/bob,20",
    1_700_000_000.9, 0.0, 1_700_000_003.2, 2, 0, "NO ANSWER", "DOCUMENTATION", "1700000000.1", "note", "", "1700000000.1", 7, {},
)  # fmt: skip
PLAN = "[default]\nexten => 1,1,Set(CHANNEL(accountcode)=${ACCOUNT})\nsame => n,Answer()\nsame => n,Wait(${TIME})\n"


def settings(**options: bool) -> CsvSettings:
    result = CsvSettings()
    for name, value in options.items():
        setattr(result, name, value)
    return result


def test_texts_are_quoted_times_are_not_when_unset_numbers_never() -> None:
    assert csv_line(RECORD, settings(usegmtime=True)) == (
        '"sales","100","201","default","""Al """"ice"" <100>","PJSIP/alice-00000001","PJSIP/bob-00000002","Dial","PJSIP/bob,20",'
        '"2023-11-14 22:13:20",,"2023-11-14 22:13:23",2,0,"NO ANSWER","DOCUMENTATION"'
    )


def test_optional_columns_come_in_asterisks_order() -> None:
    everything = settings(usegmtime=True, loguniqueid=True, loguserfield=True, newcdrcolumns=True)
    line = csv_line(dataclasses.replace(RECORD, answer=1_700_000_001.0), everything)
    assert line.endswith(',"2023-11-14 22:13:21","2023-11-14 22:13:23",2,0,"NO ANSWER","DOCUMENTATION",'
                         '"1700000000.1","note","","1700000000.1",7')  # fmt: skip
    assert next(csv.reader([line]))[4] == '"Al ""ice" <100>'


async def world(root: Path, section: str = "usegmtime=yes\n", general: str = "") -> World:
    files = {"cdr.conf": f"[general]\nenable=yes\nunanswered=yes\n{general}[csv]\n{section}"}
    world = await World.start(PLAN, files=files, root=root)
    world.system.globals.set("TIME", "1")
    world.phone("alice", "100", "Alice")
    return world


def lines(root: Path, name: str = "Master.csv") -> list[str]:
    file = root / "log" / "cdr-csv" / name
    return file.read_text().splitlines() if file.exists() else []


@pytest.mark.virtual_time
async def test_calls_that_are_up_at_shutdown_are_written(tmp_path: Path) -> None:
    w = await world(tmp_path)
    w.system.globals.set("TIME", "3600")
    for _ in range(20):
        w.tech.phones["alice"].dials("1")
    await w.settle(3)
    await w.stop()
    assert len(lines(tmp_path)) == 20
    assert {row[12] for row in csv.reader(lines(tmp_path))} == {"3"}


@pytest.mark.virtual_time
async def test_the_waiting_batch_is_written_at_shutdown(tmp_path: Path) -> None:
    w = await world(tmp_path, general="batch=yes\n")
    w.tech.phones["alice"].dials("1")
    await w.all_gone()
    assert lines(tmp_path) == []
    await w.stop()
    assert len(lines(tmp_path)) == 1


@pytest.mark.virtual_time
async def test_lines_come_in_the_order_of_the_calls_ends_soon_after_them(tmp_path: Path) -> None:
    async with await world(tmp_path, "loguniqueid=yes\nnewcdrcolumns=yes\n") as w:
        for _ in range(50):
            w.tech.phones["alice"].dials("1")
            await w.settle(0.03)
        await w.all_gone()
        await w.settle(1)
        assert [int(row[-1]) for row in csv.reader(lines(tmp_path))] == list(range(50))


@pytest.mark.virtual_time
async def test_accountlogs_writes_a_file_per_account_but_only_where_it_belongs(tmp_path: Path) -> None:
    async with await world(tmp_path, "accountlogs=yes\n") as w:
        for account in ("sales", "../evil", ".hidden"):
            w.system.globals.set("ACCOUNT", account)
            w.tech.phones["alice"].dials("1")
            await w.all_gone()
        await w.settle(1)
        assert len(lines(tmp_path)) == 3
        assert len(lines(tmp_path, "sales.csv")) == 1
        assert sorted(path.name for path in (tmp_path / "log").rglob("*.csv")) == ["Master.csv", "sales.csv"]
        assert sum("cannot be the name of a file" in warning for warning in w.warnings) == 2


@pytest.mark.virtual_time
async def test_without_its_section_the_module_declines(tmp_path: Path) -> None:
    async with await World.start(PLAN, files={"cdr.conf": "[general]\nenable=yes\n"}, root=tmp_path) as w:
        w.phone("alice").dials("1")
        await w.all_gone()
        assert w.system.loader.modules["cdr_csv"].status.name == "DECLINED"
        assert not (tmp_path / "log" / "cdr-csv").exists()


@pytest.mark.virtual_time
async def test_a_reload_takes_other_columns(tmp_path: Path) -> None:
    async with await world(tmp_path) as w:
        w.tech.phones["alice"].dials("1")
        await w.all_gone()
        w.files["cdr.conf"] = "[general]\nenable=yes\nunanswered=yes\n[csv]\nnewcdrcolumns=yes\n"
        await w.system.loader.reload("cdr_csv")
        w.tech.phones["alice"].dials("1")
        await w.all_gone()
        await w.settle(1)
        assert [len(row) for row in csv.reader(lines(tmp_path))] == [16, 19]


@pytest.mark.virtual_time
async def test_a_file_that_cannot_be_written_is_told(tmp_path: Path) -> None:
    async with await world(tmp_path) as w:
        (tmp_path / "log").mkdir(exist_ok=True)
        (tmp_path / "log" / "cdr-csv").write_text("in the way")
        w.tech.phones["alice"].dials("1")
        await w.all_gone()
        await w.settle(1)
        assert any("cdr_csv is down" in warning for warning in w.warnings)
        (tmp_path / "log" / "cdr-csv").unlink()
        await w.settle(2)
        assert "alice" in (tmp_path / "log" / "cdr-csv" / "Master.csv").read_text(), "it follows"
