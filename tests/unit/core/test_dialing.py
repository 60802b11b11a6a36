"""Outgoing calls one by one: requesting, calling, refusals, originating."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable

import pytest
import pytest_asyncio

from globstar.core import events
from globstar.core.cause import Cause
from globstar.core.channel import Channel, ChannelState
from globstar.core.dialing import (
    OUTGOING_CALL,
    CallStatus,
    OriginateResult,
    Origination,
    OutgoingCall,
    originate,
    request_channel,
    status_of_cause,
)
from globstar.core.frame import Control, Frame, control
from globstar.core.tech import RequestFailed
from tests.support.dialling import went_on
from tests.support.testtech import NO_RECORDS, Leg, World

pytestmark = pytest.mark.virtual_time

PLAN = """[default]
exten => s,1,UserEvent(here)
exten => s,2,UserEvent(there)
[sub]
exten => s,1,Set(x=${ARG1})
same => n,Return()
"""


@pytest_asyncio.fixture
async def world() -> AsyncIterator[World]:
    async with await World.start(PLAN, files=NO_RECORDS) as world:
        world.phone("alice", "100", "Alice")
        world.phone("bob", "101", "Bob")
        yield world
        for channel in list(world.system.channels.values()):
            channel.hangup()


@pytest.mark.parametrize(
    ("cause", "status"),
    [
        (17, CallStatus.BUSY),
        (34, CallStatus.CONGESTION),
        (0, CallStatus.NOANSWER),
        (16, CallStatus.NOANSWER),
        (21, CallStatus.NOANSWER),
    ],
)
def test_status_of_cause(cause: int, status: CallStatus) -> None:
    assert status_of_cause(cause) is status


# -- requesting ----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("dial_string", "cause"),
    [("None/bob", Cause.CHAN_NOT_IMPLEMENTED), ("Test", Cause.CHAN_NOT_IMPLEMENTED), ("Test/carol", Cause.NO_ROUTE_DESTINATION)],
)
async def test_what_cannot_be_requested(world: World, dial_string: str, cause: Cause) -> None:
    with pytest.raises(RequestFailed) as failed:
        request_channel(world.system, dial_string)
    assert failed.value.cause is cause
    assert not world.system.channels


async def test_a_requested_channel_belongs_to_the_call_of_its_requestor(world: World) -> None:
    caller = world.tech.phones["alice"].channel()
    caller.account_code, caller.peer_account = "sales", "support"
    world.system.announce_channel(caller)
    callee = request_channel(world.system, "test/bob", requestor=caller)
    assert callee.is_outgoing
    assert callee.linked_id == caller.linked_id
    assert (callee.peer_account, callee.account_code) == ("sales", "support")
    assert request_channel(world.system, "Test/bob", unique_id="mine").unique_id == "mine"


# -- one call ------------------------------------------------------------------------------------------------------------


def place(world: World, *, caller: Channel | None = None) -> tuple[OutgoingCall, Leg, list[tuple[CallStatus, bool]]]:
    """Bob is called; what is told of the call is noted: its status, and whether a frame told it."""
    heard: list[tuple[CallStatus, bool]] = []
    channel = request_channel(world.system, "Test/bob")
    call = OutgoingCall(channel, "Test/bob", caller, lambda call, frame: heard.append((call.status, frame is not None)))
    call.place()
    return call, world.tech.phones["bob"].legs[-1], heard


async def test_a_call_that_is_answered(world: World) -> None:
    call, leg, heard = place(world)
    assert call.channel.data[OUTGOING_CALL] is call
    leg.channel.deliver(control(Control.RINGING))
    assert leg.channel.state is ChannelState.RINGING
    leg.progresses()
    leg.proceeds()
    leg.answers()
    assert [status for status, _ in heard] == [CallStatus.RINGING, CallStatus.PROGRESS, CallStatus.PROCEEDING, CallStatus.ANSWER]
    assert call.is_over
    assert leg.channel.answered_at is not None
    assert OUTGOING_CALL not in call.channel.data
    leg.hangs_up()  # no matter of the call any more
    assert len(heard) == 4


@pytest.mark.parametrize(("cause", "status"), [(Cause.USER_BUSY, CallStatus.BUSY), (Cause.CALL_REJECTED, CallStatus.NOANSWER)])
async def test_a_call_that_is_refused(world: World, cause: Cause, status: CallStatus) -> None:
    call, leg, heard = place(world)
    leg.refuses(cause)
    leg.hangs_up(cause)
    assert heard == [(status, False)]
    assert call.is_over


@pytest.mark.parametrize("condition", [Control.BUSY, Control.CONGESTION])
async def test_a_tone_that_refuses(world: World, condition: Control) -> None:
    call, leg, heard = place(world)
    leg.channel.deliver(control(condition))
    leg.hangs_up(Cause.USER_BUSY)
    assert heard == [(CallStatus(condition.name), True)]
    assert call.is_over


async def test_a_call_that_cannot_be_begun_is_not_announced(world: World) -> None:
    world.tech.phones["bob"].call_fails = Cause.CONGESTION
    with pytest.raises(RequestFailed):
        place(world)
    assert world.tech.phones["bob"].legs[0].channel.hangup_cause is Cause.CONGESTION
    assert not world.seen(events.DialBegan)


async def test_early_voice_goes_where_it_is_wanted(world: World) -> None:
    call, leg, heard = place(world)
    leg.speaks()
    frames: list[Frame] = []
    call.on_voice = frames.append
    leg.speaks(b"\x01" * 160)
    assert [frame.data[0] for frame in frames] == [1]
    assert heard == []


async def test_the_cause_in_the_words_of_the_protocol_reaches_the_caller(world: World) -> None:
    caller = world.tech.phones["alice"].channel()
    world.system.announce_channel(caller)
    call, leg, heard = place(world, caller=caller)
    leg.channel.deliver(control(Control.PVT_CAUSE_CODE, (leg.channel.name, 17, "Test 486 Busy")))
    assert caller.hangup_tech_cause == {leg.channel.name: (17, "Test 486 Busy")}
    assert heard == []
    call.give_up()


async def test_giving_up_is_told_unless_asked_otherwise(world: World) -> None:
    call, leg, heard = place(world)
    call.give_up(CallStatus.CANCEL, Cause.ANSWERED_ELSEWHERE)
    assert (leg.told, heard) == (["hangup 26"], [])
    assert [event.status for event in world.seen(events.DialEnded)] == ["CANCEL"]
    call, leg, _ = place(world)
    call.give_up(None)
    assert len(world.seen(events.DialEnded)) == 1


async def test_another_channel_may_answer_in_place(world: World) -> None:
    call, leg, heard = place(world)
    other = world.tech.phones["alice"].channel()
    world.system.announce_channel(other)
    call.substitute(other)
    assert call.channel is other
    assert heard == [(CallStatus.ANSWER, True)]
    assert leg.told == []  # whoever did this ends it
    leg.channel.hangup()


# -- originating ---------------------------------------------------------------------------------------------------------


async def run(world: World, does: Callable[[Leg], object], **what: object) -> OriginateResult:
    """Originate a call to bob, who ``does`` something."""
    world.tech.phones["bob"].on_call = does
    return await originate(world.system, Origination(dial_string="Test/bob", **what))  # type: ignore[arg-type]


def busy_tone(leg: Leg) -> None:
    leg.channel.deliver(control(Control.BUSY))


@pytest.mark.parametrize(
    ("does", "status", "reason", "cause"),
    [
        (Leg.answers, CallStatus.ANSWER, 4, 0),
        (Leg.refuses, CallStatus.BUSY, 0, 17),
        (busy_tone, CallStatus.BUSY, 5, 0),
        (lambda leg: leg.refuses(Cause.CALL_REJECTED), CallStatus.NOANSWER, 0, 21),
        (Leg.rings, CallStatus.NOANSWER, 3, 19),
        (lambda leg: None, CallStatus.NOANSWER, 0, 19),
    ],
    ids=["answers", "refuses", "busy tone", "rejects", "rings on", "silent"],
)
async def test_results_of_originating(
    world: World, does: Callable[[Leg], object], status: CallStatus, reason: int, cause: int
) -> None:
    result = await run(world, does, context="default", extension="s", timeout=5)
    assert (result.status, result.reason, result.cause) == (status, reason, cause)
    assert (result.channel is not None) is (status is CallStatus.ANSWER)
    await world.all_gone()


@pytest.mark.parametrize("field", ["request_fails", "call_fails"])
async def test_what_cannot_be_called_is_unavailable(world: World, field: str) -> None:
    setattr(world.tech.phones["bob"], field, Cause.CONGESTION)
    result = await originate(world.system, Origination(dial_string="Test/bob"))
    assert (result.status, result.reason, result.cause) == (CallStatus.CHANUNAVAIL, 0, Cause.CONGESTION)
    assert not world.system.channels


async def test_an_answered_channel_goes_on_at_its_place(world: World) -> None:
    result = await run(world, Leg.answers, context="default", extension="s", priority=2)
    assert result.channel is not None
    await world.all_gone()
    assert went_on(world, result.channel) == [("there",)]


async def test_an_answered_channel_runs_an_application(world: World) -> None:
    result = await run(world, Leg.answers, application="userevent", data="said")
    assert result.channel is not None
    await world.all_gone()
    assert went_on(world, result.channel) == [("said",)]
    assert any(event.application == "UserEvent" for event in world.seen(events.ApplicationChanged))


async def test_an_application_that_does_not_exist_is_told(world: World) -> None:
    await run(world, Leg.answers, application="UserEvnt", data="said")
    await world.all_gone()
    assert any("no application 'UserEvnt'; did you mean UserEvent" in warning for warning in world.warnings)


async def test_early_media_is_enough_where_asked_for(world: World) -> None:
    result = await run(world, Leg.progresses, application="Wait", data="3", early_media=True)
    assert result.channel is not None
    assert result.channel.state is ChannelState.DOWN
    result.channel.request_hangup()
    await world.all_gone()


async def test_what_a_new_channel_is_given(world: World) -> None:
    seen: list[tuple[object, ...]] = []

    def look(leg: Leg) -> None:
        channel = leg.channel
        seen.append((
            channel.variables.get("colour"), channel.account_code, channel.caller.id.number.text, channel.connected.id.name.text,
            channel.variables.get("x"),
        ))  # fmt: skip
        leg.refuses()

    await run(
        world, look, variables=[("colour", "blue")], account_code="sales", caller_id='"Desk" <555>', predial="sub,s,1(hello)"
    )  # fmt: skip
    assert seen == [("blue", "sales", "555", "Desk", "hello")]


async def test_a_cancelled_origination_hangs_up(world: World) -> None:
    task = world.system.tasks.start(originate(world.system, Origination(dial_string="Test/bob")), name="originate")
    leg = await world.tech.phones["bob"].is_called()
    task.cancel()
    await leg.is_told("hangup 0")
