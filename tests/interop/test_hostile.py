"""Hostile input: while garbage floods the ports, calls go on, new calls work, and nothing grows."""

from __future__ import annotations

import random
import re
import socket
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from tests.interop.support.audio import sine, tone_seconds
from tests.interop.support.flood import Flood, mutated, unread
from tests.interop.support.held import Held, held, held_at_rest
from tests.interop.support.office import Office, Peer
from tests.interop.support.rtp import RtpParty, Samples, encode
from tests.interop.support.scenario import Scenario
from tests.interop.support.sipp import Sipp
from tests.support.loopback import HOST, free_port, wait_until
from tests.support.server import ServerFactory

FIRST, SECOND = 12_000, 4_000
#: Seconds: what the flood fills a socket with is lost, and said again after three seconds and more.
PATIENCE = 120.0


def caller(name: str, rtp_port: int) -> Scenario:
    return Scenario(name, user="alice").invite(rtp_port).answered()


@contextmanager
def playing(party: RtpParty, samples: Samples) -> Iterator[None]:
    """Somebody speaks meanwhile."""
    enough = threading.Event()
    thread = threading.Thread(target=party.play, args=(samples, enough))
    thread.start()
    try:
        yield
    finally:
        enough.set()
        thread.join()


def test_calls_go_on_and_new_calls_work_during_a_flood(globstar_process: ServerFactory, tmp_path: Path):
    office = Office([Peer("alice")])
    server = globstar_process(office.configuration())
    said = sine(440, 100)
    with RtpParty() as party, Flood(office.port, seed=2026) as flood:
        talking = caller("talking", party.port).held().bye()
        probes = caller("probes", free_port(2)).hung_up()
        with (
            Sipp(talking, tmp_path, remote=office.port, number="600", timeout=PATIENCE) as held,
            Sipp(probes, tmp_path, remote=office.port, number="610", calls=60, rate=10, timeout=PATIENCE) as probing,
        ):
            wait_until(lambda: 200 in held.statuses(), PATIENCE, "the answer during the flood")
            port = next(m.body for m in held.received() if "m=audio" in m.body).partition("m=audio ")[2].split()[0]
            party.remote = (HOST, int(port))
            with playing(party, said):
                wait_until(lambda: tone_seconds(party.audio(), 440) >= 0.4, PATIENCE, "the echo, by which the source is learnt")
                since = time.monotonic()
                with Flood(int(port), seed=7, rate=200, tcp=False) as garbage:
                    # what a full socket drops is said again: the tone goes on until enough of it has come back
                    wait_until(lambda: tone_seconds(party.audio(since), 440) >= 3.4, PATIENCE, "the echo during the flood")
                    wait_until(lambda: garbage.sent > 600, PATIENCE, "a flood of the port of the sound")
            wait_until(lambda: flood.sent > 3000 and flood.connections > 50, PATIENCE, "a flood")
            probing.passed()
            held.go_on()
            held.passed()
    encoded = encode(said, 0)
    pieces = {encoded[start : start + 160] for start in range(0, len(encoded), 160)}
    assert {packet.payload for packet in party.packets} <= pieces, "the echo of anything but the tone"
    server.wait_idle()
    assert "Traceback" not in server.log()
    counted = dict(re.findall(r"(?m)^ (\S.*?) +: (\d+)$", server.cli("pjsip show settings").partition("Counters:")[2]))
    discarded, taken = int(counted["messages discarded"]), int(counted["requests"]) + int(counted["responses"])
    assert discarded > (discarded + taken) / 10 > 30


def test_a_flood_leaves_nothing_behind(globstar_process: ServerFactory):
    # with T1 at 100 ms a refused request stands for 6.4 s
    office = Office([Peer("alice")], system="timer_t1=100\n")
    server = globstar_process(office.configuration())

    def burst(seed: int, count: int) -> Held:
        """What is held after ``count`` messages."""
        with Flood(office.port, seed=seed, rate=3000, tcp=False, is_read=True) as flood:
            wait_until(lambda: flood.sent >= count, 90, f"{count} messages, as fast as they are read")
        wait_until(lambda: not unread(office.port), 20, "all are read")
        return held_at_rest(server)

    before = burst(1, FIRST)  # they fill the caches of parsed headers
    after = burst(2, SECOND)

    def is_as_before() -> bool:
        nonlocal after
        after = held(server)
        return all(count <= before.resources.get(name, 0) for name, count in after.resources.items())

    wait_until(is_as_before, 20, lambda: f"no more than {before.resources}: {after.resources}", interval=0.5)
    assert after.resources["channels"] == 0
    assert after.blocks - before.blocks < SECOND / 2, "memory stays behind for each message"


def test_half_messages_on_tcp_do_not_hold_the_server(globstar_process: ServerFactory, tmp_path: Path):
    office = Office([Peer("alice")])
    server = globstar_process(office.configuration())
    before = server.descriptors()
    stalled = [socket.create_connection((HOST, office.port), timeout=5) for _ in range(50)]
    try:
        for index, connection in enumerate(stalled):
            connection.sendall(b"INVITE sip:610@127.0.0.1 SIP/2.0\r\nVia: SIP/2.0/TCP 127.0.0.1;branch=z9hG4bK%d\r\n" % index)
        with Sipp(caller("tcp", free_port(2)).hung_up(), tmp_path, remote=office.port, number="610", transport="t1") as sipp:
            sipp.passed()
    finally:
        for connection in stalled:
            connection.close()
    wait_until(lambda: server.descriptors() <= before, 10, "the connections are forgotten")


def test_the_flood_is_reproducible():
    first = [mutated(random.Random(5), number, 9) for number in range(50)]
    assert first == [mutated(random.Random(5), number, 9) for number in range(50)]
