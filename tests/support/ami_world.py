"""A system with scripted phones and a manager client that may do everything."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

from tests.support.ami import AmiClient, start_manager
from tests.support.testtech import Leg, World

PLAN = """
[default]
exten => 100,1,Answer()
 same => n,Wait(60)
 same => n,Wait(60)
exten => 200,1,Dial(Test/bob)
 same => n,Wait(60)
exten => 201,1,Dial(Test/bob,,tTkK)
exten => 300,1,Answer()
 same => n,ControlPlayback(long)
 same => n,Wait(60)
exten => 400,1,Answer()
 same => n,Wait(60)
exten => h,1,NoOp(over)
"""


class AmiWorld:
    """``client`` is logged in and hears no events until ``client.set_events`` is asked for."""

    def __init__(self, world: World, client: AmiClient) -> None:
        self.world = world
        self.client = client

    async def ask(self, action: str, **headers: str) -> list[str]:
        """The lines of what is answered, ActionID apart, without what comes later."""
        self.client.take()
        lines = "".join(f"{name.replace('__', '-')}: {value}\r\n" for name, value in headers.items())
        self.client.send(f"Action: {action}\r\n{lines}\r\n")
        for _ in range(400):
            if b"Response: " in self.client.received:
                break
            await asyncio.sleep(0.01)
        return [line for line in self.client.take().split("\r\n") if line]

    async def message(self, action: str, **headers: str) -> str:
        """``Success`` or ``Error``, with the message behind a colon."""
        answer = dict(line.partition(": ")[::2] for line in await self.ask(action, **headers))
        text = answer.get("Message", "")
        return f"{answer['Response']}: {text}" if text else answer["Response"]

    async def bridged(self, extension: str = "200") -> tuple[Leg, Leg]:
        """Alice talks to Bob."""
        call = self.world.tech.phones["alice"].dials(extension)
        leg = await self.world.tech.phones["bob"].is_called()
        leg.answers()
        await self.world.settle(0.1)
        return call, leg


@asynccontextmanager
async def ami_world(root: Path, *, plan: str = PLAN, files: dict[str, str] | None = None) -> AsyncIterator[AmiWorld]:
    """Everything, ended with all calls."""
    async with await World.start(plan, root=root, files=files) as world:
        for name, number in (("alice", "100"), ("bob", "101"), ("carol", "102")):
            world.phone(name, number, name.title())
        world.sound("long", 30.0)
        client = AmiClient(await start_manager(world.system))
        client.log_in(events="off")
        await asyncio.sleep(0)
        yield AmiWorld(world, client)
        await world.end_calls()
