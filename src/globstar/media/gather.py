"""What STUN and TURN servers know and have for the ports of one stream: server-reflexive and relayed candidates."""

from __future__ import annotations

import asyncio
import secrets
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from functools import partial

from globstar.base.log import Logger
from globstar.media.sockets import Address
from globstar.media.source import address_text
from globstar.media.turn import Allocation, OpenLink, TurnServer
from globstar.media.turn_link import LinkMaker
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

logger = Logger("media.gather")

#: Seconds for which a server that has not answered is left alone, so that not every call waits for it.
REST = 30.0
#: Seconds after which the STUN server is asked again, so that no translator forgets the port (RFC 8445 section 14).
RENEW = 15.0

Send = Callable[[int, bytes, Address], None]
#: ``on_relayed(component, peer, data)``: what a peer has sent that did not come as a datagram
OnRelayed = Callable[[int, Address, bytes], None]


@dataclass(slots=True)
class IceServers:
    """The servers of one system, as they are known now, and what has come of asking them. None: there is none."""

    stun: Address | None = None
    #: the ways to a TURN server, that which is tried first at the beginning
    turns: tuple[TurnServer, ...] = ()
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
    #: connects to TURN servers over TCP and TLS
    open_link: OpenLink = field(default_factory=LinkMaker)
    asked: int = 0
    unanswered: int = 0
    #: until when a server rests
    resting: dict[Address | TurnServer, float] = field(default_factory=dict)

    @property
    def are_there(self) -> bool:
        """Whether there is anybody to ask."""
        return self.stun is not None or bool(self.turns)

    def tell(self, is_sent: bool, server: Address, data: bytes) -> None:
        """Let who watches see a message."""
        if self.watch is not None:
            self.watch(is_sent, server, data)

    def is_awake(self, server: Address | TurnServer | None, now: float) -> bool:
        """Whether there is such a server, and it is asked."""
        return server is not None and self.resting.get(server, now) <= now

    def failed(self, server: Address | TurnServer, reason: str, now: float) -> None:
        """A server has not helped."""
        self.unanswered += 1
        if self.is_awake(server, now):
            name = str(server) if isinstance(server, TurnServer) else address_text(server)
            logger.warning(f"{name}: {reason}; it is asked again in {REST:.0f} seconds")
        self.resting[server] = now + REST


