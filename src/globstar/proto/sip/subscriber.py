"""The subscriber's side of a subscription (RFC 6665 4.1): SUBSCRIBE, its refreshes, the NOTIFY requests that come. Pure.

One subscription is kept: of several notifiers that a forked SUBSCRIBE reaches the first counts, others are answered 481
(RFC 6665 4.5.2).
"""

from __future__ import annotations

from collections.abc import Callable
from enum import Enum
from typing import TYPE_CHECKING

from globstar.proto.sip.dialog import Dialog, DialogState
from globstar.proto.sip.errors import SipParseError
from globstar.proto.sip.flow import Flow
from globstar.proto.sip.grammar import Params
from globstar.proto.sip.headers.address import NameAddr
from globstar.proto.sip.message import Header, Headers, Request, Response
from globstar.proto.sip.notifier import event_of
from globstar.proto.sip.timers import Timer
from globstar.proto.sip.uri import SipUri
from globstar.proto.sip.user import DialogUser, RequestUser

if TYPE_CHECKING:
    from globstar.proto.sip.auth import CredentialSource
    from globstar.proto.sip.endpoint import SipEndpoint
    from globstar.proto.sip.transaction import ClientTransaction, ServerTransaction

#: A refresh goes out so many seconds before the end, or at half of a short life.
MARGIN = 30

#: Subscription-State reasons after which asking again makes no sense, or not before long (RFC 6665 4.1.3).
FINAL_REASONS = frozenset(("rejected", "noresource", "invariant"))


class SubscriberState(Enum):
    """What a subscription of ours is doing."""

    IDLE = "idle"
    ASKING = "asking"
    ACTIVE = "active"
    WAITING = "waiting to try again"
    STOPPED = "stopped"


class SubscriberUser:
    """Who wants the state of something elsewhere."""

    def notified(self, subscription: Subscriber, request: Request) -> int:
        """A NOTIFY with the state; the status to answer with (200, or 4xx for a body that makes no sense)."""
        return 200

    def subscription_failed(self, subscription: Subscriber, status: int, reason: str) -> None:
        """It is over for now: refused (``status``), or ended by the notifier (``status`` 0 with its reason)."""


