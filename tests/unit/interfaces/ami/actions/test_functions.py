"""Dialplan functions that clients read and write: with a channel, without one, and those that reach outside."""

from __future__ import annotations

import asyncio
from pathlib import Path

import pytest

from globstar.core.dialing import Origination, originate
from tests.support.ami import AmiClient, start_manager
from tests.support.ami_world import AmiWorld, ami_world
from tests.support.sip_phone import phone_section, sip_office

pytestmark = pytest.mark.virtual_time


async def value(ami: AmiWorld, name: str, **headers: str) -> str:
    answer = dict(line.partition(": ")[::2] for line in await ami.ask("Getvar", Variable=name, **headers))
    return answer.get("Value", answer.get("Message", ""))


async def test_without_a_channel(tmp_path: Path) -> None:
    async with ami_world(tmp_path) as ami:
        counted = ami.world.system.calls_processed
        for name in ("DB(family/key)", "GLOBAL(KEY)"):
            assert await value(ami, name) == ""
            assert await ami.message("Setvar", Variable=name, Value="1") == "Success: Variable Set"
            assert await value(ami, name) == "1"
        assert await value(ami, "DB_EXISTS(family/key)") == "1"
        assert await value(ami, "EVAL(${GLOBAL(KEY)}2)") == "12"
        assert await value(ami, "CHANNEL(name)") == ""
        assert await ami.message("Setvar", Variable="CALLERID(name)", Value="x") == "Error: Operation failed"
        assert not ami.world.system.channels
        assert not ami.world.system.channels_by_id
        assert ami.world.system.calls_processed == counted


@pytest.mark.parametrize("function", ["ENV(SECRET)", "FILE({})", "SHELL(cat {})", "STAT(e,{})"])
async def test_what_reaches_outside_stays_closed_by_any_way(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, function: str
) -> None:
    monkeypatch.setenv("SECRET", "golden")
    secret = tmp_path / "secret"
    secret.write_text("golden")
    function = function.format(secret)
    async with ami_world(tmp_path) as ami:
        channel = ami.world.tech.phones["alice"].dials("100").channel
        await ami.world.settle(0.1)
        for owner in ({}, {"Channel": channel.name}):
            assert await value(ami, function, **owner) == "No such variable"
            for way in (f"EVAL(${{{function}}})", f"IMPORT({channel.name},{function})"):
                assert await value(ami, way, **owner) == ""


async def test_what_writes_outside_stays_closed_by_any_way(tmp_path: Path) -> None:
    target = tmp_path / "written"
    async with ami_world(tmp_path) as ami:
        channel = ami.world.tech.phones["alice"].dials("100").channel
        await ami.world.settle(0.1)
        for way in ("FILE({})", "ARRAY(FILE({}))", f"EXPORT({channel.name},FILE({{}}))", "MASTER_CHANNEL(FILE({}))"):
            for owner in ({}, {"Channel": channel.name}):
                answer = await ami.message("Setvar", Variable=way.format(target), Value="x", **owner)
                assert answer in ("Error: Operation not permitted", "Error: Operation failed")
        ami.client.send(
            f"Action: Originate\r\nChannel: Test/bob\r\nApplication: Wait\r\nData: 9\r\nVariable: FILE({target})=x\r\n\r\n"
        )
        (await ami.world.tech.phones["bob"].is_called()).answers()
        await ami.world.settle(0.1)
        assert not target.exists()


async def test_live_dangerously_opens_it(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SECRET", "golden")
    async with ami_world(tmp_path) as ami:
        monkeypatch.setattr(ami.world.system.options, "live_dangerously", True)
        assert await value(ami, "ENV(SECRET)") == "golden"
        assert await value(ami, "EVAL(${ENV(SECRET)})") == "golden"


async def test_variables_of_an_originated_call_may_be_functions(tmp_path: Path) -> None:
    async with ami_world(tmp_path) as ami:
        variables = "Variable: CALLERID(name)=Zed\r\nVariable: GLOBAL(G)=5\r\nVariable: PLAIN=(x)\r\nVariable: NONE(x)=1\r\n"
        ami.client.send(f"Action: Originate\r\nChannel: Test/bob\r\nApplication: Wait\r\nData: 9\r\n{variables}\r\n")
        leg = await ami.world.tech.phones["bob"].is_called()
        leg.answers()
        await ami.world.settle(0.1)
        assert leg.channel.caller.id.name.text == "Zed"
        assert list(leg.channel.variables) == [("PLAIN", "(x)")]
        assert ami.world.system.globals.get("G") == "5"


async def test_outside_of_clients_variables_may_reach_outside(tmp_path: Path) -> None:
    target = tmp_path / "written"
    async with ami_world(tmp_path) as ami:
        what = Origination(dial_string="Test/bob", application="Wait", data="9", variables=[(f"FILE({target})", "x")])
        task = asyncio.ensure_future(originate(ami.world.system, what))
        (await ami.world.tech.phones["bob"].is_called()).answers()
        await task
        await ami.world.settle(0.1)
        assert target.read_text() == "x"


async def test_a_sip_header_for_an_originated_call(tmp_path: Path) -> None:
    section = phone_section("alice", contact="sip:alice@127.0.0.1:15071")
    async with sip_office(tmp_path, section, "[default]\nexten => 1,1,Wait(9)\n") as office:
        client = AmiClient(await start_manager(office.system))
        client.log_in(events="off")
        await asyncio.sleep(0)
        client.send(
            "Action: Originate\r\nChannel: PJSIP/alice\r\nContext: default\r\nExten: 1\r\nPriority: 1\r\n"
            "Variable: PJSIP_HEADER(add,Alert-Info)=<auto>;info=answer,CALLERID(num)=12\r\nAsync: true\r\n\r\n"
        )
        alice = office.phone("alice")
        invite = await alice.get("INVITE")
        assert invite["Alert-Info"] == "<auto>;info=answer"
        alice.send(alice.reply_to(invite, 486, tag="b"))
        await alice.get("ACK")


async def test_clients_of_a_user(tmp_path: Path) -> None:
    async with ami_world(tmp_path) as ami:
        assert await value(ami, "AMI_CLIENT(full,sessions)") == "1"
        second = AmiClient(ami.client.session.hub.system.services["manager"])
        assert await value(ami, "AMI_CLIENT(full,sessions)") == "1"
        second.log_in(events="off")
        await asyncio.sleep(0)
        assert await value(ami, "AMI_CLIENT( full , SESSIONS )") == "2"
        second.ask("Logoff")
        assert await value(ami, "AMI_CLIENT(full,sessions)") == "1"
        for wrong in ("AMI_CLIENT()", "AMI_CLIENT(full)", "AMI_CLIENT(full,shoes)", "AMI_CLIENT(nobody,sessions)"):
            assert await value(ami, wrong) == ""
