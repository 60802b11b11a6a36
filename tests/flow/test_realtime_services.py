"""Music classes and mailboxes in realtime."""

from __future__ import annotations

import asyncio
from pathlib import Path
from typing import Any

import pytest

from globstar.base.log import Level
from globstar.core.channel import ChannelState
from globstar.core.system import System
from globstar.modules.apps.followme.realtime import find_profile
from globstar.modules.apps.followme.settings import FollowMeSettings
from globstar.modules.apps.voicemail.service import VoicemailService
from tests.support.calls import Call, run_dialplan
from tests.support.phone import noise, sound
from tests.support.realtime import command, realtime_system
from tests.support.sip_realtime import schema
from tests.support.switch import LogCapture

pytestmark = [pytest.mark.virtual_time, pytest.mark.leaks_threads]

MAPPING = "musiconhold => odbc,asterisk\nmusiconhold_entry => odbc,asterisk\nvoicemail => odbc,asterisk\n"
MUSIC = """
INSERT INTO musiconhold (name, mode, directory, digit) VALUES ('jazz', 'files', '{root}/jazz', '7');
INSERT INTO musiconhold (name, mode) VALUES ('list', 'playlist'), ('odd', 'custom');
INSERT INTO musiconhold_entry (name, position, entry) VALUES ('list', '2', '{root}/jazz/b'), ('list', '1', '{root}/jazz/a');
"""
BOXES = """
INSERT INTO voicemail (context, mailbox, password, fullname, email, attach, maxmsg, saycid, stamp) VALUES
  ('default', '100', '1234', 'Alice', 'a@example', 'yes', '7', 'yes', '2026-01-01'),
  ('other', '200', '-5', 'Bob', '', '', '', '', '');
"""


def music(call: Call) -> Any:
    """What the channel hears: its class and files."""
    generator: Any = call.channel.generator
    return (generator.music.name, [Path(name).name for name in generator.music.files]) if generator is not None else None


async def hears(system: System, name: str) -> Any:
    call = Call(system)
    call.channel.set_state(ChannelState.UP)
    assert system.services["music on hold"].start(call.channel, name)
    await asyncio.sleep(0.05)
    heard = music(call)
    system.services["music on hold"].stop(call.channel)
    call.channel.hangup()
    return heard


async def test_music_classes(tmp_path: Path) -> None:
    for name in ("a", "b"):
        sound(tmp_path / "jazz", name, noise(0.4, 1))
    sound(tmp_path / "data" / "moh", "own", noise(0.4, 2))
    rows = schema("musiconhold", "musiconhold_entry") + MUSIC.format(root=tmp_path)
    async with realtime_system(tmp_path, rows, MAPPING) as (system, database):
        assert await hears(system, "jazz") == ("jazz", ["a", "b"])
        assert await hears(system, "list") == ("list", ["a", "b"])
        with LogCapture() as log:
            assert await hears(system, "odd") == ("default", ["own"])
        assert "music class 'odd': " in log.texts(Level.WARNING)[0]
        assert await hears(system, "nosuch") == ("default", ["own"])
        assert await hears(system, "") == ("default", ["own"])
        (tmp_path / "jazz" / "b.wav").unlink()
        assert await hears(system, "jazz") == ("jazz", ["a"])
        assert "Class: jazz" in await command(system, "moh show classes")
        database.run("DELETE FROM musiconhold WHERE name='jazz'")
        assert await hears(system, "jazz") == ("default", ["own"])


async def test_music_that_is_stopped_before_it_was_found_does_not_begin(tmp_path: Path) -> None:
    sound(tmp_path / "jazz", "a", noise(0.4, 1))
    rows = schema("musiconhold", "musiconhold_entry") + MUSIC.format(root=tmp_path)
    async with realtime_system(tmp_path, rows, MAPPING) as (system, _):
        service, call = system.services["music on hold"], Call(system)
        service.start(call.channel, "jazz")
        service.stop(call.channel)
        await asyncio.sleep(0.1)
        assert call.channel.generator is None
        call.channel.hangup()


