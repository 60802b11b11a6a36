"""The Local technology: names, options, the two halves. What passes through them is in tests/flow/test_local_channels.py."""

from __future__ import annotations

from collections.abc import AsyncIterator

import pytest
import pytest_asyncio

from globstar.core.cause import Cause
from globstar.core.channel import Channel, ChannelState
from globstar.core.dialing import OutgoingCall, request_channel
from globstar.core.format import FormatCapabilities, alaw, ulaw
from globstar.core.frame import Control, control
from globstar.core.tech import RequestFailed
from tests.support.testtech import NO_RECORDS, World

pytestmark = pytest.mark.virtual_time


PLAN = """[default]
exten => 1,1,Wait(99)
exten => 2,1,Ringing()
same => n,Wait(99)
[other]
exten => 1,1,Answer()
same => n,Wait(99)
"""


@pytest_asyncio.fixture
async def world() -> AsyncIterator[World]:
    async with await World.start(PLAN, files=NO_RECORDS) as world:
        yield world


def halves(world: World, dial_string: str, **options: object) -> tuple[Channel, Channel]:
    owner = request_channel(world.system, dial_string, **options)  # type: ignore[arg-type]
    return owner, next(channel for channel in world.system.channels.values() if channel.name == f"{owner.name[:-1]}2")


async def test_names_places_and_ids_of_the_halves(world: World) -> None:
    owner, second = halves(world, "Local/1@other/n", unique_id="mine")
    assert owner.name.startswith("Local/1@other-")
    assert (owner.name[-2:], second.name[-2:]) == (";1", ";2")
    assert (owner.unique_id, second.unique_id) == ("mine", "mine;2")
    assert second.linked_id == owner.linked_id
    assert (second.context, second.extension) == ("other", "1")
    assert (owner.state, second.state) == (ChannelState.DOWN, ChannelState.RING)
    assert owner.tech.describe(owner) == {"Local": "1@other", "Optimise": "no"}
    await world.end_calls()


async def test_the_context_is_default_and_the_second_id_may_be_given(world: World) -> None:
    owner, second = halves(world, "Local/1", unique_id="a", second_unique_id="b")
    assert (second.context, second.unique_id) == ("default", "b")
    assert owner.tech.describe(owner)["Optimise"] == "yes"
    await world.end_calls()


async def test_formats_are_those_of_who_asks(world: World) -> None:
    owner, second = halves(world, "Local/1", capabilities=FormatCapabilities([alaw, ulaw]))
    assert list(owner.native_formats) == list(second.native_formats) == [alaw, ulaw]
    await world.end_calls()


async def test_a_half_that_was_never_called_takes_the_other_along(world: World) -> None:
    owner, second = halves(world, "Local/1")
    owner.hangup(Cause.NORMAL_CLEARING)
    assert second.is_hung_up
    assert not world.system.channels
    await world.end_calls()


async def test_a_missing_extension_fails_the_call(world: World) -> None:
    owner, second = halves(world, "Local/9")
    with pytest.raises(RequestFailed):
        OutgoingCall(owner, "Local/9").place()
    assert second.is_hung_up
    assert not owner.is_hung_up
    await world.end_calls()


async def test_what_the_dialplan_does_is_heard_by_who_asked(world: World) -> None:
    heard: list[str] = []
    owner, second = halves(world, "Local/2")
    OutgoingCall(owner, "Local/2", on_change=lambda call, frame: heard.append(call.status.name)).place()
    await world.settle()
    assert heard == ["RINGING"]
    assert owner.state is ChannelState.RINGING
    owner, second = halves(world, "Local/1@other")
    OutgoingCall(owner, "Local/1@other", on_change=lambda call, frame: heard.append(call.status.name)).place()
    await world.settle()
    assert heard == ["RINGING", "ANSWER"]
    assert (owner.state, second.state) == (ChannelState.UP, ChannelState.UP)
    assert owner.call_id == second.call_id != ""  # nobody's call until now: one for both
    await world.end_calls()


async def test_the_end_of_either_half_is_that_of_the_other_with_its_cause(world: World) -> None:
    owner, second = halves(world, "Local/1")
    OutgoingCall(owner, "Local/1").place()
    await world.settle()
    second.request_hangup(cause=Cause.USER_BUSY)
    await world.settle()
    assert second.is_hung_up
    assert (bool(owner.soft_hangup), owner.hangup_cause) == (True, Cause.USER_BUSY)
    owner, second = halves(world, "Local/1")
    OutgoingCall(owner, "Local/1").place()
    await world.settle()
    owner.hangup(Cause.CALL_REJECTED)
    assert (bool(second.soft_hangup), second.hangup_cause) == (True, Cause.CALL_REJECTED)
    await world.end_calls()


async def test_frames_for_a_half_that_is_gone_go_nowhere(world: World) -> None:
    owner, second = halves(world, "Local/1")
    OutgoingCall(owner, "Local/1").place()
    await world.settle()
    owner.hangup()
    second.write(control(Control.RINGING))
    second.indicate(Control.PROGRESS)
    assert owner.queue == type(owner.queue)()
    await world.end_calls()
