"""Replays a recorded SIP trace of Asterisk through the stack and compares what leaves, byte for byte but for tokens.

The recorded far ends speak; whatever the recorded Asterisk sent must leave the stack as well, with the same headers in
the same order. Bodies, and headers that are a channel driver's business, are taken from the recording when a command
is issued; everything that the stack adds by itself (Via, From, To, Record-Route, Route, Call-ID, CSeq, Contact,
Max-Forwards, User-Agent, Server, ACK, answers to BYE and CANCEL, order) is not.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from typing import Any

from globstar.base.errors import LocalFault
from globstar.proto.sip.auth import Secret
from globstar.proto.sip.dialog import Dialog
from globstar.proto.sip.errors import SipParseError
from globstar.proto.sip.flow import Flow
from globstar.proto.sip.headers import NameAddr
from globstar.proto.sip.message import Header, Request, Response
from globstar.proto.sip.parser import parse
from globstar.proto.sip.session import InviteSession, SessionState
from globstar.proto.sip.transaction import ServerTransaction
from globstar.proto.sip.user import DialogUser
from tests.unit.proto.sip.ladder import TCP, UDP, Asker, Ladder, Leg, wire

_TOKEN = re.compile(r"<([A-Z0-9]+(?:[+][0-9]+)?)>")
_LEARNT = re.compile(r"<(?:TAG|BRANCH|CALLID)[0-9]+>")
_OWN = frozenset(
    (
        "Via", "Record-Route", "Route", "Call-ID", "From", "To", "CSeq", "Contact", "Server", "User-Agent",
        "Max-Forwards", "Content-Type", "Content-Length",
    )
)  # fmt: skip
_ANY = {"NONCE": r"[^\"]+", "OPAQUE": r"[^\"]+", "RESPONSE": r"[^\"]+", "CNONCE": r"[^\"]+", "LEN": r"[0-9]+"}


class Mismatch(AssertionError):
    """What left differs from the recording."""


@dataclass
class Expected:
    """One recorded message of Asterisk's."""

    text: str
    endpoint: str
    start: str = ""
    headers: list[Header] = field(default_factory=list)
    body: str = ""

    def __post_init__(self) -> None:
        head, _, self.body = self.text.partition("\n\n")
        lines = head.split("\n")
        self.start = lines[0]
        self.headers = [(name, value) for name, _, value in (line.partition(": ") for line in lines[1:])]

    @property
    def is_response(self) -> bool:
        return self.start.startswith("SIP/2.0")

    @property
    def status(self) -> int:
        return int(self.start.split(" ")[1])

    @property
    def reason(self) -> str:
        return self.start.split(" ", 2)[2]

    @property
    def method(self) -> str:
        return (self.get("CSeq") or "").split(" ")[1] if self.is_response else self.start.split(" ")[0]

    def get(self, name: str) -> str | None:
        return next((value for key, value in self.headers if key == name), None)

    def extras(self) -> list[Header]:
        return [(name, value) for name, value in self.headers if name not in _OWN]

    def given(self) -> list[Header]:
        """Headers of the driver in a response whose Contact is not added by the stack."""
        return [(name, value) for name, value in self.headers if name not in _OWN or name == "Contact"]


