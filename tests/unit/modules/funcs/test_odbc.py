"""func_odbc.conf: functions made of SQL; transactions over several of them."""

from __future__ import annotations

import asyncio
from pathlib import Path

import pytest

from globstar.base.log import Level
from globstar.core.sql.classes import SERVICE
from tests.support.calls import Call, load_dialplan, run_dialplan
from tests.support.realtime import TestDatabase, command, realtime_system
from tests.support.switch import LogCapture

pytestmark = [pytest.mark.virtual_time, pytest.mark.leaks_threads]

SCHEMA = """
CREATE TABLE phones (number TEXT PRIMARY KEY, owner TEXT, note TEXT, calls INTEGER DEFAULT 0);
INSERT INTO phones VALUES ('100', 'O''Hara', 'a,b', 3), ('101', 'Ann', NULL, 1), ('102', 'Bob', '50%', 2);
"""
FUNC_ODBC = """
[general]
single_db_connection=yes
[OWNER]
dsn=asterisk
readsql=SELECT owner FROM phones WHERE number='${SQL_ESC(${ARG1})}'
writesql=UPDATE phones SET owner='${SQL_ESC(${VAL1})}', note='${SQL_ESC(${VAL2})}' WHERE number='${SQL_ESC(${ARG1})}'
insertsql=INSERT INTO phones (number, owner) VALUES ('${SQL_ESC(${ARG1})}', '${SQL_ESC(${VALUE})}')
synopsis=Whose phone it is
syntax=<number>
minargs=1
[ROW]
prefix=SQL
readhandle=nowhere,asterisk
readsql=SELECT owner, note, calls FROM phones WHERE number='${SQL_ESC(${ARG1})}'
[PLAIN]
dsn=asterisk
escapecommas=no
readsql=SELECT note FROM phones WHERE note LIKE '${ARG1}%'
[ALL]
dsn=asterisk
mode=multirow
rowlimit=2
readsql=SELECT number, owner FROM phones ORDER BY number
[NESTED]
dsn=asterisk
readsql=SELECT '${ODBC_OWNER(${ARG1})}/${LEN(${ARG2})}/${CUT(ARG2,-,2)}'
[BAD]
dsn=asterisk
readsql=SELECT x FROM nowhere
writesql=UPDATE nowhere SET x=1
[LOST]
dsn=nowhere
readsql=SELECT 1
[COUNT]
dsn=asterisk
writesql=UPDATE phones SET calls=calls+1
"""
FILES = {"func_odbc.conf": FUNC_ODBC}


def plan(lines: str) -> str:
    """A dialplan of lines in turn."""
    return "[default]\n" + "\n".join(f"exten => s,{number},{line}" for number, line in enumerate(lines.strip().splitlines(), 1))


async def run(tmp_path: Path, lines: str) -> tuple[Call, TestDatabase]:
    """A call that ran these lines."""
    async with realtime_system(tmp_path, SCHEMA, "", FILES) as (system, database):
        return await run_dialplan(system, plan(lines)), database


async def test_one_row(tmp_path: Path) -> None:
    lines = """Set(A=${ODBC_OWNER(100)}:${ODBCROWS}:${ODBCSTATUS})
Set(B=${ODBC_OWNER(999)}:${ODBCROWS}:${ODBCSTATUS})
Set(C=${SQL_ROW(100)})
Set(ARRAY(x,y,z)=${SQL_ROW(100)})
Set(HASH(h)=${SQL_ROW(100)})
Set(D=${HASH(h,note)})
Set(E=${ODBC_PLAIN(a)}${ODBC_PLAIN(50)})
Set(ARG2=outer)
Set(F=${ODBC_NESTED(101,ab-cd)}:${ARG2}:${ARG1})"""
    call, _ = await run(tmp_path, lines)
    v = call.variables
    assert (v["A"], v["B"]) == ("O'Hara:1:SUCCESS", ":0:NODATA")
    assert (v["C"], v["x"], v["y"], v["z"], v["D"]) == ("O'Hara,a\\,b,3", "O'Hara", "a,b", "3", "a,b")
    assert (v["E"], v["F"]) == ("a,b50%", "Ann/5/cd:outer:")


async def test_writing_and_inserting(tmp_path: Path) -> None:
    lines = """Set(ODBC_OWNER(101)=D'Arcy,new)
Set(A=${ODBCROWS}:${ODBCSTATUS})
Set(ODBC_OWNER(200)=Eve)
Set(B=${ODBCROWS}:${ODBCSTATUS}:${ODBC_OWNER(200)})
Set(ODBC_COUNT()=)
Set(C=${ODBCROWS})"""
    call, database = await run(tmp_path, lines)
    assert [call.variables[name] for name in "ABC"] == ["1:SUCCESS", "1:SUCCESS:Eve", "4"]
    assert database.run("SELECT owner, note FROM phones WHERE number='101'") == [("D'Arcy", "new")]


