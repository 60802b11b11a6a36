"""cel_manager: the event CEL."""

from __future__ import annotations

import asyncio

import pytest

from tests.support.ami import AmiClient, start_manager
from tests.support.testtech import World

pytestmark = pytest.mark.virtual_time

PLAN = "[default]\nexten => 1,1,CELGenUserEvent(mine,x)\nsame => n,Wait(2)\n"


async def told(manager: str) -> list[list[tuple[str, str]]]:
    files = {"cel.conf": f"[general]\nenable=yes\nevents=CHAN_START,USER_DEFINED\n{manager}"}
    async with await World.start(PLAN, files=files) as world:
        world.phone("alice", "100", "Alice")
        client = AmiClient(await start_manager(world.system))
        client.log_in()
        await asyncio.sleep(0.01)
        client.take()
        world.tech.phones["alice"].dials("1")
        await world.all_gone()
        return [event for event in client.events() if event[0] == ("Event", "CEL")]


async def test_an_event_is_told_with_every_field_in_order() -> None:
    start, mine = await told("[manager]\nenabled=yes\n")
    assert [name for name, _ in start] == [
        "Event", "Privilege", "EventName", "AccountCode", "CallerIDnum", "CallerIDname", "CallerIDani", "CallerIDrdnis",
        "CallerIDdnid", "Exten", "Context", "Channel", "Application", "AppData", "EventTime", "AMAFlags", "UniqueID",
        "LinkedID", "UserField", "Peer", "PeerAccount", "Extra",
    ]  # fmt: skip
    fields = dict(start)
    assert (fields["Privilege"], fields["EventName"], fields["CallerIDnum"]) == ("call,all", "CHAN_START", "100")
    assert (fields["AMAFlags"], len(fields["EventTime"])) == ("DOCUMENTATION", 19)
    assert (dict(mine)["EventName"], dict(mine)["Extra"]) == ("mine", '{"extra":"x"}')


async def test_user_defined_events_by_their_kind() -> None:
    _, mine = await told("[manager]\nenabled=yes\nshow_user_defined=yes\n")
    assert (dict(mine)["EventName"], dict(mine)["UserDefType"]) == ("USER_DEFINED", "mine")


async def test_it_is_off_by_default() -> None:
    assert not await told("")
    assert not await told("[manager]\nenabled=no\n")
