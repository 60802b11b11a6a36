"""Phones whose endpoints, auths, aors and contacts are in a database: new, changed and removed rows without a reload."""

from __future__ import annotations

import asyncio
import hashlib
from pathlib import Path

import pytest

from globstar.base.log import Level
from globstar.core.realtime import sqlengine
from globstar.core.sorcery import SorceryObject, TypeStore
from globstar.interfaces.cli.commands import register_commands
from tests.support.realtime import command
from tests.support.sip_realtime import EXTCONFIG, SORCERY, phone_rows, realtime_office
from tests.support.switch import LogCapture

pytestmark = [pytest.mark.virtual_time, pytest.mark.leaks_threads]

EXTENSIONS = """\
[default]
exten => 100,1,Dial(PJSIP/alice,20)
exten => 101,1,Dial(PJSIP/bob,20)
exten => 102,1,Dial(${PJSIP_DIAL_CONTACTS(bob)},20)
exten => 103,1,Set(GLOBAL(WHO)=${PJSIP_ENDPOINT(alice,context)}:${PJSIP_AOR(alice,max_contacts)})
 same => n,Answer()
 same => n,Hangup()
exten => 104,1,ChanIsAvail(PJSIP/bob)
 same => n,Set(GLOBAL(AVAIL)=${AVAILORIGCHAN}:${PJSIP_CONTACT(bob\\;@${SUM},uri)})
exten => 600,1,Answer()
 same => n,Hangup()
[other]
exten => 700,1,Answer()
 same => n,Hangup()
"""
TWO = phone_rows("alice", "a1") + phone_rows("bob", "b1")


async def test_phones_of_a_database_call_each_other(tmp_path: Path) -> None:
    async with realtime_office(tmp_path, TWO, EXTENSIONS) as (office, database):
        alice, bob = office.phone("alice", "a1"), office.phone("bob", "b1")
        assert (await alice.register()).status == 200
        assert (await bob.register()).status == 200
        await asyncio.sleep(1)
        ids = [row[0] for row in database.run("SELECT id FROM ps_contacts ORDER BY id")]
        assert [id.partition("@")[0] for id in ids] == ["alice^3B", "bob^3B"]
        for number in ("101", "102"):
            call = alice.call(number)
            await call.authorise()
            await alice.get(100)
            ringing = await bob.ring()
            await ringing.answer()
            await call.answered()
            await call.hang_up()
            await ringing.ended()
        assert (await bob.register(0)).status == 200
        await asyncio.sleep(1)
        assert len(database.run("SELECT id FROM ps_contacts")) == 1


async def test_a_new_row_works_at_once(tmp_path: Path) -> None:
    async with realtime_office(tmp_path, phone_rows("bob", "b1"), EXTENSIONS) as (office, database):
        alice = office.phone("alice", "a1")
        assert (await alice.register()).status == 401
        assert "alice" not in office.driver.settings.endpoints
        database.script(phone_rows("alice", "a1"))
        assert (await alice.register()).status == 200
        assert "alice" in office.driver.settings.endpoints


async def test_a_changed_row_counts_at_the_next_request(tmp_path: Path) -> None:
    async with realtime_office(tmp_path, TWO, EXTENSIONS) as (office, database):
        alice = office.phone("alice", "a1")
        await alice.register()
        database.run("UPDATE ps_auths SET password='new' WHERE id='alice'")
        assert (await alice.register()).status == 401
        alice.password = "new"
        assert (await alice.register()).status == 200
        database.run("UPDATE ps_endpoints SET context='other' WHERE id='alice'")
        call = await alice.dial("700")
        await call.ended()
        database.run("UPDATE ps_aors SET max_contacts='0' WHERE id='alice'")
        assert (await alice.register()).status == 403
        assert office.driver.dynamic.counters["changed"] == 3


async def test_a_removed_row_is_a_stranger(tmp_path: Path) -> None:
    async with realtime_office(tmp_path, TWO, EXTENSIONS) as (office, database):
        alice = office.phone("alice", "a1")
        assert (await alice.register()).status == 200
        database.run("DELETE FROM ps_endpoints WHERE id='alice'")
        assert (await alice.register()).status == 401
        assert "alice" not in office.driver.settings.endpoints


