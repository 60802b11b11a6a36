"""Task ownership."""

from __future__ import annotations

import asyncio

import pytest

from globstar.base.log import Level
from globstar.base.tasks import TaskOwner
from tests.support.switch import LogCapture


async def test_closing_the_owner_ends_its_tasks() -> None:
    owner = TaskOwner("call")
    task = owner.start(asyncio.Event().wait(), name="wait")
    assert task.get_name() == "call/wait"
    await owner.close()
    assert task.cancelled()
    assert not owner.names()


async def test_a_failure_is_logged_once_and_reported() -> None:
    reported: list[BaseException] = []
    owner = TaskOwner("call", lambda task, error: reported.append(error))

    async def fail() -> None:
        raise ValueError("no")

    with LogCapture() as log:
        owner.start(fail(), name="fail")
        await asyncio.sleep(0)
        await asyncio.sleep(0)
    assert len(reported) == 1
    assert len(log.texts(Level.ERROR)) == 1
    assert "ValueError: no" in log.texts(Level.ERROR)[0]


async def test_a_closed_owner_starts_nothing() -> None:
    owner = TaskOwner("call")
    await owner.close()
    with pytest.raises(RuntimeError):
        owner.start(asyncio.Event().wait(), name="late")
