"""Hostile input: while garbage floods the ports, calls go on, new calls work, and nothing grows."""

from __future__ import annotations

import random
import re
import socket
import threading
from pathlib import Path

from tests.interop.support.audio import sine, tone_share
from tests.interop.support.flood import Flood, mutated, unread
from tests.interop.support.held import Held, held
from tests.interop.support.office import Office, Peer
from tests.interop.support.rtp import RtpParty
from tests.interop.support.scenario import Scenario
from tests.interop.support.sipp import Sipp
from tests.support.loopback import HOST, free_port, wait_until
from tests.support.server import ServerFactory

FIRST, SECOND = 12_000, 4_000


def caller(name: str, rtp_port: int) -> Scenario:
    return Scenario(name, user="alice").invite(rtp_port).answered()


def test_calls_go_on_and_new_calls_work_during_a_flood(globstar_process: ServerFactory, tmp_path: Path):
    office = Office([Peer("alice")])
    server = globstar_process(office.configuration())
    with RtpParty() as party, Flood(office.port, seed=2026) as flood:
        talking = caller("talking", party.port).pause(8000).bye()
        probes = caller("probes", free_port(2)).hung_up()
        with (
            Sipp(talking, tmp_path, remote=office.port, number="600") as held,
            Sipp(probes, tmp_path, remote=office.port, number="610", calls=60, rate=10) as probing,
        ):
            wait_until(lambda: 200 in held.statuses(), 10, "the answer during the flood")
            port = next(m.body for m in held.received() if "m=audio" in m.body).partition("m=audio ")[2].split()[0]
            party.remote = (HOST, int(port))
            playing = threading.Thread(target=party.play, args=(sine(440, 4),))
            playing.start()
            with Flood(int(port), seed=7, rate=200, tcp=False):
                playing.join()
            probing.passed()
            held.passed()
    assert flood.sent > 3000
    assert flood.connections > 50
    heard = party.audio()
    assert heard.size >= 8000 * 3.5
    assert tone_share(heard, 440) > 0.95, "the echo during the flood"
    server.wait_idle()
    assert "Traceback" not in server.log()
    discarded = re.search(r"messages discarded +: (\d+)", server.cli("pjsip show settings"))
    assert discarded is not None
    assert int(discarded[1]) > flood.sent / 10


def test_a_flood_leaves_nothing_behind(globstar_process: ServerFactory):
    # a refused request may stand for 64*T1 (RFC 3261 17.2.2, Timer J): with T1 at 100 ms, 6.4 s
    office = Office([Peer("alice")], system="timer_t1=100\n")
    server = globstar_process(office.configuration())

    def burst(seed: int, count: int) -> Held:
        """What is held after ``count`` messages."""
        with Flood(office.port, seed=seed, rate=3000, tcp=False, is_read=True) as flood:
            wait_until(lambda: flood.sent >= count, 90, f"{count} messages, as fast as they are read")
        wait_until(lambda: not unread(office.port), 20, "all are read")
        after = held(server)

        def is_over() -> bool:
            nonlocal after
            after = held(server)
            return not any(".transaction." in name for name in after.objects)

        wait_until(is_over, 20, lambda: f"no transaction is left: {after.objects}", interval=0.5)
        return after

    before = burst(1, FIRST)  # they fill the caches of parsed headers
    after = burst(2, SECOND)
    wait_until(lambda: held(server).resources == before.resources, 20, lambda: f"{held(server).resources}", interval=0.5)
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
