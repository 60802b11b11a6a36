"""The virtual-time loop: jumps, stands still for real work, names a deadlock."""

from __future__ import annotations

import asyncio
import socket
import threading
import time
from types import SimpleNamespace

import pytest

from globstar.testing import virtual_loop
from tests.support.virtual_loop import START, Deadlock, VirtualTimeLoop, run_virtual


def test_an_hour_takes_no_time():
    async def main() -> float:
        await asyncio.sleep(3600)
        return asyncio.get_running_loop().time()

    started = time.monotonic()
    assert run_virtual(main()) == START + 3600
    assert time.monotonic() - started < 45


def test_timers_fire_in_the_order_of_their_deadlines():
    seen: list[str] = []

    async def main() -> None:
        loop = asyncio.get_running_loop()
        loop.call_later(32, seen.append, "B")
        loop.call_later(0.5, seen.append, "A")
        await asyncio.sleep(64)

    run_virtual(main())
    assert seen == ["A", "B"]


def test_time_stands_still_for_a_job_in_a_thread():
    async def main() -> float:
        loop = asyncio.get_running_loop()
        gate = threading.Event()
        alarm = loop.call_later(5, gate.set)  # would fire at once if time could jump
        threading.Timer(0.05, gate.set).start()
        await loop.run_in_executor(None, gate.wait)
        alarm.cancel()
        return loop.time()

    assert run_virtual(main()) == START


def test_a_deadlock_names_the_waiting_task():
    async def main() -> None:
        async def never() -> None:
            await asyncio.get_running_loop().create_future()

        await asyncio.create_task(never(), name="the stuck one")

    with pytest.raises(Deadlock, match=r"the stuck one: waits at .* in never"):
        run_virtual(main())


def test_a_datagram_inside_the_loop_arrives_before_time_jumps():
    async def main() -> tuple[bytes, float]:
        loop = asyncio.get_running_loop()
        assert isinstance(loop, VirtualTimeLoop)
        loop.peers_inside = True
        left, right = socket.socketpair(socket.AF_UNIX, socket.SOCK_DGRAM)
        with left, right:
            right.setblocking(False)
            got: asyncio.Future[bytes] = loop.create_future()
            loop.add_reader(right, lambda: got.set_result(right.recv(10)))
            loop.call_later(7, left.send, b"hello")
            data = await asyncio.wait_for(got, 8)
            loop.remove_reader(right)
            return data, loop.time()

    assert run_virtual(main()) == (b"hello", START + 7)


def test_with_outside_peers_time_goes_at_the_pace_of_the_real_clock():
    async def main() -> float:
        loop = asyncio.get_running_loop()
        left, right = socket.socketpair()
        with left, right:
            right.setblocking(False)
            loop.add_reader(right, lambda: None)
            await asyncio.sleep(0.05)
            loop.remove_reader(right)
            return loop.time()

    started = time.monotonic()
    run_virtual(main())
    assert time.monotonic() - started >= 0.05


def test_a_peer_that_speaks_late_does_not_take_time_past_the_next_deadline(monkeypatch: pytest.MonkeyPatch):
    """As after a wait in which the machine had no processor for five seconds."""
    clock = iter(range(0, 1000, 5))

    async def main() -> float:
        loop = asyncio.get_running_loop()
        left, right = socket.socketpair()
        with left, right:
            right.setblocking(False)
            got: asyncio.Future[bytes] = loop.create_future()
            loop.add_reader(right, lambda: got.done() or got.set_result(right.recv(10)))
            deadline = loop.call_later(1, lambda: None)
            speaking = threading.Timer(0.05, left.send, (b"hello",))
            speaking.start()
            monkeypatch.setattr(virtual_loop, "time", SimpleNamespace(monotonic=lambda: next(clock)))
            await got
            speaking.join()
            loop.remove_reader(right)
            deadline.cancel()
            return loop.time()

    assert run_virtual(main()) == START + 1


@pytest.mark.virtual_time
async def test_the_mark_gives_a_virtual_loop():
    loop = asyncio.get_running_loop()
    assert isinstance(loop, VirtualTimeLoop)
    await asyncio.sleep(100)
    assert loop.elapsed == 100


async def test_without_the_mark_the_loop_is_real():
    assert not isinstance(asyncio.get_running_loop(), VirtualTimeLoop)
