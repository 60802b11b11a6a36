"""Call detail records of whole calls: who is party A, when a record begins and ends, and the settings of cdr.conf."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import pytest

from globstar.core.bridge import Bridge, LeaveReason
from globstar.core.cause import Cause
from globstar.core.cdr.record import FinishedRecord, State
from globstar.core.channel import Channel
from globstar.core.dialing import Origination, originate
from tests.support.callrecords import collect, engine_of, summary
from tests.support.testtech import Leg, World

pytestmark = pytest.mark.virtual_time

PLAN = """[default]
exten => 201,1,Dial(Test/bob,20)
exten => 202,1,Dial(Test/bob&Test/carol)
exten => 203,1,Dial(Test/bob)
same => n,Dial(Test/carol)
exten => 204,1,Dial(Local/201@default)
exten => 205,1,Dial(Test/bob,,g)
same => n,Playback(sorry)
same => n,Wait(4)
exten => 206,1,Answer()
same => n,Set(CHANNEL(accountcode)=sales)
same => n,Set(CDR(userfield)=u1)
same => n,Set(CDR(colour)=blue)
same => n,Wait(3)
exten => 207,1,Set(CDR_PROP(disable)=1)
same => n,Goto(201,1)
exten => 208,1,Pickup(201)
exten => 300,1,Answer()
same => n,Wait(5)
"""
GENERAL = "[general]\nenable=yes\nunanswered=yes\n"


@asynccontextmanager
async def recording(general: str = GENERAL, plan: str = PLAN) -> AsyncIterator[tuple[World, list[FinishedRecord]]]:
    async with await World.start(plan, files={"cdr.conf": general}) as world:
        for name, number, display in (("alice", "100", "Alice"), ("bob", "101", "Bob"), ("carol", "102", "Carol")):
            world.phone(name, number, display)
        records = collect(world)
        yield world, records
        await world.all_gone()


async def talk(world: World, extension: str = "201", *, rings: float = 2.2, talks: float = 5.7) -> tuple[Leg, Leg]:
    """Alice calls, bob rings and answers; alice hangs up."""
    call = world.tech.phones["alice"].dials(extension)
    leg = await world.tech.phones["bob"].is_called()
    leg.rings()
    await world.settle(rings)
    leg.answers()
    await call.is_told("answer")
    await world.settle(talks)
    call.hangs_up()
    await world.all_gone()
    return call, leg


async def test_an_answered_call_is_one_record() -> None:
    async with recording() as (world, records):
        call, leg = await talk(world)
        (record,) = records
        assert summary(record) == ("100", "bob", "ANSWERED", 7, 5)
        assert (record.channel, record.dstchannel) == (call.channel.name, leg.channel.name)
        assert (record.dst, record.dcontext, record.clid) == ("201", "default", '"Alice" <100>')
        assert (record.lastapp, record.lastdata) == ("Dial", "Test/bob,20")
        assert record.answer - record.start == pytest.approx(2.2)
        assert record.end - record.answer == pytest.approx(5.7)
        assert (record.uniqueid, record.linkedid) == (call.channel.unique_id, call.channel.unique_id)


async def test_initiatedseconds_rounds_billed_seconds_up() -> None:
    async with recording(GENERAL + "initiatedseconds=yes\n") as (world, records):
        await talk(world)
        assert summary(records[0])[3:] == (7, 6)


@pytest.mark.parametrize(
    ("cause", "congestion", "disposition"),
    [
        (Cause.USER_BUSY, "yes", "BUSY"),
        (Cause.NORMAL_CIRCUIT_CONGESTION, "yes", "CONGESTION"),
        (Cause.NORMAL_CIRCUIT_CONGESTION, "no", "FAILED"),
        (Cause.NO_ANSWER, "yes", "NO ANSWER"),
    ],
)
async def test_refusals(cause: Cause, congestion: str, disposition: str) -> None:
    async with recording(GENERAL + f"congestion={congestion}\n") as (world, records):
        world.tech.phones["alice"].dials("201")
        (await world.tech.phones["bob"].is_called()).refuses(cause)
        await world.all_gone()
        assert summary(records[0])[1:3] == ("bob", disposition)
        assert summary(records[0])[4] == 0


@pytest.mark.parametrize(("setting", "disposition"), [("no", "NO ANSWER"), ("yes", "CANCEL")])
async def test_canceldispositionenabled(setting: str, disposition: str) -> None:
    async with recording(GENERAL + f"canceldispositionenabled={setting}\n") as (world, records):
        call = world.tech.phones["alice"].dials("201")
        await world.tech.phones["bob"].is_called()
        await world.settle(1)
        call.hangs_up()
        await world.all_gone()
        assert [summary(record)[1:3] for record in records] == [("bob", disposition)]


async def test_a_fork_is_one_record_per_called_channel() -> None:
    async with recording() as (world, records):
        call = world.tech.phones["alice"].dials("202")
        bob, carol = await world.tech.phones["bob"].is_called(), await world.tech.phones["carol"].is_called()
        bob.rings()
        await world.settle(3)
        carol.answers()
        await call.is_told("answer")
        await world.settle(4)
        call.hangs_up()
        await world.all_gone()
        assert [summary(record) for record in records] == [
            ("100", "bob", "NO ANSWER", 3, 0),
            ("100", "carol", "ANSWERED", 7, 4),
        ]
        assert [record.sequence for record in records] == sorted(record.sequence for record in records)


async def test_serial_calls_are_one_record_each() -> None:
    async with recording() as (world, records):
        call = world.tech.phones["alice"].dials("203")
        bob = await world.tech.phones["bob"].is_called()
        await world.settle(2)
        bob.refuses()
        carol = await world.tech.phones["carol"].is_called()
        await world.settle(1)
        carol.answers()
        await call.is_told("answer")
        await world.settle(6)
        carol.hangs_up()
        await world.all_gone()
        assert [summary(record) for record in records] == [("100", "bob", "BUSY", 2, 0), ("100", "carol", "ANSWERED", 7, 6)]


async def test_what_the_caller_does_after_the_call_is_a_record_of_its_own() -> None:
    async with recording() as (world, records):
        call = world.tech.phones["alice"].dials("205")
        leg = await world.tech.phones["bob"].is_called()
        leg.answers()
        await call.is_told("answer")
        await world.settle(2)
        leg.hangs_up()
        await world.all_gone()
        assert [summary(record)[:3] for record in records] == [("100", "bob", "ANSWERED"), ("100", "", "ANSWERED")]
        assert [record.lastapp for record in records] == ["Dial", "Wait"]
        assert records[1].billsec == 4


async def test_fields_that_the_dialplan_sets() -> None:
    async with recording() as (world, records):
        world.tech.phones["alice"].dials("206")
        await world.all_gone()
        (record,) = records
        assert (record.account_code, record.userfield, record.variables["colour"]) == ("sales", "u1", "blue")
        assert summary(record) == ("100", "", "ANSWERED", 3, 3)


async def test_cdr_prop_disable_keeps_a_record_from_the_backends() -> None:
    async with recording() as (world, records):
        await talk(world, "207")
        assert records == []


async def test_channeldefaultenabled_off() -> None:
    async with recording(GENERAL + "channeldefaultenabled=no\n") as (world, records):
        await talk(world)
        assert records == []


async def test_unanswered_calls_without_a_called_channel_are_recorded_only_if_asked_for() -> None:
    for setting, count in (("yes", 1), ("no", 0)):
        async with recording(
            f"[general]\nenable=yes\nunanswered={setting}\n", "[default]\nexten => 1,1,Ringing\nsame => n,Wait(2)\n"
        ) as (
            world,
            records,
        ):
            world.tech.phones["alice"].dials("1")
            await world.all_gone()
            assert len(records) == count


@pytest.mark.parametrize(("setting", "destination"), [("yes", ""), ("no", "bob")])
async def test_ignorestatechanges_makes_nothing_of_bridges(setting: str, destination: str) -> None:
    async with recording(GENERAL + f"ignorestatechanges={setting}\n") as (world, records):
        call = world.tech.phones["alice"].dials("300")
        await world.settle(1)
        other = world.tech.phones["bob"].dials("300")
        bridged = Bridge(world.system)
        bridged.join(call.channel)
        bridged.join(other.channel)
        await world.settle(1)
        bridged.dissolve()
        await world.all_gone()
        assert sorted({summary(record)[1] for record in records}) == sorted({"", destination})


async def test_every_two_of_a_bridge_have_a_record_of_their_own() -> None:
    """Party A is the older one; who leaves ends the records with those who are still there."""
    count = 8
    async with recording() as (world, records):
        phones = [world.phone(f"p{number}", str(number)) for number in range(count)]
        calls = []
        for phone in phones:
            calls.append(phone.dials("300"))
            await world.settle(0.1)
        bridge = Bridge(world.system)
        members = [bridge.join(call.channel) for call in calls]
        await world.settle(1)
        assert not records
        members[3].leave(LeaveReason.KICKED)
        await world.settle(1)
        left = [member for member in members if member.channel is not calls[3].channel]
        assert all(_open_pairs(member.channel) + _theirs(member.channel) == count - 2 for member in left)
        bridge.dissolve()
        await world.all_gone()
        pairs = sorted((record.src, record.dstchannel.partition("-")[0][-1]) for record in records if record.dstchannel)
        assert pairs == sorted((str(a), str(b)) for a in range(count) for b in range(a + 1, count))
        assert len({record.sequence for record in records}) == len(records)


async def test_who_stays_while_others_come_and_go_keeps_no_records_of_theirs() -> None:
    async with recording() as (world, _):
        host = world.phone("host").dials("300")
        bridge = Bridge(world.system, dissolve_on_hangup=False)
        await world.settle(0.1)
        bridge.join(host.channel)
        host.channel.cdr.was_dialed, host.channel.cdr.is_own = True, False  # never party A
        for number in range(200):
            guest = world.phone(f"g{number}").dials("300")
            await world.settle(0.01)
            member = bridge.join(guest.channel)
            member.leave(LeaveReason.KICKED)
            guest.channel.request_hangup()
        assert len(host.channel.cdr.as_party_b) <= 64
        bridge.dissolve()


def _open_pairs(channel: Channel) -> int:
    return sum(record.state is State.BRIDGE and record.party_b is not None for record in channel.cdr.records)


def _theirs(channel: Channel) -> int:
    return sum(record.state is State.BRIDGE for record in channel.cdr.as_party_b)


async def test_ignoredialchanges_keeps_dials_out() -> None:
    async with recording(GENERAL + "ignoredialchanges=yes\nignorestatechanges=yes\n") as (world, records):
        call, _ = await talk(world)
        of_alice = [record for record in records if record.channel == call.channel.name]
        assert [(record.dstchannel, record.disposition) for record in of_alice] == [("", "ANSWERED")]


async def test_local_channels_have_records_of_both_calls() -> None:
    async with recording() as (world, records):
        await talk(world, "204")
        parties = sorted((record.channel.rpartition("-")[0], record.dstchannel.rpartition("-")[0]) for record in records)
        assert parties == [("Local/201@default", "Test/bob"), ("Test/alice", "Local/201@default")]
        assert {record.disposition for record in records} == {"ANSWERED"}
        assert len({record.linkedid for record in records}) == 1


async def test_an_originated_call_that_nobody_answers() -> None:
    async with recording() as (world, records):
        task = world.system.tasks.start(
            originate(world.system, Origination(dial_string="Test/bob", context="default", extension="300", timeout=3)),
            name="originate",
        )
        await world.tech.phones["bob"].is_called()
        await task
        await world.all_gone()
        assert [record.disposition for record in records] == ["NO ANSWER"]


async def test_an_originated_call_is_a_record_of_the_called_channel() -> None:
    async with recording() as (world, records):
        task = world.system.tasks.start(
            originate(world.system, Origination(dial_string="Test/bob", context="default", extension="300")), name="originate"
        )
        leg = await world.tech.phones["bob"].is_called()
        leg.answers()
        await task
        await world.all_gone()
        assert [(record.channel, record.dst, record.disposition) for record in records] == [(leg.channel.name, "300", "ANSWERED")]


async def test_pickup_ends_the_record_of_who_rang() -> None:
    async with recording() as (world, records):
        call = world.tech.phones["alice"].dials("201")
        leg = await world.tech.phones["bob"].is_called()
        leg.rings()
        await call.is_told("ringing")
        await world.settle(1)
        picker = world.tech.phones["carol"].dials("208")
        await picker.is_told("answer")
        await world.settle(3)
        call.hangs_up()
        await world.all_gone()
        rows = [(record.channel, record.dstchannel, record.disposition) for record in records if record.dstchannel]
        assert rows == [
            (call.channel.name, leg.channel.name, "NO ANSWER"),
            (call.channel.name, picker.channel.name, "ANSWERED"),
        ]


@pytest.mark.parametrize(("value", "party_a"), [("no", "alice"), ("yes", "bob")])
async def test_party_a_is_who_is_older_or_asks_to_be(value: str, party_a: str) -> None:
    plan = f"exten => 210,1,Set(CDR_PROP(party_a)={value})\nsame => n,Bridge(${{TARGET}})\n"
    async with recording(plan=PLAN + plan) as (world, records):
        call = world.tech.phones["alice"].dials("300")
        world.system.globals.set("TARGET", call.channel.name)
        await world.settle(2)
        other = world.tech.phones["bob"].dials("210")
        await other.is_told("answer")
        await world.settle(2)
        other.hangs_up()
        await world.all_gone()
        paired = [(record.channel, record.dstchannel) for record in records if record.dstchannel]
        names = [call.channel.name, other.channel.name]
        assert paired == [tuple(names if party_a == "alice" else reversed(names))]


async def test_disabled_records_cost_no_chain() -> None:
    async with recording("[general]\nenable=no\n") as (world, records):
        call, _ = await talk(world)
        assert call.channel.cdr is None
        assert records == []


async def test_a_reload_switches_records_on_and_off() -> None:
    async with recording("[general]\nenable=no\n") as (world, records):
        world.files["cdr.conf"] = GENERAL
        await world.system.loader.reload("cdr")
        await talk(world)
        assert len(records) == 1
        world.files["cdr.conf"] = "[general]\nenable=no\n"
        await world.system.loader.reload("cdr")
        await talk(world)
        assert len(records) == 1


async def test_settings_that_make_no_sense_are_told() -> None:
    async with recording(GENERAL + "batch=perhaps\nshoe=42\n") as (world, _):
        assert not engine_of(world).settings.batch
        assert any("batch" in warning for warning in world.warnings)


@pytest.mark.parametrize(("endbeforehexten", "apps"), [("yes", "Wait"), ("no", "NoOp")])
async def test_endbeforehexten(endbeforehexten: str, apps: str) -> None:
    plan = "[default]\nexten => 1,1,Answer()\nsame => n,Wait(1)\nexten => h,1,NoOp(late)\n"
    async with recording(GENERAL + f"endbeforehexten={endbeforehexten}\n", plan) as (world, records):
        world.tech.phones["alice"].dials("1")
        await world.all_gone()
        assert [record.lastapp for record in records] == [apps]
