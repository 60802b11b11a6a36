"""Two-party calls with scripted phones: a world whose extension 200 is one Dial, and what to ask of it afterwards."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from globstar.core.channel import Channel
from tests.support.testtech import Leg, World

#: Where callees and callers go on: each place says where it is by a UserEvent.
PLACES = """
[subs]
exten => s,1,NoOp()
same => n,Set(GOSUB_RESULT=${RESULT})
same => n,Set(seen=${ARG1})
same => n,Return(value)
[predial]
exten => s,1,Set(__predial=${CHANNEL(channeltype)}-${ARG1})
same => n,Return()
[elsewhere]
exten => s,1,UserEvent(elsewhere,Priority: 1)
same => n,UserEvent(elsewhere,Priority: 2)
same => n,Hangup()
exten => 7,1,UserEvent(seven)
same => n,Hangup()
"""


@asynccontextmanager
async def dialling(
    arguments: str, *, before: str = "", files: dict[str, str] | None = None, extra: str = ""
) -> AsyncIterator[World]:
    """A world where 200 is ``Dial(arguments)`` and says afterwards how it went on; phones alice, bob and carol."""
    plan = f"[default]\n{before}exten => 200,{'n' if before else '1'},Dial({arguments})\n"
    plan += "same => n,UserEvent(after,Status: ${DIALSTATUS})\nsame => n,Hangup()\n"
    plan += "exten => h,1,UserEvent(h,Status: ${DIALSTATUS})\n" + extra + PLACES
    async with await World.start(plan, files=files) as world:
        for name, number, display in (("alice", "100", "Alice"), ("bob", "101", "Bob"), ("carol", "102", "Carol")):
            world.phone(name, number, display)
        yield world
        await world.all_gone()


def went_on(world: World, who: Leg | Channel | None = None) -> list[tuple[str, ...]]:
    """The UserEvents, of one channel if given."""
    channel = who.channel if isinstance(who, Leg) else who
    return [
        tuple(part.removeprefix("UserEvent=") for part in details)
        for kind, name, details in world.notes
        if kind == "UserEvent" and (channel is None or name == channel.name)
    ]


def variable(world: World, who: Leg, name: str) -> list[str]:
    """Every value that a variable of a channel was given."""
    return [value for variable, value in world.varset(who.channel) if variable == name]


async def ringing(world: World) -> tuple[Leg, Leg]:
    """Alice calls 200, bob rings."""
    call = world.tech.phones["alice"].dials("200")
    leg = await world.tech.phones["bob"].is_called()
    leg.rings()
    await world.settle(0.1)
    return call, leg


async def connected(world: World) -> tuple[Leg, Leg]:
    """Alice calls 200, bob answers."""
    call, leg = await ringing(world)
    leg.answers()
    await call.is_told("answer")
    await world.settle(0.1)
    return call, leg
