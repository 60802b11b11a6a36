"""Which sender a session listens to: rtp.conf ``strictrtp`` and ``probation``."""

from __future__ import annotations

from collections.abc import Callable
from enum import Enum
from typing import Protocol

from globstar.media.settings import StrictRtp
from globstar.media.sockets import Address

#: Sources that may be on probation at a time; more are heard while learning, but cannot be locked on.
MAX_CANDIDATES = 8


#: ``permits(component, address)``: whether an address has been found to be the peer's; component 1 is RTP, 2 is RTCP.
Permits = Callable[[int, Address], bool]


class Tell(Protocol):
    """Hears of states, for test systems."""

    def __call__(self, state: str, **fields: object) -> None:
        """``state`` is reached."""


def address_text(address: Address) -> str:
    """``192.0.2.1:4000``, ``[2001:db8::1]:4000``."""
    host, port = address
    return f"[{host}]:{port}" if ":" in host else f"{host}:{port}"


class SourceState(Enum):
    """Where the learning of the source stands."""

    OPEN = "open"
    LEARNING = "learning"
    LOCKED = "locked"


class SourceFilter:
    """Decides packet by packet whether a source may be heard.

    While learning, every source is heard, and the first one with ``probation`` packets in sequence is locked on.
    Once locked, others are dropped and counted, but for ``seqno``, where another source that shows ``probation``
    packets in sequence takes over. With ``no`` every source is heard for ever.

    Where ICE has checked the peer's addresses (``permits``) nothing is to be learnt: packets of all of them are heard, whichever
    came last, and of nobody else (RFC 8445 section 12.2).
    """

    __slots__ = ("_candidates", "_former", "dropped", "mode", "permits", "probation", "source", "state", "tell")

    def __init__(self, mode: StrictRtp, probation: int, tell: Tell | None = None) -> None:
        self.mode = mode
        #: hears when learning begins and ends; None while nobody wants to
        self.tell = tell
        self.probation = max(probation, 1)
        self.state = SourceState.OPEN if mode is StrictRtp.NO else SourceState.LEARNING
        #: The source that is locked on.
        self.source: Address | None = None
        self.permits: Permits | None = None
        #: the source before learning began anew with a peer that is the same
        self._former: Address | None = None
        self.dropped = 0
        #: Sources on probation: the sequence number that should come next, and how many came in a row.
        self._candidates: dict[Address, tuple[int, int]] = {}

    def relearn(self, stated: Address | None = None, *, is_same: bool = False) -> None:
        """The peer has stated a (new) address: learn again.

        Of a peer that ``is_same`` the first packet from where it was learnt ends that.
        """
        self._candidates.clear()
        self._former = self.source if is_same else None
        if self.mode is not StrictRtp.NO:
            self.state = SourceState.LEARNING
            self.source = None
            if self.tell is not None and stated is not None:
                self.tell("STRICT_RTP_LEARN", Source=address_text(stated))

    def is_stranger(self, source: Address) -> bool:
        """Whether another source is locked on; nothing is learnt from the question."""
        if self.permits is not None:
            return self.state is not SourceState.OPEN and source != self.source and not self.permits(1, source)
        return self.state is SourceState.LOCKED and source != self.source

    def accept(self, source: Address, sequence: int) -> bool:
        """Whether a packet from here may be used; learns from it."""
        if self.state is SourceState.OPEN:
            return True
        if self.state is SourceState.LOCKED and source == self.source:
            return True
        if self.permits is not None:
            if not self.permits(1, source):
                self.dropped += 1
                return False
        elif self.state is SourceState.LOCKED:
            if self.mode is not StrictRtp.SEQNO or not self._is_proven(source, sequence):
                self.dropped += 1
                return False
        elif source != self._former and not self._is_proven(source, sequence):
            return True
        is_new = self.state is not SourceState.LOCKED or self.permits is None
        self.source = source
        self.state = SourceState.LOCKED
        self._candidates.clear()
        if is_new and self.tell is not None:
            self.tell("STRICT_RTP_CLOSED", Source=address_text(source))
        return True

    def _is_proven(self, source: Address, sequence: int) -> bool:
        expected, count = self._candidates.get(source, (sequence, 0))
        if count == 0 and len(self._candidates) >= MAX_CANDIDATES:
            return False
        count = count + 1 if sequence == expected else 1
        self._candidates[source] = (sequence + 1 & 0xFFFF, count)
        return count >= self.probation
