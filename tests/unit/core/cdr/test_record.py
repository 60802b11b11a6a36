"""One record: its values as CDR() reads them, how it ends, and what it takes over from party B."""

from __future__ import annotations

import pytest

from globstar.core.cause import Cause
from globstar.core.cdr.record import FIELDS, Disposition, FinishedRecord, State, format_time
from globstar.core.cdr.scope import RecordScope, read_field
from globstar.core.cdr.settings import CdrSettings
from globstar.core.channel import Channel
from globstar.dialplan.substitute import compile_template
from tests.support.callrecords import engine_of
from tests.support.testtech import WALL_START, World

RECORD = FinishedRecord(
    "sales", "100", "201", "default", '"Alice" <100>', "Test/alice-0", "Test/bob-1", "Dial", "Test/bob", 1000.25, 1002.5,
    1010.0, 9, 7, "ANSWERED", "BILLING", "1000.1", "note", "support", "1000.1", 3, {"colour": "blue"},
)  # fmt: skip


async def channel(world: World) -> Channel:
    channel = world.phone("alice", "100", "Alice").channel(context="default", extension="1")
    world.system.announce_channel(channel)
    return channel


@pytest.mark.virtual_time
async def test_values_of_a_running_record() -> None:
    async with await World.start("[default]\nexten => 1,1,NoOp()\n") as world:
        alice = await channel(world)
        record = alice.cdr.last
        alice.application, alice.application_data = "Wait", "9"
        await world.settle(2.5)
        now = engine_of(world).now()

        def value(name: str, **how: bool) -> str | None:
            return record.value(name, now, **how)

        assert (value("src"), value("clid"), value("dst"), value("dcontext")) == ("100", '"Alice" <100>', "1", "default")
        assert (value("lastapp"), value("lastdata")) == ("Wait", "9")
        assert (value("duration"), value("duration", is_fraction=True)) == ("2", "2.500000")
        assert (value("billsec"), value("billsec", is_fraction=True)) == ("0", "0.000000")
        assert (value("disposition"), value("disposition", raw=True)) == ("NO ANSWER", "1")
        assert (value("amaflags"), value("amaflags", raw=True)) == ("DOCUMENTATION", "3")
        assert (value("start", raw=True), value("answer"), value("answer", raw=True)) == (f"{WALL_START:.6f}", "", "0.000000")
        assert value("start") == format_time(WALL_START)
        assert (value("nothing"), value("userfield")) == (None, "")
        assert all(value(name) is not None for name in FIELDS)
        record.answer = now - 1.2
        assert (value("billsec"), value("billsec", rounds_up=True)) == ("1", "2")
        alice.hangup()


@pytest.mark.virtual_time
@pytest.mark.parametrize(
    ("cause", "disposition"),
    [
        (Cause.NOTDEFINED, Disposition.FAILED),
        (Cause.USER_BUSY, Disposition.BUSY),
        (Cause.NORMAL_CIRCUIT_CONGESTION, Disposition.FAILED),  # congestion=no
        (Cause.SUBSCRIBER_ABSENT, Disposition.FAILED),
        (Cause.NORMAL_CLEARING, Disposition.NO_ANSWER),
        (Cause.CALL_REJECTED, Disposition.NO_ANSWER),
    ],
)
async def test_disposition_of_a_call_that_nobody_answered(cause: Cause, disposition: Disposition) -> None:
    async with await World.start("") as world:
        alice = await channel(world)
        alice.hangup_cause = cause
        record = alice.cdr.last
        record.finish(5.0, CdrSettings())
        assert record.disposition is disposition
        record.finish(9.0, CdrSettings())
        assert record.end == 5.0
        alice.hangup()


@pytest.mark.virtual_time
async def test_party_b_adds_its_user_field_and_variables() -> None:
    async with await World.start("") as world:
        alice = await channel(world)
        bob = world.phone("bob", "101", "Bob").channel()
        world.system.announce_channel(bob)
        bob.set_account_code("support")
        record = alice.cdr.last
        record.party_b = bob
        record.state = State.BRIDGE
        alice.cdr.set_variable("userfield", "one")
        alice.cdr.set_variable("colour", "blue")
        bob.cdr.set_variable("userfield", "two")
        bob.cdr.set_variable("colour", "red")
        bob.cdr.set_variable("size", "big")
        record.finish(engine_of(world).now(), CdrSettings())
        finished = record.finished(engine_of(world).now(), rounds_up=False)
        assert (finished.userfield, finished.variables) == ("one;two", {"colour": "blue", "size": "big"})
        assert (finished.dstchannel, finished.peeraccount) == (bob.name, "support")
        for each in (alice, bob):
            each.hangup()


@pytest.mark.virtual_time
async def test_a_fork_has_its_own_start_or_that_of_the_original() -> None:
    async with await World.start("") as world:
        alice = await channel(world)
        chain = alice.cdr
        chain.set_variable("colour", "blue")
        await world.settle(3)
        assert chain.fork(sets_answer=False, ends_original=False, resets_times=False, keeps_variables=True)
        assert chain.fork(sets_answer=False, ends_original=True, resets_times=True, keeps_variables=False)
        first, second, third = chain.records
        assert (second.start - first.start, third.start - first.start) == (0, 3)
        assert (second.variables, third.variables) == ({"colour": "blue"}, {})
        assert [record.is_finished for record in chain.records] == [False, True, False]
        chain.finish_all()
        assert not chain.fork(sets_answer=False, ends_original=False, resets_times=False, keeps_variables=False)
        alice.hangup()


@pytest.mark.virtual_time
async def test_reset_begins_the_open_records_anew() -> None:
    async with await World.start("") as world:
        alice = await channel(world)
        chain = alice.cdr
        chain.set_variable("userfield", "u")
        await world.settle(3)
        chain.reset(keep_variables=True)
        assert (chain.last.start, chain.last.user_field) == (engine_of(world).now(), "u")
        chain.reset(keep_variables=False)
        assert chain.last.user_field == ""
        alice.hangup()


@pytest.mark.parametrize(
    ("field", "options", "value"),
    [
        ("start", "u", "1000.250000"), ("answer", "", format_time(1002)), ("duration", "", "9"), ("duration", "f", "9.750000"),
        ("billsec", "f", "7.500000"), ("disposition", "", "ANSWERED"), ("disposition", "u", "8"), ("amaflags", "u", "2"),
        ("accountcode", "", "sales"), ("peeraccount", "", "support"), ("sequence", "", "3"), ("colour", "", "blue"),
        ("nothing", "", ""), ("userfield", "", "note"), ("clid", "", '"Alice" <100>'),
    ],
)  # fmt: skip
def test_fields_of_a_finished_record(field: str, options: str, value: str) -> None:
    assert read_field(RECORD, field, options) == value


def test_unset_times_are_empty() -> None:
    assert format_time(0.0) == ""
    assert format_time(1_700_000_000.9, is_utc=True) == "2023-11-14 22:13:20"


@pytest.mark.virtual_time
async def test_a_template_sees_the_record_other_functions_and_globals() -> None:
    async with await World.start("[globals]\nSITE=north\n") as world:
        template = compile_template("${CDR(dst)}/${colour}/${SITE}/${TOUPPER(${CDR(lastapp)})}/${none}")
        assert template.render(RecordScope(world.system, RECORD)) == "201/blue/north/DIAL/"
