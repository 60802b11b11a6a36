"""What STUN and TURN servers tell of a stream's ports."""

from __future__ import annotations

import asyncio

import pytest

from globstar.base.log import Level
from globstar.media.gather import REST, Gathering, IceServers, bases_of
from globstar.media.network import MediaNetwork
from globstar.media.turn import STREAM_PATIENCE, TurnTransport
from globstar.media.turn import TurnServer as ServerName
from globstar.proto.stun import Kind
from tests.support.switch import LogCapture
from tests.support.turn_server import PASSWORD, USER, TurnServer

pytestmark = pytest.mark.virtual_time

BASE = ("192.0.2.1", 4000)


class Desk:
    """A stream's two ports, and the servers."""

    def __init__(self, servers: IceServers) -> None:
        self.loop = asyncio.get_running_loop()
        self.network = MediaNetwork(self.loop)
        self.servers = servers
        self.sockets = {component: self.network.open(*base) for component, base in bases_of(BASE, (1, 2)).items()}
        self.inner: list[object] = []
        self.lost: list[int] = []
        for component, socket in self.sockets.items():
            socket.set_reader(lambda now, component=component: self._read(component))  # type: ignore[misc]
        self.gathering = self.new()
        self.done = 0

    def new(self) -> Gathering:
        return Gathering(
            self.loop,
            self.servers,
            lambda component, data, to: self._send(component, data, to),
            lambda component, peer, data: self.inner.append((peer, data)),
            self.lost.append,
        )

    def _send(self, component: int, data: bytes, to: tuple[str, int]) -> None:
        self.sockets[component].sendto(data, to)

    def _read(self, component: int) -> None:
        data, source = self.sockets[component].recvfrom(2048)
        is_servers, inner = self.gathering.receive(component, data, source)
        assert is_servers
        if inner is not None:
            self.inner.append(inner)

    def start(self, *components: int) -> bool:
        def done() -> None:
            self.done += 1

        return self.gathering.start(bases_of(BASE, components or (1, 2)), done)

    def lines(self) -> list[str]:
        return [str(candidate) for candidate in self.gathering.candidates()]


def servers(
    server: TurnServer | None = None, *, stun: bool = True, turn: bool = False, password: str = PASSWORD,
    ways: tuple[TurnTransport, ...] = (TurnTransport.UDP,),
) -> IceServers:  # fmt: skip
    address = server.address if server is not None else ("192.0.2.50", 3478)
    turns = tuple(ServerName(address, way, "turn.example.com") for way in ways) if turn else ()
    found = IceServers(address if stun else None, turns, USER if turn else "", password)
    if server is not None:
        found.open_link = server.open_link
    return found


async def test_rfc8445_5_1_1_2_reflexive_candidates() -> None:
    desk = Desk(servers())
    TurnServer(desk.network, mapped="203.0.113.9")
    assert desk.start()
    await asyncio.sleep(0.1)
    assert desk.done == 1
    assert desk.lines() == [
        "Sc0000201 1 UDP 1694498815 203.0.113.9 4000 typ srflx raddr 192.0.2.1 rport 4000",
        "Sc0000201 2 UDP 1694498814 203.0.113.9 4001 typ srflx raddr 192.0.2.1 rport 4001",
    ]


async def test_rfc8445_5_1_1_4_what_was_told_is_kept_alive_until_the_way_is_known() -> None:
    """A phone may ring for longer than a translator remembers a port that is silent."""
    desk = Desk(servers())
    server = TurnServer(desk.network, mapped="203.0.113.9")
    asked: list[int] = []
    desk.servers.watch = lambda is_sent, to, data: asked.append(len(asked)) if is_sent and to == server.address else None
    desk.start()
    await asyncio.sleep(0.1)
    assert len(asked) == 2
    await asyncio.sleep(61)
    assert len(asked) == 2 + 4 * 2
    assert (desk.done, len(desk.lines())) == (1, 2)
    desk.gathering.settle(1)
    await asyncio.sleep(30)
    assert len(asked) == 2 + 4 * 2 + 2
    desk.gathering.drop(2)
    await asyncio.sleep(60)
    assert len(asked) == 2 + 4 * 2 + 2


