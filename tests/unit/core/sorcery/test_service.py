"""Objects kept in memory, files, the AstDB and realtime, with caches before them."""

from __future__ import annotations

import asyncio
from pathlib import Path

import pytest

from globstar.base.log import Level
from globstar.core.manager import ActionRequest
from globstar.core.realtime import RealtimeFault
from globstar.core.sorcery import SERVICE, Sorcery, SorceryObject, TypeStore
from globstar.core.system import System
from globstar.core.testevents import TestEvent
from tests.support.calls import run_dialplan
from tests.support.realtime import command, realtime_system
from tests.support.switch import LogCapture

pytestmark = [pytest.mark.virtual_time, pytest.mark.leaks_threads]

SCHEMA = """
CREATE TABLE things (id TEXT PRIMARY KEY, a TEXT, b TEXT);
INSERT INTO things VALUES ('one', 'x;y', '1'), ('two', 'z', '');
"""
MAPPING = "things => odbc,asterisk\nlost => odbc,nowhere\n"
SORCERY = """
[m]
memory=memory
astdb=astdb,family
row=realtime,things
cached/cache=memory_cache,object_lifetime_stale=10,object_lifetime_maximum=60,expire_on_reload=yes
cached=realtime,things
full/cache=memory_cache,name=all,full_backend_cache=yes
full=realtime,things
limited/cache=memory_cache,maximum_objects=1
limited=realtime,things
file=config,things.conf,criteria=type=thing
single=config,things.conf,single_object=yes,explicit_name=only,criteria=type=thing
lost=realtime,lost
both=realtime,lost
both=config,things.conf,criteria=type=thing
silent=realtime,things,allow_unqualified_fetch=no
warned=realtime,things,allow_unqualified_fetch=warn
refused=realtime,things, allow_unqualified_fetch = error
bad=realtime
odd=realtime,things,allow_unqualified_fetch=perhaps
worse=nowhere,x
"""
FILES = {"sorcery.conf": SORCERY, "things.conf": "[t1]\ntype=thing\na=1\na=2\n[t2]\ntype=other\n[t3](!)\ntype=thing\n"}


def store(system: System, type: str) -> TypeStore:
    """The store of a type of module ``m``."""
    sorcery: Sorcery = system.services[SERVICE]
    found = sorcery.store("m", type)
    assert found is not None
    return found


@pytest.mark.parametrize("type", ["memory", "astdb", "row"])
async def test_objects_are_made_changed_and_removed(tmp_path: Path, type: str) -> None:
    async with realtime_system(tmp_path, SCHEMA, MAPPING, FILES) as (system, _):
        kept = store(system, type)
        first = SorceryObject(type, "al;@ice", (("a", "sip:x;y"),))
        assert not await kept.update(first)
        assert await kept.create(first)
        found = await kept.retrieve("al;@ice")
        assert found is not None
        assert (found.id, found.get("a")) == ("al;@ice", "sip:x;y")
        assert await kept.update(SorceryObject(type, "al;@ice", (("a", "new"),)))
        assert [(one.id, one.get("a")) for one in await kept.retrieve_all("al;")] == [("al;@ice", "new")]
        assert await kept.retrieve_all("al_") == []
        assert await kept.delete("al;@ice")
        assert not await kept.delete("al;@ice")
        assert await kept.retrieve("al;@ice") is None


async def test_files_and_fallbacks(tmp_path: Path) -> None:
    async with realtime_system(tmp_path, SCHEMA, MAPPING, FILES) as (system, _):
        assert [one.id for one in await store(system, "file").retrieve_all()] == ["t1"]
        assert [one.id for one in await store(system, "single").retrieve_all()] == ["only"]
        assert not await store(system, "file").create(SorceryObject("file", "x"))
        files = system.configuration.source.files  # type: ignore[attr-defined]
        files["things.conf"] += "[t4]\ntype=thing\n"
        assert await store(system, "file").retrieve("t4") is None
        await system.loader.reload("sorcery")
        assert await store(system, "file").retrieve("t4") is not None
        with pytest.raises(RealtimeFault):
            await store(system, "lost").retrieve("x")
        found = await store(system, "both").retrieve("t1")
        assert found is not None
        assert found.get_all("a") == ["1", "2"]
        sorcery: Sorcery = system.services[SERVICE]
        with LogCapture() as log:
            assert sorcery.store("m", "bad") is None
            assert sorcery.store("m", "worse") is None
            assert sorcery.store("m", "none") is None
        assert len(log.texts(Level.ERROR)) == 2


