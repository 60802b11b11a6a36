"""ICE (RFC 8445): a full agent for the two ports of one stream, on sockets that it shares with RTP."""

from __future__ import annotations

import asyncio
import secrets
from collections.abc import Callable, Sequence

from globstar.base.log import Logger
from globstar.media.sockets import Address
from globstar.media.source import Tell
from globstar.proto.stun import Attr, Candidate, Kind, StunMessage, StunParseError, pair_priority, parse_stun
from globstar.proto.stun.candidate import peer_reflexive_priority

logger = Logger("media.ice")

#: Seconds between two checks of a component, and between the first try of a check and the second; it doubles (RFC 8489 6.2.1).
PACE = 0.05
RTO = 0.5
TRIES = 7
#: Seconds that better pairs get after the first one works, before it is nominated.
SETTLE = 0.1
#: The same where only a way through a TURN server works so far.
SETTLE_RELAYED = 0.5
#: Seconds between checks of consent, and after how long without an answer there is none (RFC 7675 section 5.1).
CONSENT = 5.0
CONSENT_LOST = 30.0
#: Pairs of a component, and addresses that have checked us; what comes beyond is ignored.
MAX_PAIRS = 40

_WAITING, _RUNNING, _GOOD, _FAILED = range(4)

Send = Callable[[int, bytes, Address], None]


class _Pair:
    """Our address and one of the peer's."""

    __slots__ = (
        "due", "is_nominated", "is_relayed", "nominates", "priority", "remote", "remote_priority", "request", "state",
        "transaction", "tries", "was_controlling",
    )  # fmt: skip

    def __init__(self, remote: Address, remote_priority: int, priority: int, *, is_relayed: bool) -> None:
        self.remote = remote
        #: it leads through our TURN server
        self.is_relayed = is_relayed
        self.remote_priority = remote_priority
        self.priority = priority
        self.state = _WAITING
        self.transaction = b""
        #: the check that runs, and the role that it claims
        self.request = b""
        self.was_controlling = False
        self.tries = 0
        self.due = 0.0
        #: its next check, or the running one, carries USE-CANDIDATE
        self.nominates = False
        #: it is what both sides use
        self.is_nominated = False


class _Component:
    """The checks of one port."""

    def __init__(self, number: int, local_priority: int) -> None:
        self.number = number
        self.local_priority = local_priority
        #: the priority of our address at a TURN server; 0 while there is none
        self.relayed_priority = 0
        self.pairs: list[_Pair] = []
        #: where checks came from (and whether by TURN) before the peer's description did: priority and nomination
        self.early: dict[tuple[Address, bool], tuple[int, bool]] = {}
        self.selected: _Pair | None = None
        self.first_good = 0.0
        self.consent_due = 0.0
        self.consent_seen = 0.0
        self.consent_transaction = b""


