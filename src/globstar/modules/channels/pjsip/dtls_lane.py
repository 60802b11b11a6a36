"""The handshakes of DTLS on one port: with whom each is, and which one gives the keys that are used."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

from globstar.media.srtp import SrtpContext

if TYPE_CHECKING:
    from globstar.media.dtls import DtlsAssociation, DtlsKeys
    from globstar.media.sockets import Address

#: Handshakes that one port has at a time, and that may be begun from outside under one description, by the address where
#: packets go and by all others: each costs some arithmetic.
MAX_ATTEMPTS = 4
MAX_BEGUN = 32

_HANDSHAKE, _CLIENT_HELLO = 22, 1
#: where things stand in a record with a piece of a message (RFC 6347 section 4.2.2)
_EPOCH, _TYPE, _OFFSET, _RANDOM = slice(3, 5), 13, slice(19, 22), slice(27, 59)


def client_random(data: bytes) -> bytes | None:
    """By what a handshake is known that a client begins with this datagram; None for all others."""
    if len(data) < _RANDOM.stop or data[0] != _HANDSHAKE or data[_TYPE] != _CLIENT_HELLO:
        return None
    return data[_RANDOM] if not any(data[_EPOCH]) and not any(data[_OFFSET]) else None


class Attempt:
    """A handshake and what follows it."""

    __slots__ = ("association", "keys", "random", "source")

    def __init__(self, association: DtlsAssociation, source: Address, random: bytes) -> None:
        self.association = association
        #: where the peer's datagrams come from, and ours go where ICE does not know better
        self.source = source
        #: the client's; b"" where that is us
        self.random = random
        #: what the handshake gave and nobody has vouched for yet
        self.keys: DtlsKeys | None = None


class Lane:
    """One port. Handshakes of several addresses may be under way; that whose certificate is vouched for has the keys.

    So nobody diverts a handshake, or breaks it, by sending from elsewhere, and of several phones that an offer has reached
    (forking) the one is served that the description in force is of.
    """

    __slots__ = ("attempts", "begun", "component", "context", "current", "rekey")

    def __init__(self, component: int) -> None:
        self.component = component
        self.context = SrtpContext()
        self.attempts: list[Attempt] = []
        #: that whose keys are used
        self.current: Attempt | None = None
        #: handshakes that were begun from outside under the description in force: from elsewhere, and from where packets go
        self.begun = [0, 0]
        #: until the keys are exchanged (dtls_rekey)
        self.rekey: asyncio.TimerHandle | None = None

    def attempt_of(self, data: bytes, source: Address, told: Address | None, *, is_steered: bool) -> Attempt | None:
        """Whose a datagram is; None if it may begin a handshake, or is nobody's.

        ``told`` is where packets go. With ``is_steered`` (ICE) all addresses that come here are the peer's; else a handshake
        stays with its address.
        """
        random = client_random(data)
        if random is not None:
            known = (one for one in self.attempts if one.random == random and (is_steered or one.source == source))
            return next(known, None)
        for one in reversed(self.attempts):
            if one.source == source or (one.association.is_client and (is_steered or one.source[0] == source[0])):
                return one
        if is_steered or source == told:
            return self.current or (self.attempts[-1] if self.attempts else None)
        return None

    def has_room(self, source: Address, told: Address | None) -> bool:
        """Whether ``source`` may begin another handshake; the oldest one goes for it that is neither in use nor with ``told``.

        However many strangers begin, the peer itself still may.
        """
        if self.begun[source == told] >= MAX_BEGUN:
            return False
        if len(self.attempts) >= MAX_ATTEMPTS:
            old = next((one for one in self.attempts if one is not self.current and one.source != told), None)
            if old is None:
                return False
            self.drop(old)
        self.begun[source == told] += 1
        return True

    def settle(self, attempt: Attempt) -> None:
        """Its keys are used from now on; what was in use is over, and so is what is under way with the same address."""
        attempt.keys = None
        previous, self.current = self.current, attempt
        for one in list(self.attempts):
            if one is not attempt and (one is previous or one.source == attempt.source):
                self.drop(one)

    def begin_anew(self) -> None:
        """Another association is to take the place of the one in use, whose keys stay good until then."""
        self.begun = [0, 0]
        self.current = None
        self.stop_rekey()

    def drop(self, attempt: Attempt) -> None:
        """End a handshake, or what followed it; keys that are in use stay good."""
        if attempt in self.attempts:
            self.attempts.remove(attempt)
            if attempt is self.current:
                self.current = None
            attempt.association.close()

    def clear(self) -> None:
        """Begin from the start; keys that are in use stay good until there are others."""
        for attempt in list(self.attempts):
            self.drop(attempt)
        self.stop_rekey()

    def stop_rekey(self) -> None:
        """No new keys are asked for."""
        if self.rekey is not None:
            self.rekey.cancel()
            self.rekey = None
