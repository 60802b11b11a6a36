"""REALTIME and its family, and ``realtime ...`` of the CLI."""

from __future__ import annotations

from pathlib import Path

import pytest

from globstar.base.log import Level
from tests.support.calls import run_dialplan
from tests.support.realtime import command, realtime_system
from tests.support.switch import LogCapture

pytestmark = [pytest.mark.virtual_time, pytest.mark.leaks_threads]

SCHEMA = """
CREATE TABLE people (id INTEGER PRIMARY KEY, name TEXT, city TEXT, note TEXT);
INSERT INTO people (name, city, note) VALUES ('alice', 'Berlin', 'a,b\\c'), ('bob', '', NULL);
"""
MAPPING = "people => odbc,asterisk\ndown => odbc,down\n"
DOWN = {"res_odbc.conf": ""}


async def values(tmp_path: Path, plan: str, *names: str) -> list[str]:
    """Variables after a call that ran ``plan`` ran to its end."""
    async with realtime_system(tmp_path, SCHEMA, MAPPING) as (system, _):
        text = "[default]\n" + "\n".join(f"exten => s,{n},{line}" for n, line in enumerate(plan.strip().splitlines(), 1))
        call = await run_dialplan(system, text)
        return [call.variables.get(name, "-") for name in names]


async def test_a_row_as_text(tmp_path: Path) -> None:
    plan = """Set(A=${REALTIME(people,name,alice)})
Set(B=${REALTIME(people,name,alice,|,:)})
Set(C=${REALTIME(people,name,nobody)})
Set(D=${REALTIME(people,name,bob)})
Set(E=${REALTIME_FIELD(people,name,alice,city)}${REALTIME_FIELD(people,name,alice,missing)})"""
    assert await values(tmp_path, plan, "A", "B", "C", "D", "E") == [
        "id=1,name=alice,city=Berlin,note=a,b\\c,",
        "id:1|name:alice|city:Berlin|note:a,b\\c|",
        "",
        "id=2,name=bob,city=,",
        "Berlin",
    ]


async def test_a_row_in_a_hash(tmp_path: Path) -> None:
    plan = """Set(HASH(row)=${REALTIME_HASH(people,name,alice)})
Set(A=${HASH(row,city)}:${HASH(row,note)}:${HASH(row,id)})
Set(B=${HASHKEYS(row)})"""
    assert await values(tmp_path, plan, "A", "B") == ["Berlin:a,b\\c:1", "note,city,name,id"]


async def test_writing(tmp_path: Path) -> None:
    plan = """Set(REALTIME(people,name,alice,city)=Rome)
Set(REALTIME_FIELD(people,name,bob,city)=Oslo)
Set(REALTIME_STORE(people,name,city)=carol,Paris)
Set(A=${RTSTOREID})
Set(B=${REALTIME_DESTROY(people,name,bob)})
Set(REALTIME_DESTROY(people,name,alice)=)
Set(C=${REALTIME(people,name,alice)}${REALTIME(people,name,carol)})"""
    assert await values(tmp_path, plan, "A", "B", "C") == ["3", "id=2,name=bob,city=Oslo,", "id=3,name=carol,city=Paris,"]


async def test_bad_input_and_a_database_that_is_down_leave_the_call_alone(tmp_path: Path) -> None:
    down = f"[down]\ndsn=sqlite:///{tmp_path}/no/folder/x.sqlite3\n"
    plan = """[default]
exten => s,1,Set(A=${REALTIME(down,name,alice)})
exten => s,2,Set(REALTIME(down,name,alice,city)=x)
exten => s,3,Set(B=${REALTIME(unmapped,name,alice)}${REALTIME(people)}${REALTIME_FIELD(people,name,alice)})
exten => s,4,Set(REALTIME_STORE(people)=x)
exten => s,5,Set(C=done)
"""
    async with realtime_system(tmp_path, SCHEMA, MAPPING, {"res_odbc.conf": down}) as (system, _):
        with LogCapture() as log:
            call = await run_dialplan(system, plan)
            again = await run_dialplan(system, plan)
        assert (call.variables["A"], call.variables["B"], call.variables["C"]) == ("", "", "done")
        assert again.variables["C"] == "done"
        assert len(log.texts(Level.ERROR)) == 1
        assert "'down'" in log.texts(Level.ERROR)[0]


async def test_commands(tmp_path: Path) -> None:
    async with realtime_system(tmp_path, SCHEMA, MAPPING) as (system, database):
        shown = await command(system, "realtime load people name alice")
        assert "                   Column Name  Column Value" in shown
        assert "                          city  Berlin" in shown
        assert "No rows found" in await command(system, "realtime load people name x")
        assert "Updated 1 RealTime record." in await command(system, "realtime update people name alice city Rome")
        assert "Updated 0 RealTime records." in await command(system, "realtime update people name x city Rome")
        line = "realtime update2 people name alice city Rome NULL note new city Bari"
        assert "Updated 1 RealTime record." in await command(system, line)
        assert database.run("SELECT city, note FROM people WHERE name='alice'") == [("Bari", "new")]
        assert "Stored RealTime record 3." in await command(system, "realtime store people name carol city Paris")
        assert "Removed 1 RealTime record." in await command(system, "realtime destroy people name carol city Paris")
        assert "Failed to update" in await command(system, "realtime update people name alice nothing Rome")
        assert "Failed to store" in await command(system, "realtime store unmapped a b")
        assert "Failed to remove" in await command(system, "realtime destroy unmapped a b")
        assert "maps no family" in await command(system, "realtime load unmapped a b")
        for line in (
            "realtime load people",
            "realtime update2 people a b c",
            "realtime store people a",
            "realtime destroy people",
        ):
            assert "Usage" in await command(system, line)
        shown = await command(system, "odbc show")
        assert "  Name:   asterisk\n" in shown
        assert "Number of active connections: 1 (out of 4)" in shown
        assert "Name:" not in await command(system, "odbc show other")
        files = system.configuration.source.files  # type: ignore[attr-defined]
        more = "logging=yes\npre-connect=yes\n[odd]\ndsn=nowhere\n[off]\nenabled=no\n"
        files["res_odbc.conf"] = f"[asterisk]\ndsn={database.url}\n{more}"
        with LogCapture() as log:
            await system.loader.reload("res_odbc")
        assert "there is no data source 'nowhere'" in log.texts(Level.ERROR)[0]
        await command(system, "realtime load people name bob")
        shown = await command(system, "odbc show asterisk")
        assert "Logging: Enabled" in shown
        assert "Longest running SQL query: " in shown
        assert "off" not in await command(system, "odbc show")
