"""Overload: new requests wait in a bounded queue while what is inside calls goes on, and are refused when the wait is too long.

With little to do nothing waits: a request that finds the queue empty, early in a turn of the event loop, is handled where it
is read. Only after :data:`SLICE` seconds of a turn does the rest go to the queue, which is worked off a slice at a time, so that
sockets, timers and media have their turn in between.
"""

from __future__ import annotations

import asyncio
from collections import deque
from typing import TYPE_CHECKING

from globstar.base.log import Logger
from globstar.config.options import option
from globstar.config.values import boolean, integer
from globstar.modules.channels.pjsip.objects import PjsipObject
from globstar.net.flow import Address
from globstar.proto.sip.flow import Flow, Transport
from globstar.proto.sip.peek import Kind, Refuser, kind_of, transaction_key
from globstar.proto.sip.remnant import Remnant

if TYPE_CHECKING:
    from globstar.modules.channels.pjsip.driver import PjsipDriver
    from globstar.proto.sip.transaction import ServerTransaction

logger = Logger("res_pjsip")

#: Seconds of one turn of the event loop that new requests may take.
SLICE = 0.005
#: Seconds between two looks at the event loop's lag.
_BEAT = 0.05
#: Looks in a row that find the loop late until that counts: a single hiccup of a busy machine is no overload.
_LATE_BEATS = 3
#: Seconds without a refusal after which the overload is over.
_CALM = 5.0
#: Methods that are refused in parsed form, on connections.
_NEW_METHODS = frozenset(("INVITE", "REGISTER", "SUBSCRIBE", "OPTIONS", "PUBLISH", "MESSAGE", "REFER", "NOTIFY"))


class OverloadObject(PjsipObject):
    """``type=overload`` of pjsip.conf, Globstar's own: when new requests are refused with 503."""

    kind = "overload"
    enabled = option(boolean, True, help="Whether new requests are refused under overload.")
    max_queue = option(integer(1), 2000, unit="messages", help="Most new requests that wait.")
    max_age = option(integer(1), 100, unit="ms", help="Longest time that one may wait.")
    max_lag = option(
        integer(1), 100, unit="ms", help="Lag of the event loop above which new requests that would wait are refused."
    )
    retry_after = option(integer(0), 5, unit="s", help="Retry-After of the refusals.")