async def test_a_closed_stream_asks_no_more() -> None:
    desk = Desk(servers())
    TurnServer(desk.network, mapped="203.0.113.9")
    desk.start()
    await asyncio.sleep(0.1)
    desk.gathering.close()
    asked: list[bool] = []
    desk.servers.watch = lambda is_sent, to, data: asked.append(is_sent)
    await asyncio.sleep(60)
    assert not asked


async def test_without_nat_there_is_nothing_to_tell() -> None:
    desk = Desk(servers())
    TurnServer(desk.network)
    desk.start()
    await asyncio.sleep(0.1)
    assert (desk.done, desk.lines()) == (1, [])
    asked: list[bool] = []
    desk.servers.watch = lambda is_sent, to, data: asked.append(is_sent)
    await asyncio.sleep(60)
    assert not asked, "nothing of ours was told that had to be kept alive"


async def test_relayed_candidates_tell_of_nat_too() -> None:
    desk = Desk(servers(stun=False, turn=True))
    server = TurnServer(desk.network, mapped="203.0.113.9")
    desk.start(1)
    await asyncio.sleep(0.1)
    relay = server.relays[BASE].address
    assert desk.lines() == [
        "Sc0000201 1 UDP 1694498815 203.0.113.9 4000 typ srflx raddr 192.0.2.1 rport 4000",
        f"Rc0000232 1 UDP 16777215 {relay[0]} {relay[1]} typ relay raddr 203.0.113.9 rport 4000",
    ]
    peer = desk.network.open("198.51.100.9", 5000)
    desk.gathering.send_relayed(1, b"to the peer", peer.address)
    await asyncio.sleep(0.1)
    assert peer.recvfrom(100) == (b"to the peer", relay)
    peer.sendto(b"back", relay)
    await asyncio.sleep(0.1)
    assert desk.inner == [(peer.address, b"back")]
    desk.gathering.close()
    await asyncio.sleep(0.1)
    assert not server.relays


async def test_one_server_for_both() -> None:
    desk = Desk(servers(turn=True))
    server = TurnServer(desk.network, mapped="203.0.113.9")
    desk.start(1)
    await asyncio.sleep(0.1)
    assert desk.done == 1
    assert sorted(set(server.seen)) == [Kind.REQUEST, Kind.ALLOCATE]
    assert len(desk.lines()) == 2
    desk.gathering.drop(1)
    await asyncio.sleep(0.1)
    assert not server.relays


async def test_a_server_that_is_silent_rests_after_one_call_has_waited() -> None:
    desk = Desk(servers(turn=True))
    server = TurnServer(desk.network)
    server.is_silent = True
    with LogCapture(Level.WARNING) as log:
        desk.start()
        await asyncio.sleep(1)
        assert desk.done == 0
        await asyncio.sleep(1)
    assert (desk.done, desk.lines()) == (1, [])
    assert [record.message.split(";")[0] for record in log.records] == [
        "192.0.2.50:3478: the STUN server does not answer",
        "192.0.2.50:3478 (UDP): the TURN server does not answer",
    ]
    assert desk.servers.unanswered == 4
    desk.gathering = desk.new()
    assert not desk.start()
    server.is_silent = False
    await asyncio.sleep(REST)
    desk.gathering = desk.new()
    assert desk.start()
    await asyncio.sleep(0.1)
    assert desk.done == 2
    desk.gathering.close()


async def test_a_password_that_is_wrong() -> None:
    desk = Desk(servers(stun=False, turn=True, password="guess"))
    TurnServer(desk.network)
    with LogCapture(Level.WARNING) as log:
        desk.start(1)
        await asyncio.sleep(0.1)
    assert desk.done == 1
    assert "401" in log.records[0].message


async def test_a_stun_server_of_the_other_family_is_not_asked() -> None:
    """Nor does a call wait for it."""
    it = servers()
    it.stun = ("2001:db8::50", 3478)
    desk = Desk(it)
    assert not desk.start()
    assert it.asked == it.unanswered == 0


async def test_addresses_that_are_kept_from_the_stun_server() -> None:
    it = servers()
    it.asks_stun = lambda host: host != BASE[0]
    desk = Desk(it)
    TurnServer(desk.network)
    assert not desk.start()


