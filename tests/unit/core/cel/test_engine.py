"""Events of channels: which are made of what happens, with which fields."""

from __future__ import annotations

import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import pytest

from globstar.core import events
from globstar.core.cel.engine import SERVICE, CelBackendSpec, CelEngine
from globstar.core.cel.event import CelEvent
from tests.support.testtech import World

pytestmark = pytest.mark.virtual_time

PLAN = """[default]
exten => 1,1,Answer()
same => n,Playback(hello)
same => n,Hangup()
exten => 2,1,Dial(Test/bob)
exten => 3,1,CELGenUserEvent(mine,more, of it)
same => n,CELGenUserEvent(bare)
same => n,CELGenUserEvent()
exten => 4,1,Dial(Test/bob&Test/carol)
exten => h,1,NoOp()
"""
ALL = "[general]\nenable=yes\napps=Dial, noop\nevents=ALL\n"


@asynccontextmanager
async def world(cel: str = ALL) -> AsyncIterator[tuple[World, list[CelEvent]]]:
    async with await World.start(PLAN, files={"cel.conf": cel}) as world:
        for name, number in (("alice", "100"), ("bob", "101"), ("carol", "102")):
            world.phone(name, number, name.title())
        made: list[CelEvent] = []
        engine(world).backends.register(
            CelBackendSpec(name="kept", module="tests", post=lambda _system, event: made.append(event))
        )
        yield world, made


def engine(world: World) -> CelEngine:
    found = world.system.services[SERVICE]
    assert isinstance(found, CelEngine)
    return found


def kinds(made: list[CelEvent], phone: str = "") -> list[str]:
    return [event.kind for event in made if not phone or f"/{phone}-" in event.channel]


def extra(event: CelEvent) -> dict[str, Any]:
    found = json.loads(event.extra)
    assert isinstance(found, dict)
    return found


async def test_a_call_into_the_dialplan() -> None:
    async with world() as (w, made):
        w.sound("hello")
        w.tech.phones["alice"].dials("1")
        await w.all_gone()
        assert kinds(made) == [
            "CHAN_START", "ANSWER", "STREAM_BEGIN", "STREAM_END", "APP_START", "APP_END", "HANGUP", "CHAN_END", "LINKEDID_END",
        ]  # fmt: skip
        start, answer = made[0], made[1]
        assert (start.cid_name, start.cid_num, start.cid_ani, start.cid_dnid) == ("Alice", "100", "", "")
        assert (answer.cid_ani, answer.exten, answer.context, answer.app) == ("100", "1", "default", "Answer")
        assert (made[2].user_defined, made[3].user_defined) == ("FILE_STREAM_BEGIN", "FILE_STREAM_END")
        assert extra(made[2])["sound"] == "hello"
        hangup = made[-3]
        assert (hangup.exten, hangup.app, extra(hangup)["dialstatus"]) == ("h", "", "")


async def test_a_bridged_call() -> None:
    async with world() as (w, made):
        leg = w.tech.phones["alice"].dials("2")
        callee = await w.tech.phones["bob"].is_called()
        callee.answers()
        await w.settle(1)
        leg.presses("5")
        await w.settle(1)
        leg.hangs_up()
        await w.all_gone()
        alice, bob = (next(e.channel for e in made if f"/{name}-" in e.channel) for name in ("alice", "bob"))
        assert kinds(made, "bob")[:3] == ["CHAN_START", "ANSWER", "BRIDGE_ENTER"]
        assert kinds(made, "bob")[-3:] == ["BRIDGE_EXIT", "HANGUP", "CHAN_END"]
        assert [e.user_defined for e in made if e.kind == "DTMF"] == ["Received", "Sent"]
        enter = {event.channel: event for event in made if event.kind == "BRIDGE_ENTER"}
        assert (enter[bob].peer, enter[alice].peer) == ("", bob)
        assert set(extra(enter[bob])) == {"bridge_id", "bridge_technology"}
        assert enter[bob].linked_id == enter[alice].linked_id == enter[alice].unique_id
        hangup = {event.channel: event for event in made if event.kind == "HANGUP"}
        assert extra(hangup[alice]) == {"hangupcause": 16, "hangupsource": alice, "dialstatus": "ANSWER"}
        assert (hangup[bob].app, extra(hangup[bob])["dialstatus"]) == ("AppDial", "")
        assert [(e.kind, e.app) for e in made if e.kind.startswith("APP_") and e.app == "Dial"] == [
            ("APP_START", "Dial"), ("APP_END", "Dial"),
        ]  # fmt: skip
        assert kinds(made).count("LINKEDID_END") == 1