class Overload:
    """The queue between the sockets and the work. ``take`` is asked for every datagram."""

    def __init__(self, driver: PjsipDriver) -> None:
        self._driver = driver
        self._options = OverloadObject()
        #: what waits, and until when a turn of the loop is young: ``take`` need not be asked while nothing waits and it is
        self.pending: deque[tuple[Kind, bytes, Address, Transport, float]] = deque()
        self._pumping = False
        self._beat: asyncio.TimerHandle | None = None
        self._beat_due = 0.0
        self._is_busy = False
        self.is_on = True
        self._refuser = Refuser("", "", 0)
        self._secret = f"{driver.rng.getrandbits(48):012x}"
        self.turn_ends = 0.0
        self._last_refusal = -_CALM
        self._refused_before = 0
        self.is_overloaded = False
        self.reason = ""
        self.lag = 0.0
        #: looks in a row that found the loop late
        self.late_beats = 0
        self.worst_lag = 0.0
        self.longest = 0
        self.oldest = 0.0
        self.counters = dict.fromkeys(("queued", "refused", "repeated unread", "overloads"), 0)

    def configure(self, options: OverloadObject, is_on: bool, server: str) -> None:
        """Take over options."""
        self._options = options
        self.is_on = is_on and options.enabled
        self._refuser = Refuser(self._secret, server, options.retry_after)

    def stop(self) -> None:
        """What waits is handled no more."""
        self.pending.clear()
        if self._beat is not None:
            self._beat.cancel()
            self._beat = None

    # -- datagrams ---------------------------------------------------------------------------------------------------

    def begin_turn(self, now: float) -> None:
        """The first datagram of a turn of the event loop is here."""
        self.turn_ends = now + SLICE
        self._is_busy = True
        if self._beat is None and self.is_on:
            self._start_beat(now)

    def take(self, data: bytes, source: Address, transport: Transport, now: float) -> bool:
        """Whether a datagram was dealt with here: it waits now, or is answered. False means: handle it at once."""
        if not self.pending and now < self.turn_ends:
            return False
        if not self.is_on:
            return False
        kind = kind_of(data)
        if kind is Kind.URGENT:
            return self._refuser.is_own_ack(data)
        if kind is Kind.CANCEL:
            if not self.pending:
                return False
        elif self._is_repeated(data):
            return True
        else:
            reason = self._why_not(now)
            if reason and self._refuse(data, source, transport, now, reason):
                return True
        self.pending.append((kind, data, source, transport, now))
        self.counters["queued"] += 1
        self.longest = max(self.longest, len(self.pending))
        self._pump_soon()
        return True

    def _is_repeated(self, data: bytes) -> bool:
        """Answer a request that was answered before with the same bytes, without reading it."""
        layer = self._driver.sip.layer
        key = transaction_key(data)
        known = layer.servers.get(key) if key is not None else None
        if not isinstance(known, Remnant) or not known.data:
            return False
        layer.retransmissions += 1
        self.counters["repeated unread"] += 1
        layer.send(known.flow, known.data)
        self._driver.output_pending()
        return True

    def _why_not(self, now: float) -> str:
        """Why a new request that would have to wait is refused; nothing while there is hope."""
        options = self._options
        if len(self.pending) >= options.max_queue:
            return f"{len(self.pending)} requests wait"
        if self.pending and (now - self.pending[0][4]) * 1000 > options.max_age:
            return f"requests wait for {(now - self.pending[0][4]) * 1000:.0f} ms"
        if self.late_beats >= _LATE_BEATS:
            return f"the event loop is {self.lag * 1000:.0f} ms late"
        return ""

    def _refuse(self, data: bytes, source: Address, transport: Transport, now: float, reason: str) -> bool:
        answer = self._refuser.refuse(data, source[0], source[1])
        if answer is None:
            return False
        self._count_refusal(now, reason)
        self._driver.sip.layer.send(Flow(transport, source[0], source[1]), answer)
        self._driver.output_pending()
        return True

    def _pump_soon(self) -> None:
        if not self._pumping:
            self._pumping = True
            self._driver.system.loop.call_soon(self._pump)

    def _pump(self) -> None:
        """Work off the queue for one slice."""
        self._pumping = False
        driver, pending = self._driver, self.pending
        clock = driver.system.now
        began = clock()
        limit = self._options.max_age / 1000
        while pending:
            kind, data, source, transport, since = pending.popleft()
            now = clock()
            self.oldest = max(self.oldest, now - since)
            is_late = kind is Kind.NEW and now - since > limit
            if not (
                is_late and self._refuse(data, source, transport, now, f"a request waited for {(now - since) * 1000:.0f} ms")
            ):
                try:
                    driver.deliver_datagram(data, source, transport)
                except Exception as error:  # as for the socket: one datagram's bug must not stop the others
                    logger.error(f"handling a datagram from {source[0]}:{source[1]} failed", exception=error)
            if clock() - began > SLICE:
                break
        if pending:
            self._pump_soon()

    # -- connections -------------------------------------------------------------------------------------------------

    def refuses(self, transaction: ServerTransaction, now: float) -> bool:
        """Refuse a parsed new request while the loop is late; what came by datagram has been through the queue."""
        if not self.is_on or not transaction.flow.transport.reliable or self.late_beats < _LATE_BEATS:
            return False
        if transaction.request.method not in _NEW_METHODS:
            return False
        self._count_refusal(now, f"the event loop is {self.lag * 1000:.0f} ms late")
        self._driver.sip.answer_statelessly(transaction, 503, [("Retry-After", str(self._options.retry_after))])
        return True

    # -- state -------------------------------------------------------------------------------------------------------

    def _count_refusal(self, now: float, reason: str) -> None:
        self.counters["refused"] += 1
        self._last_refusal = now
        if not self.is_overloaded:
            self.is_overloaded = True
            self.reason = reason
            self.counters["overloads"] += 1
            self._refused_before = self.counters["refused"] - 1
            logger.warning(f"SIP is overloaded, new requests are refused with 503: {reason}")

    def _start_beat(self, now: float) -> None:
        self._beat_due = now + _BEAT
        self._beat = self._driver.system.loop.call_at(self._beat_due, self._on_beat)

    def _on_beat(self) -> None:
        now = self._driver.system.now()
        late = max(now - self._beat_due, 0.0)
        self.lag = max(late, self.lag * 0.5 if self.lag > 0.001 else 0.0)
        self.worst_lag = max(self.worst_lag, late)
        self.late_beats = self.late_beats + 1 if late * 1000 > self._options.max_lag else 0
        if self.is_overloaded and now - self._last_refusal > _CALM:
            self.is_overloaded = False
            count = self.counters["refused"] - self._refused_before
            logger.notice(f"SIP is not overloaded any more; {count} requests were refused")
        self._beat = None
        if self._is_busy or self.is_overloaded or self.pending or self.lag:
            self._is_busy = False
            self._start_beat(now)

    def describe(self) -> dict[str, object]:
        """State and counters for the CLI."""
        return {
            "state": f"overloaded: {self.reason}" if self.is_overloaded else "normal" if self.is_on else "off",
            "requests that wait": len(self.pending),
            "most that waited": self.longest,
            "longest wait": f"{self.oldest * 1000:.0f} ms",
            "event loop is late by": f"{self.lag * 1000:.0f} ms",
            "at worst by": f"{self.worst_lag * 1000:.0f} ms",
            **self.counters,
        }
