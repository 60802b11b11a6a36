"""Client and server transactions (RFC 3261 17, RFC 6026): they run the tables and own the timers."""

from __future__ import annotations

from typing import TYPE_CHECKING, Protocol

from globstar.base.errors import LocalFault
from globstar.proto.sip import tables
from globstar.proto.sip.answer import Answer
from globstar.proto.sip.flow import Flow
from globstar.proto.sip.message import Headers, Request, Response, serialise
from globstar.proto.sip.tables import Input, State, Table
from globstar.proto.sip.timers import Timer

if TYPE_CHECKING:
    from globstar.proto.sip.layer import Key, TransactionLayer


class ClientUser(Protocol):
    """Who gets the outcome of a client transaction. RequestUser is one."""

    def provisional_received(self, transaction: ClientTransaction, response: Response, /) -> None:
        """A 1xx arrived."""

    def response_received(self, transaction: ClientTransaction, response: Response, /) -> None:
        """A final response arrived; for INVITE, each 2xx."""

    def request_failed(self, transaction: ClientTransaction, status: int, reason: str, /) -> None:
        """Nothing came (408) or nothing could be sent (503)."""


class InviteServerUser(Protocol):
    """Who is told what happens to a received INVITE before it is answered."""

    def invite_cancelled(self, transaction: ServerTransaction, request: Request) -> None:
        """CANCEL arrived."""


_UNANSWERED = (State.CALLING, State.TRYING, State.PROCEEDING)
_FINAL_INPUT = (Input.RECEIVE_1XX, Input.RECEIVE_1XX, Input.RECEIVE_2XX)
_SEND_INPUT = (Input.SEND_1XX, Input.SEND_1XX, Input.SEND_2XX)
_TIMER_NAMES = {what: f"Timer {what.name[-1]}" for what in Input}


class _Transaction:
    """What both sides share: state, key, and running a row of the table."""

    __slots__ = ("flow", "key", "layer", "state", "table", "timers")

    def __init__(self, layer: TransactionLayer, key: Key, flow: Flow, table: Table, state: State) -> None:
        self.layer = layer
        self.key = key
        self.flow = flow
        self.table = table
        self.state = state
        self.timers: dict[Input, Timer] = {}

    def _run(self, what: Input, now: float) -> bool:
        """Take the row of the table for ``what``; False when there is none."""
        row = self.table.get((self.state, what))
        if row is None:
            return False
        state, actions = row
        self.state = state
        for action in actions:
            getattr(self, action)(now)
        if state is State.TERMINATED:
            self.stop_timers(now)
            self._forget()
        return True

    def _forget(self) -> None:
        raise NotImplementedError

    def _start(self, what: Input, duration: float, now: float) -> None:
        self.timers[what] = self.layer.timers.start(duration, now, lambda fired: self._fire(what, fired), _TIMER_NAMES[what])

    def _fire(self, what: Input, now: float) -> None:
        self.timers.pop(what, None)
        self._run(what, now)

    def stop_timers(self, now: float) -> None:
        """Cancel every timer."""
        if self.timers:
            for timer in self.timers.values():
                timer.cancel()
            self.timers.clear()

    @property
    def is_terminated(self) -> bool:
        """True when nothing will happen any more."""
        return self.state is State.TERMINATED

    def describe(self) -> str:
        """State and timers, for the CLI."""
        timers = ", ".join(f"{timer.name} at {timer.deadline:.3f}" for timer in self.timers.values())
        return f"{self.key} {self.state.name.lower()}{': ' + timers if timers else ''}"


