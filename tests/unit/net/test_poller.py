"""The poller: many sockets, one wake-up, bounded slices, faults of one reader."""

from __future__ import annotations

import asyncio
import socket

import pytest

from globstar.net import batch
from globstar.net.poller import Poller
from tests.unit.net.test_udp import bare
from tests.unit.net.waiting import until


@pytest.fixture(params=["native", "python"], autouse=True)
def way(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> None:
    """Every test runs with both inboxes."""
    if request.param == "python":
        monkeypatch.setattr(batch, "_batch", None)
    elif not batch.is_native():
        pytest.skip("the native module was not built")  # in CI a skip fails the run


def drain_into(found: list[bytes], source: socket.socket):
    def on_readable(now: float) -> None:
        found.append(source.recv(100))

    return on_readable


async def test_one_read_per_call_until_empty() -> None:
    poller = Poller(asyncio.get_running_loop())
    found: list[bytes] = []
    with bare() as target, bare() as sender:
        poller.add(target.fileno(), drain_into(found, target))
        for number in range(20):
            sender.sendto(b"%d" % number, target.getsockname())
        await until(lambda: len(found) == 20)
        assert found == [b"%d" % number for number in range(20)]
        assert poller.reads == 20
        poller.remove(target.fileno())
        assert len(poller) == 0


async def test_budget_leaves_the_loop_its_turn() -> None:
    poller = Poller(asyncio.get_running_loop(), budget=5)
    found: list[bytes] = []
    with bare() as target, bare() as sender:
        for _ in range(20):
            sender.sendto(b"x", target.getsockname())
        poller.add(target.fileno(), drain_into(found, target))
        assert poller._serve(0.0) == 5
        await until(lambda: len(found) == 20)
        assert poller.wakeups >= 4
        poller.close()


async def test_under_load_the_loop_does_not_watch_and_afterwards_does_again() -> None:
    loop = asyncio.get_running_loop()
    poller = Poller(loop)
    found: list[bytes] = []
    with bare() as target, bare() as sender:
        poller.add(target.fileno(), drain_into(found, target))
        sender.sendto(b"x", target.getsockname())
        poller._last = loop.time()
        poller._on_loop()
        assert not poller._watching
        assert poller._timer is not None
        sender.sendto(b"y", target.getsockname())
        await until(lambda: len(found) == 2)
        await until(lambda: poller._watching)
        sender.sendto(b"z", target.getsockname())
        await until(lambda: len(found) == 3)
        poller.close()


async def test_a_reader_that_fails_does_not_stop_the_others() -> None:
    poller = Poller(asyncio.get_running_loop())
    found: list[bytes] = []
    with bare() as bad, bare() as good, bare() as sender:

        def fail(now: float) -> None:
            bad.recv(100)
            raise ValueError("a bug")

        poller.add(bad.fileno(), fail)
        poller.add(good.fileno(), drain_into(found, good))
        sender.sendto(b"1", bad.getsockname())
        sender.sendto(b"2", good.getsockname())
        await until(lambda: found == [b"2"] and poller.failures == 1)
        poller.close()


async def test_removal_within_a_batch() -> None:
    poller = Poller(asyncio.get_running_loop())
    calls: list[str] = []
    with bare() as first, bare() as second, bare() as sender:

        def reader(name: str, own: socket.socket, other: socket.socket):
            def on_readable(now: float) -> None:
                own.recv(100)
                calls.append(name)
                poller.remove(other.fileno())

            return on_readable

        poller.add(first.fileno(), reader("first", first, second))
        poller.add(second.fileno(), reader("second", second, first))
        sender.sendto(b"x", first.getsockname())
        sender.sendto(b"x", second.getsockname())
        poller._serve(0.0)
        assert len(calls) == 1
        poller.remove(first.fileno())
        poller.remove(second.fileno())
        poller.remove(second.fileno())
        assert len(poller) == 0
        poller.add(first.fileno(), drain_into([], first))
        assert len(poller) == 1
        poller.close()
