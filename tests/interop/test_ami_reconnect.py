"""Manager clients that connect again by themselves: the server cuts them off, they come back and follow a call as before."""

from __future__ import annotations

import asyncio
import re
from collections.abc import Awaitable, Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import panoramisk
import pytest

from tests.interop.support.node import packages, run_node
from tests.interop.test_ami_clients import office
from tests.support.loopback import HOST, free_port, wait_until
from tests.support.server import GlobstarProcess


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[GlobstarProcess, int]]:
    port = free_port()
    server = office(port).start(tmp_path_factory.mktemp("server"))
    yield server, port
    server.wait_idle()
    assert server.finish() == []


def connected(server: GlobstarProcess) -> list[str]:
    """The numbers of the sessions that there are."""
    lines = server.cli("manager show connected").splitlines()
    return [found[1] for line in lines if (found := re.match(r"\s+admin\s+\S+\s+\d+\s+\d+\s+(\d+)", line))]


@pytest.fixture(autouse=True)
def nobody_else(server: tuple[GlobstarProcess, int]) -> None:
    """A client of before has gone: else it would be the one that is cut off, and the test's own first coming its coming back."""
    wait_until(lambda: not connected(server[0]), 20, "no client")


def cut_off(server: GlobstarProcess) -> None:
    """End every session, once there is one, and wait for the client's next one."""
    wait_until(lambda: bool(connected(server)), 10, "a client")
    old = connected(server)
    for number in old:
        server.cli(f"manager kick session {number}")
    wait_until(lambda: bool(set(connected(server)) - set(old)), 20, "the client to come back")


async def comes_back(server: GlobstarProcess, client: Callable[[list[str]], Awaitable[Callable[[], Any]]]) -> None:
    """``client`` connects, puts the names of events into a list and gives what ends it."""
    seen: list[str] = []
    end = await client(seen)
    await asyncio.to_thread(cut_off, server)
    seen.clear()
    await asyncio.to_thread(server.cli, "channel originate Local/1@phones/n application Wait 0.1")
    await asyncio.to_thread(wait_until, lambda: seen.count("Hangup") >= 2, 20, "the end of the call")
    assert seen.index("Newchannel") < seen.index("Hangup")
    ended = end()
    if asyncio.iscoroutine(ended):
        await ended


def test_panoramisk(server: tuple[GlobstarProcess, int]) -> None:
    async def client(seen: list[str]) -> Callable[[], Any]:
        manager = panoramisk.Manager(host=HOST, port=server[1], username="admin", secret="s3cret", reconnect_timeout=0.2)
        manager.register_event("*", lambda manager, event: seen.append(event.event))
        await manager.connect()

        def end() -> None:
            manager.connection_lost = lambda error: None  # else it comes back from that, too
            manager.close()

        return end

    asyncio.run(comes_back(server[0], client))


def test_pyami_asterisk(server: tuple[GlobstarProcess, int]) -> None:
    from pyami_asterisk import AMIClient

    async def client(seen: list[str]) -> Callable[[], Any]:
        manager = AMIClient(host=HOST, port=server[1], username="admin", secret="s3cret", reconnect_timeout=1)

        async def told(event: dict[str, str]) -> None:
            seen.append(event.get("Event", ""))

        manager.register_event(patterns=["*"], callbacks=told)
        task = asyncio.create_task(manager.connect_ami())

        async def end() -> None:
            task.cancel()
            await asyncio.gather(task, return_exceptions=True)
            await manager.connection_close()

        return end

    asyncio.run(comes_back(server[0], client))


@pytest.mark.parametrize("library", ["asterisk-manager", "asterisk-ami-client"])
def test_node(server: tuple[GlobstarProcess, int], library: str) -> None:
    packages()  # which may take a while to come
    with ThreadPoolExecutor(1) as pool:
        script = pool.submit(run_node, "ami_reconnect.js", library, str(server[1]), "admin", "s3cret")
        cut_off(server[0])
        server[0].cli("channel originate Local/1@phones/n application Wait 0.1")
        names = script.result(100).split()
    assert names.index("Newchannel") < names.index("Hangup")
