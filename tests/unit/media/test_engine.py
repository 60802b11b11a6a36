"""The engine: ports, binding, shared timer."""

from __future__ import annotations

import asyncio
import errno
import random

import pytest

from globstar.base.log import Level
from globstar.media.engine import RtpEngine
from globstar.media.network import MediaNetwork
from globstar.media.session import RtpSession
from globstar.media.settings import MediaSettings, SessionOptions
from tests.support.switch import LogCapture
from tests.unit.media.rig import HOST, Ear, Rig

pytestmark = pytest.mark.virtual_time


async def test_exhaustion_is_an_answer_and_passes() -> None:
    rig = Rig(MediaSettings(10000, 10003))
    sessions = [rig.engine.open(HOST) for _ in range(3)]
    assert sessions[2] is None
    first = sessions[0]
    assert first is not None
    first.close()
    assert rig.engine.open(HOST) is not None
    rig.engine.close()


async def test_rfc3550_11_even_and_odd_port() -> None:
    rig = Rig()
    session = rig.open()
    port = session.local_address[1]
    assert port % 2 == 0
    with pytest.raises(OSError):
        rig.network.open(HOST, port + 1)
    rig.engine.close()


@pytest.mark.parametrize("taken", [0, 1])
async def test_ports_of_other_programs_are_passed_over(taken: int) -> None:
    rig = Rig(MediaSettings(10000, 10003))
    rig.network.open(HOST, 10000 + taken)
    session = rig.open()
    assert session.local_address[1] == 10002
    assert rig.engine.open(HOST) is None
    rig.engine.close()
    assert len(rig.network) == 1


async def test_a_call_finds_the_last_port_that_other_programs_have_left() -> None:
    rig = Rig(MediaSettings(10000, 10999))
    for port in range(10000, 11000, 2):
        if port != 10602:
            rig.network.open(HOST, port)
    assert rig.open().local_address[1] == 10602
    with LogCapture(Level.ERROR) as log:
        for _ in range(5):
            assert rig.engine.open(HOST) is None
    told = [record.message for record in log.records]
    assert told == ["no pair of RTP ports of 192.0.2.1 is free in 10000 to 10999: 1 are in use, 499 have other programs"]
    rig.engine.close()


async def test_host_that_is_not_ours() -> None:
    class Nowhere(MediaNetwork):
        def open(self, host: str, port: int, tos: int = 0, cos: int = 0):
            raise OSError(errno.EADDRNOTAVAIL, "not ours")

    loop = asyncio.get_running_loop()
    engine = RtpEngine(loop, MediaSettings(10000, 10003), sockets=Nowhere(loop), chance=random.Random(1))
    assert engine.open("198.51.100.1") is None
    assert engine.ports().used == 0


async def test_own_range_of_an_endpoint() -> None:
    rig = Rig()
    ports = rig.engine.ports(20000, 20001)
    assert rig.engine.ports(20000, 20001) is ports
    session = rig.engine.open(HOST, ports=ports)
    assert session is not None
    assert session.local_address[1] == 20000
    assert rig.engine.open(HOST, ports=ports) is None
    session.close()
    assert ports.used == 0


async def test_reports_are_spread_over_the_interval() -> None:
    rig = Rig(MediaSettings(10000, 10999, rtcp_interval_ms=5000))
    sessions: list[RtpSession] = []
    for _ in range(20):
        sessions += rig.pair()
    for session in sessions:
        session.send_media(b"x", 160)
    sent_per_half_second = []
    for _ in range(10):
        before = rig.network.sent
        await asyncio.sleep(0.5)
        sent_per_half_second.append(rig.network.sent - before)
    assert sent_per_half_second == [4] * 10
    rig.engine.close()


async def test_a_session_that_fails_does_not_stop_the_others() -> None:
    rig = Rig()
    first, second = rig.pair(SessionOptions(timeout=1))
    ear = Ear(second)

    def fail(reason: object) -> None:
        raise ValueError("a bug")

    first.on_timeout = fail
    await asyncio.sleep(2)
    assert len(ear.timeouts) == 1
    rig.engine.close()


async def test_reload_counts_for_new_sessions() -> None:
    rig = Rig()
    rig.engine.reload(MediaSettings(30000, 30003))
    assert rig.open().local_address[1] in (30000, 30002)
    rig.engine.close()
