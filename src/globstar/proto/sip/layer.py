"""The transaction layer: tables of running and finished transactions, matching, output (RFC 3261 17.1.3, 17.2.3)."""

from __future__ import annotations

from collections.abc import Callable

from globstar.proto.sip.compact import compact
from globstar.proto.sip.flow import Flow
from globstar.proto.sip.headers.via import MAGIC_COOKIE, is_unique_branch
from globstar.proto.sip.locate import Lookup
from globstar.proto.sip.message import Header, Headers, Request, Response, serialise
from globstar.proto.sip.remnant import Remnant
from globstar.proto.sip.settings import SipSettings
from globstar.proto.sip.timers import TimerQueue
from globstar.proto.sip.transaction import ClientTransaction, ClientUser, ServerTransaction
from globstar.proto.sip.user import SipHandler

Key = tuple[str, ...]


def server_key(request: Request) -> Key:
    """Return the key of the transaction that ``request`` belongs to; ACK and CANCEL give that of their INVITE.

    RFC 3261 17.2.3: branch, sent-by and method; without the magic cookie the older rules of RFC 2543.
    """
    via = request.via
    method = request.method
    if method in ("ACK", "CANCEL"):
        method = "INVITE"
    branch = via.branch
    if is_unique_branch(branch):
        return (branch, via.sent_by, method)
    return (
        str(request.uri),
        request.from_.tag or "",
        request.call_id,
        str(request.cseq.number),
        str(via),
        method,
    )


