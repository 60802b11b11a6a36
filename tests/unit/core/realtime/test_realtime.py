"""Families in a database and in files; whole files in tables; databases that are down."""

from __future__ import annotations

from pathlib import Path

import pytest

from globstar.base.log import Level
from globstar.core.realtime import RealtimeFault
from globstar.core.realtime.engine import FieldType, NotMapped, Requirement
from tests.support.realtime import command, realtime_system
from tests.support.switch import LogCapture, running_system

SCHEMA = """
CREATE TABLE phones (id INTEGER PRIMARY KEY, name VARCHAR(20) UNIQUE, secret TEXT, allow TEXT, port INTEGER, note TEXT);
INSERT INTO phones (name, secret, allow, port, note) VALUES ('alice', 'a', 'ulaw;alaw', 5060, NULL);
INSERT INTO phones (name, secret, allow, port, note) VALUES ('bob', '', 'g722', 5061, ' ');
CREATE TABLE spare (name TEXT, secret TEXT);
INSERT INTO spare VALUES ('carol', 'c');
CREATE TABLE ast_config (id INTEGER PRIMARY KEY, cat_metric INT, var_metric INT, commented INT, filename TEXT, category TEXT,
                         var_name TEXT, var_val TEXT);
INSERT INTO ast_config (cat_metric, var_metric, commented, filename, category, var_name, var_val) VALUES
  (1, 0, 0, 'extensions.conf', 'globals', 'CITY', 'Berlin'),
  (0, 1, 0, 'extensions.conf', 'main', 'exten', '100,2,NoOp(second)'),
  (0, 0, 0, 'extensions.conf', 'main', 'exten', '100,1,NoOp(first)'),
  (0, 2, 1, 'extensions.conf', 'main', 'exten', '100,3,NoOp(commented out)');
"""
MAPPINGS = """
phones => odbc,asterisk
phones => odbc,asterisk,spare,2
lite => sqlite3,asterisk,phones
files => text,people.conf
lost => odbc,nowhere
nobody => odbc,asterisk,missing
"""
PEOPLE = "[alice]\nallow=ulaw\nallow=alaw\nage=30\n[bob]\nage=9\n"


async def test_a_row_is_found_and_changed(tmp_path: Path) -> None:
    async with realtime_system(tmp_path, SCHEMA, MAPPINGS) as (system, database):
        realtime = system.realtime
        for family in ("phones", "lite"):
            row = await realtime.load(family, [("name", "alice")])
            assert row is not None
            assert row[1:] == [("name", "alice"), ("secret", "a"), ("allow", "ulaw"), ("allow", "alaw"), ("port", "5060")]
        assert await realtime.load("phones", [("name", "bob"), ("port >", "5060")]) is not None
        assert await realtime.load("lite", [("name", "bob"), ("port", "5060")]) is None
        assert ("note", "") in (await realtime.load("phones", [("name", "bob")]) or [])
        assert ("secret", "") not in (await realtime.load("phones", [("name", "bob")]) or [])
        assert await realtime.update("phones", [("name", "alice")], [("secret", "x'y"), ("unknown", "1")]) == 1
        assert database.run("SELECT secret FROM phones WHERE name='alice'") == [("x'y",)]
        assert await realtime.store("phones", [("name", "dora"), ("port", "1")]) == "3"
        assert [dict(row)["name"] for row in await realtime.load_multi("phones", [("name LIKE", "%")])] == [
            "alice",
            "bob",
            "dora",
        ]
        assert await realtime.destroy("phones", [("name", "dora")]) == 1
        assert await realtime.destroy("phones", [("name", "dora")]) == 0


async def test_a_new_row_counts_at_once(tmp_path: Path) -> None:
    async with realtime_system(tmp_path, SCHEMA, MAPPINGS) as (system, database):
        assert await system.realtime.load("lite", [("name", "eve")]) is None
        database.run("INSERT INTO phones (name) VALUES ('eve')")
        assert await system.realtime.load("lite", [("name", "eve")]) is not None


async def test_the_next_mapping_is_asked_when_the_first_has_nothing(tmp_path: Path) -> None:
    async with realtime_system(tmp_path, SCHEMA, MAPPINGS) as (system, _):
        assert await system.realtime.load("phones", [("name", "carol")]) == [("name", "carol"), ("secret", "c")]


async def test_what_cannot_be_asked_is_told_once(tmp_path: Path) -> None:
    async with realtime_system(tmp_path, SCHEMA, MAPPINGS) as (system, _):
        realtime = system.realtime
        with pytest.raises(NotMapped):
            await realtime.load("unknown", [("a", "b")])
        with LogCapture() as log:
            for _ in range(2):
                with pytest.raises(RealtimeFault):
                    await realtime.load("lost", [("a", "b")])
                with pytest.raises(RealtimeFault):
                    await realtime.load("nobody", [("a", "b")])
                with pytest.raises(RealtimeFault):
                    await realtime.load("phones", [("name; DROP TABLE phones", "b")])
                with pytest.raises(RealtimeFault):
                    await realtime.update("lite", [("name", "alice")], [("nothing", "1")])
                with pytest.raises(RealtimeFault):
                    await realtime.update("lite", [("nothing", "alice")], [("name", "1")])
        warnings = log.texts(Level.WARNING)
        assert len(warnings) == len(set(warnings))
        assert any("no database 'nowhere'" in text for text in warnings)
        assert await realtime.load("phones", [("name", "alice")]) is not None
        for call in (realtime.update("phones", [], [("a", "b")]), realtime.store("phones", []), realtime.destroy("phones", [])):
            with pytest.raises(RealtimeFault):
                await call


