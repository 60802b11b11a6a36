"""func_lock: one channel at a time."""

from __future__ import annotations

import asyncio

import pytest
import pytest_asyncio

from tests.support.calls import Call
from tests.unit.modules.funcs.conftest import Dialplan

pytestmark = [pytest.mark.virtual_time, pytest.mark.leaks_threads]  # the system's own, which ends with the fixture


@pytest_asyncio.fixture
async def other(dialplan: Dialplan) -> Dialplan:
    return Dialplan(Call(dialplan.system, name="Scripted/2"), dialplan.log)


async def test_a_lock_is_had_by_one_channel_as_often_as_it_likes(dialplan: Dialplan, other: Dialplan) -> None:
    assert await dialplan.wait_for("LOCK(a)") + dialplan.get("TRYLOCK(a)") == "11"
    assert other.get("TRYLOCK(a)") == "0"
    assert dialplan.get("UNLOCK(a)") == "1"
    assert other.get("TRYLOCK(a)") == "0"
    assert dialplan.get("UNLOCK(a)") == "1"
    assert other.get("TRYLOCK(a)") == "1"
    assert not dialplan.warned
    assert (dialplan.get("UNLOCK(a)"), dialplan.warned) == ("0", True)


async def test_who_waits_gets_it_when_it_is_free(dialplan: Dialplan, other: Dialplan) -> None:
    dialplan.get("TRYLOCK(a)")
    waiting = asyncio.ensure_future(other.wait_for("LOCK(a)"))
    await asyncio.sleep(60)
    assert not waiting.done()
    dialplan.channel.hangup()
    assert await waiting == "1"


async def test_who_has_a_lock_waits_three_seconds_for_another(dialplan: Dialplan, other: Dialplan) -> None:
    dialplan.get("TRYLOCK(a)")
    other.get("TRYLOCK(b)")
    began = dialplan.system.now()
    assert await other.wait_for("LOCK(a)") == "0"
    assert dialplan.system.now() - began == pytest.approx(3)
    assert dialplan.get("UNLOCK(a)") == "1"
    assert other.get("TRYLOCK(a)") == "1"


async def test_who_hangs_up_waits_no_more(dialplan: Dialplan, other: Dialplan) -> None:
    dialplan.get("TRYLOCK(a)")
    waiting = asyncio.ensure_future(other.wait_for("LOCK(a)"))
    await asyncio.sleep(1)
    other.call.hang_up()
    assert await waiting == "0"
    dialplan.get("UNLOCK(a)")
    assert dialplan.system.services["dialplan locks"].by_name == {}
