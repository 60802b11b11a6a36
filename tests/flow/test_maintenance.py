"""Maintenance mode of endpoints: nothing new, while what stands goes on."""

from __future__ import annotations

from pathlib import Path

import pytest

from globstar.core.cli import complete_line, run_command
from globstar.core.events import EndpointMaintenanceChanged
from tests.support.sip_phone import SipOffice, phone_section, sip_office

pytestmark = pytest.mark.virtual_time

PJSIP = phone_section("alice") + phone_section("bob", contact="sip:bob@127.0.0.1:15072")
PLAN = """\
[default]
exten => 1,1,Answer()
 same => n,Wait(60)
exten => 2,1,Dial(PJSIP/bob,10)
 same => n,Verbose(0,${DIALSTATUS} ${HANGUPCAUSE})
exten => 3,hint,PJSIP/bob
"""
DIALOG = "Event: dialog\r\nAccept: application/dialog-info+xml\r\n"


async def switch(office: SipOffice, words: str) -> str:
    return await run_command(office.system, f"pjsip set maintenance {words}")


async def test_new_requests_get_503_and_calls_that_stand_go_on(tmp_path: Path) -> None:
    async with sip_office(tmp_path, PJSIP, PLAN) as office:
        alice, bob = office.phone("alice"), office.phone("bob")
        call = await alice.dial("1")
        assert "enabled" in await switch(office, "on alice")
        for method in ("OPTIONS", "REGISTER", "MESSAGE", "SUBSCRIBE", "REFER"):
            assert (await alice.ask(method, "sip:127.0.0.1:15060")).status == 503, method
        second = alice.call("1")
        second.refused(await alice.get(503))
        assert (await bob.ask("OPTIONS", "sip:127.0.0.1:15060")).status == 200
        assert (await call.reinvite("sendonly")).status == 200
        await call.hang_up()
        assert "6 requests refused" in await run_command(office.system, "pjsip show maintenance")
        assert "disabled" in await switch(office, "off alice")
        await (await alice.dial("1")).hang_up()


async def test_what_ends_something_is_let_through(tmp_path: Path) -> None:
    async with sip_office(tmp_path, PJSIP, PLAN) as office:
        alice = office.phone("alice")
        await alice.register()
        await switch(office, "on all")
        assert (await alice.register(0)).status == 200
        assert not office.driver.contacts.registered("alice")
        assert (await alice.register()).status == 503
        ended = await alice.ask("SUBSCRIBE", "sip:3@127.0.0.1:15060", extra=DIALOG + "Expires: 0\r\n")
        assert ended.status == 400  # as without maintenance: there is nothing to end


async def test_no_call_goes_there(tmp_path: Path) -> None:
    async with sip_office(tmp_path, PJSIP, PLAN) as office:
        alice, bob = office.phone("alice"), office.phone("bob")
        await switch(office, "on bob")
        call = alice.call("2")
        call.refused(await alice.final())
        await office.quiet()
        assert not bob.inbox
        assert not [line for line in office.story() if line.startswith("bob")]
        await switch(office, "off bob")
        call = alice.call("2")
        ringing = await bob.ring()
        await ringing.answer()
        call.take_answer(await alice.final())
        await call.hang_up()
        await ringing.ended()


async def test_the_command_and_its_events(tmp_path: Path) -> None:
    async with sip_office(tmp_path, PJSIP, PLAN) as office:
        told: list[tuple[str, str]] = []
        office.system.bus.subscribe(EndpointMaintenanceChanged, lambda event: told.append((event.endpoint, event.status)))
        await switch(office, "on alice")
        await switch(office, "on alice")
        await switch(office, "on all")
        await switch(office, "off bob")
        assert told == [("alice", "enabled"), ("bob", "enabled"), ("bob", "disabled")]
        shown = await run_command(office.system, "pjsip show maintenance bob")
        assert [line.split() for line in shown.splitlines()[:2]] == [["Endpoint", "Maintenance"], ["bob", "disabled"]]
        assert "failed" in await switch(office, "on nobody")
        assert "failed" in await run_command(office.system, "pjsip show maintenance nobody")
        for words in ("", "on", "maybe alice", "on alice bob"):
            assert (await switch(office, words)).startswith("Usage:"), words
        assert complete_line(office.system, "pjsip set maintenance on ") == ["alice", "all", "bob"]
        assert complete_line(office.system, "pjsip set maintenance o") == ["off", "on"]
        assert complete_line(office.system, "pjsip show maintenance b") == ["bob"]
