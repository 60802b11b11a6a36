"""``switch => Realtime``: extensions in a database."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import pytest

from globstar.base.log import Level
from globstar.core.dialing import Origination, originate
from globstar.core.switches import settled
from globstar.core.system import System
from tests.support.calls import Call
from tests.support.realtime import TestDatabase, realtime_files, realtime_system
from tests.support.sip_phone import phone_section, sip_office
from tests.support.switch import LogCapture

pytestmark = [pytest.mark.virtual_time, pytest.mark.leaks_threads]

SCHEMA = """
CREATE TABLE extensions (id INTEGER PRIMARY KEY, context TEXT, exten TEXT, priority INTEGER, app TEXT, appdata TEXT);
INSERT INTO extensions (context, exten, priority, app, appdata) VALUES
  ('office', '100', 1, 'Set', 'A=${EXTEN}'),
  ('office', '100', 2, 'Set', 'B=${PRIORITY}'),
  ('office', '100', 3, 'Goto', 'other,s,1'),
  ('office', '_2XX', 1, 'Set', 'A=pattern ${EXTEN}'),
  ('office', '200', 1, 'Set', 'A=exact'),
  ('office', '_2XX', 2, 'Set', 'B=second'),
  ('office', 'h', 1, 'Set', 'GLOBAL(ENDED)=${A}'),
  ('office', 'i', 1, 'Set', 'GLOBAL(INVALID)=${INVALID_EXTEN}'),
  ('office', 's', 1, 'Answer', ''),
  ('office', 's', 2, 'WaitExten', '3'),
  ('office', '300', 1, 'System', 'a;b'),
  ('office', '12345', 1, 'Set', 'GLOBAL(LONG)=${EXTEN}'),
  ('bad', '1', 1, '', 'x'), ('bad', '1', 2, 'NoOp', 'y');
CREATE TABLE spare AS SELECT * FROM extensions;
"""
PLAN = """[office]
switch => Realtime
[named]
switch => Realtime/office@spare
[plain]
switch => Realtime/@/p
[bad]
switch => Realtime/@
[lost]
switch => Realtime/@nowhere
[other]
exten => s,1,Set(C=${DIALPLAN_EXISTS(office,100)}${DIALPLAN_EXISTS(office,999)}${DIALPLAN_EXISTS(office,100,3)})
exten => s,2,Set(GLOBAL(DONE)=${A}:${B}:${C})
exten => local,1,Dial(Local/100@office)
exten => local,2,Set(GLOBAL(LOCAL)=${DIALSTATUS})
exten => gosub,1,Gosub(office,100,1)
"""
MAPPING = "extensions => odbc,asterisk\nspare => odbc,asterisk\nnowhere => odbc,nowhere\n"


@asynccontextmanager
async def office(root: Path) -> AsyncIterator[tuple[System, TestDatabase]]:
    async with realtime_system(root, SCHEMA, MAPPING, {"extensions.conf": PLAN}) as pair:
        yield pair


async def finds(system: System, context: str, exten: str, priority: int = 1) -> str | None:
    step = await settled(lambda: system.plan.find(context, exten, priority))
    return step.data if step is not None else None


async def test_a_call_runs_rows_and_goes_on_elsewhere(tmp_path: Path) -> None:
    async with office(tmp_path) as (system, _):
        call = await Call(system, "office", "100").run()
        assert call.variables["A"] == "100"
        assert system.globals.get("DONE") == "100:2:101"
        call = await Call(system, "office", "250").run()
        assert (call.variables["A"], call.variables["B"]) == ("pattern 250", "second")
        assert system.globals.get("ENDED") == "pattern 250"
        call = await Call(system, "office", "200").run()
        assert (call.variables["A"], call.variables["B"]) == ("exact", "second")


async def test_a_new_row_works_at_the_next_call(tmp_path: Path) -> None:
    async with office(tmp_path) as (system, database):
        assert await finds(system, "office", "777") is None
        database.run("INSERT INTO extensions (context, exten, priority, app, appdata) VALUES ('office','777',1,'NoOp','new')")
        await asyncio.sleep(1)
        assert await finds(system, "office", "777") == "new"
        database.run("DELETE FROM extensions WHERE exten='777'")
        await asyncio.sleep(1)
        assert await finds(system, "office", "777") is None


async def test_places_and_options(tmp_path: Path) -> None:
    async with office(tmp_path) as (system, database):
        database.run("DELETE FROM spare WHERE exten='100'")
        assert await finds(system, "named", "100") is None
        assert await finds(system, "named", "250") == "A=pattern ${EXTEN}"
        database.run("UPDATE extensions SET context='plain'")
        assert await finds(system, "plain", "250") is None
        assert await finds(system, "plain", "200") == "A=exact"
        assert await finds(system, "plain", "300") == "a;b"
        assert await finds(system, "plain", "3_0") is None
        assert await finds(system, "bad", "1") is None


async def test_bad_rows_and_a_database_that_is_not_there(tmp_path: Path) -> None:
    async with office(tmp_path) as (system, _):
        assert await finds(system, "bad", "1") is None
        assert await finds(system, "bad", "1", 2) == "y"
        with LogCapture() as log:
            for _ in range(3):
                assert await finds(system, "lost", "1") is None
                await asyncio.sleep(2)
        assert len(log.texts(Level.WARNING)) == 1


async def test_digits_are_collected_as_far_as_rows_go(tmp_path: Path) -> None:
    async with office(tmp_path) as (system, _):
        call = Call(system, "office", "s").start()
        await asyncio.sleep(0.5)
        await call.press("12345")
        await call.end()
        assert system.globals.get("LONG") == "12345"
        call = Call(system, "office", "s").start()
        await asyncio.sleep(0.5)
        await call.press("9")
        await call.end()
        assert system.globals.get("INVALID") == "9"


async def test_who_cannot_wait_gets_what_was_read_last(tmp_path: Path) -> None:
    async with office(tmp_path) as (system, database):
        assert system.plan.find("office", "100", 1) is None
        await asyncio.sleep(0.1)
        assert system.plan.find("office", "100", 1) is not None
        database.run("DELETE FROM extensions")
        await asyncio.sleep(1)
        assert system.plan.find("office", "100", 1) is not None
        await asyncio.sleep(0.1)
        assert system.plan.find("office", "100", 1) is None
        assert system.plan.hint("office", "100") is None


async def test_local_channels_and_subroutines(tmp_path: Path) -> None:
    async with office(tmp_path) as (system, _):
        await Call(system, "other", "local").run()
        assert system.globals.get("LOCAL") == "CHANUNAVAIL"
        assert system.globals.get("DONE") == "100:2:101"
        await Call(system, "other", "gosub").run()
        await asyncio.sleep(2)
        result = await originate(system, Origination(dial_string="Local/s@office", application="Wait", data="1"))
        assert result.channel is not None
        await asyncio.sleep(5)


async def test_a_phone_calls_an_extension_of_the_database(tmp_path: Path) -> None:
    database = TestDatabase(tmp_path / "realtime.sqlite3")
    database.script(SCHEMA)
    texts = realtime_files(database, MAPPING)
    phones = phone_section("alice", context="office")
    async with sip_office(tmp_path, phones, PLAN, texts) as phone_office:
        alice = phone_office.phone("alice")
        await alice.register()
        call = alice.call("888")
        call.refused(await alice.get(404))
        await asyncio.sleep(1)
        database.run("INSERT INTO extensions (context, exten, priority, app) VALUES ('office', '888', 1, 'Answer')")
        call = await alice.dial("888")
        await call.ended()
        call = alice.call("12")
        call.refused(await alice.get(484))
