"""Measures the manager: what a bridged call costs with 0, 1 and 10 clients that read all events, and actions a CPU second.

usage: python -m bench.bench_ami [--calls N] [--actions N] [--runs N]

CPU time is that of the whole process, in one process; clients are sessions whose bytes are dropped, so that the network's share
is left out. ``socket`` adds it: one client over TCP on loopback, the client's own work included.
"""

from __future__ import annotations

import argparse
import asyncio
import contextlib
import time
from functools import partial
from pathlib import Path

from bench.inside import drop, median_of
from globstar.base.log import Level, hub
from globstar.config import MemorySource
from globstar.config.options import Report
from globstar.config.reader import read_config
from globstar.interfaces.ami.server import ManagerServer
from globstar.interfaces.ami.session import Session
from globstar.interfaces.ami.settings import read_manager
from tests.support.testtech import World

CONFIG = "[general]\nenabled=yes\nport=0\nbindaddr=127.0.0.1\ndisplayconnects=no\n[full]\nsecret=golden\nread=all\nwrite=all\n"
PLAN = "[default]\nexten => 201,1,Dial(Test/bob,20)\n"
LOGIN = b"Action: Login\r\nUsername: full\r\nSecret: golden\r\n\r\n"
#: Actions as clients send them, by what they cost.
ACTIONS = {
    "Ping": b"Action: Ping\r\nActionID: 1\r\n\r\n",
    "Getvar": b"Action: Getvar\r\nActionID: 1\r\nVariable: X\r\n\r\n",
    "DBPut": b"Action: DBPut\r\nActionID: 1\r\nFamily: f\r\nKey: k\r\nVal: v\r\n\r\n",
    "CoreShowChannels": b"Action: CoreShowChannels\r\nActionID: 1\r\n\r\n",
    "UserEvent": b"Action: UserEvent\r\nActionID: 1\r\nUserEvent: e\r\nKey: value\r\n\r\n",
}


class Drop:
    """Output that counts bytes and drops them."""

    def __init__(self) -> None:
        self.bytes = 0
        self.messages = 0

    def write(self, data: bytes) -> None:
        self.bytes += len(data)
        self.messages += 1

    def close(self) -> None: ...

    def set_reading(self, is_wanted: bool) -> None: ...


async def _server(world: World) -> ManagerServer:
    server = ManagerServer(world.system)
    await server.apply(read_manager(read_config("manager.conf", MemorySource({"manager.conf": CONFIG})), Report()))
    return server


async def _client(server: ManagerServer) -> tuple[Session, Drop]:
    output = Drop()
    session = Session(server.hub, output, local=("127.0.0.1", 5038), remote=("127.0.0.1", 40000))
    session.receive(LOGIN)
    await asyncio.sleep(0.01)
    assert session.is_logged_in
    return session, output


async def call_cost(clients: int, count: int, root: Path) -> float:
    """Microseconds of CPU that a bridged call costs with so many clients."""
    async with await World.start(PLAN, root=root, files={"cdr.conf": "[general]\nenable=no\n"}) as world:
        server = await _server(world)
        outputs = [(await _client(server))[1] for _ in range(clients)]
        alice, bob = world.phone("alice", "100", "Alice"), world.phone("bob", "101", "Bob")

        async def one() -> None:
            leg = alice.dials("201")
            callee = await bob.is_called()
            callee.answers()
            await leg.is_told("answer")
            leg.hangs_up()
            await world.all_gone()

        for _ in range(20):
            await one()
        before = time.process_time()
        for _ in range(count):
            await one()
        spent = time.process_time() - before
        assert all(output.messages > 20 * count for output in outputs)
        await server.stop()
        return spent / count * 1e6


async def action_rate(action: bytes, count: int, root: Path) -> float:
    """Actions of one client that are answered in a CPU second."""
    async with await World.start(PLAN, root=root) as world:
        server = await _server(world)
        session, output = await _client(server)
        session.receive(action * 100)
        await asyncio.sleep(0.01)
        output.messages = 0
        before = time.process_time()
        for _ in range(count // 50):
            session.receive(action * 50)
            await asyncio.sleep(0)
        while output.messages < count:  # noqa: ASYNC110 - what is measured is the loop's own work
            await asyncio.sleep(0)
        spent = time.process_time() - before
        await server.stop()
        return count / spent


async def socket_rate(count: int, root: Path) -> float:
    """Pings of a client over TCP, 50 on the way at a time, in a CPU second."""
    async with await World.start(PLAN, root=root) as world:
        server = await _server(world)
        host, port = server.addresses[0]
        reader, writer = await asyncio.open_connection(host, port)
        writer.write(LOGIN)
        await reader.readuntil(b"Authentication accepted\r\n\r\n")
        before = time.process_time()
        for _ in range(count // 50):
            writer.write(ACTIONS["Ping"] * 50)
            for _ in range(50):
                while b"Ping: Pong" not in await reader.readuntil(b"\r\n\r\n"):
                    continue
        spent = time.process_time() - before
        writer.close()
        with contextlib.suppress(ConnectionError):
            await writer.wait_closed()
        await server.stop()
        return count / spent


def main() -> None:
    """Print what a call costs with clients, and a line for each action."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--calls", type=int, default=300)
    parser.add_argument("--actions", type=int, default=5000)
    parser.add_argument("--runs", type=int, default=3)
    options = parser.parse_args()
    hub.add(Level.WARNING | Level.ERROR | Level.NOTICE, drop)
    for clients in (0, 1, 10):
        cost = median_of(options.runs, partial(call_cost, clients, options.calls))
        print(f"a call with {clients:>2} clients {cost:12,.0f} us CPU")
    for name, action in ACTIONS.items():
        rate = median_of(options.runs, partial(action_rate, action, options.actions))
        print(f"{name:<22} {rate:12,.0f} a CPU second")
    rate = median_of(options.runs, partial(socket_rate, options.actions))
    print(f"{'Ping over a socket':<22} {rate:12,.0f} a CPU second")


if __name__ == "__main__":
    main()
