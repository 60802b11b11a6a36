"""A running system for the tests of modules."""

from __future__ import annotations

from collections.abc import AsyncIterator
from pathlib import Path

import pytest_asyncio

from globstar.core.system import System
from tests.support.switch import running_system


@pytest_asyncio.fixture
async def system(tmp_path: Path) -> AsyncIterator[System]:
    """A system with every module loaded and no dialplan; what is left of its channels is hung up at the end."""
    async with running_system(tmp_path) as system:
        yield system
        for channel in list(system.channels.values()):
            channel.hangup()
