"""A script within the test: what it says is a list, what it is told is kept."""

from __future__ import annotations

import asyncio

from globstar.modules.res.agi.script import Script


class ScriptInside(Script):
    """Says each of ``requests`` when the one before was answered, as scripts do."""

    def __init__(self, requests: list[str], name: str = "inside") -> None:
        self.name = name
        self.requests = list(requests)
        self.environment: list[str] = []
        #: per request, the lines of its answer
        self.transcript: list[tuple[str, list[str]]] = []
        self.hangups = 0
        self.is_closed = False

    async def read_line(self) -> str | None:
        """The next request; the end of the script after the last."""
        await asyncio.sleep(0)
        if not self.requests:
            return None
        request = self.requests.pop(0)
        self.transcript.append((request, []))
        return request

    def send(self, line: str) -> None:
        """Environment, then answers."""
        if self.transcript:
            self.transcript[-1][1].append(line)
        elif line:
            self.environment.append(line)

    async def flush(self) -> None:
        """Everything is read at once."""

    def signal_hangup(self) -> None:
        """Counted, and otherwise ignored."""
        self.hangups += 1

    def close(self) -> None:
        """Noted."""
        self.is_closed = True