class ClientTransaction(_Transaction):
    """A request of ours. Made by the layer; ``request`` has its Via, ``flow`` is where it went."""

    __slots__ = ("_ack", "_data", "_interval", "_response", "branch", "other_flows", "request", "user")

    def __init__(self, layer: TransactionLayer, request: Request, data: bytes, branch: str, flow: Flow, user: ClientUser) -> None:
        invite = request.method == "INVITE"
        super().__init__(
            layer,
            (branch, request.method),
            flow,
            tables.INVITE_CLIENT if invite else tables.NON_INVITE_CLIENT,
            State.CALLING if invite else State.TRYING,
        )
        self.branch = branch
        self.request = request
        self.user = user
        self._data = data
        self._ack = b""
        self._interval = layer.settings.t1
        self._response: Response | None = None
        #: where the request goes next when it fails here (RFC 3263 4.3)
        self.other_flows: list[Flow] = []

    def start(self, now: float) -> None:
        """Send the request and start its timers."""
        settings = self.layer.settings
        self.layer.send(self.flow, self._data)
        invite = self.state is State.CALLING
        if not self.flow.transport.reliable:
            self._start(Input.TIMER_A if invite else Input.TIMER_E, self._interval, now)
        if invite:
            self._start(Input.TIMER_B, settings.timer_b, now)
        else:
            self._start(Input.TIMER_F, 64 * settings.t1, now)

    def receive_response(self, response: Response, now: float) -> None:
        """Take a response that matched."""
        self._response = response
        status = response.status
        if status == 503 and self.other_flows and self.state in _UNANSWERED:
            key, flow = self.key, self.flow
            if self.request.method == "INVITE":
                self.send_ack(now)
            ack = self._ack
            self._move_on(now)
            if ack and not flow.transport.reliable:
                self.layer.leave_client(key, ack, flow, self.layer.settings.timer_d, now, "Timer D")
            return
        self._run(_FINAL_INPUT[status // 100] if status < 300 else Input.RECEIVE_FAILURE, now)

    def transport_failed(self, now: float) -> None:
        """The request could not be delivered."""
        if self.other_flows and self.state in (State.CALLING, State.TRYING):
            self._move_on(now)
            return
        self._run(Input.TRANSPORT_ERROR, now)

    def _fire(self, what: Input, now: float) -> None:
        if self.other_flows and what in (Input.TIMER_B, Input.TIMER_F) and self.state in (State.CALLING, State.TRYING):
            self._move_on(now)
        else:
            super()._fire(what, now)

    def targets_found(self, flows: list[Flow]) -> None:
        """It is known where the request goes; without any target it fails."""
        if self.state is State.TERMINATED:
            return
        now = self.layer.clock()
        if not flows:
            self._run(Input.TRANSPORT_ERROR, now)
        else:
            self.other_flows = flows[1:]
            self._go(flows[0], now)
        self.layer.notify()

    def _move_on(self, now: float) -> None:
        """Try the next target with a new branch (RFC 3263 4.3)."""
        self.layer.handler.target_failed(self.flow)
        self.stop_timers(now)
        self.layer.forget_client(self)
        self.branch = self.layer.new_branch()
        self.key = (self.branch, self.request.method)
        self._ack = b""
        self._interval = self.layer.settings.t1
        self.state = State.CALLING if self.request.method == "INVITE" else State.TRYING
        self.layer.clients[self.key] = self
        self._go(self.other_flows.pop(0), now)
        self.layer.notify()

    def _go(self, flow: Flow, now: float) -> None:
        self.flow = flow
        self._data = self.layer.restamp(self.request, flow, self.branch)
        self.start(now)

    def abandon(self, now: float) -> None:
        """Forget the transaction without telling anybody."""
        self.state = State.TERMINATED
        self.stop_timers(now)
        self._forget()

    @property
    def has_provisional(self) -> bool:
        """True while a provisional but no final response has come; only then may CANCEL be sent (RFC 3261 9.1)."""
        return self.state is State.PROCEEDING

    @property
    def response(self) -> Response:
        """The latest response."""
        if self._response is None:
            raise LocalFault("no response yet")
        return self._response

    # -- actions -------------------------------------------------------------------------------------------------
    def retransmit(self, now: float) -> None:
        self.layer.retransmissions += 1
        self.layer.send(self.flow, self._data)

    def restart_a(self, now: float) -> None:
        self._interval *= 2
        self._start(Input.TIMER_A, self._interval, now)

    def restart_e(self, now: float) -> None:
        self._interval = min(self._interval * 2, self.layer.settings.t2)
        self._start(Input.TIMER_E, self._interval, now)

    def restart_e_slow(self, now: float) -> None:
        self._interval = self.layer.settings.t2
        self._start(Input.TIMER_E, self._interval, now)

    def start_d(self, now: float) -> None:
        self._linger(Input.TIMER_D, self.layer.settings.timer_d, now)

    def start_k(self, now: float) -> None:
        self._linger(Input.TIMER_K, self.layer.settings.t4, now)

    def start_m(self, now: float) -> None:
        self._data = b""
        self._start(Input.TIMER_M, 64 * self.layer.settings.t1, now)

    def _linger(self, what: Input, duration: float, now: float) -> None:
        """Leave only a small record behind that absorbs, and acknowledges, repeated responses."""
        self._data = b""
        if self.flow.transport.reliable:
            self.state = State.TERMINATED
            self._forget()
        else:
            self.layer.leave_client(self.key, self._ack, self.flow, duration, now, _TIMER_NAMES[what])

    def send_ack(self, now: float) -> None:
        """Build and send the ACK for a refused INVITE (RFC 3261 17.1.1.3)."""
        request = self.request
        headers = [("Via", request.get("Via") or ""), ("From", request.get("From") or "")]
        headers.append(("To", self.response.to.in_from_to))
        headers.append(("Call-ID", request.call_id))
        headers.append(("CSeq", f"{request.cseq.number} ACK"))
        headers += [pair for pair in request.headers if pair[0] == "Route"]
        headers += self.layer.closing_headers
        self._ack = serialise(f"ACK {request.uri} SIP/2.0", headers, b"")
        self.layer.send(self.flow, self._ack)

    def resend_ack(self, now: float) -> None:
        self.layer.send(self.flow, self._ack)

    def pass_provisional(self, now: float) -> None:
        self.user.provisional_received(self, self.response)

    def pass_final(self, now: float) -> None:
        self.user.response_received(self, self.response)

    def time_out(self, now: float) -> None:
        self.user.request_failed(self, 408, "Request Timeout")

    def fail(self, now: float) -> None:
        self.user.request_failed(self, 503, "Service Unavailable")

    def _forget(self) -> None:
        self.layer.forget_client(self)


class ServerTransaction(_Transaction):
    """A request of the other side. ``respond()`` answers it, as often as its state allows.

    ``force_rport`` and ``user`` may be set before the first response; ``local_tag`` is the To tag of all responses
    unless the request has one.
    """

    __slots__ = (
        "_answer",
        "_data",
        "_interval",
        "_last_status",
        "_left",
        "force_rport",
        "local_tag",
        "received_at",
        "reply_flow",
        "request",
        "user",
    )

    def __init__(self, layer: TransactionLayer, request: Request, key: Key, flow: Flow, local_tag: str, now: float) -> None:
        invite = request.method == "INVITE"
        super().__init__(
            layer,
            key,
            flow,
            tables.INVITE_SERVER if invite else tables.NON_INVITE_SERVER,
            State.PROCEEDING if invite else State.TRYING,
        )
        self.request = request
        self.local_tag = local_tag
        self.force_rport = layer.settings.force_rport
        self.user: InviteServerUser | None = None
        self.received_at = now
        self.reply_flow = flow
        """Where responses go; Via has a say in it."""
        self._answer: Answer | None = None
        self._data = b""
        self._interval = layer.settings.t1
        self._last_status = 0
        self._left = (0.0, "")

    @property
    def status(self) -> int:
        """The last status sent, 0 before any."""
        return self._last_status

    @property
    def is_answered(self) -> bool:
        """True once a final response was sent."""
        return self._last_status >= 200

    def respond(
        self,
        status: int,
        reason: str | None = None,
        headers: Headers = (),
        body: bytes = b"",
        content_type: str = "application/sdp",
        *,
        server_first: bool = False,
    ) -> bytes:
        """Send a response and return it as sent. LocalFault after a final response.

        Header order: Via, Record-Route, Call-ID, From, To, CSeq, ``headers``, Server (before ``headers`` with
        ``server_first``), Content-Type, Content-Length. 100 carries no To tag.
        """
        if self._last_status >= 200 or self.state is State.TERMINATED:
            raise LocalFault(f"{self.request.method} was already answered {self._last_status}")
        data = self.build(status, reason, headers, body, content_type, server_first=server_first)
        self.send_built(status, data)
        return data

    def build(
        self,
        status: int,
        reason: str | None = None,
        headers: Headers = (),
        body: bytes = b"",
        content_type: str = "application/sdp",
        *,
        server_first: bool = False,
    ) -> bytes:
        """Return a response without sending it."""
        answer = self._answer
        if answer is None:
            answer = self._answer = Answer(self.request, self.flow, force_rport=self.force_rport)
            self.reply_flow = answer.flow
        tag = "" if status == 100 else self.local_tag
        return answer.build(status, reason, tag, self.layer.settings.user_agent, headers, body, content_type, server_first)

    def send_built(self, status: int, data: bytes) -> None:
        """Send what ``build`` returned."""
        self._last_status = status
        self._data = data
        self._run(_SEND_INPUT[status // 100] if status < 300 else Input.SEND_FAILURE, self.layer.clock())
        self.layer.notify()

    def respond_and_forget(self, status: int, headers: Headers = ()) -> None:
        """Send the only response and keep nothing, not even for repetitions of the request (RFC 3261 8.2.7)."""
        data = self.build(status, None, headers, b"", "")
        self._last_status = status
        self.layer.send(self.reply_flow, data)
        self.state = State.TERMINATED
        self.stop_timers(self.layer.clock())
        self._forget()
        self.layer.notify()

    def drop(self) -> None:
        """Answer nothing and keep nothing."""
        self.state = State.TERMINATED
        self.stop_timers(self.layer.clock())
        self._forget()

    def resend_2xx(self, data: bytes) -> None:
        """Send the 2xx again on behalf of the core (RFC 6026 7.1)."""
        self.layer.retransmissions += 1
        self.layer.send(self.reply_flow, data)

    def receive_request(self, now: float) -> None:
        """Take a retransmission of the request."""
        self._run(Input.RECEIVE_REQUEST, now)

    def receive_ack(self, now: float) -> bool:
        """Take an ACK on the branch of the INVITE; False when it is not for this transaction (2xx)."""
        return self._run(Input.RECEIVE_ACK, now)

    # -- actions -------------------------------------------------------------------------------------------------
    def send(self, now: float) -> None:
        self.layer.send(self.reply_flow, self._data)

    def resend(self, now: float) -> None:
        if self._data:
            self.layer.retransmissions += 1
            self.layer.send(self.reply_flow, self._data)

    def start_g(self, now: float) -> None:
        if not self.flow.transport.reliable:
            self._start(Input.TIMER_G, self._interval, now)

    def restart_g(self, now: float) -> None:
        self._interval = min(self._interval * 2, self.layer.settings.t2)
        self._start(Input.TIMER_G, self._interval, now)

    def start_h(self, now: float) -> None:
        self._start(Input.TIMER_H, 64 * self.layer.settings.t1, now)

    def start_i(self, now: float) -> None:
        self._data = b""
        self._left = (0.0 if self.flow.transport.reliable else self.layer.settings.t4, "Timer I")

    def start_j(self, now: float) -> None:
        self._left = (0.0 if self.flow.transport.reliable else 64 * self.layer.settings.t1, "Timer J")

    def start_l(self, now: float) -> None:
        self._left = (64 * self.layer.settings.t1, "Timer L")

    def shrink(self, now: float) -> None:
        """Leave only the key and the bytes to repeat behind; the 2xx of an INVITE is the core's to repeat."""
        duration, name = self._left
        data = b"" if self.state is State.ACCEPTED else self._data
        self.layer.leave_server(self, data, duration, name, now)

    def _forget(self) -> None:
        self.layer.forget_server(self)
