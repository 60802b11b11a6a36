"""The system of the recordings, with a manager client that sees every event of it."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.support.ami import AmiClient, start_manager
from tests.support.sip_replay import SipReplay, recorded_system


@pytest.fixture(scope="module")
def replay(tmp_path_factory: pytest.TempPathFactory, shared: Path) -> Iterator[SipReplay]:
    replay = recorded_system(tmp_path_factory.mktemp("replay"), shared)
    yield replay
    replay.close()


@pytest.fixture(scope="module")
def client(replay: SipReplay) -> AmiClient:
    async def log_in() -> AmiClient:
        client = AmiClient(await start_manager(replay.system))
        client.log_in()
        await asyncio.sleep(0.01)
        assert "Authentication accepted" in client.take()
        return client

    return replay.runner.run(log_in())