async def test_a_contact_of_another_server_is_called(tmp_path: Path) -> None:
    async with realtime_office(tmp_path, TWO, EXTENSIONS) as (office, database):
        alice, bob = office.phone("alice", "a1"), office.phone("bob", "b1")
        await alice.register()
        uri = bob.uri.replace(";", "^3B")
        columns = "id, uri, expiration_time, reg_server"
        database.run(f"INSERT INTO ps_contacts ({columns}) VALUES ('bob^3B@x', ?, '99999999999', 'elsewhere')", uri)
        call = alice.call("101")
        await call.authorise()
        await alice.get(100)
        ringing = await bob.ring()
        await ringing.answer()
        await call.answered()
        await call.hang_up()
        await ringing.ended()
        assert len(database.run("SELECT * FROM ps_contacts WHERE reg_server='elsewhere'")) == 1
        database.run("DELETE FROM ps_contacts")
        call = alice.call("101")
        await call.authorise()
        await alice.get(100)
        refused = await alice.get(503)
        call.refused(refused)
        await asyncio.sleep(1)


async def test_contacts_are_taken_over_while_those_of_others_are_written(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Only what is known of the same phone may be newer than what is read."""
    is_free, update = asyncio.Event(), TypeStore.update

    async def slow_update(store: TypeStore, one: SorceryObject) -> bool:
        await is_free.wait()
        return await update(store, one)

    monkeypatch.setattr(TypeStore, "update", slow_update)
    async with realtime_office(tmp_path, TWO, EXTENSIONS) as (office, database):
        alice, bob = office.phone("alice", "a1"), office.phone("bob", "b1")
        contacts = office.driver.contacts
        await alice.register()
        assert (contacts.is_writing("alice"), contacts.is_writing("bob")) == (True, False)
        columns = "id, uri, expiration_time, reg_server"
        values = f"('bob^3B@x', '{bob.uri.replace(';', '^3B')}', '99999999999', 'elsewhere')"
        database.run(f"INSERT INTO ps_contacts ({columns}) VALUES {values}")
        call = alice.call("101")
        await call.authorise()
        await alice.get(100)
        ringing = await bob.ring()
        assert len(contacts.contacts("alice")) == 1, "nothing of it is in the database yet"
        await ringing.answer()
        await call.answered()
        await call.hang_up()
        await ringing.ended()
        is_free.set()
        await asyncio.sleep(1)
        assert not contacts.is_writing("alice")
        assert len(database.run("SELECT * FROM ps_contacts")) == 2


async def test_contacts_of_the_database_live_on(tmp_path: Path) -> None:
    uri = "sip:bob@127.0.0.1:15072"
    rows = TWO + f"INSERT INTO ps_contacts (id, uri, expiration_time) VALUES ('bob^3B@x', '{uri}', '99999999999');"
    rows += "INSERT INTO ps_contacts (id, uri, expiration_time) VALUES ('bob^3B@y', 'sip:old@127.0.0.1', '5');"
    pruned = "INSERT INTO ps_contacts (id, uri, expiration_time, prune_on_boot, reg_server) VALUES "
    rows += pruned + "('alice^3B@mine', 'sip:a@127.0.0.1', '99999999999', 'yes', '');"
    rows += pruned + "('alice^3B@theirs', 'sip:b@127.0.0.1', '99999999999', 'yes', 'other');"
    async with realtime_office(tmp_path, rows, EXTENSIONS) as (office, database):
        assert [contact.uri for contact in office.driver.contacts.contacts("bob")] == [uri]
        await asyncio.sleep(1)
        assert database.run("SELECT id FROM ps_contacts ORDER BY id") == [("alice^3B@theirs",), ("bob^3B@x",)]


async def test_an_endpoint_by_its_address_from_a_new_row(tmp_path: Path) -> None:
    rows = phone_rows("trunk", auth="").replace("INSERT INTO ps_auths", "INSERT OR IGNORE INTO ps_auths")
    async with realtime_office(tmp_path, rows, EXTENSIONS) as (office, database):
        stranger = office.phone("unknown")
        call = stranger.call("600")
        call.refused(await stranger.get(401))
        database.run("INSERT INTO ps_endpoint_id_ips (id, endpoint, match) VALUES ('t', 'trunk', '127.0.0.1')")
        call = await stranger.dial("600")
        await call.ended()
        database.run("DELETE FROM ps_endpoint_id_ips")
        await asyncio.sleep(2)
        call = stranger.call("600")
        call.refused(await stranger.get(401))


async def test_lists_show_the_rows_as_they_are(tmp_path: Path) -> None:
    async with realtime_office(tmp_path, TWO, EXTENSIONS) as (office, database):
        register_commands(office.system)
        database.script(phone_rows("carol"))
        database.run("DELETE FROM ps_endpoints WHERE id='bob'")
        uri = "sip:carol@127.0.0.1:15099"
        database.run("INSERT INTO ps_contacts (id, uri, expiration_time) VALUES ('carol^3B@x', ?, '99999999999')", uri)
        shown = await command(office.system, "pjsip show endpoints")
        assert "carol" in shown
        assert "bob" not in shown.replace("bob/", "")
        assert uri in await command(office.system, "pjsip show contacts")
        assert "carol" in await command(office.system, "pjsip list aors")
        database.script(phone_rows("dora"))
        office.driver.dynamic.detach()
        assert "dora" not in await command(office.system, "pjsip show endpoints")


async def test_functions_see_the_rows_as_they_are(tmp_path: Path) -> None:
    async with realtime_office(tmp_path, TWO, EXTENSIONS) as (office, database):
        bob = office.phone("bob", "b1")
        database.run("UPDATE ps_endpoints SET context='elsewhere' WHERE id='alice'")
        database.run("UPDATE ps_aors SET max_contacts='7' WHERE id='alice'")
        call = await bob.dial("103")
        await call.ended()
        assert office.system.globals.get("WHO") == "elsewhere:7"
        uri = "sip:bob@127.0.0.1:15090"
        digest = hashlib.md5(uri.encode()).hexdigest()
        row = f"('bob^3B@{digest}', '{uri}', '99999999999')"
        database.run(f"INSERT INTO ps_contacts (id, uri, expiration_time) VALUES {row}")
        office.system.globals.set("SUM", digest)
        call = bob.call("104")
        await call.authorise()
        await bob.get(100)
        call.refused(await bob.get(603))
        assert office.system.globals.get("AVAIL") == f"PJSIP/bob:{uri}"


async def test_a_database_that_is_down_leaves_what_was_read(tmp_path: Path) -> None:
    async with realtime_office(tmp_path, TWO, EXTENSIONS) as (office, database):
        alice = office.phone("alice", "a1")
        await alice.register()
        await asyncio.sleep(1)  # its contact is written
        database.path.rename(tmp_path / "away")
        database.path.mkdir()
        await office.system.services["odbc"]["asterisk"].database._loop.run_in_executor(
            None, office.system.services["odbc"]["asterisk"].database._engine.dispose
        )
        with LogCapture() as log:
            assert (await alice.register()).status == 200
            call = await alice.dial("600")
            await call.ended()
        assert len(log.texts(Level.ERROR)) == 1
        assert "cannot be reached" in log.texts(Level.ERROR)[0]
        await office.system.loader.reload("chan_pjsip")
        assert "alice" in office.driver.settings.endpoints
        database.path.rmdir()
        (tmp_path / "away").rename(database.path)
        await asyncio.sleep(10)
        assert (await alice.register()).status == 200


async def test_a_memory_cache_is_used_until_it_is_told(tmp_path: Path) -> None:
    caches = SORCERY + (
        "[res_pjsip](+)\nendpoint/cache=memory_cache,object_lifetime_stale=600,object_lifetime_maximum=1800\n"
        "auth/cache=memory_cache,full_backend_cache=yes,name=secrets\n"
    )
    async with realtime_office(tmp_path, TWO, EXTENSIONS, sorcery=caches) as (office, database):
        alice, system = office.phone("alice", "a1"), office.system
        await alice.register()
        database.run("UPDATE ps_endpoints SET context='other' WHERE id='alice'")
        database.run("UPDATE ps_auths SET password='new' WHERE id='alice'")
        call = await alice.dial("600")
        await call.ended()
        assert "Number of objects within cache: 2" in await command(system, "sorcery memory cache show res_pjsip/endpoint")
        assert "expired object 'alice'" in await command(system, "sorcery memory cache expire res_pjsip/endpoint alice")
        call = await alice.dial("700")
        await call.ended()
        assert "populated with 2 objects" in await command(system, "sorcery memory cache populate secrets")
        assert (await alice.register()).status == 401
        alice.password = "new"
        assert (await alice.register()).status == 200


async def test_some_objects_in_files_and_some_in_the_database(tmp_path: Path) -> None:
    both = SORCERY + "[res_pjsip](+)\nendpoint=config,pjsip.conf,criteria=type=endpoint\n"
    own = "[desk]\ntype=endpoint\ncontext=default\nallow=ulaw\n[lost]\ntype=auth\nusername=lost\n"
    async with realtime_office(tmp_path, TWO, EXTENSIONS, sorcery=both, pjsip=own) as (office, _):
        assert set(office.driver.settings.endpoints) == {"alice", "bob", "desk"}
        assert set(office.driver.settings.auths) == {"alice", "bob"}
        desk = office.phone("desk")
        call = await desk.dial("600")
        await call.ended()
        shown = await command(office.system, "sorcery show settings")
        assert "endpoint                         config         pjsip.conf,criteria=type=endpoint" in shown
        assert "transport                        config         pjsip.conf,criteria=type=transport" in shown


async def test_mistakes_in_rows_are_told_once(tmp_path: Path) -> None:
    with LogCapture() as log:
        async with realtime_office(tmp_path, TWO, EXTENSIONS) as (office, database):
            alice = office.phone("alice", "a1")
            await alice.register()
            for number in range(3):
                database.run("UPDATE ps_endpoints SET dtmf_mode='loud', accountcode=? WHERE id='alice'", str(number))
                await alice.register()
            assert office.driver.settings.endpoints["alice"].accountcode == "2"
    assert len([text for text in log.texts(Level.WARNING) if "'loud'" in text]) == 1


async def test_endpoints_with_a_domain_and_anonymous_callers(tmp_path: Path) -> None:
    async with realtime_office(tmp_path, "", EXTENSIONS) as (office, database):
        alice = office.phone("alice", "a1")
        assert (await alice.register()).status == 401
        rows = phone_rows("alice@127.0.0.1", "a1").replace("'userpass', 'alice@127.0.0.1'", "'userpass', 'alice'")
        database.script(rows)
        assert (await alice.register()).status == 200
        guest = office.phone("guest")
        call = guest.call("600")
        call.refused(await guest.get(401))
        database.script(phone_rows("anonymous", auth=""))
        call = await guest.dial("600")
        await call.ended()


async def test_objects_that_no_request_looks_up_hold_nothing(tmp_path: Path) -> None:
    sorcery = "[res_pjsip_outbound_registration]\nregistration=realtime,ps_registrations\n"
    async with realtime_office(tmp_path, "", EXTENSIONS, sorcery=sorcery) as (office, _):
        assert office.driver.dynamic is None
        assert office.driver.stores.stores


async def test_without_a_mapping_nothing_is_looked_up(tmp_path: Path) -> None:
    pjsip = "[alice]\ntype=endpoint\ncontext=default\nallow=ulaw\n"
    async with realtime_office(tmp_path, "", EXTENSIONS, sorcery="", pjsip=pjsip, extconfig=EXTCONFIG) as (office, _):
        assert office.driver.dynamic is None
        assert not office.system.function_registry.get("PJSIP_ENDPOINT").is_blocking


async def test_what_a_register_asks_for(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """What is challenged is not looked up further; the domain of a known phone is asked for once a second."""
    asked: list[str] = []
    ask = sqlengine.read_rows

    def noting(connection: object, text: str, *rest: object) -> object:
        asked.append(text.split()[3])
        return ask(connection, text, *rest)

    async with realtime_office(tmp_path, TWO, EXTENSIONS) as (office, _):
        alice = office.phone("alice", "a1")
        assert (await alice.register()).status == 200
        await asyncio.sleep(2)
        assert (await alice.register()).status == 200
        monkeypatch.setattr(sqlengine, "read_rows", noting)
        assert (await alice.register()).status == 200
        assert asked[:2] == ["ps_endpoints", "ps_auths"]
        assert sorted(asked[2:]) == ["ps_aors", "ps_auths", "ps_contacts", "ps_endpoints"]
        asked.clear()
        await asyncio.sleep(2)
        assert (await alice.register()).status == 200
        assert asked[:4] == ["ps_endpoints", "ps_domain_aliases", "ps_endpoint_id_ips", "ps_auths"]
