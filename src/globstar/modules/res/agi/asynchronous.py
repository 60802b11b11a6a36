"""AsyncAGI: a channel that takes commands from a queue, which others fill (the AMI action AGI, ``agi exec``)."""

from __future__ import annotations

import asyncio
from collections import deque
from dataclasses import dataclass
from typing import TYPE_CHECKING

from globstar.core import events
from globstar.modules.res.agi.script import Script

if TYPE_CHECKING:
    from globstar.core.channel import Channel

#: How many commands wait for one channel at the most.
QUEUE_LIMIT = 128
#: The command that ends it.
BREAK = "ASYNCAGI BREAK"


@dataclass(frozen=True, slots=True)
class QueuedCommand:
    """A command and what its sender calls it."""

    command: str
    command_id: str


class QueueScript(Script):
    """The script behind the dialogue is a queue; answers go out as events, one for each command."""

    name = "agi:async"

    def __init__(self, channel: Channel) -> None:
        self._channel = channel
        self._queue: deque[QueuedCommand] = deque()
        self._arrived = asyncio.Event()
        self._running: QueuedCommand | None = None
        self._answer: list[str] = []
        self._is_over = False

    def enqueue(self, command: QueuedCommand) -> bool:
        """Add a command; False if too many wait."""
        if self._is_over or len(self._queue) >= QUEUE_LIMIT:
            return False
        self._queue.append(command)
        self._arrived.set()
        return True

    async def read_line(self) -> str | None:
        """The next command. After ASYNCAGI BREAK and the call's end there is none."""
        await self.flush()
        while not self._queue:
            if self._is_over:
                return None
            self._arrived.clear()
            await self._arrived.wait()
        self._running = self._queue.popleft()
        return self._running.command

    def send(self, line: str) -> None:
        """Collect the answer of the command that runs; what comes before the first is the environment, told otherwise."""
        if self._running is not None:
            self._answer.append(line)

    async def flush(self) -> None:
        """The command that ran is done: tell its answer."""
        running, self._running = self._running, None
        if running is None:
            return
        answer, self._answer = "".join(f"{line}\n" for line in self._answer), []
        self._channel.system.bus.publish(events.AsyncAgiExecuted(self._channel, running.command_id, answer))
        if " ".join(running.command.upper().split()) == BREAK:
            self.close()

    def signal_hangup(self) -> None:
        """The call has ended: nothing more is done."""
        self.close()

    def close(self) -> None:
        """Take no more commands; those that wait are forgotten."""
        self._is_over = True
        self._queue.clear()
        self._arrived.set()