async def test_the_allocation_lives_as_long_as_the_stream() -> None:
    desk = Desk(servers(stun=False, turn=True))
    server = TurnServer(desk.network)
    desk.start(1)
    await asyncio.sleep(0.1)
    peer = desk.network.open("198.51.100.9", 5000)
    desk.gathering.send_relayed(1, b"x", peer.address)
    server.nonce = b"two"
    await asyncio.sleep(1300)
    assert server.seen.count(Kind.REFRESH) >= 2
    assert server.seen.count(Kind.CHANNEL_BIND) >= 5
    desk.gathering.send_relayed(1, b"y", peer.address)
    await asyncio.sleep(0.1)
    assert [peer.recvfrom(9)[0] for _ in range(2)] == [b"x", b"y"]
    desk.gathering.close()


async def test_what_is_nobodys_is_left_to_others() -> None:
    desk = Desk(servers(turn=True))
    desk.start(1)
    for data in (b"", b"\0" * 20, b"\0\1\0\0\x21\x12\xa4\x42" + bytes(12)):
        assert desk.gathering.receive(1, data, ("198.51.100.9", 1)) == (False, None)
    assert desk.gathering.receive(2, b"\0" * 20, ("192.0.2.50", 3478)) == (False, None)
    desk.gathering.close()


STREAM = (TurnTransport.TCP,)
BOTH = (TurnTransport.UDP, TurnTransport.TCP)


@pytest.mark.parametrize("way", [TurnTransport.TCP, TurnTransport.TLS])
async def test_rfc8656_3_1_an_address_over_a_stream(way: TurnTransport) -> None:
    network_desk = Desk(servers())
    server = TurnServer(network_desk.network)
    network_desk.servers = servers(server, stun=False, turn=True, ways=(way,))
    desk = network_desk
    desk.gathering = desk.new()
    assert desk.start(1)
    await asyncio.sleep(0.1)
    assert [(name.transport, name.name) for name in server.connections] == [(way, "turn.example.com")]
    (client,) = server.relays
    relay = server.relays[client].address
    # the connection's own address is not that of the port, so it is no reflexive one
    assert desk.lines() == [f"Rc0000232 1 UDP 16777215 {relay[0]} {relay[1]} typ relay raddr 192.0.2.1 rport 4000"]
    assert desk.gathering.route(1, BASE) is None
    peer = desk.network.open("198.51.100.9", 5000)
    for number in range(1, 6):  # each length has its own filling
        desk.gathering.send_relayed(1, b"x" * number, peer.address)
        await asyncio.sleep(0.1)
        assert peer.recvfrom(100) == (b"x" * number, relay)
        peer.sendto(b"y" * number, relay)
        await asyncio.sleep(0.1)
    assert desk.inner == [(peer.address, b"y" * number) for number in range(1, 6)]
    await asyncio.sleep(1300)
    assert server.seen.count(Kind.REFRESH) >= 2
    assert server.seen.count(Kind.CHANNEL_BIND) >= 5
    desk.gathering.close()
    await asyncio.sleep(0.1)
    assert not server.links
    assert not server.relays


async def test_a_server_that_does_not_answer_over_udp_is_asked_over_tcp() -> None:
    desk = Desk(servers())
    server = TurnServer(desk.network)
    desk.servers = servers(server, stun=False, turn=True, ways=BOTH)
    server.socket.set_reader(lambda now: server.socket.recvfrom(2048) and None)
    desk.gathering = desk.new()
    with LogCapture(Level.WARNING) as log:
        desk.start(1)
        await asyncio.sleep(0.7)
        assert desk.done == 0
        await asyncio.sleep(0.2)
    assert desk.done == 1
    assert len(desk.lines()) == 1
    assert len(log.records) == 1
    desk.gathering.close()
    desk.gathering = desk.new()  # the next call knows it already
    desk.start(1)
    await asyncio.sleep(0.1)
    assert (desk.done, len(desk.lines())) == (2, 1)
    desk.gathering.close()