class Replay(Ladder):
    """Runs one trace."""

    def __init__(self, trace: list[dict[str, Any]]) -> None:
        super().__init__(seed=3)
        self.trace = [step for step in trace if not step["retransmission"]]
        self.values: dict[str, str] = {}
        self.counter = 0
        self.pending: list[ServerTransaction] = []
        self.sessions: dict[str, InviteSession] = {}
        self.legs: dict[str, ReplayLeg] = {}
        self.dialogs: dict[str, Dialog] = {}
        self.outbox: list[tuple[Flow, bytes]] = []
        self.position = 0
        self.matched = 0
        self.flows: dict[str, Flow] = {}

    # -- values of tokens ----------------------------------------------------------------------------------------
    def fill(self, text: str) -> str:
        """Replace tokens in a recorded message by the values of this run, inventing those not yet known."""

        def value(found: re.Match[str]) -> str:
            token = found[1]
            if token.startswith("CSEQ+"):
                return str(self.base(text) + int(token[5:]))
            if token not in self.values:
                self.counter += 1
                prefix = "z9hG4bK" if token.startswith("BRANCH") else ""
                self.values[token] = f"{prefix}{token.lower()}{self.counter}"
            return self.values[token]

        return _TOKEN.sub(value, text)

    def known(self, text: str) -> str:
        """Replace only the tokens whose value is known."""
        return _LEARNT.sub(lambda found: self.values.get(found[0][1:-1], found[0]), text)

    def base(self, text: str) -> int:
        """Return the first CSeq of ours in the Call-ID of a recorded message."""
        found = re.search(r"^Call-ID: (\S+)$", text, re.M)
        return int(self.values.get(f"BASE {found[1] if found else ''}", "1"))

    def learn(self, expected: str, actual: str) -> bool:
        """Match what left against the recording; take the values of tokens seen for the first time."""
        pattern: list[str] = []
        names: dict[str, str] = {}
        at = 0
        for found in _TOKEN.finditer(expected):
            pattern.append(re.escape(expected[at : found.start()]))
            at = found.end()
            token = found[1]
            if token.startswith("CSEQ+"):
                pattern.append(f"(?P<cseq>{'[0-9]+'})" if "cseq" not in names else "(?P=cseq)")
                names["cseq"] = token
            elif token in self.values and _LEARNT.match(found[0]):
                pattern.append(re.escape(self.values[token]))
            elif token in names.values() and _LEARNT.match(found[0]):
                pattern.append(f"(?P={next(name for name, known in names.items() if known == token)})")
            else:
                name = f"t{len(names)}"
                names[name] = token
                pattern.append(f"(?P<{name}>{_ANY.get(token, '[^;>, ]+?' if _LEARNT.match(found[0]) else '.+?')})")
        pattern.append(re.escape(expected[at:]))
        found_all = re.fullmatch("".join(pattern), actual, re.S)
        if found_all is None:
            return False
        for name, token in names.items():
            if name == "cseq":
                call = re.search(r"^Call-ID: (\S+)$", expected, re.M)
                key = f"BASE {call[1] if call else ''}"
                base = int(found_all["cseq"]) - int(token[5:])
                if self.values.setdefault(key, str(base)) != str(base):
                    return False
            elif _LEARNT.match(f"<{token}>"):
                self.values[token] = found_all[name]
        return True

    # -- the run -------------------------------------------------------------------------------------------------
    def run(self) -> int:
        """Replay; returns how many messages were compared."""
        while self.position < len(self.trace):
            step = self.trace[self.position]
            text = step["text"].replace("\r\n", "\n")
            if step["dir"] == "to_asterisk":
                self.position += 1
                self.speak(text, step["endpoint"])
            else:
                self.compare(Expected(text, step["endpoint"]))
                self.position += 1
            self.outbox += self.core.take_output()
        return self.matched

    def speak(self, text: str, endpoint: str) -> None:
        """Deliver what a recorded far end said."""
        filled = self.fill(text)
        body_length = len(filled.partition("\n\n")[2].replace("\n", "\r\n").encode())
        filled = re.sub(r"(?m)^Content-Length: .*$", f"Content-Length: {body_length}", filled, count=1)
        data = wire(filled)
        via = re.search(r"^Via: SIP/2.0/(UDP|TCP) 127.0.0.1:(\d+)", filled, re.M)
        port = int(via[2]) if via else 15071
        if filled.startswith("SIP/2.0"):
            port = self.flows.get(endpoint, Flow(UDP, "127.0.0.1", 15071)).port
        if via and via[1] == "TCP":
            flow = Flow(TCP, "127.0.0.1", int(self.values.setdefault("EPHEMERAL1", "40001")), "tcp")
        else:
            flow = Flow(UDP, "127.0.0.1", port)
        self.flows[endpoint] = flow
        self.now += 0.001
        self.core.receive_message(data, flow, self.now)

    def compare(self, expected: Expected) -> None:
        """Find ``expected`` in what left; when it is not there, issue the command that makes it leave."""
        if self.pick(expected):
            return
        self.command(expected)
        self.outbox += self.core.take_output()
        if not self.pick(expected):
            sent = "\n".join(data.decode() for _, data in self.outbox).replace("\r\n", "\n")
            raise Mismatch(f"expected:\n{expected.text}\nleft:\n{sent}")

    def pick(self, expected: Expected) -> bool:
        for index, (flow, data) in enumerate(self.outbox):
            actual = data.decode().replace("\r\n", "\n")
            head, _, _ = actual.partition("\n\n")
            wanted, _, _ = expected.text.partition("\n\n")
            wanted = re.sub(r"(?m)^Content-Length: .*$", "Content-Length: <LEN>", wanted)
            head = re.sub(r"(?m)^Content-Length:  +", "Content-Length: ", head)
            if self.learn(wanted, head):
                del self.outbox[index]
                self.flows.setdefault(expected.endpoint, flow)
                self.matched += 1
                return True
        return False

    def request_received(self, transaction: ServerTransaction) -> None:
        self.pending.append(transaction)

    def command(self, expected: Expected) -> None:
        """Issue the command of a channel driver that should make the stack send ``expected``."""
        if expected.is_response:
            self.command_response(expected)
        else:
            self.command_request(expected)

    def command_response(self, expected: Expected) -> None:
        call_id = self.known(expected.get("Call-ID") or "")
        number = int((expected.get("CSeq") or "").split()[0])
        body = expected.body.encode()
        kind = expected.get("Content-Type") or ""
        for transaction in self.pending:
            request = transaction.request
            if (request.call_id, request.cseq.number, request.method) != (call_id, number, expected.method):
                continue
            branch = re.search(r"branch=(\S+)", self.known(expected.get("Via") or ""))
            if branch is not None and request.via.branch != branch[1]:
                continue
            if transaction.is_answered:
                continue
            session = self.sessions.get(request.via.branch)
            if request.method == "INVITE" and request.to.tag is None and session is None:
                server_last = [name for name, _ in expected.headers][-2:] == ["Server", "Content-Length"]
                if (expected.status >= 300 and server_last and expected.extras()) or expected.status in (401, 488):
                    transaction.respond(expected.status, expected.reason, expected.given(), body, kind)
                    return
                session = self.begin(transaction, expected)
                if session is None:
                    return
            if request.method in ("SUBSCRIBE", "REFER") and request.to.tag is None and expected.status < 300:
                dialog = self.core.create_dialog(transaction, Subscriber(self), contact=expected.get("Contact") or "")
                self.dialogs[dialog.call_id] = dialog
            if session is not None:
                self.drive(session, transaction, expected, body, kind)
            else:
                transaction.respond(expected.status, expected.reason, expected.given(), body, kind)
            return
        for leg in self.legs.values():
            for transaction in leg.open:
                request = transaction.request
                if (
                    not transaction.is_answered
                    and (request.call_id, request.cseq.number, request.method) == (call_id, number, expected.method)
                    and leg.session is not None
                ):
                    leg.session.respond(transaction, expected.status, expected.reason, expected.given(), body, kind)
                    return

    def begin(self, transaction: ServerTransaction, expected: Expected) -> InviteSession | None:
        contact = self.first_contact(expected, transaction)
        leg = ReplayLeg(self)
        try:
            session = self.core.accept_invite(transaction, leg, contact=contact)
        except SipParseError as error:
            transaction.respond(error.status, error.reason)
            return None
        leg.session = session
        self.sessions[transaction.request.via.branch] = session
        self.legs[transaction.request.via.branch] = leg
        return session

    def first_contact(self, expected: Expected, transaction: ServerTransaction) -> str:
        """Return the Contact that the recorded responses of this call carry."""
        for step in self.trace[self.position :]:
            later = Expected(step["text"].replace("\r\n", "\n"), step["endpoint"])
            if step["dir"] == "from_asterisk" and later.is_response and later.method == "INVITE":
                if later.get("Call-ID") == expected.get("Call-ID") and later.get("Contact"):
                    return later.get("Contact") or ""
        return "<sip:127.0.0.1:15060>"

    def drive(self, session: InviteSession, transaction: ServerTransaction, expected: Expected, body: bytes, kind: str) -> None:
        headers = expected.given() if expected.status >= 300 else expected.extras()
        status = expected.status
        if status == 100:
            session.provisional(100)
        elif status < 200:
            session.provisional(status, expected.reason, headers, body, kind)
        elif status < 300:
            session.accept(headers, body, kind)
        else:
            session.reject(status, expected.reason, headers, body, kind)

    def command_request(self, expected: Expected) -> None:
        method = expected.method
        body = expected.body.encode()
        kind = expected.get("Content-Type") or ""
        call_id = self.known(expected.get("Call-ID") or "")
        headers = expected.extras()
        session = next((s for s in self.sessions.values() if s.call_id == call_id and s.dialog is not None), None)
        known = next((s for s in self.sessions.values() if s.call_id == call_id), None)
        uri = expected.start.split(" ")[1]
        if method == "CANCEL" and known is not None:
            known.cancel(headers)
        elif method == "BYE" and session is not None:
            if session.state in (SessionState.CONNECTING, SessionState.CONFIRMED):
                session.bye(headers)
        elif method == "INVITE" and session is not None:
            session.reinvite(headers, body, kind)
        elif session is not None and "tag=" in (expected.get("To") or ""):
            if session.state is not SessionState.TERMINATED:
                session.send_request(method, headers, body, kind)
        elif call_id in self.dialogs:
            self.core.send_in_dialog(self.dialogs[call_id], method, Asker(), headers, body, kind)
        elif method == "INVITE":
            self.call(expected, uri, headers, body, kind)
        else:
            self.ask(expected, method, uri, headers, body, kind)

    def parties(self, expected: Expected) -> tuple[NameAddr, NameAddr]:
        # a tag that the recording saw here for the first time is ours to invent
        from_ = NameAddr.parse(re.sub(r";tag=<TAG\d+>", "", expected.get("From") or ""))
        to = NameAddr.parse(re.sub(r";tag=<TAG\d+>", "", expected.get("To") or ""))
        return from_, to

    def target(self, uri: str) -> Flow:
        found = re.search(r"127\.0\.0\.1:(\d+)", uri)
        return Flow(UDP, "127.0.0.1", int(found[1]) if found else 5060)

    def call(self, expected: Expected, uri: str, headers: list[Header], body: bytes, kind: str) -> None:
        from_, to = self.parties(expected)
        leg = ReplayLeg(self)
        session = self.core.invite(
            uri,
            leg,
            flow=self.target(uri),
            from_=from_,
            to=to,
            contact=expected.get("Contact") or "",
            headers=headers,
            body=body,
            content_type=kind,
            credentials=AnySecret(),
        )
        leg.session = session
        self.sessions[session.call_id] = session
        self.legs[session.call_id] = leg

    def ask(self, expected: Expected, method: str, uri: str, headers: list[Header], body: bytes, kind: str) -> None:
        from_, to = self.parties(expected)
        contact = expected.get("Contact")
        if method == "REGISTER" and contact is not None:
            headers = [("Contact", contact), *headers]
            contact = None
        call = re.search(r"<CALLID\d+>", expected.get("Call-ID") or "")
        known = self.values.get(call[0][1:-1]) if call else None
        offset = re.search(r"<CSEQ\+(\d+)>", expected.get("CSeq") or "")
        cseq = self.base(expected.text) + int(offset[1]) if known and offset else None
        request = self.core.new_request(
            method,
            uri,
            from_=from_,
            to=to,
            contact=contact,
            headers=headers,
            body=body,
            content_type=kind,
            call_id=known,
            cseq=cseq,
        )
        self.core.send_request(request, self.target(uri), Asker(), AnySecret())