async def test_several_rows(tmp_path: Path) -> None:
    lines = """Set(ID=${ODBC_ALL()})
Set(N=${ODBCROWS})
Set(A=${ODBC_FETCH(${ID})}:${ODBC_FETCH_STATUS})
Set(HASH(h)=${ODBC_FETCH(${ID})})
Set(B=${HASH(h,owner)})
Set(C=${ODBC_FETCH(${ID})}:${ODBC_FETCH_STATUS})
Set(ID=${ODBC_ALL()})
ODBCFinish(${ID})
Set(D=${ODBC_FETCH(${ID})}:${ODBC_FETCH_STATUS})"""
    call, _ = await run(tmp_path, lines)
    assert [call.variables[name] for name in "NABCD"] == ["2", "100,O'Hara:SUCCESS", "Ann", ":FAILURE", ":FAILURE"]


async def test_failures_leave_the_call_alone(tmp_path: Path) -> None:
    lines = """Set(A=${ODBC_BAD(1)}:${ODBCSTATUS}:${ODBCROWS})
Set(ODBC_BAD(1)=x)
Set(B=${ODBCSTATUS}:${ODBCROWS})
Set(C=${ODBC_LOST()}:${ODBCSTATUS})
Set(D=${ODBC_OWNER()}:${ODBCSTATUS})
Set(SQL_ROW(1)=x)
Set(E=done)"""
    with LogCapture() as log:
        call, _ = await run(tmp_path, lines)
    v = call.variables
    assert [v[name] for name in "ABCDE"] == [":FAILURE:0", "FAILURE:-1", ":FAILURE", ":FAILURE", "done"]
    warnings = "\n".join(log.texts(Level.WARNING))
    assert "no such table: nowhere" in warnings
    assert "no database 'nowhere'" in warnings
    assert "needs 1 argument" in warnings


@pytest.mark.parametrize(("text", "expected"), [("O'Hara's", "O''Hara''s"), ("", ""), ("a\\b", "a\\b")])
async def test_escapes(tmp_path: Path, text: str, expected: str) -> None:
    async with realtime_system(tmp_path, SCHEMA, "", FILES) as (system, _):
        read = system.functions.read
        assert read(None, "SQL_ESC", text) == expected
        assert read(None, "SQL_ESC_BACKSLASHES", text) == text.replace("\\", "\\\\")


async def test_a_transaction_is_kept_or_taken_back(tmp_path: Path) -> None:
    lines = """Set(ODBC(transaction,asterisk)=one)
Set(R=${ODBC_RESULT}:${ODBC(transaction)}:${ODBC(forcecommit)}:${ODBC(isolation)})
Set(ODBC_OWNER(100)=Changed)
ODBC_Rollback()
Set(A=${ODBC_OWNER(100)}:${ROLLBACK_RESULT})
Set(ODBC_OWNER(100)=Kept)
ODBC_Commit(one)
Set(B=${ODBC_OWNER(100)}:${COMMIT_RESULT})
Set(ODBC_OWNER(101)=Lost)"""
    call, database = await run(tmp_path, lines)
    v = call.variables
    assert (v["R"], v["A"], v["B"]) == ("OK:one:0:read_committed", "O'Hara:OK", "Kept:OK")
    rows = database.run("SELECT owner FROM phones WHERE number IN ('100','101') ORDER BY number")
    assert rows == [("Kept",), ("Ann",)]


async def test_a_transaction_may_be_committed_with_the_call(tmp_path: Path) -> None:
    async with realtime_system(tmp_path, SCHEMA, "", FILES) as (system, database):
        lines = """Set(ODBC(transaction,asterisk)=one)
Set(ODBC(forcecommit)=yes)
Set(ODBC(isolation)=serializable)
Set(A=${ODBC(isolation)}:${ODBC(forcecommit,one)})
Set(ODBC_OWNER(100)=Changed)"""
        call = await run_dialplan(system, plan(lines))
        assert call.variables["A"] == "serializable:1"
    assert database.run("SELECT owner FROM phones WHERE number='100'") == [("Changed",)]