@pytest.mark.parametrize("how", ["refused", "silent", "no TURN"])
async def test_a_stream_that_leads_nowhere(how: str) -> None:
    desk = Desk(servers())
    server = TurnServer(desk.network)
    desk.servers = servers(server, stun=False, turn=True, ways=STREAM)
    server.refuses_connections = how == "refused"
    server.is_silent = how == "silent"
    desk.gathering = desk.new()
    with LogCapture(Level.WARNING) as log:
        desk.start(1)
        if how == "no TURN":
            await asyncio.sleep(0)
            next(iter(server.links.values())).deliver(b"SSH-2.0-OpenSSH\r\n")
        await asyncio.sleep(STREAM_PATIENCE + 0.1)
    assert (desk.done, desk.lines(), desk.lost) == (1, [], [])
    assert not server.links
    reasons = {"refused": "no connection", "silent": "does not answer", "no TURN": "no message of STUN or TURN"}
    assert [reasons[how] in record.message for record in log.records] == [True]


@pytest.mark.parametrize("code", [400, 403, 437, 440, 441, 442, 486, 500, 508])
async def test_rfc8656_7_4_a_server_that_has_no_address_for_us(code: int) -> None:
    desk = Desk(servers())
    server = TurnServer(desk.network)
    server.errors[Kind.ALLOCATE] = code
    desk.servers = servers(server, stun=False, turn=True)
    desk.gathering = desk.new()
    with LogCapture(Level.WARNING) as log:
        desk.start()
        await asyncio.sleep(0.1)
    assert (desk.done, desk.lines()) == (1, [])
    assert [f"({code})" in record.message for record in log.records] == [True]
    assert not desk.new().start(bases_of(BASE, (1,)), lambda: None), "it is left alone for a while"


async def test_rfc8489_10_a_server_that_sends_us_to_another_one() -> None:
    desk = Desk(servers())
    server, other = TurnServer(desk.network), TurnServer(desk.network, ("192.0.2.51", 3479))
    server.errors[Kind.ALLOCATE], server.alternate = 300, other.address
    desk.servers = servers(server, stun=False, turn=True)
    desk.gathering = desk.new()
    desk.start(1)
    await asyncio.sleep(0.1)
    assert list(other.relays) == [BASE]
    assert len(desk.lines()) == 1
    desk.gathering.close()


async def test_servers_that_send_us_round_and_round() -> None:
    desk = Desk(servers())
    server = TurnServer(desk.network)
    server.errors[Kind.ALLOCATE], server.alternate = 300, server.address
    desk.servers = servers(server, stun=False, turn=True)
    desk.gathering = desk.new()
    with LogCapture(Level.WARNING) as log:
        desk.start(1)
        await asyncio.sleep(1)
    assert (desk.done, desk.lines(), len(log.records)) == (1, [], 1)
    assert server.seen.count(Kind.ALLOCATE) <= 8


@pytest.mark.parametrize("ways", [(TurnTransport.UDP,), STREAM])
async def test_a_server_that_goes_away_is_told_once(ways: tuple[TurnTransport, ...]) -> None:
    desk = Desk(servers())
    server = TurnServer(desk.network)
    desk.servers = servers(server, stun=False, turn=True, ways=ways)
    desk.gathering = desk.new()
    desk.start(1)
    await asyncio.sleep(0.1)
    with LogCapture(Level.WARNING) as log:
        server.go_away()
        await asyncio.sleep(700)
    assert (desk.lost, desk.lines(), len(log.records)) == ([1], [], 1)
    desk.gathering.send_relayed(1, b"x", ("198.51.100.9", 5000))
    desk.gathering.close()


async def test_a_server_that_has_forgotten_us() -> None:
    desk = Desk(servers())
    server = TurnServer(desk.network)
    desk.servers = servers(server, stun=False, turn=True)
    desk.gathering = desk.new()
    desk.start(1)
    await asyncio.sleep(0.1)
    peer = desk.network.open("198.51.100.9", 5000)
    desk.gathering.send_relayed(1, b"x", peer.address)
    await asyncio.sleep(0.1)
    assert desk.gathering.route(1, peer.address) == (server.address, 0x4000)
    server.errors[Kind.CHANNEL_BIND] = 437
    await asyncio.sleep(260)
    assert desk.lost == [1]
    assert desk.gathering.route(1, peer.address) is None
    desk.gathering.close()
