"""RtpEngine: makes sessions; owns ports, sockets and the one coarse timer of all sessions."""

from __future__ import annotations

import asyncio
import random
import time
from collections.abc import Callable, Iterator
from functools import partial
from typing import TYPE_CHECKING, Any

from globstar.base.chance import PooledRandom
from globstar.base.log import Logger
from globstar.media import native
from globstar.media.bundle import Bundle
from globstar.media.dtls import Identities
from globstar.media.gather import IceServers
from globstar.media.hosts import LocalHosts
from globstar.media.nosocket import GONE
from globstar.media.ports import PortAllocator, bind_free
from globstar.media.session import RtpSession
from globstar.media.session_way import SessionWay
from globstar.media.settings import MediaSettings, SessionOptions
from globstar.media.sockets import MediaSocket, SocketFactory, UdpSockets
from globstar.media.source import Tell
from globstar.media.ticker import Ticker
from globstar.net.poller import Poller
from globstar.proto.rtp import RtcpPacket

if TYPE_CHECKING:
    from globstar.media.relay import RelayPath

logger = Logger("media.engine")

#: Seconds between two rounds of the coarse timer.
ROUND = 0.5


class RtpEngine:
    """The factory and the shared clockwork of all RTP sessions of one system.

    Reports, silence and keepalive of all sessions are looked after by one timer that goes round in half
    seconds; each session has its turn to report once in ``rtcpinterval``, spread evenly. Nothing runs without sessions.
    """

    def __init__(
        self,
        loop: asyncio.AbstractEventLoop,
        settings: MediaSettings | None = None,
        *,
        sockets: SocketFactory | None = None,
        chance: random.Random | None = None,
        wall_clock: Callable[[], float] = time.time,
        ticker: Ticker | None = None,
    ) -> None:
        self.loop = loop
        self.settings = settings or MediaSettings()
        self.sockets: SocketFactory = sockets if sockets is not None else UdpSockets(Poller(loop))
        self.chance = chance if chance is not None else PooledRandom()
        self.wall_clock = wall_clock
        #: The 20 ms tick, for digits here and for players above.
        self.ticker = ticker if ticker is not None else Ticker(loop)
        if isinstance(self.sockets, UdpSockets):  # what a tick sends goes at once
            self.ticker.before, self.ticker.after = self.sockets.outbox.begin, self.sockets.outbox.end
            self.sockets.checksums = self.settings.checksums
        #: the thread that forwards relayed packets; None where it cannot
        self.native: native.NativeRelay | None = None
        if native.is_available() and self.settings.native_relay and isinstance(self.sockets, UdpSockets):
            self.native = native.NativeRelay(
                loop, self.settings.relay_threads, self.settings.relay_wait_ms, wants_ring=self.settings.relay_io_uring
            )
        #: hears of every compound RTCP packet: those that came as values, ours as octets, which need not be looked at
        self.on_rtcp: Callable[[RtpSession, tuple[RtcpPacket, ...] | bytes], None] | None = None
        #: hears of every session that is opened
        self.on_open: Callable[[RtpSession], None] | None = None
        #: told of each session that has closed, whose figures can still be read
        self.on_close: Callable[[RtpSession], None] | None = None
        #: hears of states, for test systems; None while those are off
        self.tell: Tell | None = None
        #: the servers of ICE, and which of our addresses are candidates
        self.ice_servers = IceServers()
        self.hosts = LocalHosts()
        #: looks the address of a peer's host name up, of a kind (A, AAAA): calls with it at once (True) or later, if there is
        #: one; None: nobody can
        self.find_host: Callable[[str, str, Callable[[str], None]], bool] | None = None
        #: the certificates of DTLS
        self.identities = Identities()
        self._resting: dict[int, float] = {}
        self._ranges: dict[tuple[int, int], PortAllocator] = {}
        #: by session the allocator and the number of its ports (None, 0: it has none of its own), and its turn to report
        self._sessions: dict[RtpSession, tuple[PortAllocator | None, int, int]] = {}
        #: those whose silence or keepalive is looked at in every round
        self._timed: dict[RtpSession, None] = {}
        #: the sessions whose reports are due in one round of so many
        self._turns: list[dict[RtpSession, None]] = [{}]
        self._rounds = 0
        self._next_slot = 0
        self._timer: asyncio.TimerHandle | None = None

    def __len__(self) -> int:
        return len(self._sessions)

    @property
    def sessions(self) -> tuple[RtpSession, ...]:
        """The open sessions."""
        return tuple(self._sessions)

    @property
    def ranges(self) -> tuple[PortAllocator, ...]:
        """The allocators that are in use."""
        return tuple(self._ranges.values())

    def ports(self, start: int = 0, end: int = 0) -> PortAllocator:
        """The allocator of a range: that of rtp.conf, or an endpoint's own (rtp_port_start, rtp_port_end)."""
        key = (start or self.settings.port_start, end or self.settings.port_end)
        if key not in self._ranges:
            self._ranges[key] = PortAllocator(*key, self.chance, self.loop.time, self._resting)
        return self._ranges[key]

    def open(self, host: str, options: SessionOptions | None = None, *, ports: PortAllocator | None = None) -> RtpSession | None:
        """A session bound to a free port pair on ``host``; None when all ports are in use or ``host`` cannot be bound.

        Why there is none is logged.
        """
        options = options or SessionOptions()
        bound = self._bind_pair(host, options, ports if ports is not None else self.ports())
        if bound is None:
            return None
        rtp, rtcp, allocator, port = bound
        if self.tell is not None:
            self.tell("RTP_PORT_ALLOCATED", Port=port)
        return self._enter(RtpSession(self, rtp, rtcp, options), allocator, port)

    def open_riding(self, bundle: Bundle, options: SessionOptions | None = None) -> RtpSession:
        """A session on the transport of a bundle."""
        session = RtpSession(self, GONE, None, options or SessionOptions())
        session.ride(bundle)
        return self._enter(session, None, 0)

    def bundle(self, carrier: RtpSession) -> Bundle:
        """Let sessions use the ports of ``carrier``: see ``RtpSession.ride`` and :meth:`open_riding`."""
        return Bundle(carrier, self.loop.time)

    def alight(self, session: RtpSession, host: str, ports: PortAllocator | None = None) -> bool:
        """Give a session of a bundle ports of its own again; False when there are none (it rides on then)."""
        bound = self._bind_pair(host, session.options, ports if ports is not None else self.ports())
        if bound is None:
            return False
        rtp, rtcp, allocator, port = bound
        session.alight(rtp, rtcp)
        self._sessions[session] = (allocator, port, self._sessions[session][2])
        return True

    def _enter(self, session: RtpSession, allocator: PortAllocator | None, port: int) -> RtpSession:
        self._sessions[session] = (allocator, port, self._next_slot)
        self._turns[self._next_slot % len(self._turns)][session] = None
        self._next_slot += 1
        self.options_changed(session)
        if self.on_open is not None:
            self.on_open(session)
        if self._timer is None:
            self._timer = self.loop.call_later(ROUND, self._round)
        return session

    def _bind_pair(
        self, host: str, options: SessionOptions, allocator: PortAllocator
    ) -> tuple[MediaSocket, MediaSocket, PortAllocator, int] | None:
        try:
            found = bind_free(allocator, partial(self._bind, host, options), partial(self.sockets.taken, host))
        except OSError as error:
            logger.error(f"cannot bind an RTP port on {host}: {error}")
            return None
        if found is None:
            complaint = allocator.complaint()
            if complaint is not None:
                logger.error(f"no pair of RTP ports of {host} {complaint}")
            return None
        port, (rtp, rtcp) = found
        return rtp, rtcp, allocator, port

    def _bind(self, host: str, options: SessionOptions, port: int) -> tuple[MediaSocket, MediaSocket]:
        rtp = self.sockets.open(host, port, options.tos, options.cos)
        try:
            return rtp, self.sockets.open(host, port + 1, options.tos, options.cos)
        except OSError:
            rtp.close()
            raise

    def free_port(self, session: SessionWay) -> None:
        """A session rides on another one now; called by the session itself."""
        if isinstance(session, RtpSession) and session in self._sessions:
            allocator, port, slot = self._sessions[session]
            if allocator is not None:
                allocator.release(port)
            self._sessions[session] = (None, 0, slot)

    def forget(self, session: RtpSession) -> None:
        """A session has closed; called by the session itself."""
        allocator, port, slot = self._sessions.pop(session)
        self._turns[slot % len(self._turns)].pop(session, None)
        self._timed.pop(session, None)
        if self.on_close is not None:
            self.on_close(session)
        if allocator is not None:
            allocator.release(port)
        if not self._sessions and self._timer is not None:
            self._timer.cancel()
            self._timer = None

    def reload(self, settings: MediaSettings) -> None:
        """New settings for sessions opened from now on; those that are open keep theirs."""
        self.settings = settings
        if isinstance(self.sockets, UdpSockets):
            self.sockets.checksums = settings.checksums

    def close(self) -> None:
        """Close every session and stop the timer and the tick."""
        for session in tuple(self._sessions):
            session.close()
        if self.native is not None:
            self.native.close()
        self.ticker.before = self.ticker.after = None
        self.ticker.close()

    def _round(self) -> None:
        self._timer = self.loop.call_later(ROUND, self._round)
        now = self.loop.time()
        slots = max(round(self.settings.rtcp_interval_ms / 1000 / ROUND), 1)
        turn = self._rounds % slots
        self._rounds += 1
        relay = self.native
        if relay is not None and len(relay):
            relay.refresh(self._due_paths(slots, turn))
        if slots != len(self._turns):
            self._share_turns(slots)
        for session in tuple(self._turns[turn]):
            self._guarded(session, session.handle_report, now)
        if relay is not None:
            for session in tuple(self._sessions):
                path = session.relay_path
                if path is not None and not path.is_native:
                    self._guarded(session, path.adopt, relay, now)
        for session in tuple(self._timed):
            if not session.is_closed:
                self._guarded(session, session.handle_coarse_timer, now)
        if relay is not None:
            relay.refresh(())

    def _guarded(self, session: RtpSession, timer: Callable[..., object], *arguments: Any) -> None:
        try:
            timer(*arguments)
        except Exception as error:  # one call's bug must not stop the reports of the others
            logger.error(f"timer of RTP session {session.local_address} failed", exception=error)

    def _share_turns(self, slots: int) -> None:
        """Reports are sent in one of ``slots`` rounds from now on."""
        self._turns = [{} for _ in range(slots)]
        for session, (_, _, slot) in self._sessions.items():
            self._turns[slot % slots][session] = None

    def options_changed(self, session: RtpSession) -> None:
        """A session has other options than before; called by the session itself."""
        options = session.options
        if session not in self._sessions:
            return
        if options.timeout or options.timeout_hold or options.keepalive:
            self._timed[session] = None
        else:
            self._timed.pop(session, None)

    def _due_paths(self, slots: int, turn: int) -> Iterator[RelayPath]:
        """The relayed directions that this round looks at."""
        for session, (_, _, slot) in self._sessions.items():
            path = session.relay_path
            if path is None or path.owner is None:
                continue
            if slot % slots == turn:
                yield from path.owner.paths
            elif session.options.timeout or session.options.timeout_hold:
                yield path