class TransactionLayer:
    """Owns every transaction. ``send`` queues output; ``notify`` tells the driver of output made outside receive_*."""

    def __init__(
        self,
        settings: SipSettings,
        clock: Callable[[], float],
        getrandbits: Callable[[int], int],
        handler: SipHandler,
    ) -> None:
        self.settings = settings
        self.clock = clock
        self.handler = handler
        self.getrandbits = getrandbits
        t1, t2 = settings.t1, settings.t2
        durations = {0.0, t1, settings.t4, t2, 64 * t1, settings.timer_b, settings.timer_d}
        interval = t1
        while interval <= settings.timer_b:
            durations.add(interval)
            durations.add(min(interval, t2))
            interval *= 2
        self.timers = TimerQueue(sorted(durations))
        self.output: list[tuple[Flow, bytes]] = []
        self._rport = ";rport" if settings.rport else ""
        self._compacts = settings.compact_headers
        self.busy = 0
        self.notified = False
        self.retransmissions = 0
        self.clients: dict[Key, ClientTransaction | Remnant] = {}
        self.servers: dict[Key, ServerTransaction | Remnant] = {}
        self.closing_headers: list[Header] = [("Max-Forwards", str(settings.max_forwards))]
        if settings.user_agent:
            self.closing_headers.append(("User-Agent", settings.user_agent))

    # -- output --------------------------------------------------------------------------------------------------
    def send(self, flow: Flow, data: bytes) -> None:
        """Queue ``data`` for ``flow``."""
        self.output.append((flow, compact(data) if self._compacts else data))

    def notify(self) -> None:
        """Ask the driver to drain, once, unless it is about to anyway."""
        if not self.busy and not self.notified:
            self.notified = True
            self.handler.output_pending()

    def new_branch(self) -> str:
        """Return a fresh branch (RFC 3261 8.1.1.7)."""
        return f"{MAGIC_COOKIE}{self.getrandbits(80):020x}"

    def new_tag(self) -> str:
        """Return a fresh tag (RFC 3261 19.3)."""
        return f"{self.getrandbits(64):016x}"

    def via(self, flow: Flow, branch: str) -> str:
        """Return our Via value."""
        transport = flow.transport
        return f"SIP/2.0/{transport.name} {transport.sent_by(flow.host)}{self._rport};branch={branch}"

    def stamp(self, request: Request, flow: Flow) -> tuple[bytes, str, Flow]:
        """Put our Via on top of ``request`` and serialise; large requests may move to another flow (18.1.1)."""
        branch = self.new_branch()
        request.put_via(self.via(flow, branch))
        data = request.to_bytes()
        if len(data) > self.settings.large_request_bytes and not flow.transport.reliable:
            better = self.handler.large_request(request, len(data), flow)
            if better is not flow:
                flow = better
                request.put_via(self.via(flow, branch), in_place=True)
                data = request.to_bytes()
        return data, branch, flow

    def restamp(self, request: Request, flow: Flow, branch: str) -> bytes:
        """Exchange our Via for that of another flow and serialise."""
        request.put_via(self.via(flow, branch), in_place=True)
        return request.to_bytes()

    # -- client --------------------------------------------------------------------------------------------------
    def send_request(self, request: Request, flow: Flow, user: ClientUser) -> ClientTransaction:
        """Give ``request`` a Via and start its transaction."""
        if type(flow.connection) is Lookup:
            return self._locate(request, flow, user)
        data, branch, used = self.stamp(request, flow)
        transaction = ClientTransaction(self, request, data, branch, used, user)
        if used is not flow:
            transaction.other_flows = [flow]  # RFC 3261 18.1.1: UDP after all, if the connection cannot be had
        self.clients[transaction.key] = transaction
        transaction.start(self.clock())
        self.notify()
        return transaction

    def _locate(self, request: Request, flow: Flow, user: ClientUser) -> ClientTransaction:
        """Start a transaction as soon as it is known where to (RFC 3263)."""
        branch = self.new_branch()
        request.put_via(self.via(flow, branch))
        transaction = ClientTransaction(self, request, b"", branch, flow, user)
        self.clients[transaction.key] = transaction
        self.handler.find_targets(flow, transaction.targets_found)
        return transaction

    def send_cancel(self, invite: ClientTransaction, headers: Headers, user: ClientUser) -> ClientTransaction:
        """Send a CANCEL for ``invite`` on its branch (RFC 3261 9.1)."""
        request = invite.request
        out: list[Header] = [
            ("Via", request.get("Via") or ""),
            ("From", request.get("From") or ""),
            ("To", request.get("To") or ""),
            ("Call-ID", request.call_id),
            ("CSeq", f"{request.cseq.number} CANCEL"),
            *(pair for pair in request.headers if pair[0] == "Route"),
            *headers,
            *self.closing_headers,
        ]
        cancel = Request("CANCEL", request.uri, out)
        transaction = ClientTransaction(self, cancel, cancel.to_bytes(), invite.branch, invite.flow, user)
        self.clients[transaction.key] = transaction
        transaction.start(self.clock())
        self.notify()
        return transaction

    def send_ack(self, request: Request, flow: Flow) -> tuple[Flow, bytes]:
        """Send the ACK for a 2xx, a transaction of its own without state; returns what to repeat."""
        data, _, flow = self.stamp(request, flow)
        self.send(flow, data)
        self.notify()
        return flow, data

    def receive_response(self, response: Response, now: float) -> bool:
        """Give a response to its transaction; False when there is none (RFC 3261 17.1.3)."""
        transaction = self.clients.get((response.via.branch, response.cseq.method))
        if transaction is None:
            return False
        if type(transaction) is Remnant:
            if transaction.data and response.status >= 300:
                self.send(transaction.flow, transaction.data)
        elif isinstance(transaction, ClientTransaction):
            transaction.receive_response(response, now)
        return True

    def leave_client(self, key: Key, ack: bytes, flow: Flow, duration: float, now: float, name: str) -> None:
        """Replace a finished client transaction by its remnant for ``duration``."""
        self.clients[key] = remnant = Remnant(self, key, ack, flow, is_client=True)
        self.timers.linger(duration, now, remnant, name)

    def drop(self, remnant: Remnant) -> None:
        """Take a remnant whose time is over out of its table."""
        if remnant.is_client:
            if self.clients.get(remnant.key) is remnant:
                del self.clients[remnant.key]
        elif self.servers.get(remnant.key) is remnant:
            del self.servers[remnant.key]

    def forget_client(self, transaction: ClientTransaction) -> None:
        """Take a terminated transaction out of the table."""
        if self.clients.get(transaction.key) is transaction:
            del self.clients[transaction.key]

    # -- server --------------------------------------------------------------------------------------------------
    def receive_request(self, request: Request, flow: Flow, now: float) -> ServerTransaction | None:
        """Return a new transaction for ``request``, or None when it was a retransmission and is dealt with."""
        key = server_key(request)
        if request.method == "CANCEL":
            key = (*key[:-1], "CANCEL")
        known = self.servers.get(key)
        if known is not None:
            if isinstance(known, ServerTransaction):
                known.receive_request(now)
            elif known.data:
                self.retransmissions += 1
                self.send(known.flow, known.data)
            return None
        transaction = ServerTransaction(self, request, key, flow, self.new_tag(), now)
        self.servers[key] = transaction
        return transaction

    def find_invite(self, request: Request) -> ServerTransaction | Remnant | None:
        """Return the INVITE transaction that an ACK or CANCEL names by its branch (RFC 3261 9.2, 17.2.3)."""
        return self.servers.get(server_key(request))

    def leave_server(self, transaction: ServerTransaction, data: bytes, duration: float, name: str, now: float) -> None:
        """Replace an answered server transaction by its remnant for ``duration``."""
        if duration <= 0:
            self.servers.pop(transaction.key, None)
            return
        remnant = Remnant(self, transaction.key, data, transaction.reply_flow, local_tag=transaction.local_tag)
        self.servers[transaction.key] = remnant
        self.timers.linger(duration, now, remnant, name)

    def forget_server(self, transaction: ServerTransaction) -> None:
        """Take a terminated transaction out of the table."""
        if self.servers.get(transaction.key) is transaction:
            del self.servers[transaction.key]

    # -- transport -----------------------------------------------------------------------------------------------
    def transport_failed(self, flow: Flow, now: float) -> int:
        """Fail every unfinished request of ours on ``flow``; returns how many."""
        waiting = [
            transaction
            for transaction in self.clients.values()
            if isinstance(transaction, ClientTransaction) and transaction.flow == flow
        ]
        for transaction in waiting:
            transaction.transport_failed(now)
        return len(waiting)


__all__ = ["Key", "TransactionLayer", "serialise", "server_key"]