class IceAgent:
    """Finds the way to the peer by checks, keeps asking for its consent, and answers the peer's checks.

    ``on_selected(component, address)`` says where a component's packets go from now on, ``on_lost(component)`` that the peer
    does not answer any more. Peers that send no candidates, or reveal them later, are found by their own checks.
    """

    def __init__(self, loop: asyncio.AbstractEventLoop, send: Send) -> None:
        self._loop = loop
        self._send = send
        #: sends through the TURN server; None without one
        self.send_relayed: Send | None = None
        self.on_selected: Callable[[int, Address], None] | None = None
        self.on_lost: Callable[[int], None] | None = None
        #: hears of states, for test systems
        self.tell: Tell | None = None
        self.ufrag, self.password = new_credentials()
        #: those from before the last restart, under which the peer may still check
        self._former = ("", "")
        self.remote_ufrag = self.remote_password = ""
        self.is_controlling = False
        self._tie_breaker = secrets.randbits(64)
        self._components: dict[int, _Component] = {}
        self._timer: asyncio.TimerHandle | None = None
        self._due = 0.0
        self.is_closed = False
        #: checks and answers that were not authentic
        self.refused = 0

    # -- what the owner tells ------------------------------------------------------------------------------------------

    def add(self, candidate: Candidate) -> None:
        """One of our own addresses; the first of a component is the base of its checks."""
        component = self._components.setdefault(candidate.component, _Component(candidate.component, candidate.priority))
        if candidate.type == "relay":
            component.relayed_priority = candidate.priority

    def remove(self, number: int) -> None:
        """A component is not used: RTCP goes over the port of RTP."""
        self._components.pop(number, None)

    def lose_relayed(self, number: int) -> None:
        """Our address at the TURN server has gone: what led through it is given up; if that was in use, others are tried."""
        component = self._components.get(number)
        if component is None:
            return
        component.relayed_priority = 0
        component.early = {way: known for way, known in component.early.items() if not way[1]}
        component.pairs = [pair for pair in component.pairs if not pair.is_relayed]
        if component.selected is not None and component.selected.is_relayed:
            self._lose(component, component.selected)

    def renew(self, credentials: tuple[str, str] | None = None) -> None:
        """New credentials: the peer restarts ICE (RFC 8445 section 9). What is in use stays so until a new way is found."""
        self._former = (self.ufrag, self.password)
        self.ufrag, self.password = credentials or new_credentials()
        self._begin_anew()

    def _begin_anew(self) -> None:
        for component in self._components.values():
            component.pairs.clear()
            component.early.clear()
            component.first_good = 0.0

    def set_remote(
        self, ufrag: str, password: str, candidates: Sequence[Candidate], *, is_controlling: bool, is_lite: bool = False
    ) -> None:
        """The peer's description; the same one again changes nothing.

        Other credentials than before begin the checks anew; the role stays that of the first time (RFC 8445 section 9), but
        that a peer which ``is_lite`` leaves the control to us.
        """
        is_new = (ufrag, password) != (self.remote_ufrag, self.remote_password)
        if is_new:
            if self.remote_ufrag:
                self._begin_anew()
                self.is_controlling = self.is_controlling or is_lite
            else:
                self.is_controlling = is_controlling or is_lite
            self.remote_ufrag, self.remote_password = ufrag, password
        for candidate in candidates:
            component = self._components.get(candidate.component)
            if component is not None:
                self._pair(component, candidate.address, candidate.priority)
                if component.relayed_priority:
                    self._pair(component, candidate.address, candidate.priority, is_relayed=True)
        for component in self._components.values():
            for (source, is_relayed), (priority, nominated) in component.early.items():
                self._triggered(component, source, priority, nominated=nominated, is_relayed=is_relayed)
            component.early.clear()
        if is_new and self.tell is not None:
            is_made = any(component.pairs for component in self._components.values())
            self.tell("ICECHECKLISTCREATE", Result="SUCCESS" if is_made else "FAILURE")
        self._schedule(0)

    def forget_peer(self) -> None:
        """The peer speaks ICE no more, or has given its place to another one: all is as before its description."""
        self.remote_ufrag = self.remote_password = ""
        self._begin_anew()
        for component in self._components.values():
            component.selected = None
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None

    def target(self, number: int) -> Address | None:
        """Where this component's packets go; None while no check has succeeded."""
        component = self._components.get(number)
        return component.selected.remote if component is not None and component.selected is not None else None

    def is_relayed(self, number: int) -> bool:
        """Whether this component's packets go through our TURN server."""
        component = self._components.get(number)
        return component is not None and component.selected is not None and component.selected.is_relayed

    def is_checked(self, number: int, address: Address) -> bool:
        """Whether an address has proved to be the peer's."""
        component = self._components.get(number)
        if component is None:
            return False
        return (address, False) in component.early or (address, True) in component.early or any(
            pair.remote == address and pair.state != _FAILED for pair in component.pairs
        ) or self.target(number) == address  # fmt: skip

    def close(self) -> None:
        """Check nothing any more."""
        self.is_closed = True
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None

    # -- checks --------------------------------------------------------------------------------------------------------

    def _pair(self, component: _Component, address: Address, priority: int, *, is_relayed: bool = False) -> _Pair | None:
        for pair in component.pairs:
            if pair.remote == address and pair.is_relayed == is_relayed:
                return pair
        if len(component.pairs) >= MAX_PAIRS or (":" in address[0]) != self._is_ipv6:
            return None
        pair = _Pair(address, priority, 0, is_relayed=is_relayed)
        component.pairs.append(pair)
        self._rank(component)
        return pair

    def _rank(self, component: _Component) -> None:
        """The most promising pair first; which that is depends on who is in control."""
        for pair in component.pairs:
            ours = component.relayed_priority if pair.is_relayed else component.local_priority
            both = (ours, pair.remote_priority) if self.is_controlling else (pair.remote_priority, ours)
            pair.priority = pair_priority(*both)
        component.pairs.sort(key=lambda pair: -pair.priority)

    def _switch_role(self) -> None:
        """A conflict of roles is repaired: what was to be nominated by the old role is open again."""
        self.is_controlling = not self.is_controlling
        for component in self._components.values():
            for pair in component.pairs:
                pair.nominates = False
            self._rank(component)

    #: the family of our addresses
    _is_ipv6 = False

    def use_ipv6(self) -> None:
        """Our addresses are IPv6: pairs are of one family."""
        self._is_ipv6 = True

    def _schedule(self, delay: float) -> None:
        if self.is_closed:
            return
        due = self._loop.time() + delay
        if self._timer is not None:
            if self._due <= due:
                return
            self._timer.cancel()
        self._due = due  # uvloop's handle of a call that is due at once has no time of its own
        self._timer = self._loop.call_later(delay, self._tick)

    def _tick(self) -> None:
        self._timer = None
        if self.is_closed or not self.remote_ufrag:
            return
        now = self._loop.time()
        waits = [self._work(component, now) for component in self._components.values()]
        self._schedule(max(min(waits, default=CONSENT), PACE))

    def _work(self, component: _Component, now: float) -> float:
        """One check of a component, the most urgent one; gives the seconds until the next is due."""
        due: _Pair | None = None
        wait = CONSENT
        for pair in component.pairs:
            if pair.state == _RUNNING and pair.due <= now:
                if pair.tries >= TRIES:
                    _fail(pair)
                    continue
            elif pair.state != _WAITING:
                if pair.state == _RUNNING:
                    wait = min(wait, pair.due - now)
                continue
            if due is None:
                due = pair
            else:
                wait = PACE
        if due is not None:
            self._check(component, due, now)
            wait = min(wait, PACE)
        if self._nominate(component, now):
            wait = PACE
        if component.selected is not None:
            wait = min(wait, self._consent(component, component.selected, now))
        return wait

    def _check(self, component: _Component, pair: _Pair, now: float) -> None:
        if pair.state == _WAITING:
            pair.state, pair.tries, pair.transaction = _RUNNING, 0, secrets.token_bytes(12)
            pair.was_controlling = self.is_controlling
            pair.request = self._request(component, pair.transaction, nominates=pair.nominates)
        pair.due = now + RTO * (1 << pair.tries)
        pair.tries += 1
        self._send_by(pair, component.number, pair.request)

    def _send_by(self, pair: _Pair, number: int, data: bytes) -> None:
        self._send_from(number, data, pair.remote, is_relayed=pair.is_relayed)

    def _send_from(self, number: int, data: bytes, to: Address, *, is_relayed: bool) -> None:
        if not is_relayed:
            self._send(number, data, to)
        elif self.send_relayed is not None:
            self.send_relayed(number, data, to)

    def _request(self, component: _Component, transaction: bytes, *, nominates: bool) -> bytes:
        role = Attr.ICE_CONTROLLING if self.is_controlling else Attr.ICE_CONTROLLED
        message = StunMessage(Kind.REQUEST, transaction)
        message.attributes[Attr.USERNAME] = f"{self.remote_ufrag}:{self.ufrag}".encode()
        message.attributes[Attr.PRIORITY] = peer_reflexive_priority(component.number).to_bytes(4, "big")
        message.attributes[role] = self._tie_breaker.to_bytes(8, "big")
        if nominates and self.is_controlling:
            message.attributes[Attr.USE_CANDIDATE] = b""
        return message.build(self.remote_password)

    def _nominate(self, component: _Component, now: float) -> bool:
        """As the controlling side: choose the best pair that works, once better ones have had their time.

        True as long as that time runs. One that works no more when it is nominated leaves the choice to the next one.
        """
        if not self.is_controlling or not component.first_good:
            return False
        if any(pair.is_nominated or pair.nominates for pair in component.pairs):
            return False
        best = next((pair for pair in component.pairs if pair.state == _GOOD), None)
        if best is None:
            return False
        better = component.pairs[: component.pairs.index(best)]
        if now - component.first_good < (SETTLE_RELAYED if best.is_relayed else SETTLE) and any(
            pair.state != _FAILED for pair in better
        ):
            return True
        best.nominates = True
        best.state = _WAITING
        self._check(component, best, now)
        return False

    def _consent(self, component: _Component, pair: _Pair, now: float) -> float:
        if now - component.consent_seen > CONSENT_LOST:
            logger.debug(1, f"component {component.number}: {pair.remote[0]}:{pair.remote[1]} does not answer any more")
            self._lose(component, pair)
            return PACE
        if now >= component.consent_due:
            component.consent_due = now + CONSENT * (0.8 + 0.4 * secrets.randbelow(1000) / 1000)
            component.consent_transaction = secrets.token_bytes(12)
            self._send_by(pair, component.number, self._request(component, component.consent_transaction, nominates=False))
        return max(component.consent_due - now, PACE)

    def _lose(self, component: _Component, lost: _Pair) -> None:
        """The pair in use leads nowhere any more: look whether another one does."""
        component.selected = None
        component.first_good = 0.0
        for pair in component.pairs:
            pair.nominates = pair.is_nominated = False
            pair.state = _FAILED if pair is lost else _WAITING
        if self.on_lost is not None:
            self.on_lost(component.number)
        self._schedule(0)

    def _select(self, component: _Component, pair: _Pair) -> None:
        now = self._loop.time()
        component.consent_seen = now
        if component.selected is pair:
            return
        component.selected = pair
        component.consent_due = now + CONSENT
        if self.on_selected is not None:
            self.on_selected(component.number, pair.remote)

    # -- messages ------------------------------------------------------------------------------------------------------

    def receive(self, number: int, data: bytes, source: Address, *, is_relayed: bool = False) -> None:
        """A STUN message on one of our ports, or on our address at the TURN server."""
        component = self._components.get(number)
        if component is None or self.is_closed:
            return
        try:
            message = parse_stun(data)
        except StunParseError as error:
            logger.debug(3, f"STUN of {source[0]}: {error}")
            return
        if message.kind is Kind.REQUEST:
            self._answer(component, message, source, is_relayed=is_relayed)
        elif message.kind in (Kind.RESPONSE, Kind.ERROR):
            self._take_answer(component, message, source, is_relayed=is_relayed)

    def _answer(self, component: _Component, message: StunMessage, source: Address, *, is_relayed: bool) -> None:
        def refuse(code: int, reason: str, unknown: Sequence[int] = ()) -> None:
            data = self._refusal(message, code, reason, unknown)
            self._send_from(component.number, data, source, is_relayed=is_relayed)

        if not message.username or Attr.MESSAGE_INTEGRITY not in message.attributes:
            refuse(400, "Bad Request")
            return
        ufrag = message.username.partition(":")[0]
        is_former = ufrag != self.ufrag and ufrag == self._former[0]
        password = self._former[1] if is_former else self.password
        if not (is_former or ufrag == self.ufrag) or not message.is_authentic(password):
            self.refused += 1
            refuse(401, "Unauthenticated")
            return
        if message.unknown:
            refuse(420, "Unknown Attribute", message.unknown)
            return
        if is_former:  # the peer asks on for our consent until it has our new credentials
            self._accept(component, message, source, password, is_relayed=is_relayed)
            return
        if not self._roles_agree(message):
            refuse(487, "Role Conflict")
            return
        self._accept(component, message, source, password, is_relayed=is_relayed)
        priority = message.number(Attr.PRIORITY) or 0
        nominated = Attr.USE_CANDIDATE in message.attributes
        if self.remote_ufrag:
            self._triggered(component, source, priority, nominated=nominated, is_relayed=is_relayed)
            return
        way = (source, is_relayed)
        if way in component.early or len(component.early) < MAX_PAIRS:
            was = component.early.get(way, (0, False))[1]
            component.early[way] = (priority, nominated or was)

    def _accept(self, component: _Component, message: StunMessage, source: Address, password: str, *, is_relayed: bool) -> None:
        reply = StunMessage(Kind.RESPONSE, message.transaction)
        reply.set_address(source)
        self._send_from(component.number, reply.build(password), source, is_relayed=is_relayed)

    def _refusal(self, message: StunMessage, code: int, reason: str, unknown: Sequence[int]) -> bytes:
        reply = StunMessage(Kind.ERROR, message.transaction)
        reply.set_error(code, reason)
        if unknown:
            reply.attributes[Attr.UNKNOWN_ATTRIBUTES] = b"".join(number.to_bytes(2, "big") for number in unknown)
        return reply.build(self.password if code in (420, 487) else "")

    def _roles_agree(self, message: StunMessage) -> bool:
        """Repair a conflict of roles (RFC 8445 section 7.3.1.1); False if the peer is to change its own."""
        theirs = message.number(Attr.ICE_CONTROLLING if self.is_controlling else Attr.ICE_CONTROLLED)
        if theirs is None or not self.remote_ufrag:
            return True
        if (self._tie_breaker >= theirs) == self.is_controlling:
            return False
        self._switch_role()
        return True

    def _triggered(self, component: _Component, source: Address, priority: int, *, nominated: bool, is_relayed: bool) -> None:
        """The peer has reached us from there, so we check the way back (RFC 8445 section 7.3.1.4)."""
        pair = self._pair(component, source, priority, is_relayed=is_relayed)
        if pair is None:
            return
        if nominated and not self.is_controlling:
            pair.nominates = True
        if pair.state == _GOOD and component.selected is not None:
            self._nominated_by_peer(component, pair)
        elif pair.state != _RUNNING or pair.tries > 1:
            pair.state = _WAITING
            self._check(component, pair, self._loop.time())
            self._schedule(PACE)

    def _nominated_by_peer(self, component: _Component, pair: _Pair) -> None:
        if not pair.nominates or self.is_controlling:
            return
        pair.is_nominated = True
        best = next(other for other in component.pairs if other.is_nominated)
        self._select(component, best)

    def _take_answer(self, component: _Component, message: StunMessage, source: Address, *, is_relayed: bool) -> None:
        if component.consent_transaction and message.transaction == component.consent_transaction:
            if message.kind is Kind.RESPONSE and message.is_authentic(self.remote_password):
                component.consent_seen = self._loop.time()
            return
        pair = next((one for one in component.pairs if one.state == _RUNNING and one.transaction == message.transaction), None)
        if pair is None:
            return
        if message.kind is Kind.ERROR:
            self._take_error(component, pair, message)
            return
        if source != pair.remote or is_relayed != pair.is_relayed or not message.is_authentic(self.remote_password):
            self.refused += 1
            return
        pair.state = _GOOD
        now = self._loop.time()
        component.first_good = component.first_good or now
        if self.is_controlling:
            if pair.nominates:
                pair.is_nominated = True
                self._select(component, pair)
            else:
                self._nominate(component, now)
        else:
            self._nominated_by_peer(component, pair)
        if component.selected is None:  # packets may go where a check has succeeded (RFC 8445 section 12)
            self._select(component, pair)

    def _take_error(self, component: _Component, pair: _Pair, message: StunMessage) -> None:
        if message.error == 487 and message.is_authentic(self.remote_password):
            if self.is_controlling == pair.was_controlling:  # else another check has told us already (RFC 8445 section 7.2.5.1)
                self._switch_role()
            pair.state = _WAITING
            pair.nominates = False
            self._schedule(PACE)
        else:
            _fail(pair)
            self._schedule(0)


def _fail(pair: _Pair) -> None:
    """A pair leads nowhere; if it was to be nominated, another one may."""
    pair.state = _FAILED
    pair.nominates = False


def new_credentials() -> tuple[str, str]:
    """A fresh ufrag and password (RFC 8839 section 5.4: 24 and 128 bits at least)."""
    return secrets.token_hex(8), secrets.token_hex(16)
