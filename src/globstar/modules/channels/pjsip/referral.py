"""The subscription that a REFER of the other side makes: NOTIFY tells what became of its transfer (RFC 3515, RFC 6665)."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import TYPE_CHECKING

from globstar.base.log import Logger
from globstar.modules.channels.pjsip.refer import EVENTS, SIPFRAG
from globstar.proto.sip.message import Header, Response
from globstar.proto.sip.names import reason_phrase
from globstar.proto.sip.user import DialogUser, RequestUser

if TYPE_CHECKING:
    from globstar.modules.channels.pjsip.driver import PjsipDriver
    from globstar.proto.sip.dialog import Dialog
    from globstar.proto.sip.transaction import ClientTransaction, ServerTransaction

logger = Logger("res_pjsip_refer")

#: How long the other side may hear of its transfer, seconds.
LIFETIME = 600


class Referral(DialogUser, RequestUser):
    """Tells one phone the progress of the transfer that it asked for, in the dialog of its call, which it may outlive.

    The first NOTIFY says 100 and goes out with the first news, as with Asterisk. ``on_end`` is called when no more NOTIFY
    follows. A silent one (RFC 4488) sends none.
    """

    def __init__(
        self, driver: PjsipDriver, dialog: Dialog, *, event_id: str = "", is_silent: bool = False, on_end: Callable[[], None]
    ) -> None:
        self.driver = driver
        self.dialog = dialog
        self.event_id = event_id
        self.is_silent = is_silent
        self.on_end = on_end
        self.is_over = False
        self._has_begun = False
        self._status = 100
        self._expires_at = driver.system.now() + LIFETIME
        self._timer: asyncio.TimerHandle | None = driver.system.loop.call_later(LIFETIME, self._expired)

    @property
    def seconds_left(self) -> int:
        """How long the subscription lasts if nothing happens."""
        return max(round(self._expires_at - self.driver.system.now()), 0)

    def tell(self, status: int) -> None:
        """News: a provisional SIP status, or the final one, which ends the subscription."""
        if self.is_over:
            return
        if not self._has_begun:
            self._has_begun = True
            self._notify(100, f"active;expires={self.seconds_left}")
        if status >= 200:
            self.end(status, "noresource")
        elif status > 100:
            self._status = status
            self._notify(status, f"active;expires={self.seconds_left}")

    def end(self, status: int, reason: str) -> None:
        """The last NOTIFY."""
        if self.is_over:
            return
        self._notify(status, f"terminated;reason={reason}")
        self.close()

    def close(self) -> None:
        """No more NOTIFY."""
        if self.is_over:
            return
        self.is_over = True
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None
        self.on_end()

    def outlive(self) -> None:
        """The call of the dialog is over, the subscription is not: the dialog goes on for it (RFC 5057 4.1)."""
        self.dialog.user = self
        self.driver.sip.add_dialog(self.dialog)

    def subscribe_received(self, transaction: ServerTransaction) -> None:
        """SUBSCRIBE inside the dialog: another time, at most ours, and what is known by now; 0 ends the subscription."""
        wanted = transaction.request.get("Expires") or ""
        seconds = min(int(wanted), LIFETIME) if wanted.isdecimal() and len(wanted) < 10 else LIFETIME
        transaction.respond(200, headers=[("Expires", str(seconds)), ("Contact", self.dialog.contact)])
        if not seconds:
            self.end(self._status, "timeout")
            return
        if self._timer is not None:
            self._timer.cancel()
        self._expires_at = self.driver.system.now() + seconds
        self._timer = self.driver.system.loop.call_later(seconds, self._expired)
        self._has_begun = True
        self._notify(self._status, f"active;expires={seconds}")

    def _expired(self) -> None:
        self._timer = None
        self.end(self._status, "timeout")
        self.driver.output_pending()

    def _notify(self, status: int, state: str) -> None:
        if self.is_silent:
            return
        event = f"refer;id={self.event_id}" if self.event_id else "refer"
        headers: list[Header] = [("Event", event), ("Subscription-State", state), EVENTS]
        body = f"SIP/2.0 {status} {reason_phrase(status)}\r\n".encode()
        self.driver.sip.send_in_dialog(self.dialog, "NOTIFY", self, headers, body, SIPFRAG)

    # -- answers to NOTIFY -------------------------------------------------------------------------------------------

    def response_received(self, transaction: ClientTransaction, response: Response) -> None:
        """A phone that refuses a NOTIFY wants to hear no more (RFC 6665 4.2.2)."""
        if response.status >= 300:
            self.close()

    def request_failed(self, transaction: ClientTransaction, status: int, reason: str) -> None:
        """Nobody answers."""
        self.close()

    # -- requests in a dialog whose call is over ---------------------------------------------------------------------

    def dialog_request_received(self, dialog: Dialog, transaction: ServerTransaction) -> None:
        """SUBSCRIBE renews or ends; anything else has no call to belong to."""
        if transaction.request.method == "SUBSCRIBE":
            self.subscribe_received(transaction)
        else:
            transaction.respond(481)
