"""The notifier's side of a subscription (RFC 6665 4.2): accept, refresh, expire, notify, end. Pure; one object each.

Every NOTIFY is a transaction of its own. At most :data:`MAX_OUTSTANDING` wait for their answer: what changes meanwhile is
told by one NOTIFY with the state of then, when an answer comes, so that a slow subscriber costs a bounded amount.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from globstar.proto.sip.dialog import Dialog, DialogState
from globstar.proto.sip.errors import SipParseError
from globstar.proto.sip.flow import Flow
from globstar.proto.sip.message import Header, Headers, Response
from globstar.proto.sip.timers import Timer
from globstar.proto.sip.user import DialogUser, RequestUser

if TYPE_CHECKING:
    from globstar.proto.sip.auth import CredentialSource
    from globstar.proto.sip.endpoint import SipEndpoint
    from globstar.proto.sip.transaction import ClientTransaction, ServerTransaction

#: NOTIFY requests of one subscription that wait for their answer.
MAX_OUTSTANDING = 4

#: Answers to a NOTIFY that end the subscription (RFC 6665 4.2.2, RFC 5057 5.1).
ENDING = frozenset((404, 405, 408, 410, 416, 480, 481, 482, 483, 484, 485, 489, 501, 604))


def event_of(value: str) -> tuple[str, str]:
    """Package (lower case) and id of an Event header (RFC 6665 8.2.1)."""
    package, *parts = value.split(";")
    event_id = ""
    for part in parts:
        name, _, text = part.partition("=")
        if name.strip().lower() == "id":
            event_id = text.strip()
    return package.strip().lower(), event_id


class NotifierUser:
    """Who has the state that is subscribed to."""

    def notification(self, subscription: Notifier) -> tuple[bytes, str, Headers]:
        """The state now: body, its content type, and more headers. Asked for each NOTIFY that the machine sends itself."""
        raise NotImplementedError

    def refuses(self, subscription: Notifier, transaction: ServerTransaction) -> int:
        """The status that refuses a SUBSCRIBE inside the dialog for its content; 0 takes it."""
        return 0

    def subscription_refreshed(self, subscription: Notifier, transaction: ServerTransaction) -> None:
        """It was renewed; 200 is sent, and a NOTIFY follows."""

    def subscription_ended(self, subscription: Notifier, reason: str) -> None:
        """It is over, whoever ended it; called once. The last NOTIFY, if there is one, is on its way."""


class Notifier(DialogUser, RequestUser):
    """One subscription that we serve.

    ``headers`` go into every NOTIFY after Subscription-State. ``shortest`` is the least duration of a refresh in seconds;
    less is answered 423 with Min-Expires.
    """

    __slots__ = (
        "_credentials",
        "_deadline",
        "_endpoint",
        "_is_dirty",
        "_outstanding",
        "_timer",
        "_user",
        "answer_headers",
        "dialog",
        "event",
        "event_id",
        "expires",
        "headers",
        "is_over",
        "longest",
        "shortest",
        "usual",
    )  # fmt: skip

    def __init__(
        self,
        endpoint: SipEndpoint,
        user: NotifierUser,
        event: str,
        event_id: str = "",
        *,
        headers: Headers = (),
        answer_headers: Headers = (),
        credentials: CredentialSource | None = None,
        shortest: int = 0,
        usual: int = 3600,
        longest: int = 0,
    ) -> None:
        self._endpoint = endpoint
        self._user = user
        self.event = event
        self.event_id = event_id
        self.headers = tuple(headers)
        self.answer_headers = tuple(answer_headers)
        self.shortest = shortest
        self.usual = usual
        self.longest = longest
        self.dialog: Dialog | None = None
        self.expires = 0
        self.is_over = False
        self._credentials = credentials
        self._deadline = 0.0
        self._timer: Timer | None = None
        self._outstanding = 0
        self._is_dirty = False

    # -- life --------------------------------------------------------------------------------------------------------

    def accept(self, transaction: ServerTransaction, contact: str, expires: int, *, rewrite_contact: bool = False) -> None:
        """Answer a SUBSCRIBE with 200 and begin; the first NOTIFY is the caller's to send, with notify_now().

        SipParseError 400 when the request has no usable Contact.
        """
        dialog = self._endpoint.create_dialog(transaction, self, contact=contact, rewrite_contact=rewrite_contact)
        self._begin(dialog, expires)
        transaction.respond(200, headers=[("Expires", str(expires)), ("Contact", contact), *self.answer_headers])

    def resume(self, dialog: Dialog, expires: int) -> None:
        """Go on with a subscription that outlived a restart: ``dialog`` as it was, ``expires`` seconds are left."""
        self._endpoint.add_dialog(dialog)
        self._begin(dialog, expires)

    def _begin(self, dialog: Dialog, expires: int) -> None:
        dialog.state = DialogState.CONFIRMED
        self.dialog = dialog
        self._extend(expires)

    def _extend(self, expires: int) -> None:
        """Let the subscription last ``expires`` seconds from now. A timer that fires too early is set anew."""
        layer = self._endpoint.layer
        now = layer.clock()
        self.expires = expires
        self._deadline = now + expires
        if self._timer is not None and self._timer.deadline > self._deadline:
            self._timer.cancel()
            self._timer = None
        if self._timer is None:
            self._timer = layer.timers.start(expires, now, self._expired, "subscription")
            layer.notify()

    def _expired(self, now: float) -> None:
        self._timer = None
        if now < self._deadline:
            self._timer = self._endpoint.layer.timers.start(self._deadline - now, now, self._expired, "subscription")
        else:
            self.terminate(reason="timeout")

    @property
    def remaining(self) -> int:
        """Seconds that are left."""
        return max(int(self._deadline - self._endpoint.layer.clock() + 0.5), 0)

    def terminate(self, reason: str = "", *, says: str = "") -> None:
        """End it with a last NOTIFY. ``says`` is what Subscription-State tells as reason; Asterisk's tells none."""
        if self.is_over:
            return
        self._close()
        self._send(*self._user.notification(self), state=f"terminated;reason={says}" if says else "terminated")
        self._user.subscription_ended(self, reason)

    def drop(self, reason: str) -> None:
        """End it without another word."""
        if not self.is_over:
            self._close()
            self._forget()
            self._user.subscription_ended(self, reason)

    def _close(self) -> None:
        self.is_over = True
        self._is_dirty = False
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None

    def _forget(self) -> None:
        if self.dialog is not None:
            self.dialog.state = DialogState.TERMINATED
            self._endpoint.remove_dialog(self.dialog)

    # -- NOTIFY ------------------------------------------------------------------------------------------------------

    def notify_now(self) -> None:
        """Tell the state of now, or as soon as the subscriber has caught up."""
        if self.is_over:
            return
        if self._outstanding >= MAX_OUTSTANDING:
            self._is_dirty = True
            return
        self._send(*self._user.notification(self))

    def _send(self, body: bytes, content_type: str, more: Headers, state: str = "") -> None:
        assert self.dialog is not None
        event = f"{self.event};id={self.event_id}" if self.event_id else self.event
        headers: list[Header] = [
            ("Event", event),
            ("Subscription-State", state or f"active;expires={self.remaining}"),
            *self.headers,
            *more,
        ]
        self._outstanding += 1
        self._endpoint.send_in_dialog(self.dialog, "NOTIFY", self, headers, body, content_type, self._credentials)

    def response_received(self, transaction: ClientTransaction, response: Response) -> None:
        """The answer to a NOTIFY."""
        self._settled(response.status, has_retry=response.has("Retry-After"))

    def request_failed(self, transaction: ClientTransaction, status: int, reason: str) -> None:
        """Nothing came back, or nothing could be sent: the subscriber is gone (RFC 6665 4.2.2)."""
        self._settled(408, has_retry=False)

    def _settled(self, status: int, *, has_retry: bool) -> None:
        self._outstanding -= 1
        if self.is_over:
            if not self._outstanding:
                self._forget()
        elif status in ENDING and not has_retry:
            self.drop(f"NOTIFY was answered {status}")
        elif self._is_dirty:
            self._is_dirty = False
            self.notify_now()

    # -- SUBSCRIBE inside the dialog ---------------------------------------------------------------------------------

    def dialog_request_received(self, dialog: Dialog, transaction: ServerTransaction) -> None:
        """A refresh, the end, or something that has no place here."""
        request = transaction.request
        if request.method == "OPTIONS":
            transaction.respond(200)
            return
        if request.method != "SUBSCRIBE":
            transaction.respond(405, headers=[("Allow", "SUBSCRIBE, NOTIFY, OPTIONS")])
            return
        if event_of(request.get("Event") or "") != (self.event, self.event_id):
            transaction.respond(403)  # a dialog carries one subscription (RFC 6665 4.5.2)
            return
        if self.is_over:
            transaction.respond(481)
            return
        try:
            asked = request.expires
        except SipParseError:
            transaction.respond(400)
            return
        if asked is None:
            asked = self.usual
        if asked and asked < self.shortest:
            transaction.respond(423, headers=[("Min-Expires", str(self.shortest))])
            return
        refusal = self._user.refuses(self, transaction)
        if refusal:
            transaction.respond(refusal)
            return
        if self.longest:
            asked = min(asked, self.longest)
        headers = [("Expires", str(asked)), ("Contact", dialog.contact), *self.answer_headers]
        transaction.respond(200, headers=headers)
        if asked:
            self._extend(asked)
            self._user.subscription_refreshed(self, transaction)
            self.notify_now()
        else:
            self.terminate("unsubscribed")

    @property
    def flow(self) -> Flow | None:
        """Where it goes."""
        return self.dialog.flow if self.dialog is not None else None

    def describe(self) -> str:
        """State and what it waits for, for the CLI."""
        state = "terminated" if self.is_over else f"active, {self.remaining} s left"
        return f"{self.event}: {state}, {self._outstanding} NOTIFY unanswered"
