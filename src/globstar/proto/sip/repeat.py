"""Responses to INVITE that the core repeats itself: 2xx until ACK (RFC 3261 13.3.1.4), reliable 1xx until PRACK (RFC 3262)."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable
from typing import TYPE_CHECKING

from globstar.proto.sip.headers.rack import RAck
from globstar.proto.sip.timers import Timer

if TYPE_CHECKING:
    from globstar.proto.sip.layer import TransactionLayer
    from globstar.proto.sip.transaction import ServerTransaction


class RepeatedResponse:
    """Repeats one response after T1, 2*T1 ... and gives up after 64*T1.

    A 2xx is repeated at most every T2, on reliable transports too; a reliable provisional backs off without limit.
    """

    __slots__ = ("_data", "_gave_up", "_interval", "_layer", "_limit", "_limit_timer", "_timer", "transaction")

    def __init__(
        self,
        layer: TransactionLayer,
        transaction: ServerTransaction,
        data: bytes,
        gave_up: Callable[[float], None],
        limit: float,
    ) -> None:
        now = layer.clock()
        self.transaction = transaction
        self._layer = layer
        self._data = data
        self._gave_up = gave_up
        self._interval = layer.settings.t1
        self._limit = limit
        self._timer: Timer = layer.timers.start(self._interval, now, self._repeat, "response repetition")
        self._limit_timer: Timer = layer.timers.start(64 * layer.settings.t1, now, self._give_up, "wait for ACK")

    def stop(self) -> None:
        """The other side acknowledged, or it does not matter any more."""
        self._timer.cancel()
        self._limit_timer.cancel()

    def _repeat(self, now: float) -> None:
        self._interval = min(self._interval * 2, self._limit)
        self._timer = self._layer.timers.start(self._interval, now, self._repeat, "response repetition")
        self.transaction.resend_2xx(self._data)

    def _give_up(self, now: float) -> None:
        self._timer.cancel()
        self._gave_up(now)


class ReliableProvisionals:
    """The UAS side of RFC 3262 for one INVITE: one response in flight, the others wait their turn."""

    def __init__(self, layer: TransactionLayer, gave_up: Callable[[float], None]) -> None:
        self._layer = layer
        self._gave_up = gave_up
        self.rseq = layer.getrandbits(16) + 1
        self._in_flight: RepeatedResponse | None = None
        self._in_flight_rseq = 0
        self._has_body = False
        self._waiting: deque[Callable[[], None]] = deque()

    def next_rseq(self) -> int:
        """Return the RSeq for the next response."""
        self.rseq += 1
        return self.rseq

    @property
    def is_busy(self) -> bool:
        """True while a response is unacknowledged; then everything else must wait (RFC 3262 3)."""
        return self._in_flight is not None

    @property
    def holds_final(self) -> bool:
        """True when a 2xx has to wait: an unacknowledged response carried a session description."""
        return self._in_flight is not None and self._has_body

    def sent(self, transaction: ServerTransaction, data: bytes, rseq: int, has_body: bool) -> None:
        """Start repeating a response just sent."""
        self._in_flight = RepeatedResponse(self._layer, transaction, data, self._gave_up, 64 * self._layer.settings.t1)
        self._in_flight_rseq = rseq
        self._has_body = has_body

    def wait(self, action: Callable[[], None]) -> None:
        """Run ``action`` when the response in flight is acknowledged."""
        self._waiting.append(action)

    def acknowledges(self, rack: RAck, cseq: int) -> bool:
        """Tell whether a PRACK is for the response in flight."""
        return (
            self._in_flight is not None
            and rack.rseq == self._in_flight_rseq
            and rack.cseq == cseq
            and rack.method.upper() == "INVITE"
        )

    def acknowledge(self) -> bool:
        """The response in flight was acknowledged; True when it carried a session description."""
        if self._in_flight is None:
            return False
        self._in_flight.stop()
        self._in_flight = None
        return self._has_body

    def run_waiting(self) -> None:
        """Let what waited go on."""
        while self._waiting and self._in_flight is None:
            self._waiting.popleft()()

    def stop(self) -> None:
        """The INVITE was finally answered: nothing is repeated any more."""
        self.acknowledge()
        self._waiting.clear()
