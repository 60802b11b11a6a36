"""What clients are told of one channel, and in which order."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import pytest

from globstar.core.frame import Control, control
from tests.support.ami import AmiClient, start_manager
from tests.support.testtech import World

pytestmark = pytest.mark.virtual_time

PLAN = """
[default]
exten => 100,1,Answer()
 same => n,Wait(30)
 same => n,Wait(30)
exten => 200,1,Dial(Test/bob)
exten => 300,1,NoOp()
same => n,Wait(30)
exten => h,1,NoOp(over)
"""


@asynccontextmanager
async def phones(tmp_path: Path) -> AsyncIterator[World]:
    async with await World.start(PLAN, root=tmp_path) as world:
        world.phone("alice", "100", "Alice")
        world.phone("bob", "101", "Bob")
        yield world


async def listening(world: World) -> AmiClient:
    client = AmiClient(await start_manager(world.system))
    client.log_in()
    await asyncio.sleep(0)
    client.take()
    return client


def places(client: AmiClient, channel: str) -> list[str]:
    """The Newexten events of a channel as ``extension,priority application``."""
    told = [dict(message) for message in client.events()]
    return [
        f"{event['Exten']},{event['Priority']} {event['Application']}"
        for event in told
        if event["Event"] == "Newexten" and event["Channel"].startswith(channel)
    ]


async def test_newexten_tells_a_place_once_and_a_redirect_when_its_application_begins(tmp_path: Path) -> None:
    async with phones(tmp_path) as world:
        client = await listening(world)
        leg = world.tech.phones["alice"].dials("100")
        await world.settle(1.0)
        leg.channel.redirect("default", "300", 1)
        await world.settle(1.0)
        leg.hangs_up()
        await world.settle(0.1)
        assert places(client, "Test/alice") == ["100,1 Answer", "100,2 Wait", "300,1 NoOp", "300,2 Wait", "h,1 NoOp"]
        await world.end_calls()


async def test_a_called_channel_that_is_sent_elsewhere_leaves_appdial(tmp_path: Path) -> None:
    async with phones(tmp_path) as world:
        client = await listening(world)
        world.tech.phones["alice"].dials("200")
        leg = await world.tech.phones["bob"].is_called()
        leg.answers()
        await world.settle(0.1)
        leg.channel.redirect("default", "100", 1)
        await world.settle(1.0)
        assert places(client, "Test/bob") == ["200,1 AppDial", ",1 AppDial", "100,1 AppDial", "100,2 Wait"]
        leg.hangs_up()
        await world.settle(0.1)
        assert places(client, "Test/bob") == ["h,1 NoOp"]
        await world.end_calls()


@pytest.mark.parametrize(("condition", "name"), [(Control.FLASH, "Flash"), (Control.WINK, "Wink")])
async def test_flash_and_wink(tmp_path: Path, condition: Control, name: str) -> None:
    async with phones(tmp_path) as world:
        client = await listening(world)
        leg = world.tech.phones["alice"].dials("100")
        await world.settle(0.1)
        client.take()
        leg.channel.deliver(control(condition))
        (event,) = client.events()
        assert event[0] == ("Event", name)
        assert event[1] == ("Privilege", "call,all")
        assert event[2] == ("Channel", leg.channel.name)
        await world.end_calls()


async def test_who_is_bridged_is_told_again_when_a_hook_sees_the_audio(tmp_path: Path) -> None:
    async with phones(tmp_path) as world:
        client = await listening(world)
        call = world.tech.phones["alice"].dials("200")
        (await world.tech.phones["bob"].is_called()).answers()
        await world.settle(0.1)
        client.take()

        def hook(frame: object) -> object:
            return frame

        call.channel.add_read_hook(hook)  # type: ignore[arg-type]
        call.channel.add_write_hook(hook)  # type: ignore[arg-type]
        await world.settle(0.1)
        told = [dict(event) for event in client.events()]
        peers = [
            event["Value"] for event in told if event.get("Variable") == "BRIDGEPEER" and event["Channel"] == call.channel.name
        ]
        assert len(peers) == 1
        assert peers[0].startswith("Test/bob")
        await world.end_calls()
