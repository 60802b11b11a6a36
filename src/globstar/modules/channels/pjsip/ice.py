"""ICE of one stream: what SDP says for it (RFC 8839), and the agent that finds the way."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from globstar.media.ice import IceAgent, Send, new_credentials
from globstar.proto.sdp import Attribute, Media, NegotiatedStream, SessionDescription
from globstar.proto.stun import Candidate, host_candidate, parse_candidate

if TYPE_CHECKING:
    from globstar.media.engine import RtpEngine
    from globstar.media.session import RtpSession
    from globstar.media.sockets import Address
    from globstar.modules.channels.pjsip.wires import Wires

#: Candidates of a peer that are looked at.
_MAX_CANDIDATES = 32


class IceWay:
    """ICE on the ports of one stream. Peers without ICE are served without it."""

    __slots__ = (
        "_agent",
        "_candidates",
        "_engine",
        "_has_offered",
        "_next",
        "_pending",
        "_told",
        "_wires",
        "is_active",
        "trickles",
    )

    def __init__(self, engine: RtpEngine) -> None:
        self._engine = engine
        self._agent: IceAgent | None = None
        self._wires: Wires | None = None
        self._candidates: list[Candidate] = []
        #: whether the peer speaks ICE
        self.is_active = False
        #: whether the description that is being negotiated answers ours
        self._has_offered = False
        #: whether the description that is being answered speaks of candidates to come, which we take
        self.trickles = False
        #: credentials of the peer's description that is being negotiated, its candidates, and whether it is lite
        self._pending: tuple[str, str, tuple[Candidate, ...], bool] | None = None
        #: our credentials from the description on that is being negotiated, if it restarts ICE
        self._next: tuple[str, str] | None = None
        #: the peer's credentials in force
        self._told = ("", "")

    def begin(self, wires: Wires, session: RtpSession, address: str) -> None:
        """The sockets are there."""
        self._wires = wires
        agent = self._agent = IceAgent(self._engine.loop, wires.send_directly)
        agent.on_selected = wires.way_found
        agent.on_lost = wires.way_lost
        agent.tell = self._engine.tell
        if ":" in address:
            agent.use_ipv6()
        bound, port = session.local_address
        components = (1, 2) if session.has_rtcp_port else (1,)
        for component in components:
            agent.add(host_candidate(component, (address, port + component - 1)))
        self._candidates = [
            host_candidate(component, (host, port + component - 1), place)
            for place, host in enumerate(self._engine.hosts.of(bound, address))
            for component in components
        ]

    def add(self, candidates: Sequence[Candidate], send_relayed: Send) -> None:
        """Servers have told of more addresses of ours."""
        agent = self._agent
        if agent is not None:
            agent.send_relayed = send_relayed
            self._candidates += candidates
            for candidate in candidates:
                agent.add(candidate)

    def offer(self) -> tuple[Attribute, ...]:
        """Our credentials and addresses."""
        self._has_offered = True
        self.trickles = False
        self._next = None
        return self._lines(is_muxed=False)

    def _lines(self, *, is_muxed: bool) -> tuple[Attribute, ...]:
        agent = self._agent
        if agent is None:
            return ()
        candidates = [one for one in self._candidates if one.component == 1 or not is_muxed]
        ufrag, password = self._next or (agent.ufrag, agent.password)
        lines = (
            Attribute("ice-ufrag", ufrag),
            Attribute("ice-pwd", password),
            *(Attribute("candidate", str(candidate)) for candidate in candidates),
        )
        if not self.trickles:
            return lines
        return (Attribute("ice-options", "trickle"), *lines, Attribute("end-of-candidates"))  # RFC 8840: none of ours comes later

    def answer(self, theirs: Media, description: SessionDescription) -> tuple[Attribute, ...] | None:
        """The same, if the offer is one with ICE."""
        self._has_offered = False
        self.trickles = any("trickle" in (one.first("ice-options") or "").split() for one in (theirs, description))
        self._read(theirs, description)
        self._next = None
        if self._pending is None:
            return ()
        if self._told[0] and self._told != self._pending[:2]:
            self._next = new_credentials()
        return self._lines(is_muxed=self._is_muxed(theirs))

    def _is_muxed(self, theirs: Media) -> bool:
        return theirs.rtcp_mux and self._wires is not None and self._wires.allows_mux

    def accepts(self, theirs: Media, description: SessionDescription) -> bool:
        """Every answer will do."""
        self._read(theirs, description)
        return True

    def _read(self, theirs: Media, description: SessionDescription) -> None:
        ufrag = theirs.ice_ufrag or description.first("ice-ufrag")
        password = theirs.ice_pwd or description.first("ice-pwd")
        self._pending = None
        if ufrag and password:
            parsed = map(parse_candidate, theirs.candidates[:_MAX_CANDIDATES])
            candidates = tuple(candidate for candidate in parsed if candidate is not None)
            self._pending = (ufrag, password, candidates, description.has("ice-lite"))

    def apply(self, session: RtpSession, stream: NegotiatedStream) -> None:
        """Begin the checks, or go on with those that are under way."""
        agent, pending = self._agent, self._pending
        if agent is None or pending is None:
            if agent is not None and self.is_active:
                agent.forget_peer()
            self.is_active = False
            self._told = ("", "")
            return
        self.is_active = True
        if stream.rtcp_mux:
            agent.remove(2)
        ufrag, password, candidates, is_lite = pending
        self._told = (ufrag, password)
        if self._next is not None:
            agent.renew(self._next)
            self._next = None
        agent.set_remote(ufrag, password, candidates, is_controlling=self._has_offered, is_lite=is_lite)

    def add_remote(self, ufrag: str, lines: Sequence[str]) -> int:
        """Candidates that the peer has found later (RFC 8840), under the credentials in force; how many can be used."""
        agent, (known, password) = self._agent, self._told
        if agent is None or not self.is_active or (ufrag and ufrag != known):
            return 0
        parsed = map(parse_candidate, lines[:_MAX_CANDIDATES])
        candidates = [candidate for candidate in parsed if candidate is not None]
        agent.set_remote(known, password, candidates, is_controlling=agent.is_controlling)
        return len(candidates)

    def receive(self, component: int, data: bytes, source: Address, *, is_relayed: bool = False) -> None:
        """A STUN message, perhaps one that a TURN server has handed on."""
        if self._agent is not None:
            self._agent.receive(component, data, source, is_relayed=is_relayed)

    def lose_relayed(self, component: int) -> None:
        """Our address at the TURN server has gone."""
        if self._agent is not None:
            self._agent.lose_relayed(component)

    def is_relayed(self, component: int) -> bool:
        """Whether the packets of a port go through a TURN server."""
        return self._agent is not None and self._agent.is_relayed(component)

    def target(self, component: int) -> Address | None:
        """Where the packets of a port go; None while no way is known."""
        return self._agent.target(component) if self._agent is not None else None

    def is_checked(self, component: int, address: Address) -> bool:
        """Whether an address has proved to be the peer's."""
        return self._agent is not None and self._agent.is_checked(component, address)

    def close(self) -> None:
        """The stream has ended."""
        if self._agent is not None:
            self._agent.close()