async def test_the_dial_status_is_that_of_the_last_call() -> None:
    async with world() as (w, made):
        w.tech.phones["alice"].dials("4")
        (await w.tech.phones["bob"].is_called()).refuses()
        (await w.tech.phones["carol"].is_called()).refuses()
        await w.all_gone()
        assert [extra(e)["dialstatus"] for e in made if e.kind == "HANGUP" and "alice" in e.channel] == ["BUSY"]


async def test_events_of_the_dialplan() -> None:
    async with world() as (w, made):
        w.tech.phones["alice"].dials("3")
        await w.all_gone()
        mine = [event for event in made if event.kind == "USER_DEFINED"]
        assert [(event.name, extra(event)) for event in mine] == [("mine", {"extra": "more, of it"}), ("bare", {"extra": ""})]
        assert any("needs the name" in warning for warning in w.warnings)


async def test_only_what_is_tracked_is_listened_to() -> None:
    async with world("[general]\nenable=yes\nevents=chan_start, ANSWER\napps=dial\n") as (w, made):
        w.tech.phones["alice"].dials("1")
        await w.all_gone()
        assert kinds(made) == ["CHAN_START", "ANSWER"]
        for unheard in (events.BridgeEntered, events.FilePlayEnded, events.DigitEnded):
            assert not any(getattr(one, "__self__", None) is engine(w) for one in w.system.bus.listeners(unheard))


async def test_disabled_it_listens_to_nothing_and_a_reload_enables_it() -> None:
    async with world("[general]\nenable=no\nevents=ALL\n") as (w, made):
        assert not any(getattr(one, "__self__", None) is engine(w) for one in w.system.bus.listeners(events.ChannelCreated))
        w.tech.phones["alice"].dials("3")
        await w.all_gone()
        assert not made
        leg = w.tech.phones["alice"].dials("2")
        await w.settle(0.1)
        w.files["cel.conf"] = ALL
        await w.system.loader.reload("cel")
        leg.hangs_up()
        await w.all_gone()
        assert kinds(made, "alice")[-3:] == ["HANGUP", "CHAN_END", "LINKEDID_END"]
        assert kinds(made).count("LINKEDID_END") == 1