class Subscriber(DialogUser, RequestUser):
    """One subscription that we have. ``start`` begins it, it goes on by itself, ``stop`` ends it."""

    def __init__(
        self,
        endpoint: SipEndpoint,
        user: SubscriberUser,
        *,
        uri: SipUri,
        from_: NameAddr,
        flow: Callable[[], Flow | None],
        contact: Callable[[Flow], str],
        event: str,
        accept: str,
        expires: int = 3600,
        retry: int = 60,
        headers: Headers = (),
        credentials: CredentialSource | None = None,
    ) -> None:
        self._endpoint = endpoint
        self._user = user
        self.uri = uri
        self._from = from_
        self._flow = flow
        self._contact = contact
        self.event = event
        self._accept = accept
        self._asked = expires
        self._retry = retry
        self._headers = tuple(headers)
        self._credentials = credentials
        self.state = SubscriberState.IDLE
        self.dialog: Dialog | None = None
        self.call_id = ""
        self._local_tag = ""
        self._deadline = 0.0
        self._timer: Timer | None = None
        self._is_ending = False

    # -- commands ----------------------------------------------------------------------------------------------------

    def start(self) -> None:
        """Subscribe anew."""
        self._cancel_timer()
        self._leave_dialog()
        self._is_ending = False
        flow = self._flow()
        if flow is None:
            self._fail(503, "no transport leads there")
            return
        layer = self._endpoint.layer
        self.call_id, self._local_tag = self._endpoint.new_call_id(), layer.new_tag()
        request = self._endpoint.new_request(
            "SUBSCRIBE", self.uri, from_=self._from.with_tag(self._local_tag), to=NameAddr(self.uri), contact=self._contact(flow),
            headers=self._subscribe_headers(self._asked), call_id=self.call_id,
        )  # fmt: skip
        self.state = SubscriberState.ASKING
        self._endpoint.expect_notify(self.call_id, self._local_tag, self._first_notify)
        self._start_timer(64 * self._endpoint.settings.t1, "Timer N")
        self._endpoint.send_request(request, flow, self, self._credentials)

    def stop(self) -> None:
        """End it: SUBSCRIBE with Expires 0 where there is a subscription."""
        self._cancel_timer()
        was_active, self.state = self.state is SubscriberState.ACTIVE, SubscriberState.STOPPED
        if was_active and self.dialog is not None:
            self._is_ending = True
            self._send_inside(0)
            self._start_timer(64 * self._endpoint.settings.t1, "Timer N")
        else:
            self._leave_dialog()

    @property
    def remaining(self) -> int:
        """Seconds until it ends unless it is refreshed."""
        if self.state is not SubscriberState.ACTIVE:
            return 0
        return max(int(self._deadline - self._endpoint.layer.clock() + 0.5), 0)

    def _subscribe_headers(self, expires: int) -> list[Header]:
        return [("Event", self.event), ("Expires", str(expires)), ("Accept", self._accept), *self._headers]

    def _send_inside(self, expires: int) -> None:
        assert self.dialog is not None
        self._endpoint.send_in_dialog(
            self.dialog, "SUBSCRIBE", self, self._subscribe_headers(expires), credentials=self._credentials
        )

    # -- timers ------------------------------------------------------------------------------------------------------

    def _start_timer(self, seconds: float, name: str) -> None:
        layer = self._endpoint.layer
        self._cancel_timer()
        self._timer = layer.timers.start(seconds, layer.clock(), self._fired, name)
        layer.notify()

    def _cancel_timer(self) -> None:
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None

    def _fired(self, now: float) -> None:
        self._timer = None
        if self.state is SubscriberState.STOPPED:
            self._leave_dialog()
        elif self.state is SubscriberState.WAITING:
            self.start()
        elif self.state is SubscriberState.ACTIVE:
            self._send_inside(self._asked)
        else:
            self._fail(408, "no NOTIFY came")

    def _lasts(self, expires: int) -> None:
        """The notifier grants so many seconds from now."""
        self._deadline = self._endpoint.layer.clock() + expires
        self._start_timer(max(expires - MARGIN, expires / 2), "refresh")

    # -- answers to SUBSCRIBE ----------------------------------------------------------------------------------------

    def response_received(self, transaction: ClientTransaction, response: Response) -> None:
        """The answer to a SUBSCRIBE."""
        if transaction.request.call_id != self.call_id or self.state is SubscriberState.WAITING:
            return  # too late: it is given up or begun anew
        status = response.status
        if self.state is SubscriberState.STOPPED:
            if status >= 300:
                self._leave_dialog()
            return
        if status < 300:
            if self.dialog is None and response.to.tag:
                self._join(Dialog.as_uac(transaction.request, response, self._contact(transaction.flow), transaction.flow, self))
            elif self.dialog is not None:
                self.dialog.refresh_target(response, transaction.flow)
            granted = response.expires
            self.state = SubscriberState.ACTIVE
            self._lasts(min(granted, self._asked) if granted is not None else self._asked)
        elif status == 423 and (shortest := _min_expires(response)) > self._asked:
            self._asked = shortest
            self.start()
        elif status == 481 and self.dialog is not None:
            self.start()  # the notifier forgot us (RFC 6665 4.1.2.2)
        else:
            self._fail(status, response.reason)

    def request_failed(self, transaction: ClientTransaction, status: int, reason: str) -> None:
        """Nothing came back."""
        if transaction.request.call_id == self.call_id and self.state is not SubscriberState.WAITING:
            if self.state is SubscriberState.STOPPED:
                self._leave_dialog()
            else:
                self._fail(status, reason)

    def _fail(self, status: int, reason: str, delay: int | None = None) -> None:
        self._leave_dialog()
        self.state = SubscriberState.WAITING
        self._start_timer(self._retry if delay is None else delay, "try again")
        self._user.subscription_failed(self, status, reason)

    # -- dialog ------------------------------------------------------------------------------------------------------

    def _join(self, dialog: Dialog) -> None:
        dialog.state = DialogState.CONFIRMED
        self.dialog = dialog
        self._endpoint.add_dialog(dialog)

    def _leave_dialog(self) -> None:
        self._cancel_timer()
        if self.call_id:
            self._endpoint.expect_notify(self.call_id, self._local_tag, None)
        if self.dialog is not None:
            self._endpoint.remove_dialog(self.dialog)
            self.dialog = None

    # -- NOTIFY ------------------------------------------------------------------------------------------------------

    def _first_notify(self, transaction: ServerTransaction) -> None:
        """A NOTIFY that comes before the 2xx makes the dialog as well (RFC 6665 4.4.1); one of another fork is refused."""
        request = transaction.request
        if self.dialog is not None or request.method != "NOTIFY":
            transaction.respond(481)
            return
        contact = self._contact(transaction.flow)
        dialog = Dialog.as_uas(request, self._local_tag, transaction.flow, contact, self, self._endpoint.first_cseq() + 1000)
        self._join(dialog)
        self.dialog_request_received(dialog, transaction)

    def dialog_request_received(self, dialog: Dialog, transaction: ServerTransaction) -> None:
        """A request of the notifier."""
        request = transaction.request
        if request.method != "NOTIFY":
            transaction.respond(405, headers=[("Allow", "NOTIFY")])
            return
        if event_of(request.get("Event") or "")[0] != self.event:
            transaction.respond(489)
            return
        value, _, tail = (request.get("Subscription-State") or "").partition(";")
        try:
            params = Params.parse(tail) if tail else Params(())
        except SipParseError:
            params = Params(())
        state = value.strip().lower()
        if state not in ("active", "pending", "terminated"):
            transaction.respond(400)
            return
        has_state = bool(request.body) or state == "active"
        status = self._user.notified(self, request) if has_state else 200
        transaction.respond(status, headers=[("Contact", dialog.contact)])
        if state == "terminated":
            self._terminated(params)
        elif self.state is not SubscriberState.STOPPED:
            self.state = SubscriberState.ACTIVE
            expires = params.get("expires") or ""
            self._lasts(min(int(expires), self._asked) if expires.isdecimal() and len(expires) < 10 else self._asked)

    def _terminated(self, params: Params) -> None:
        """The notifier ended it: ask again at once, later, or at the usual pace (RFC 6665 4.1.3)."""
        if self.state is SubscriberState.STOPPED:
            self._leave_dialog()
            return
        reason = (params.get("reason") or "").lower()
        retry_after = params.get("retry-after") or ""
        if reason in ("deactivated", "timeout", ""):
            delay = 1
        elif reason in FINAL_REASONS:
            delay = max(self._retry, 3600)
        else:
            delay = int(retry_after) if retry_after.isdecimal() and len(retry_after) < 7 else self._retry
        self._fail(0, reason or "terminated", delay)

    def describe(self) -> str:
        """State, for the CLI."""
        return f"{self.event} at {self.uri}: {self.state.value}"


def _min_expires(response: Response) -> int:
    text = (response.get("Min-Expires") or "").strip()
    return int(text) if text.isdecimal() and len(text) < 10 else 0
