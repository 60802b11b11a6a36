"""What STUN and TURN servers know and have for the ports of one stream: server-reflexive and relayed candidates."""

from __future__ import annotations

import asyncio
import secrets
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from functools import partial

from globstar.base.log import Logger
from globstar.media.sockets import Address
from globstar.proto.stun import (
    Attr,
    Candidate,
    Kind,
    StunMessage,
    StunParseError,
    parse_stun,
    reflexive_candidate,
    relayed_candidate,
)
from globstar.proto.stun.transaction import StunTransaction
from globstar.proto.turn import TurnClient, TurnState

logger = Logger("media.gather")

#: Seconds for which a server that has not answered is left alone, so that not every call waits for it.
REST = 30.0

Send = Callable[[int, bytes, Address], None]


@dataclass(slots=True)
class IceServers:
    """The servers of one system, as they are known now, and what has come of asking them. None: there is none."""

    stun: Address | None = None
    turn: Address | None = None
    turn_username: str = ""
    turn_password: str = field(default="", repr=False)
    #: what SOFTWARE says; "" for none
    software: str = ""
    #: whether an address of ours is shown to the STUN server
    asks_stun: Callable[[str], bool] = lambda host: True
    #: called when a call is about to ask, to look at names again
    before_use: Callable[[], None] | None = None
    #: hears of every message to and from servers: whether it is sent, the server, the message
    watch: Callable[[bool, Address, bytes], None] | None = None
    asked: int = 0
    unanswered: int = 0
    #: until when a server rests
    resting: dict[Address, float] = field(default_factory=dict)

    def is_awake(self, server: Address | None, now: float) -> bool:
        """Whether there is such a server, and it is asked."""
        return server is not None and self.resting.get(server, now) <= now

    def failed(self, server: Address, reason: str, now: float) -> None:
        """A server has not helped."""
        self.unanswered += 1
        if self.is_awake(server, now):
            logger.warning(f"{server[0]}:{server[1]}: {reason}; it is asked again in {REST:.0f} seconds")
        self.resting[server] = now + REST