async def test_parking_transfers_and_pickups_are_told_with_what_belongs_to_them() -> None:
    async with world() as (w, made):
        alice, bob, carol = (w.tech.phones[name].channel() for name in ("alice", "bob", "carol"))
        publish = w.system.bus.publish
        publish(events.ParkingChanged("ParkedCall", alice, bob, "Test/bob", "default", 701, 45, 0))
        publish(events.ParkedCallTaken(alice, carol))
        publish(events.ParkingChanged("UnParkedCall", alice, bob, "Test/bob", "default", 701, 45, 3, carol))
        publish(events.ParkingChanged("ParkedCallGiveUp", alice, bob, "Test/bob", "default", 701, 45, 3))
        publish(events.BlindTransferred(alice, bob, None, "default", "5", is_success=True))
        publish(events.BlindTransferred(alice, None, None, "default", "5", is_success=True))
        publish(events.BlindTransferred(alice, bob, None, "default", "5", is_success=False))
        publish(events.CallPickedUp(carol, bob))
        publish(events.DialEnded(alice, bob, "CANCEL", "Local/7@default"))
        publish(events.LocalOptimizationBegan(alice, bob, None, 1))
        publish(events.LocalOptimizationEnded(alice, bob, True, 1))
        app = events.AttendedTransferred(alice, None, bob, None, "Success", carol, None, "App", application="Park")
        publish(app)
        publish(events.AttendedTransferred(alice, None, bob, None, "Fail"))
        told = [(event.kind, event.channel, extra(event)) for event in made if event.kind != "CHAN_START"]
        ids = {"transferee_channel_name": bob.name, "transferee_channel_uniqueid": bob.unique_id}
        blind = {"extension": "5", "context": "default", "bridge_id": ""}
        local = {"local_two": bob.name, "local_two_uniqueid": bob.unique_id}
        assert told == [
            ("PARK_START", alice.name, {"parker_dial_string": "Test/bob", "parking_lot": "default"}),
            ("PARK_END", alice.name, {"reason": "ParkedCallUnparked", "retriever": carol.name}),
            ("PARK_END", alice.name, {"reason": "ParkedCallGiveUp"}),
            ("BLINDTRANSFER", alice.name, {**blind, **ids}),
            ("BLINDTRANSFER", alice.name, {**blind, **dict.fromkeys(ids, "N/A")}),
            ("PICKUP", bob.name, {"pickup_channel": carol.name, "pickup_channel_uniqueid": carol.unique_id}),
            ("FORWARD", alice.name, {"forward": "Local/7@default"}),
            ("LOCAL_OPTIMIZE_BEGIN", alice.name, local),
            ("LOCAL_OPTIMIZE", alice.name, local),
            ("ATTENDEDTRANSFER", bob.name, {
                "bridge1_id": "", "channel2_name": alice.name, "channel2_uniqueid": alice.unique_id, "app": "Park",
                "transferee_channel_name": carol.name, "transferee_channel_uniqueid": carol.unique_id,
                "transfer_target_channel_name": "N/A", "transfer_target_channel_uniqueid": "N/A",
            }),
        ]  # fmt: skip
        for channel in (alice, bob, carol):
            channel.hangup()


async def test_a_call_that_everybody_left_for_another_ends() -> None:
    async with world() as (w, made):
        alice, bob = (w.tech.phones[name].channel() for name in ("alice", "bob"))
        old = bob.linked_id
        w.system.announce_channel(alice)
        w.system.announce_channel(bob)
        bob.application, bob.application_data = "ParkedCall", "default,701"
        bob.set_linked_id(alice.linked_id)
        ended = [(event.linked_id, event.app, event.app_data) for event in made if event.kind == "LINKEDID_END"]
        assert ended == [(old, "ParkedCall", "default,701")]  # it goes on with what it does
        bob.hangup()
        assert kinds(made).count("LINKEDID_END") == 1
        alice.hangup()
        assert [event.linked_id for event in made if event.kind == "LINKEDID_END"] == [old, alice.linked_id]


async def test_a_failing_backend_does_not_keep_events_from_the_others() -> None:
    async with world() as (w, made):

        def fail(system: Any, event: CelEvent) -> None:
            raise ZeroDivisionError

        engine(w).backends.register(CelBackendSpec(name="afails", module="tests", post=fail))
        w.tech.phones["alice"].dials("3")
        await w.all_gone()
        assert "CHAN_END" in kinds(made)


async def test_times_are_as_cel_conf_wants_them() -> None:
    async with world() as (w, made):
        w.tech.phones["alice"].dials("3")
        await w.all_gone()
        seconds, _, fraction = made[0].time_text.partition(".")
        assert int(seconds) > 1_000_000_000
        assert len(fraction) == 6
    async with world(f"{ALL}dateformat=%Y year\n") as (w, made):
        w.tech.phones["alice"].dials("3")
        await w.all_gone()
        assert made[0].time_text.endswith(" year")


async def test_an_unknown_event_of_the_configuration_is_told() -> None:
    async with world("[general]\nenable=yes\nevents=ANSWER,NONSENSE\n") as (w, _):
        assert any("NONSENSE" in warning for warning in w.warnings)
