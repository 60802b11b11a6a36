"""Waiting for a condition of real sockets."""

from __future__ import annotations

import asyncio
from collections.abc import Callable


async def until(condition: Callable[[], bool]) -> None:
    """Let the loop work until the condition holds.

    A minute at most: where the tests of others run, too, a process may be without a processor for some of it.
    """
    async with asyncio.timeout(60):
        while not condition():  # noqa: ASYNC110 - the condition is about sockets, which have no event
            await asyncio.sleep(0.001)