@pytest.mark.parametrize(
    ("type", "count", "told"), [("silent", 0, []), ("warned", 2, [Level.WARNING]), ("refused", 0, [Level.ERROR])]
)
async def test_all_rows_of_a_large_table_are_asked_for_only_where_that_is_allowed(
    tmp_path: Path, type: str, count: int, told: list[Level]
) -> None:
    async with realtime_system(tmp_path, SCHEMA, MAPPING, FILES) as (system, _):
        kept = store(system, type)
        with LogCapture() as log:
            assert len(await kept.retrieve_all()) == count
        assert [level for level in (Level.WARNING, Level.ERROR) if log.texts(level)] == told
        assert await kept.retrieve("one") is not None
        assert len(await kept.retrieve_all("tw")) == 1
        sorcery: Sorcery = system.services[SERVICE]
        assert sorcery.store("m", "odd") is None


async def test_a_stale_object_is_given_and_read_anew(tmp_path: Path) -> None:
    async with realtime_system(tmp_path, SCHEMA, MAPPING, FILES) as (system, database):
        kept = store(system, "cached")
        told: list[TestEvent] = []
        system.test_events = True
        system.bus.subscribe(TestEvent, told.append)

        async def value() -> str:
            found = await kept.retrieve("one")
            return found.get("b") if found is not None else "-"

        assert await value() == "1"
        database.run("UPDATE things SET b='2' WHERE id='one'")
        assert await value() == "1"
        await asyncio.sleep(11)
        assert await value() == "1"
        await asyncio.sleep(1)
        assert await value() == "2"
        assert [event.state for event in told] == ["SORCERY_MEMORY_CACHE_REFRESHED"]
        assert dict(told[0].fields) == {"Cache": "m/cached", "Type": "cached", "Name": "one"}
        database.run("DELETE FROM things WHERE id='one'")
        await asyncio.sleep(11)
        assert await value() == "2"
        await asyncio.sleep(1)
        assert await value() == "-"
        database.run("INSERT INTO things VALUES ('one', '', '3')")
        assert await value() == "3"
        database.run("UPDATE things SET b='4' WHERE id='one'")
        await system.loader.reload("sorcery")
        assert await value() == "4"


async def test_a_full_cache_asks_the_backend_once(tmp_path: Path) -> None:
    async with realtime_system(tmp_path, SCHEMA, MAPPING, FILES) as (system, database):
        kept = store(system, "full")
        assert [one.id for one in await kept.retrieve_all()] == ["one", "two"]
        database.run("INSERT INTO things VALUES ('three', '', '')")
        assert await kept.retrieve("three") is None
        assert await kept.retrieve("one") is not None
        await kept.populate()
        assert await kept.retrieve("three") is not None


async def test_commands(tmp_path: Path) -> None:
    async with realtime_system(tmp_path, SCHEMA, MAPPING, FILES) as (system, _):
        await store(system, "cached").retrieve("one")
        await store(system, "limited").retrieve("one")
        shown = await command(system, "sorcery memory cache show m/cached")
        assert "Number of objects within cache: 1" in shown
        assert "before object expires: 60" in shown
        assert "Expire all objects on reload: Yes" in shown
        assert "Maximum allowed objects: 1" in await command(system, "sorcery memory cache show m/limited")
        assert "one                                    10 s       60 s" in await command(
            system, "sorcery memory cache dump m/cached"
        )
        assert "as stale" in await command(system, "sorcery memory cache stale m/cached one reload")
        assert "as stale" in await command(system, "sorcery memory cache stale m/cached")
        assert "does not exist in cache" in await command(system, "sorcery memory cache stale m/cached x")
        assert "Successfully expired" in await command(system, "sorcery memory cache expire m/cached one")
        assert "was not found" in await command(system, "sorcery memory cache expire m/cached one")
        assert "have been removed" in await command(system, "sorcery memory cache expire all")
        assert "not available" in await command(system, "sorcery memory cache expire all x")
        assert "with 2 objects" in await command(system, "sorcery memory cache populate all")
        assert "full backend caching enabled" in await command(system, "sorcery memory cache populate m/cached")
        for name in ("show", "dump", "expire", "stale", "populate"):
            assert "does not exist" in await command(system, f"sorcery memory cache {name} nothing")
            assert "Usage" in await command(system, f"sorcery memory cache {name}")
        assert "memory_cache (cache 'm/cached')" in await command(system, "sorcery show settings")