class Gathering:
    """Asks the servers for one stream, from its own ports. ``on_done`` is called once, when all have answered or given up.

    What the STUN server has told is kept alive by further requests until packets go to the peer (:meth:`settle`), as a phone may
    ring for longer than a translator remembers (RFC 8445 section 5.1.1.4).

    ``on_relayed`` hears of peers' datagrams that came over a stream, ``on_lost(component)`` that an address at a TURN server has
    gone that there was.
    """

    __slots__ = (
        "_bases", "_has_relayed", "_is_closed", "_loop", "_on_done", "_on_lost", "_on_relayed", "_reflexive", "_renewals",
        "_send", "_servers", "_stun", "_stun_open", "_timer", "_timer_due", "_turns",
    )  # fmt: skip

    def __init__(
        self,
        loop: asyncio.AbstractEventLoop,
        servers: IceServers,
        send: Send,
        on_relayed: OnRelayed | None = None,
        on_lost: Callable[[int], None] | None = None,
    ) -> None:
        self._loop = loop
        self._servers = servers
        self._send = send
        self._on_relayed = on_relayed
        self._on_lost = on_lost
        #: the STUN server that this stream uses
        self._stun: Address | None = None
        self._bases: dict[int, Address] = {}
        self._stun_open: dict[int, StunTransaction] = {}
        self._reflexive: dict[int, Address] = {}
        #: by component when the server is to be asked again, and the transaction of the last time
        self._renewals: dict[int, tuple[float, bytes]] = {}
        self._turns: dict[int, Allocation] = {}
        #: components that have an address at a TURN server
        self._has_relayed: set[int] = set()
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
        stun = servers.stun if servers.is_awake(servers.stun, now) else None
        if stun is not None and all(_is_near(stun, host) and servers.asks_stun(host) for host, _ in bases.values()):
            self._stun = stun
            for component in bases:
                self._ask_stun(component, now)
        for component, base in bases.items() if servers.turns else ():
            allocation = Allocation(
                self._loop,
                servers,
                base,
                partial(self._send, component),
                partial(self._take_relayed, component),
                partial(self._changed, component),
            )
            if allocation.start():
                self._turns[component] = allocation
        if not self._is_busy:
            return False
        self._on_done = on_done
        self._schedule()
        return True

    def _stun_request(self) -> StunMessage:
        request = StunMessage(Kind.REQUEST, secrets.token_bytes(12))
        if self._servers.software:
            request.attributes[Attr.SOFTWARE] = self._servers.software.encode()
        return request

    def _ask_stun(self, component: int, now: float) -> None:
        request = self._stun_request()
        self._stun_open[component] = transaction = StunTransaction(request, request.build(), now)
        self._servers.asked += 1
        self._send_stun(component, transaction.data)

    def _send_stun(self, component: int, data: bytes) -> None:
        if self._stun is not None:
            self._servers.tell(True, self._stun, data)
            self._send(component, data, self._stun)

    # -- what came of it -------------------------------------------------------------------------------------------------

    def candidates(self) -> list[Candidate]:
        """What has been found, by component."""
        found: list[Candidate] = []
        for component, base in self._bases.items():
            turn = self._turns.get(component)
            mapped = self._reflexive.get(component) or (turn.mapped if turn is not None else None)
            if mapped is not None and mapped != base:
                found.append(reflexive_candidate(component, mapped, base))
            relayed = turn.relayed if turn is not None else None
            if relayed is not None:
                found.append(relayed_candidate(component, relayed, mapped or base))
        return found

    @property
    def _is_busy(self) -> bool:
        return bool(self._stun_open) or any(turn.is_pending for turn in self._turns.values())

    def _settle(self) -> None:
        if self._on_done is not None and not self._is_busy:
            done, self._on_done = self._on_done, None
            done()

    # -- packets ---------------------------------------------------------------------------------------------------------

    def receive(self, component: int, data: bytes, source: Address) -> tuple[bool, tuple[Address, bytes] | None]:
        """A datagram that is no RTP: whether it is a server's, and the peer's datagram that was in it."""
        turn = self._turns.get(component)
        if turn is not None and source == turn.source:
            transaction = data[8:20]
            own = self._stun_open.get(component)
            if own is None or own.request.transaction != transaction:  # one server may be both
                return True, turn.receive(data)
        if source == self._stun and component in self._stun_open:
            return self._receive_stun(component, data), None
        if source == self._stun and data[8:20] == self._renewals.get(component, (0.0, b""))[1]:
            self._servers.tell(False, source, data)
            return True, None
        return False, None

    def _take_relayed(self, component: int, peer: Address, data: bytes) -> None:
        if self._on_relayed is not None and not self._is_closed:
            self._on_relayed(component, peer, data)

    def _changed(self, component: int) -> None:
        """Something has happened at a TURN server."""
        turn = self._turns.get(component)
        if turn is None or self._is_closed:
            return
        if turn.is_ready:
            self._has_relayed.add(component)
        elif not turn.is_pending and component in self._has_relayed:
            self._has_relayed.remove(component)
            if self._on_lost is not None:
                self._on_lost(component)
        self._schedule()
        self._settle()

    def _receive_stun(self, component: int, data: bytes) -> bool:
        try:
            message = parse_stun(data)
        except StunParseError:
            return False
        if message.transaction != self._stun_open[component].request.transaction:
            return False
        if self._stun is not None:
            self._servers.tell(False, self._stun, data)
        del self._stun_open[component]
        if message.kind is Kind.RESPONSE and message.mapped is not None:
            self._reflexive[component] = message.mapped
            if message.mapped != self._bases[component]:
                self._renewals[component] = self._loop.time() + RENEW, b""
                self._schedule()
        self._settle()
        return True

    def send_relayed(self, component: int, data: bytes, peer: Address) -> None:
        """Send a datagram to a peer through the TURN server."""
        turn = self._turns.get(component)
        if turn is not None and not self._is_closed:
            turn.send_to(peer, data)
            self._schedule()

    def route(self, component: int, peer: Address) -> tuple[Address, int] | None:
        """See ``Allocation.route``."""
        turn = self._turns.get(component)
        return turn.route(peer) if turn is not None and not self._is_closed else None

    def settle(self, component: int) -> None:
        """It is known where a component's packets go: they keep the way open from now on."""
        self._renewals.pop(component, None)

    def drop(self, component: int) -> None:
        """A component is not used: RTCP goes over the port of RTP."""
        self.settle(component)
        turn = self._turns.pop(component, None)
        if turn is not None:
            turn.close()
            self._settle()

    # -- time ------------------------------------------------------------------------------------------------------------

    def _schedule(self) -> None:
        times = [transaction.due for transaction in self._stun_open.values()]
        times += [due for due, _ in self._renewals.values()]
        times += [due for turn in self._turns.values() if (due := turn.deadline) is not None]
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
                self._send_stun(component, transaction.data)
            elif is_due is None:
                del self._stun_open[component]
                if self._stun is not None:
                    self._servers.failed(self._stun, "the STUN server does not answer", now)
        for component, (due, _) in list(self._renewals.items()):
            if due <= now:
                request = self._stun_request()
                self._renewals[component] = now + RENEW, request.transaction
                self._send_stun(component, request.build())
        for turn in list(self._turns.values()):
            turn.handle_timer(now)
        self._schedule()
        self._settle()

    def close(self) -> None:
        """The stream has ended, or needs no servers."""
        self._is_closed = True
        self._on_done = None
        self._stun_open.clear()
        self._renewals.clear()
        for turn in self._turns.values():
            turn.close()
        self._turns.clear()
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None


def _is_near(server: Address, host: str) -> bool:
    """Whether a socket of ours reaches a server: it is of one family."""
    return (":" in server[0]) == (":" in host)


def bases_of(address: Address, components: Sequence[int]) -> dict[int, Address]:
    """The ports of the components, RTP's first."""
    return {component: (address[0], address[1] + component - 1) for component in components}
