"""The queue log: its file, its realtime table, and who writes into it."""

from __future__ import annotations

import asyncio
import re
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import pytest

from globstar.base.log import Level
from globstar.config import MemorySource
from globstar.core.cli import run_command
from globstar.core.logfiles import LogSetup
from globstar.core.outbox import SERVICE as OUTBOXES
from globstar.core.queuelog import SERVICE, QueueLog
from tests.support.ami import AmiClient, start_manager
from tests.support.realtime import TestDatabase, realtime_files
from tests.support.switch import LogCapture
from tests.support.testtech import World

pytestmark = pytest.mark.virtual_time

PLAN = """[default]
exten => 1,1,QueueLog(sales,${UNIQUEID},Agent/7,MYEVENT,a|b)
same => n,QueueLog(sales,NONE,NONE,BARE)
same => n,QueueLog(sales,,x,BAD)
same => n,Set(NOT=reached)
"""
TABLE = "CREATE TABLE queue_log (time TEXT, callid TEXT, queuename TEXT, agent TEXT, event TEXT, {})".format(
    ", ".join(f"data{number} TEXT" for number in range(1, 6))
)


@asynccontextmanager
async def world(root: Path, general: str = "", **files: str) -> AsyncIterator[World]:
    conf = {"logger.conf": f"[general]\n{general}\n", **{f"{name}.conf": text for name, text in files.items()}}
    async with await World.start(PLAN, files=conf, root=root) as w:
        w.phone("alice", "100", "Alice")
        yield w


def log_of(w: World) -> QueueLog:
    log = w.system.services[SERVICE]
    assert isinstance(log, QueueLog)
    return log


def lines(root: Path, name: str = "queue_log") -> list[str]:
    file = root / "log" / name
    return [re.sub(r"^\d{10}\|", "", line) for line in file.read_text().splitlines()] if file.exists() else []


async def test_events_are_lines(tmp_path: Path) -> None:
    async with world(tmp_path) as w:
        log = log_of(w)
        log.write("q1", "1.5", "NONE", "ENTERQUEUE", "", "100", 1)
        log.write("q1", "1.5", "Bob\nEvil", "CONNECT", 0, "1.6", 0)
        await w.settle(1)
        assert lines(tmp_path) == [
            "NONE|NONE|NONE|QUEUESTART|", "1.5|q1|NONE|ENTERQUEUE||100|1", "1.5|q1|Bob Evil|CONNECT|0|1.6|0",
        ]  # fmt: skip
        assert log.written == 3


async def test_the_application(tmp_path: Path) -> None:
    async with world(tmp_path) as w:
        channel = w.tech.phones["alice"].dials("1").channel
        await w.all_gone()
        await w.settle(1)
        assert lines(tmp_path)[1:] == [f"{channel.unique_id}|sales|Agent/7|MYEVENT|a|b", "NONE|sales|NONE|BARE|"]
        assert any("QueueLog needs" in warning for warning in w.warnings)
        assert channel.variables.get("NOT") is None


async def test_the_manager_action(tmp_path: Path) -> None:
    async with world(tmp_path) as w:
        client = AmiClient(await start_manager(w.system))
        client.log_in()
        await asyncio.sleep(0.01)
        answer = client.ask(
            "QueueLog",
            ("Queue", "qdyn"),
            ("Event", "MYEVENT"),
            ("Message", "hello"),
            ("Interface", "PJSIP/carol"),
            ("Uniqueid", "u1"),
        )
        assert "Response: Success" in answer
        assert "Message: Event added successfully" in answer
        assert "Response: Success" in client.ask("QueueLog", ("Queue", "q"), ("Event", "E"))
        assert "Response: Error" in client.ask("QueueLog", ("Queue", "q"))
        assert "Response: Error" in client.ask("QueueLog", ("Event", "E"))
        await w.settle(1)
        assert lines(tmp_path)[1:] == ["u1|qdyn|PJSIP/carol|MYEVENT|hello", "NONE|q|NONE|E|"]


async def test_another_name_and_switched_off(tmp_path: Path) -> None:
    async with world(tmp_path, "queue_log_name=calls") as w:
        await w.settle(1)
        assert lines(tmp_path, "calls") == ["NONE|NONE|NONE|QUEUESTART|"]
    async with world(tmp_path, "queue_log=no") as w:
        await w.settle(1)
        assert not lines(tmp_path)