class AnySecret:
    """Knows a secret for every realm."""

    def count_for(self, realm: str, nonce: str) -> int:
        """Each nonce is used once."""
        return 1

    def secret_for(self, realm: str) -> Secret:
        return Secret("oauthuser", "oauthpass")


class Subscriber(DialogUser):
    """Hands requests inside a subscription to the replay, which answers them as recorded."""

    def __init__(self, replay: Replay) -> None:
        self.replay = replay

    def dialog_request_received(self, dialog: Dialog, transaction: ServerTransaction) -> None:
        self.replay.pending.append(transaction)


class ReplayLeg(Leg):
    """A leg that looks up in the recording with which headers the driver answers on the spot."""

    def __init__(self, replay: Replay) -> None:
        super().__init__()
        self.replay = replay
        self.open: list[ServerTransaction] = []

    def cancelled(self, session: InviteSession, request: Request) -> None:
        for step in self.replay.trace[self.replay.position :]:
            expected = Expected(step["text"].replace("\r\n", "\n"), step["endpoint"])
            if step["dir"] == "from_asterisk" and expected.is_response and expected.method == "INVITE":
                if self.replay.known(expected.get("Call-ID") or "") == session.call_id and expected.status >= 300:
                    session.reject(expected.status, expected.reason, expected.given())
                    return

    def reinvite_received(self, session: InviteSession, transaction: ServerTransaction) -> None:
        self.open.append(transaction)

    def update_received(self, session: InviteSession, transaction: ServerTransaction) -> None:
        self.open.append(transaction)

    def request_received(self, session: InviteSession, transaction: ServerTransaction) -> None:
        self.open.append(transaction)


__all__ = ["LocalFault", "Mismatch", "Replay", "Response", "parse"]