async def test_hostile_names_and_values_stay_values(tmp_path: Path) -> None:
    async with realtime_system(tmp_path, SCHEMA, MAPPINGS) as (system, database):
        assert await system.realtime.load("lite", [("name", "x' OR '1'='1")]) is None
        with pytest.raises(RealtimeFault):
            await system.realtime.load("lite", [('name" OR "1"="1', "x")])
        assert len(database.run("SELECT * FROM phones")) == 2


async def test_families_in_files(tmp_path: Path) -> None:
    async with realtime_system(tmp_path, SCHEMA, MAPPINGS, {"people.conf": PEOPLE}) as (system, _):
        realtime = system.realtime
        assert await realtime.load("files", [("id", "alice")]) == [
            ("allow", "ulaw"), ("allow", "alaw"), ("age", "30"), ("id", "alice"), ("name", "alice")
        ]  # fmt: skip
        assert [dict(row)["name"] for row in await realtime.load_multi("files", [("age >", "8")])] == ["alice", "bob"]
        assert [dict(row)["name"] for row in await realtime.load_multi("files", [("age <", "10")])] == ["bob"]
        assert [dict(row)["name"] for row in await realtime.load_multi("files", [("name LIKE", "%b%")])] == ["bob"]
        assert [
            dict(row)["name"] for row in await realtime.load_multi("files", [("name !=", "bob"), ("allow NOT LIKE", "x")])
        ] == ["alice"]
        with pytest.raises(RealtimeFault, match="is a file"):
            await realtime.update("files", [("id", "alice")], [("age", "31")])


async def test_a_whole_file_in_a_table_and_its_reload(tmp_path: Path) -> None:
    mapping = "extensions.conf => odbc,asterisk,ast_config"
    async with realtime_system(tmp_path, SCHEMA, mapping) as (system, database):
        assert system.globals.get("CITY") == "Berlin"
        steps = [system.plan.find("main", "100", priority) for priority in (1, 2, 3)]
        assert [step.data if step else None for step in steps] == ["first", "second", None]
        database.run("UPDATE ast_config SET commented=0")
        await system.loader.reload("pbx_config")
        assert system.plan.find("main", "100", 3) is not None
        database.run("UPDATE ast_config SET var_val='100,1,NoOp(other)' WHERE var_val LIKE '%first%'")
        assert await system.loader.reload_all() == []
        step = system.plan.find("main", "100", 1)
        assert step is not None
        assert step.data == "other"


async def test_a_file_whose_table_is_gone_leaves_what_runs(tmp_path: Path) -> None:
    mapping = "extensions.conf => sqlite3,asterisk,ast_config"
    async with realtime_system(tmp_path, SCHEMA, mapping) as (system, database):
        database.run("DROP TABLE ast_config")
        with LogCapture() as log:
            assert await system.loader.reload_all() == ["pbx_config"]
        assert any("no such table" in text for text in log.texts(Level.WARNING))
        assert system.plan.find("main", "100", 1) is not None


async def test_a_table_without_rows_of_a_file_leaves_the_file(tmp_path: Path) -> None:
    plan = {"extensions.conf": "[own]\nexten => 1,1,NoOp()\n"}
    schema = SCHEMA + "DELETE FROM ast_config;"
    async with realtime_system(tmp_path, schema, "extensions.conf => odbc,asterisk,ast_config", plan) as (system, _):
        assert system.plan.find("own", "1", 1) is not None


async def test_columns_that_are_needed_are_made_where_that_is_asked_for(tmp_path: Path) -> None:
    wanted = [Requirement("name"), Requirement("weight", FieldType.INTEGER), Requirement("colour", FieldType.CHAR, 12)]
    async with realtime_system(tmp_path, SCHEMA, MAPPINGS) as (system, database):
        with LogCapture() as log:
            await system.realtime.require("lite", wanted)
        assert "lacks the columns weight, colour" in log.texts(Level.WARNING)[0]
        config = f"[asterisk]\ndbfile={database.path}\nrequirements=createclose\n"
        system.configuration.source.files["res_config_sqlite3.conf"] = config  # type: ignore[attr-defined]
        await system.loader.reload("res_config_sqlite3")
        await system.realtime.require("lite", wanted)
        kinds = {row[1]: row[2] for row in database.run("PRAGMA table_info(phones)")}
        assert (kinds["weight"], kinds["colour"]) == ("BIGINT", "VARCHAR(12)")
        assert await system.realtime.update("lite", [("name", "bob")], [("weight", "7")]) == 1


async def test_mappings_are_shown_and_read_again(tmp_path: Path) -> None:
    async with realtime_system(tmp_path, SCHEMA, MAPPINGS) as (system, _):
        shown = await command(system, "core show config mappings")
        assert "Config Engine: odbc\n===> phones (db=asterisk, table=phones)\n===> lost (db=nowhere, table=lost)" in shown
        files = system.configuration.source.files  # type: ignore[attr-defined]
        files["extconfig.conf"] = "[settings]\nphones => sqlite3,asterisk\nx => ldap,y\n"
        await system.loader.reload("extconfig")
        shown = await command(system, "core show config mappings")
        assert "lost" not in shown
        assert "Config Engine: ldap (not loaded)" in shown


async def test_without_databases_nothing_is_there(tmp_path: Path) -> None:
    async with running_system(tmp_path) as system:
        assert not system.realtime.has("phones")
        assert "There is no res_pgsql.conf" in await command(system, "realtime show pgsql status")
        assert "No connections matched" in await command(system, "realtime mysql status")