async def test_a_reload_and_a_rotation_of_the_log(tmp_path: Path) -> None:
    setup = LogSetup(tmp_path / "log")
    setup.load(MemorySource({"logger.conf": "[general]\n"}))

    async with await World.start(PLAN, files={}, root=tmp_path) as w:
        w.system.services["log"] = setup
        await w.system.loader.unload("builtin_queue_log", force=True)
        await w.system.loader.load("builtin_queue_log", {"builtin_queue_log": "python:globstar.modules.builtin.queue_log"})
        log_of(w).write("q", "NONE", "NONE", "BEFORE")
        await w.settle(1)
        await w.system.run_blocking(setup.rotate)
        await w.system.run_blocking(setup.load, MemorySource({"logger.conf": "[general]\nqueue_log_name=calls\n"}))
        await w.settle(1)
        assert lines(tmp_path, "queue_log.0")[-1] == "NONE|q|NONE|BEFORE|"
        assert lines(tmp_path, "calls") == ["NONE|NONE|NONE|CONFIGRELOAD|"]
    setup.close()


@pytest.mark.parametrize("to_file", [False, True])
async def test_a_realtime_table(tmp_path: Path, to_file: bool) -> None:
    database = TestDatabase(tmp_path / "realtime.sqlite3")
    database.script(TABLE)
    files = realtime_files(database, "queue_log => odbc,asterisk")
    general = f"queue_log_realtime_use_gmt=yes\nqueue_log_to_file={'yes' if to_file else 'no'}"
    async with world(tmp_path, general, **{name.removesuffix(".conf"): text for name, text in files.items()}) as w:
        log_of(w).write("q1", "1.5", "NONE", "ENTERQUEUE", "", "100", 1)
        log_of(w).write("q1", "1.5", "NONE", "MANY", 1, 2, 3, 4, 5, 6)
        await w.settle(1)
        rows = database.run("SELECT * FROM queue_log ORDER BY rowid")
        assert [row[1:5] for row in rows] == [
            ("NONE", "NONE", "NONE", "QUEUESTART"), ("1.5", "q1", "NONE", "ENTERQUEUE"), ("1.5", "q1", "NONE", "MANY"),
        ]  # fmt: skip
        assert rows[1][0].startswith("2023-11-14 22:13:2")
        assert rows[1][5:8] == ("", "100", "1")
        assert rows[2][5:] == ("1", "2", "3", "4", "5|6")
    assert bool(lines(tmp_path)) is to_file


async def test_events_wait_while_the_table_is_missing(tmp_path: Path) -> None:
    database = TestDatabase(tmp_path / "realtime.sqlite3")
    files = realtime_files(database, "queue_log => odbc,asterisk")
    async with world(tmp_path, **{name.removesuffix(".conf"): text for name, text in files.items()}) as w:
        for number in range(3):
            log_of(w).write("q1", str(number), "NONE", "ENTERQUEUE")
        await w.settle(3)
        database.script(TABLE)
        await w.settle(61)
        assert [row[0] for row in database.run("SELECT callid FROM queue_log ORDER BY rowid")] == ["NONE", "0", "1", "2"]


async def test_an_event_that_the_table_refuses_is_put_aside_and_the_others_go_on(tmp_path: Path) -> None:
    database = TestDatabase(tmp_path / "realtime.sqlite3")
    database.script(TABLE.replace("event TEXT", "event TEXT CHECK (event <> 'BAD')"))
    files = realtime_files(database, "queue_log => odbc,asterisk")
    with LogCapture() as log:
        async with world(tmp_path, **{name.removesuffix(".conf"): text for name, text in files.items()}) as w:
            for event in ("ENTERQUEUE", "BAD", "CONNECT \udcff\0"):
                log_of(w).write("q1", "1.5", "NONE", event)
            await w.settle(3)
            assert await run_command(w.system, "queue log show status")
            boxes = w.system.services[OUTBOXES]
            assert (boxes["queue_log_realtime"].refused, boxes["queue_log_realtime"].waiting) == (1, 0)
    assert [row[0] for row in database.run("SELECT event FROM queue_log")] == ["QUEUESTART", "ENTERQUEUE", "CONNECT \ufffd"]
    assert any("CHECK constraint" in text for text in log.texts(Level.ERROR))
