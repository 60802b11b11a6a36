"""cdr_manager: the event Cdr, with headers of one's own."""

from __future__ import annotations

import asyncio

import pytest

from tests.support.ami import AmiClient, start_manager
from tests.support.testtech import World

pytestmark = pytest.mark.virtual_time

PLAN = "[default]\nexten => 1,1,Answer()\nsame => n,Set(CDR(rate)=7)\nsame => n,Set(CDR(userfield)=mine)\nsame => n,Wait(2)\n"
MAPPINGS = "[mappings]\nrate => Rate\ncarrier => Carrier\nbad =>\nworse => A: b\n[other]\nx=y\n"


async def world(manager: str) -> tuple[World, AmiClient]:
    files = {"cdr_manager.conf": manager, "cdr.conf": "[general]\nenable=yes\nunanswered=yes\n"}
    world = await World.start(PLAN, files=files)
    world.phone("alice", "100", "Alice")
    client = AmiClient(await start_manager(world.system))
    client.log_in()
    await asyncio.sleep(0.01)
    client.take()
    return world, client


async def test_a_record_is_told_with_every_field_in_order() -> None:
    w, client = await world("[general]\nenabled=yes\n" + MAPPINGS)
    channel = w.tech.phones["alice"].dials("1").channel
    await w.all_gone()
    told = [event for event in client.events() if event[0] == ("Event", "Cdr")]
    assert len(told) == 1
    fields = dict(told[0])
    assert [name for name, _ in told[0]] == [
        "Event", "Privilege", "AccountCode", "Source", "Destination", "DestinationContext", "CallerID", "Channel",
        "DestinationChannel", "LastApplication", "LastData", "StartTime", "AnswerTime", "EndTime", "Duration",
        "BillableSeconds", "Disposition", "AMAFlags", "UniqueID", "UserField", "Rate",
    ]  # fmt: skip
    assert (fields["Privilege"], fields["Source"], fields["Channel"]) == ("cdr,all", "100", channel.name)
    assert (fields["LastApplication"], fields["Duration"], fields["Disposition"]) == ("Wait", "2", "ANSWERED")
    assert (fields["AMAFlags"], fields["UserField"], fields["Rate"]) == ("DOCUMENTATION", "mine", "7")
    assert len(fields["StartTime"]) == 19
    assert sum("a mapping needs" in warning for warning in w.warnings) == 2
    await w.stop()


async def test_it_is_off_by_default_and_a_reload_turns_it_on() -> None:
    w, client = await world("[general]\n")
    w.tech.phones["alice"].dials("1")
    await w.all_gone()
    assert not [event for event in client.events() if event[0] == ("Event", "Cdr")]
    w.files["cdr_manager.conf"] = "[general]\nenabled=yes\n"
    await w.system.loader.reload("cdr_manager")
    w.tech.phones["alice"].dials("1")
    await w.all_gone()
    assert [event for event in client.events() if event[0] == ("Event", "Cdr")]
    await w.stop()


async def test_a_value_cannot_smuggle_headers_in() -> None:
    w, client = await world("[general]\nenabled=yes\n[mappings]\nrate => Rate\n")
    channel = w.tech.phones["alice"].dials("1").channel
    await w.settle(1)
    channel.cdr.set_variable("rate", "1\r\nEvil: yes")
    await w.all_gone()
    told = next(event for event in client.events() if event[0] == ("Event", "Cdr"))
    assert "Evil" not in dict(told)
    await w.stop()
