"""What a native thread relays from one socket: one stream, or all of a bundle."""

from __future__ import annotations

from typing import TYPE_CHECKING

from globstar.base.log import Logger

if TYPE_CHECKING:
    from globstar.media._native import NativePath, Parked, RelayThread
    from globstar.media.native import NativeRelay
    from globstar.media.relay import RelayPath
    from globstar.media.session import RtpSession
    from globstar.media.sockets import Address

logger = Logger("media.relay")

#: A socket that hands over more datagrams than this in half a second, and more than half of what it receives, as its packets are
#: none that threads know, goes through the loop for so many seconds: handing over costs more than the loop alone.
MOST_PARKED = 12
_WINDOW = 0.5
REST = 10.0


class NativeSocket:
    """The paths that come to the socket of ``carrier``, all in one thread; they begin one by one and end together.

    The thread hands what it does not know to the first of them, for all: meanwhile the socket rests, and the numbers of all paths
    are with their sessions.
    """

    __slots__ = ("_parked", "_received", "_window", "carrier", "is_parked", "natives", "relay", "thread")

    def __init__(self, carrier: RtpSession, relay: NativeRelay) -> None:
        self.carrier = carrier
        self.relay = relay
        self.thread: RelayThread = relay.thread()
        #: the paths and the thread's half of each, the first one first
        self.natives: dict[RelayPath, NativePath] = {}
        #: while the loop treats a datagram that the thread handed over: the numbers here are the right ones
        self.is_parked = False
        self._parked = self._received = 0
        self._window = 0.0

    @property
    def first(self) -> NativePath | None:
        """The path that the socket is known by."""
        return next(iter(self.natives.values()), None)

    def begin(self) -> None:
        """The first path runs: the thread reads."""
        self.carrier.native_socket = self

    def withdraw(self) -> None:
        """All goes through the loop again; what is known of the streams comes back."""
        natives, self.natives = self.natives, {}
        if not natives:
            return
        carrier, thread = self.carrier, self.thread
        carrier.native_socket = None
        waiting: Parked | None = None
        told: list[tuple[RelayPath, list[tuple[NativePath, int, bytes, int, float]]]] = []
        for path, native in natives.items():  # with the first one nothing more is read, so the others' numbers are the last
            digits, parked = thread.remove(native)
            waiting = parked or waiting
            told.append((path, digits))
        if not self.is_parked:
            for path, numbers in zip(natives, thread.get(list(natives.values())), strict=True):
                path.update(numbers)
        for path in natives:
            path.gone()
        if carrier.is_closed:
            return
        carrier.resume_reading()
        for path, digits in told:
            for digit in digits:
                path.receive_digit(digit)
        if waiting is not None:
            carrier.receive_raw(*waiting[1:])

    def receive_parked(self, native: NativePath, data: bytes, now: float, peer: Address | None) -> None:
        """A datagram that the thread does not know: the session takes it, then the thread goes on."""
        carrier = self.carrier
        if self.first is not native:  # a packet before this one has ended that
            if not carrier.is_closed:
                carrier.receive_raw(data, now, peer)
            return
        for path, numbers in zip(self.natives, self.thread.get(list(self.natives.values())), strict=True):
            path.update(numbers)
        self.is_parked = True
        try:
            carrier.receive_raw(data, now, peer)
            if self.first is native:
                self._go_on(native, now)
        finally:
            self.is_parked = False

    def _go_on(self, native: NativePath, now: float) -> None:
        """Let the thread read again, if it still can and should."""
        if self._has_too_many(now):
            carrier = self.carrier
            carrier.native_rest = now + REST
            logger.debug(1, f"{carrier.local_address}: the packets are none that threads relay; they go through the loop")
        elif all(path.is_started for path in self.natives):
            for path in self.natives:
                path.put()
            self.thread.resume(native)
            return
        self.withdraw()

    def _has_too_many(self, now: float) -> bool:
        if now - self._window > _WINDOW:
            self._window, self._parked, self._received = now, 0, sum(path.received for path in self.natives)
        self._parked += 1
        if self._parked <= MOST_PARKED:
            return False
        return 2 * self._parked > sum(path.received for path in self.natives) - self._received