async def test_manager_actions(tmp_path: Path) -> None:
    async with realtime_system(tmp_path, SCHEMA, MAPPING, FILES) as (system, _):

        async def ask(name: str, **headers: str) -> str:
            spec = system.registry("manager action").get(f"SorceryMemoryCache{name}")
            request = ActionRequest(system, None, spec.name, [("Action", spec.name), *headers.items()])  # type: ignore[arg-type]
            answer = spec.handler(request)
            if asyncio.iscoroutine(answer):
                answer = await answer
            return answer.message or ""

        await store(system, "cached").retrieve("one")
        assert await ask("StaleObject", Cache="m/cached", Object="one") == "The provided object was marked as stale in the cache"
        assert "marked as stale" in await ask("StaleObject", Cache="m/cached", Object="one", Reload="yes")
        assert "could not be marked" in await ask("StaleObject", Cache="m/cached", Object="x")
        assert await ask("Stale", Cache="m/cached") == "All objects were marked as stale in the cache"
        assert await ask("ExpireObject", Cache="m/cached", Object="one") == "The provided object was expired from the cache"
        assert "could not be expired" in await ask("ExpireObject", Cache="m/cached", Object="one")
        assert await ask("Expire", Cache="m/cached") == "All objects were expired from the cache"
        assert await ask("Populate", Cache="all") == "Cache has been expired and populated"
        assert "full backend caching" in await ask("Populate", Cache="m/cached")
        assert "full backend caching" in await ask("ExpireObject", Cache="all", Object="one")
        for name in ("Stale", "StaleObject", "Expire", "ExpireObject", "Populate"):
            assert await ask(name, Cache="x") == "The provided cache does not exist"
            assert "requires that a cache name be provided" in await ask(name)
        for name in ("StaleObject", "ExpireObject"):
            assert "requires that an object name" in await ask(name, Cache="m/cached")


async def test_ast_sorcery(tmp_path: Path) -> None:
    plan = """[default]
exten => s,1,Set(A=${AST_SORCERY(m,row,one,a)}:${AST_SORCERY(m,row,one,a,concat,-)}:${AST_SORCERY(m,row,one,a,single,2)})
exten => s,2,Set(B=${AST_SORCERY(m,file,t1,a)}:${AST_SORCERY(res_pjsip,endpoint,desk,context)})
exten => s,3,Set(C=${AST_SORCERY(m,row,one,a,single,3)}${AST_SORCERY(m,row,one,a,odd)}${AST_SORCERY(m,row,x,a)}${AST_SORCERY(m)})
exten => s,4,Set(D=${AST_SORCERY(m,lost,x,a)}${AST_SORCERY(x,y,z,a)})
"""
    pjsip = {"pjsip.conf": "[desk]\ntype=endpoint\ncontext=office\nallow=ulaw\n"}
    async with realtime_system(tmp_path, SCHEMA, MAPPING, {**FILES, **pjsip}) as (system, _):
        with LogCapture() as log:
            call = await run_dialplan(system, plan)
    assert [call.variables[name] for name in "ABCD"] == ["x,y:x-y:y", "1,2:office", "", ""]
    assert len([text for text in log.texts(Level.WARNING) if text.startswith("AST_SORCERY")]) == 6
