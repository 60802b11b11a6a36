"""coturn as our STUN and TURN server."""

from __future__ import annotations

import asyncio
import json
import re
import socket
import struct
from pathlib import Path

import pytest

from globstar.base.log import Level
from globstar.media import native
from globstar.media.demux import Detour
from globstar.media.engine import RtpEngine
from globstar.media.gather import Gathering, IceServers, bases_of
from globstar.media.relay import Relay
from globstar.media.settings import MediaSettings, Payload, PayloadKind
from globstar.media.sockets import UdpSockets
from globstar.media.turn import TurnServer, TurnTransport
from globstar.media.turn_link import LinkMaker
from globstar.net.poller import Poller
from tests.conftest import IN_CI
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
        await asyncio.wait_for(done.wait(), 45)
        lines = [str(candidate) for candidate in gathering.candidates()]
        if lines:
            for number in range(3):
                changed.clear()
                gathering.send_relayed(1, b"number %d" % number, peer.address)
                await asyncio.wait_for(changed.wait(), 45)
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


@pytest.mark.parametrize("is_native", [True, False], ids=["native", "python"])
def test_a_call_through_coturn_is_relayed(tmp_path: Path, is_native: bool) -> None:
    """One phone is reached through coturn, the other one directly; RTP goes both ways, in a thread where there is one."""
    if is_native and not native.is_available():
        assert not IN_CI, "the native module was not built"
        pytest.skip("the native module was not built")  # in CI a skip fails the run
    with turn_server(tmp_path) as port:
        asyncio.run(relay_call(port, is_native=is_native))


async def relay_call(port: int, *, is_native: bool) -> None:
    """Talk for 200 packets and more each way, and look at what came and who has relayed it."""
    loop = asyncio.get_running_loop()
    first = free_port(20)
    engine = RtpEngine(loop, MediaSettings(native_relay=is_native, port_start=first, port_end=first + 18))
    far, near = engine.open(HOST), engine.open(HOST)
    assert far is not None
    assert near is not None
    phones = [socket.socket(socket.AF_INET, socket.SOCK_DGRAM | socket.SOCK_NONBLOCK) for _ in range(2)]
    for phone in phones:
        phone.bind((HOST, 0))
    beyond: tuple[str, int] = phones[0].getsockname()

    def send(component: int, data: bytes, to: tuple[str, int]) -> None:
        demux.inner.sendto(data, to)

    gathering = Gathering(loop, IceServers(None, (TurnServer((HOST, port)),), USER, PASSWORD), send)

    def take(component: int, data: bytes, source: tuple[str, int]) -> tuple[bytes, tuple[str, int]] | None:
        _, inner = gathering.receive(component, data, source)
        return (inner[1], inner[0]) if inner is not None else None

    demux, _ = far.divert(take)
    demux.is_open = True
    done = asyncio.Event()
    assert gathering.start(bases_of(far.local_address, (1,)), done.set)
    await asyncio.wait_for(done.wait(), 45)
    (candidate,) = gathering.candidates()
    demux.detours[beyond] = Detour(lambda data: gathering.send_relayed(1, data, beyond), lambda: gathering.route(1, beyond))
    for session, phone in zip((far, near), phones, strict=True):
        session.set_payloads({0: Payload(PayloadKind.MEDIA, 8000)}, send=0, clock_rate=8000)
        session.set_remote(phone.getsockname())
    relay = Relay(far, near, {0: 0}, {0: 0})
    relay.join()
    heard: list[list[bytes]] = [[], []]

    def is_slow(number: int) -> bool:
        """The engine offers its paths to threads twice a second: at first, and until a thread has had one for a while."""
        return number < 30 or (is_native and engine.native is not None and engine.native.packets < 20)

    number = fast = 0

    def say() -> None:
        for index, to in enumerate((candidate.address, near.local_address)):
            packet = struct.pack("!BBHII", 0x80, 0, number, 160 * number, 7 + index) + b"%d" % number
            phones[index].sendto(packet, to)

    async with asyncio.timeout(200):
        while not all(heard):  # what is sent before there is a permission for it goes nowhere
            say()
            number += 1
            await asyncio.sleep(0.04)
            _listen(phones, heard)
        first = number
        while fast < 170:
            say()
            number, fast = number + 1, fast + (not is_slow(number))
            await asyncio.sleep(0.04 if not fast else 0.002)
            _listen(phones, heard)
            while number - min(map(_last, heard)) > 50:  # no buffer holds all that waits for a busy machine
                await asyncio.sleep(0.01)
                _listen(phones, heard)
        while min(map(_last, heard)) < number - 1:
            await asyncio.sleep(0.01)
            _listen(phones, heard)
    for came in heard:
        numbers = [int(data[12:]) for data in came]
        assert numbers == sorted(set(numbers))
        assert [each for each in numbers if each >= first] == list(range(first, number))
    if is_native:
        assert engine.native is not None
        assert engine.native.packets > 300
    gathering.close()
    engine.close()
    for phone in phones:
        phone.close()


def _last(heard: list[bytes]) -> int:
    """The number of the last packet that came."""
    return int(heard[-1][12:])


def _listen(phones: list[socket.socket], heard: list[list[bytes]]) -> None:
    for phone, came in zip(phones, heard, strict=True):
        while True:
            try:
                data = phone.recv(2048)
            except BlockingIOError:
                break
            if not 192 <= data[1] <= 223:
                came.append(data)


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
