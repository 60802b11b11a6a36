"""Looking after connections: keep-alives, and an end to those that say nothing useful."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

from globstar.base.log import Logger
from globstar.modules.channels.pjsip.supplement import Supplement

if TYPE_CHECKING:
    from globstar.modules.channels.pjsip.driver import PjsipDriver
    from globstar.modules.channels.pjsip.settings import PjsipSettings
    from globstar.proto.sip.flow import Flow

logger = Logger("res_pjsip_transport_management")

#: A connection that a peer made must bring a whole message in this time, and every message must be whole so long after it
#: began, seconds: 64 times T1, as long as a transaction.
PATIENCE = 32.0
#: How often connections are looked at, seconds.
ROUND = 8.0


class TransportManagement(Supplement):
    """Sends keep-alives (global keep_alive_interval) and cuts off peers that are connected and never finish a message."""

    module = "res_pjsip"

    def __init__(self, driver: PjsipDriver) -> None:
        super().__init__(driver)
        self._interval = 0
        self._keep_alive: asyncio.TimerHandle | None = None
        self._round: asyncio.TimerHandle | None = None
        self._is_running = True
        self._open = 0
        self.cut_off = 0

    async def stop(self) -> None:
        """End."""
        self._is_running = False
        self._cancel()

    def configure(self, settings: PjsipSettings) -> None:
        """The interval may have changed."""
        self._interval = settings.globals.keep_alive_interval
        self._cancel()
        if self._open:
            self._arm()

    def connection_opened(self, flow: Flow) -> None:
        """There is something to look after."""
        self._open += 1
        if self._open == 1:
            self._arm()

    def connection_lost(self, flow: Flow) -> None:
        """With the last one goes the timer."""
        self._open -= 1
        if not self._open:
            self._cancel()

    def describe(self) -> dict[str, object]:
        """See Supplement."""
        return {"keep-alive interval": self._interval, "connections": self._open, "cut off": self.cut_off}

    def _cancel(self) -> None:
        for timer in (self._keep_alive, self._round):
            if timer is not None:
                timer.cancel()
        self._keep_alive = self._round = None

    def _arm(self) -> None:
        if self._is_running:
            loop = self.driver.system.loop
            self._round = loop.call_later(ROUND, self._look)
            if self._interval:
                self._keep_alive = loop.call_later(self._interval, self._send)

    def _send(self) -> None:
        self._keep_alive = self.driver.system.loop.call_later(self._interval, self._send)
        self.driver.transports.keep_alive()

    def _look(self) -> None:
        self._round = self.driver.system.loop.call_later(ROUND, self._look)
        for flow, is_partial in self.driver.sip.stalled_streams(self.driver.system.now() - PATIENCE):
            if is_partial or _is_accepted(flow):
                self.cut_off += 1
                logger.notice(f"closing the connection from {flow.host}:{flow.port}: no whole message in {PATIENCE:.0f} seconds")
                self.driver.transports.disconnect(flow, at_once=True)


def _is_accepted(flow: Flow) -> bool:
    """Whether the peer made the connection; on one of ours it need not say anything."""
    return bool(getattr(flow.connection, "source", ""))