async def test_classes_that_are_kept_are_read_once(tmp_path: Path) -> None:
    sound(tmp_path / "jazz", "a", noise(0.4, 1))
    rows = schema("musiconhold", "musiconhold_entry") + MUSIC.format(root=tmp_path)
    conf = {"musiconhold.conf": "[general]\ncachertclasses=yes\n"}
    async with realtime_system(tmp_path, rows, MAPPING, conf) as (system, database):
        assert await hears(system, "jazz") == ("jazz", ["a"])
        database.run("DELETE FROM musiconhold")
        assert await hears(system, "jazz") == ("jazz", ["a"])
        await system.loader.reload("res_musiconhold")
        service, call = system.services["music on hold"], Call(system)
        service.start(call.channel, "jazz")
        await asyncio.sleep(0.05)
        assert "jazz" not in service.realtime
        call.channel.hangup()


async def test_mailboxes(tmp_path: Path) -> None:
    conf = {"voicemail.conf": "[general]\nmaxmsg=50\n[default]\n300 => 9,Carol\n"}
    plan = """[default]
exten => s,1,Set(A=${VM_INFO(100@default,fullname)}:${VM_INFO(200@other,exists)}:${VM_INFO(999,exists)}:${VM_INFO(300,fullname)})
exten => s,2,Set(B=${VM_INFO(100,password)})
"""
    async with realtime_system(tmp_path, schema("voicemail") + BOXES, MAPPING, conf) as (system, database):
        service = system.service("voicemail", VoicemailService)
        assert service is not None
        assert sorted(service.users) == [("default", "100"), ("default", "300"), ("other", "200")]
        alice = await service.look_up("100@default")
        assert alice is not None
        assert (alice.password, alice.email, alice.options.maxmsg, alice.options.saycid) == ("1234", "a@example", 7, True)
        bob = await service.look_up("200@other")
        assert bob is not None
        assert (bob.password, bob.password_is_fixed, bob.options.maxmsg) == ("5", True, 50)
        call = await run_dialplan(system, plan)
        assert (call.variables["A"], call.variables["B"]) == ("Alice:1:0:Carol", "1234")
        await service.change_password(alice, "777")
        assert database.run("SELECT password FROM voicemail WHERE mailbox='100'") == [("777",)]
        database.run("INSERT INTO voicemail (context, mailbox, password) VALUES ('default', '400', '4')")
        database.run("DELETE FROM voicemail WHERE mailbox='100'")
        assert await service.look_up("400") is not None
        assert await service.look_up("100") is None
        assert service.find("100") is None
        await system.loader.reload("app_voicemail")
        assert sorted(service.users) == [("default", "300"), ("default", "400"), ("other", "200")]


async def test_profiles_of_followme(tmp_path: Path) -> None:
    rows = """
CREATE TABLE followme (id INTEGER PRIMARY KEY, name TEXT, musicclass TEXT, context TEXT, takecall TEXT, odd TEXT);
CREATE TABLE followme_numbers (id INTEGER PRIMARY KEY, name TEXT, ordinal INTEGER, phonenumber TEXT, timeout INTEGER);
INSERT INTO followme (name, context, takecall, odd) VALUES ('ann', 'away', '5', 'x');
INSERT INTO followme_numbers (name, ordinal, phonenumber, timeout) VALUES ('ann', 2, '102', 7), ('ann', 1, '100&101', 5),
  ('ann', 3, '', 1);
"""
    mapping = "followme => odbc,asterisk\nfollowme_numbers => odbc,asterisk\n"
    async with realtime_system(tmp_path, rows, mapping) as (system, database):
        with LogCapture() as log:
            profile = await find_profile(system, FollowMeSettings(), "ann")
        assert profile is not None
        assert (profile.context, profile.take_call) == ("away", "5")
        assert [[(one.numbers, one.timeout) for one in step] for step in profile.steps()] == [
            [(("100", "101"), 5)], [(("102",), 7)]
        ]  # fmt: skip
        assert len(log.texts(Level.WARNING)) == 2
        assert await find_profile(system, FollowMeSettings(), "bob") is None
        database.run("DROP TABLE followme")
        assert await find_profile(system, FollowMeSettings(), "ann") is None