class Gathering:
    """Asks the servers for one stream, from its own ports. ``on_done`` is called once, when all have answered or given up."""

    __slots__ = (
        "_bases", "_is_closed", "_loop", "_on_done", "_reflexive", "_send", "_servers", "_stun", "_stun_open", "_timer",
        "_timer_due", "_turn", "_turns",
    )  # fmt: skip

    def __init__(self, loop: asyncio.AbstractEventLoop, servers: IceServers, send: Send) -> None:
        self._loop = loop
        self._servers = servers
        self._send = send
        #: the servers that this stream uses
        self._stun: Address | None = None
        self._turn: Address | None = None
        self._bases: dict[int, Address] = {}
        self._stun_open: dict[int, StunTransaction] = {}
        self._reflexive: dict[int, Address] = {}
        self._turns: dict[int, TurnClient] = {}
        self._on_done: Callable[[], None] | None = None
        self._timer: asyncio.TimerHandle | None = None
        self._timer_due = 0.0
        self._is_closed = False

    def start(self, bases: dict[int, Address], on_done: Callable[[], None]) -> bool:
        """Ask for the ports ``bases`` (by component); False when there is nobody to ask, then ``on_done`` is not called."""
        now, servers = self._loop.time(), self._servers
        if servers.before_use is not None:
            servers.before_use()
        self._bases = bases
        if servers.is_awake(servers.stun, now) and all(servers.asks_stun(host) for host, _ in bases.values()):
            self._stun = servers.stun
            for component in bases:
                self._ask_stun(component, now)
        if servers.is_awake(servers.turn, now):
            self._turn = servers.turn
            for component in bases:
                client = self._turns[component] = TurnClient(
                    servers.turn_username,
                    servers.turn_password,
                    send=partial(self._send_turn, component),
                    identify=partial(secrets.token_bytes, 12),
                    software=servers.software,
                )
                servers.asked += 1
                client.allocate(now)
        if not self._is_busy:
            return False
        self._on_done = on_done
        self._schedule()
        return True

    def _ask_stun(self, component: int, now: float) -> None:
        request = StunMessage(Kind.REQUEST, secrets.token_bytes(12))
        if self._servers.software:
            request.attributes[Attr.SOFTWARE] = self._servers.software.encode()
        self._stun_open[component] = transaction = StunTransaction(request, request.build(), now)
        self._servers.asked += 1
        self._send_to(component, transaction.data, self._stun)

    def _send_turn(self, component: int, data: bytes) -> None:
        self._send_to(component, data, self._turn)

    def _send_to(self, component: int, data: bytes, server: Address | None) -> None:
        if server is not None:
            if self._servers.watch is not None:
                self._servers.watch(True, server, data)
            self._send(component, data, server)

    # -- what came of it -------------------------------------------------------------------------------------------------

    def candidates(self) -> list[Candidate]:
        """What has been found, by component."""
        found: list[Candidate] = []
        for component, base in self._bases.items():
            client = self._turns.get(component)
            is_ready = client is not None and client.state is TurnState.READY
            mapped = self._reflexive.get(component) or (client.mapped if client is not None and is_ready else None)
            if mapped is not None and mapped != base:
                found.append(reflexive_candidate(component, mapped, base))
            if client is not None and is_ready and client.relayed is not None:
                found.append(relayed_candidate(component, client.relayed, client.mapped or base))
        return found

    @property
    def _is_busy(self) -> bool:
        return bool(self._stun_open) or any(client.state is TurnState.ALLOCATING for client in self._turns.values())

    def _settle(self) -> None:
        if self._on_done is not None and not self._is_busy:
            done, self._on_done = self._on_done, None
            done()

    # -- packets ---------------------------------------------------------------------------------------------------------

    def receive(self, component: int, data: bytes, source: Address) -> tuple[bool, tuple[Address, bytes] | None]:
        """A datagram that is no RTP: whether it is a server's, and the peer's datagram that was in it."""
        if source == self._turn and component in self._turns:
            transaction = data[8:20]
            own = self._stun_open.get(component)
            if own is None or own.request.transaction != transaction:  # one server may be both
                return True, self._receive_turn(component, data)
        if source == self._stun and component in self._stun_open:
            return self._receive_stun(component, data), None
        return False, None

    def _receive_turn(self, component: int, data: bytes) -> tuple[Address, bytes] | None:
        client = self._turns[component]
        was = client.state
        inner = client.receive(data, self._loop.time())
        if inner is None:
            if self._servers.watch is not None and self._turn is not None:
                self._servers.watch(False, self._turn, data)
            self._look_at(client, was)
            self._schedule()
            self._settle()
        return inner

    def _receive_stun(self, component: int, data: bytes) -> bool:
        try:
            message = parse_stun(data)
        except StunParseError:
            return False
        if message.transaction != self._stun_open[component].request.transaction:
            return False
        if self._servers.watch is not None and self._stun is not None:
            self._servers.watch(False, self._stun, data)
        del self._stun_open[component]
        if message.kind is Kind.RESPONSE and message.mapped is not None:
            self._reflexive[component] = message.mapped
        self._settle()
        return True

    def _look_at(self, client: TurnClient, was: TurnState) -> None:
        if client.state is TurnState.FAILED and was is not TurnState.FAILED and self._turn is not None:
            self._servers.failed(self._turn, client.failure, self._loop.time())

    def send_relayed(self, component: int, data: bytes, peer: Address) -> None:
        """Send a datagram to a peer through the TURN server."""
        client = self._turns.get(component)
        if client is not None and not self._is_closed:
            client.send_to(peer, data, self._loop.time())
            self._schedule()

    def drop(self, component: int) -> None:
        """A component is not used: RTCP goes over the port of RTP."""
        client = self._turns.pop(component, None)
        if client is not None:
            client.close(self._loop.time())

    # -- time ------------------------------------------------------------------------------------------------------------

    def _schedule(self) -> None:
        times = [transaction.due for transaction in self._stun_open.values()]
        times += [client.deadline for client in self._turns.values() if client.deadline is not None]
        due = min(times, default=None)
        if self._timer is not None:
            if due is not None and self._timer_due <= due:
                return
            self._timer.cancel()
            self._timer = None
        if due is not None and not self._is_closed:
            self._timer_due = due  # uvloop's handle of a call that is due at once has no time of its own
            self._timer = self._loop.call_at(due, self._tick)

    def _tick(self) -> None:
        self._timer = None
        now = self._loop.time()
        for component, transaction in list(self._stun_open.items()):
            is_due = transaction.handle_timer(now)
            if is_due:
                self._send_to(component, transaction.data, self._stun)
            elif is_due is None:
                del self._stun_open[component]
                if self._stun is not None:
                    self._servers.failed(self._stun, "the STUN server does not answer", now)
        for client in self._turns.values():
            was = client.state
            client.handle_timer(now)
            self._look_at(client, was)
        self._schedule()
        self._settle()

    def close(self) -> None:
        """The stream has ended, or needs no servers."""
        self._is_closed = True
        self._on_done = None
        self._stun_open.clear()
        for client in self._turns.values():
            client.close(self._loop.time())
        self._turns.clear()
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None


def bases_of(address: Address, components: Sequence[int]) -> dict[int, Address]:
    """The ports of the components, RTP's first."""
    return {component: (address[0], address[1] + component - 1) for component in components}