@pytest.mark.parametrize(("commits", "owner"), [("yes", "Changed"), ("no", "O'Hara")])
@pytest.mark.parametrize("end", ["stop", "reload"])
async def test_the_transaction_of_a_call_ends_before_its_database_does(
    tmp_path: Path, commits: str, owner: str, end: str
) -> None:
    with LogCapture() as log:
        async with realtime_system(tmp_path, SCHEMA, "", FILES) as (system, database):
            lines = f"""Set(ODBC(transaction,asterisk)=one)
Set(ODBC(forcecommit)={commits})
Set(ODBC_OWNER(100)=Changed)
Wait(1000)"""
            load_dialplan(system, plan(lines))
            call = Call(system).start()
            held = system.services[SERVICE]["asterisk"].database
            while call.steps[-1:] != ["Wait(1000)"]:  # noqa: ASYNC110 - nobody is told
                await asyncio.sleep(0.01)
            if end == "reload":
                files = system.configuration.source.files  # type: ignore[attr-defined]
                files["res_odbc.conf"] += "isolation=serializable\n"
                await system.loader.reload("res_odbc")
                assert system.services[SERVICE]["asterisk"].database is not held
                await asyncio.sleep(100)
                assert held.connections == 1
                call.hang_up()
                await call.end()
                while held.connections:  # noqa: ASYNC110 - nobody is told
                    await asyncio.sleep(0.01)
        assert held.connections == 0
    assert not [text for text in log.texts(Level.WARNING) if "transaction" in text or "database" in text]
    assert database.run("SELECT owner FROM phones WHERE number='100'") == [(owner,)]


async def test_mistakes_with_transactions_are_told(tmp_path: Path) -> None:
    lines = """Set(ODBC(transaction,nowhere)=one)
Set(A=${ODBC_RESULT}:${ODBC(transaction)})
Set(ODBC(isolation)=serializable)
Set(B=${ODBC_RESULT})
ODBC_Commit()
Set(C=${COMMIT_RESULT})
ODBC_Rollback(x)
Set(D=${ROLLBACK_RESULT})
Set(ODBC(transaction,asterisk)=one)
Set(ODBC(isolation)=loose)
Set(E=${ODBC_RESULT})
Set(ODBC(colour)=red)
Set(F=${ODBC_RESULT}${ODBC(colour)})"""
    call, _ = await run(tmp_path, lines)
    assert [call.variables[name] for name in "ABCDEF"] == [
        "INVALID_DB:", "NO_TRANSACTION", "NO_TRANSACTION", "NO_TRANSACTION", "INVALID_ARGUMENT", "INVALID_ARGUMENT"
    ]  # fmt: skip


async def test_commands_and_reload(tmp_path: Path) -> None:
    async with realtime_system(tmp_path, SCHEMA, "", FILES) as (system, database):
        assert "SELECT owner FROM phones WHERE number='1''0'" in await command(system, "odbc read ODBC_OWNER 1'0")
        shown = await command(system, "odbc read ODBC_ALL x exec")
        assert "owner                 Ann\nReturned 2 rows.  Query executed on handle 0 [asterisk]" in shown
        assert "Returned 1 row.  Query executed on handle 1 [asterisk]" in await command(system, "odbc read SQL_ROW 100 exec")
        assert "Returned 0 rows" in await command(system, "odbc read SQL_ROW 1 exec")
        assert "UPDATE phones SET owner='x'" in await command(system, "odbc write ODBC_OWNER 100 x,y")
        assert "Affected 1 row." in await command(system, "odbc write ODBC_OWNER 100 x,y exec")
        assert "Affected 1 row." in await command(system, "odbc write ODBC_OWNER 300 x,y exec")
        assert len(database.run("SELECT * FROM phones WHERE number='300'")) == 1
        assert "No such query" in await command(system, "odbc read X y")
        assert "has no writesql" in await command(system, "odbc write ODBC_ALL y z")
        assert "no such table" in await command(system, "odbc read ODBC_BAD y exec")
        assert "Usage" in await command(system, "odbc read ODBC_BAD y run")
        spec = system.function_registry.get("ODBC_OWNER")
        assert spec is not None
        assert (spec.synopsis, spec.syntax) == ("Whose phone it is", "ODBC_OWNER(<number>)")
        text = (
            "[NEW]\ndsn=asterisk\nreadsql=SELECT 1\n[LEN]\nprefix=\nreadsql=SELECT 1\ndsn=a\n[X]\ndsn=a\n[Y]\nreadsql=SELECT 1\n"
        )
        system.configuration.source.files["func_odbc.conf"] = text + "[Z]\ninsertsql=x\ndsn=a\nreadsql=y\n"  # type: ignore[attr-defined]
        with LogCapture() as log:
            await system.loader.reload("func_odbc")
        errors = "\n".join(log.texts(Level.ERROR))
        assert "there is a function LEN already" in errors
        for name in ("[X] has neither", "[Y] names no database", "[Z] has insertsql"):
            assert name in errors
        assert system.function_registry.get("ODBC_OWNER") is None
        assert system.function_registry.get("ODBC_NEW") is not None
        await system.loader.unload("func_odbc")
        assert system.function_registry.get("ODBC_NEW") is None
