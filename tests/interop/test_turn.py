"""coturn as our STUN and TURN server."""

from __future__ import annotations

import asyncio
import json
import re
from pathlib import Path

import pytest

from globstar.base.log import Level
from globstar.media.gather import Gathering, IceServers, bases_of
from globstar.media.sockets import UdpSockets
from globstar.media.turn import TurnServer, TurnTransport
from globstar.media.turn_link import LinkMaker
from globstar.net.poller import Poller
from tests.interop.sip.test_rfc7118_websocket import Browser
from tests.interop.support.chromium import Page
from tests.interop.support.coturn import CERTIFICATE, PASSWORD, USER, turn_server
from tests.interop.test_browser_media import hang_up
from tests.interop.test_chromium import call_echo, hears, with_chromium
from tests.support.loopback import HOST, free_port
from tests.support.server import GlobstarProcess, ServerFactory
from tests.support.switch import LogCapture


async def exchange(
    port: int, *, password: str = PASSWORD, way: TurnTransport = TurnTransport.UDP, authorities: str = ""
) -> tuple[list[str], list[object], list[bytes]]:
    """Gather, and send something to a peer and back: the candidates, what came from the peer, what came to it."""
    loop = asyncio.get_running_loop()
    sockets = UdpSockets(Poller(loop))
    own, peer = sockets.open(HOST, free_port()), sockets.open(HOST, free_port())
    servers = IceServers((HOST, port), (TurnServer((HOST, port), way),), USER, password, "Globstar")
    servers.open_link = LinkMaker(authorities)

    def send(component: int, data: bytes, to: tuple[str, int]) -> None:
        own.sendto(data, to)

    back: list[tuple[tuple[str, int], bytes]] = []
    there: list[bytes] = []
    changed = asyncio.Event()

    def take(_component: int, source: tuple[str, int], data: bytes) -> None:
        back.append((source, data))
        changed.set()

    gathering = Gathering(loop, servers, send, take)

    def read(_now: float) -> None:
        data, source = own.recvfrom(2048)
        _, inner = gathering.receive(1, data, source)
        if inner is not None:
            back.append(inner)
            changed.set()

    def read_peer(_now: float) -> None:
        data, source = peer.recvfrom(2048)
        there.append(data)
        peer.sendto(b"answer to " + data, source)

    own.set_reader(read)
    peer.set_reader(read_peer)
    done = asyncio.Event()
    try:
        assert gathering.start(bases_of(own.address, (1,)), done.set)
        await asyncio.wait_for(done.wait(), 10)
        lines = [str(candidate) for candidate in gathering.candidates()]
        if lines:
            for number in range(3):
                changed.clear()
                gathering.send_relayed(1, b"number %d" % number, peer.address)
                await asyncio.wait_for(changed.wait(), 10)
        return lines, [(address == peer.address, data) for address, data in back], there
    finally:
        gathering.close()
        own.close()
        peer.close()


@pytest.mark.parametrize("way", TurnTransport)
def test_rfc8656_an_address_at_coturn_carries_datagrams_both_ways(tmp_path: Path, way: TurnTransport) -> None:
    with turn_server(tmp_path, with_tls=way is TurnTransport.TLS) as port:
        lines, back, there = asyncio.run(exchange(port, way=way, authorities=str(tmp_path / CERTIFICATE)))
    assert len(lines) == 1  # without NAT there is no reflexive candidate
    assert re.fullmatch(rf"R7f000001 1 UDP 16777215 {HOST} 41\d\d\d typ relay raddr {HOST} rport \d+", lines[0])
    assert there == [b"number 0", b"number 1", b"number 2"]
    assert back == [(True, b"answer to " + data) for data in there]


@pytest.mark.parametrize("way", [TurnTransport.UDP, TurnTransport.TCP])
def test_coturn_refuses_a_wrong_password(tmp_path: Path, way: TurnTransport) -> None:
    with turn_server(tmp_path) as port:
        assert asyncio.run(exchange(port, password="guess", way=way)) == ([], [], [])


def test_a_certificate_that_nobody_vouches_for_is_refused(tmp_path: Path) -> None:
    with turn_server(tmp_path, with_tls=True) as port, LogCapture(Level.WARNING) as log:
        assert asyncio.run(exchange(port, way=TurnTransport.TLS)) == ([], [], [])
    assert ["certificate verify failed" in record.message.lower() for record in log.records] == [True]


@pytest.mark.parametrize("uri", ["{}", "turn:{}?transport=tcp"], ids=["UDP", "TCP"])
def test_a_page_that_may_only_use_relays_is_reached(globstar_process: ServerFactory, tmp_path: Path, uri: str) -> None:
    """Chromium sends and receives through coturn alone; we offer it an address at coturn as well."""
    with turn_server(tmp_path) as port:

        async def play(browser: Browser, page: Page, server: GlobstarProcess) -> None:
            relay = {"urls": f"turn:{HOST}:{port}?transport=udp", "username": USER, "credential": PASSWORD}
            await page.run(
                f"phone.peer.setConfiguration({{bundlePolicy: 'max-bundle', iceTransportPolicy: 'relay', "
                f"iceServers: [{json.dumps(relay)}]}})"
            )
            answer = await call_echo(browser, page, "audio/opus")
            assert re.search(rf"a=candidate:\S+ 1 UDP \d+ {HOST} 41\d\d\d typ relay", answer)
            await hears(page, 440)
            await hang_up(browser, answer)

        turn = uri.format(f"{HOST}:{port}")
        rtp = f"[general]\nstunaddr={HOST}:{port}\nturnaddr={turn}\nturnusername={USER}\nturnpassword={PASSWORD}\n"
        with_chromium(globstar_process, tmp_path, "opus", play, files={"rtp.conf": rtp})
