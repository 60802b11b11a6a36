"""A channel whose functions are read and written one by one."""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterator

import pytest
import pytest_asyncio

from globstar.base.log import Level
from globstar.core.system import System
from tests.support.calls import Call
from tests.support.switch import LogCapture


class Dialplan:
    """Reads and writes functions of one channel, and knows whether anything was complained of."""

    def __init__(self, call: Call, log: LogCapture) -> None:
        self.call = call
        self.channel = call.channel
        self.system = call.system
        self.log = log

    def get(self, text: str) -> str:
        """``${text}``."""
        name, _, rest = text.partition("(")
        assert rest.endswith(")"), text
        return self.system.functions.read(self.channel, name, rest[:-1])

    async def wait_for(self, text: str) -> str:
        """``${text}`` of a function that waits."""
        name, _, rest = text.partition("(")
        return await self.system.functions.read_async(self.channel, name, rest[:-1])

    def set(self, text: str, value: str) -> None:
        """``Set(text=value)``; raises FunctionError."""
        name, _, rest = text.partition("(")
        assert self.system.functions.write(self.channel, name, rest[:-1], value) is None

    async def set_waiting(self, text: str, value: str) -> None:
        """``Set(text=value)`` of a function that waits."""
        name, _, rest = text.partition("(")
        await self.system.functions.write(self.channel, name, rest[:-1], value)

    @property
    def warned(self) -> bool:
        """Whether a warning or an error was logged since the last look."""
        records = [record for record in self.log.records if record.level in (Level.WARNING, Level.ERROR)]
        self.log.records.clear()
        return bool(records)


@pytest.fixture
def log() -> Iterator[LogCapture]:
    with LogCapture() as log:
        yield log


@pytest_asyncio.fixture
async def dialplan(system: System, log: LogCapture) -> AsyncIterator[Dialplan]:
    """A channel of a scripted technology in a system with every module."""
    call = Call(system)
    log.records.clear()
    yield Dialplan(call, log)
    call.channel.hangup()
