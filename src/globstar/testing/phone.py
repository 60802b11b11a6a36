"""Simulated phones: SIP user agents in memory that do what a test tells them, and answer everything else as phones do."""

from __future__ import annotations

import asyncio
import itertools
from collections import deque
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from globstar.testing.media import PhoneMedia
from globstar.testing.messages import Message, authorization

if TYPE_CHECKING:
    from globstar.core.channel import Channel
    from globstar.testing.office import Office

#: Virtual seconds after which a test gives up waiting for something, unless it says otherwise.
PATIENCE = 120.0

_ALLOW = "INVITE, ACK, CANCEL, BYE, OPTIONS, INFO, UPDATE, REFER, NOTIFY, MESSAGE"
_REASONS = {
    200: "OK", 202: "Accepted", 180: "Ringing", 183: "Session Progress", 302: "Moved Temporarily", 404: "Not Found",
    480: "Temporarily Unavailable", 486: "Busy Here", 487: "Request Terminated", 603: "Decline",
}  # fmt: skip


class CallState:
    """States of a phone's call, in their order."""

    CALLING, RINGING, ANSWERED, ENDED = range(4)


class Phone:
    """One phone at an address of its own. ``on_call`` is called with every call that comes in, if set."""

    def __init__(self, office: Office, name: str, user: str, password: str, address: tuple[str, int]) -> None:
        self.office = office
        self.name = name
        self.user = user
        self.password = password
        self.address = address
        self.calls: list[PhoneCall] = []
        self.by_id: dict[str, PhoneCall] = {}
        self.on_call: Callable[[PhoneCall], object] | None = None
        #: bodies of NOTIFY and MESSAGE that came outside of calls
        self.notified: list[str] = []
        self.texts: list[str] = []
        self._incoming: deque[PhoneCall] = deque()
        self._waiting: deque[asyncio.Future[None]] = deque()
        self._answers: dict[str, asyncio.Future[Message]] = {}
        self._numbers = itertools.count(1)
        office.network.peers[address] = self._receive

    def __repr__(self) -> str:
        return f"<Phone {self.name}>"

    @property
    def uri(self) -> str:
        """Its contact."""
        return f"sip:{self.name}@{self.address[0]}:{self.address[1]}"

    def new_number(self) -> int:
        """A number that this phone has not used yet."""
        return next(self._numbers)

    # -- registration and messages outside of calls --------------------------------------------------------------------------

    async def register(self, expires: int = 3600) -> Message:
        """Register; 0 ends the registration. Raises AssertionError when that is refused."""
        host = self.office.server[0]
        answer = await self._ask("REGISTER", f"sip:{host}", to=f"<sip:{self.user}@{host}>", extra=f"Expires: {expires}\r\n")
        assert answer.status == 200, f"{self.name} could not register: {answer.start_line}"
        return answer

    async def send_message(self, number: str, text: str) -> Message:
        """Send a text outside of calls; gives the answer."""
        return await self._ask("MESSAGE", self.office.uri_of(number), extra="Content-Type: text/plain\r\n", body=text)

    async def _ask(self, method: str, uri: str, *, to: str = "", extra: str = "", body: str = "") -> Message:
        call_id, tag = f"{self.name}-ask-{self.new_number()}", f"{self.name}{self.new_number()}"
        head = extra
        for cseq in (1, 2):
            future: asyncio.Future[Message] = asyncio.get_running_loop().create_future()
            self._answers[call_id] = future
            self.send(self.request(method, uri, to or f"<{uri}>", tag, call_id, cseq, head, body))
            answer = await asyncio.wait_for(future, PATIENCE)
            challenge = answer["WWW-Authenticate"] or answer["Proxy-Authenticate"]
            if not challenge or cseq == 2:
                return answer
            name = "Authorization" if answer["WWW-Authenticate"] else "Proxy-Authorization"
            head = extra + f"{name}: {authorization(challenge, method, uri, self.user, self.password)}\r\n"
        raise AssertionError("unreachable")

    # -- calls ---------------------------------------------------------------------------------------------------------------

    def call(self, number: str, *, caller_id: str = "") -> PhoneCall:
        """Call a number of the server, or a SIP URI; ``caller_id`` is the display name of From."""
        call = PhoneCall(self, self.office.uri_of(number), caller_id=caller_id)
        call.invite()
        return call

    async def is_called(self, patience: float = PATIENCE) -> PhoneCall:
        """The next call that comes in; it rings already."""
        loop = asyncio.get_running_loop()
        while not self._incoming:
            future: asyncio.Future[None] = loop.create_future()
            self._waiting.append(future)
            try:
                await asyncio.wait_for(future, patience)
            except TimeoutError:
                raise AssertionError(f"nobody called {self.name} in {patience:g} s") from None
        return self._incoming.popleft()

    def unplug(self) -> None:
        """Out of the network; its calls stay as they are at the server."""
        self.office.network.peers.pop(self.address, None)
        for call in self.calls:
            call.media.close()

    # -- the wire ------------------------------------------------------------------------------------------------------------

    def send(self, text: str) -> None:
        """Send a message as it is."""
        self.office.network.send(text.encode(), self.address, self.office.server)

    def request(
        self, method: str, uri: str, to: str, tag: str, call_id: str, cseq: int, extra: str = "", body: str = "",
        *, display: str = "", branch: str = "",
    ) -> str:  # fmt: skip
        """The text of a request; ``extra`` are whole lines."""
        host, port = self.address
        branch = branch or f"z9hG4bK{self.name}{self.new_number()}"
        shown = f'"{display}" ' if display else ""
        return (
            f"{method} {uri} SIP/2.0\r\nVia: SIP/2.0/UDP {host}:{port};branch={branch};rport\r\nMax-Forwards: 70\r\n"
            f"From: {shown}<sip:{self.user}@{self.office.server[0]}>;tag={tag}\r\nTo: {to}\r\nCall-ID: {call_id}\r\n"
            f"CSeq: {cseq} {method}\r\nContact: <{self.uri}>\r\nAllow: {_ALLOW}\r\n{extra}"
            f"Content-Length: {len(body.encode())}\r\n\r\n{body}"
        )

    def reply(self, request: Message, status: int, *, tag: str = "", extra: str = "", body: str = "") -> None:
        """Answer a request."""
        to = request["To"]
        if tag and "tag=" not in to:
            to += f";tag={tag}"
        vias = "".join(f"Via: {via}\r\n" for via in request.all("Via"))
        routes = "".join(f"Record-Route: {route}\r\n" for route in request.all("Record-Route"))
        contact = "" if "Contact: " in extra else f"Contact: <{self.uri}>\r\n"
        self.send(
            f"SIP/2.0 {status} {_REASONS.get(status, 'X')}\r\n{vias}{routes}From: {request['From']}\r\nTo: {to}\r\n"
            f"Call-ID: {request['Call-ID']}\r\nCSeq: {request['CSeq']}\r\n{contact}Allow: {_ALLOW}\r\n{extra}"
            f"Content-Length: {len(body.encode())}\r\n\r\n{body}"
        )

    def _receive(self, data: bytes, _source: tuple[str, int]) -> None:
        message = Message(data.decode("utf-8", "replace"))
        call_id = message["Call-ID"]
        call = self.by_id.get(call_id)
        if call is not None:
            call.receive(message)
        elif message.status:
            future = self._answers.get(call_id)
            if future is not None and message.status >= 200 and not future.done():
                future.set_result(message)
        elif message.method == "INVITE":
            self._take_call(message)
        elif message.method == "OPTIONS":
            self.reply(message, 200, tag=f"{self.name}{self.new_number()}")
        elif message.method in ("NOTIFY", "MESSAGE"):
            (self.notified if message.method == "NOTIFY" else self.texts).append(message.body)
            self.reply(message, 200, tag=f"{self.name}{self.new_number()}")
        elif message.method != "ACK":
            self.reply(message, 481)

    def _take_call(self, request: Message) -> None:
        call = PhoneCall(self, request.contact, request=request)
        call.ring()
        if self.on_call is not None:
            self.on_call(call)
            return
        self._incoming.append(call)
        if self._waiting:
            waiting = self._waiting.popleft()
            if not waiting.done():
                waiting.set_result(None)


class PhoneCall:
    """One call of a phone. ``status`` is the final SIP status of the INVITE, 0 before; times are seconds of the loop."""

    def __init__(self, phone: Phone, target: str, *, request: Message | None = None, caller_id: str = "") -> None:
        self.phone = phone
        self.office = phone.office
        self.is_incoming = request is not None
        self.state = CallState.CALLING
        self.status = 0
        self.began_at = phone.office.now()
        self.answered_at: float | None = None
        self.ended_at: float | None = None
        #: whether this side ended it
        self.ended_here = False
        #: the Reason header of the other side's goodbye
        self.reason = ""
        self.messages: list[Message] = []
        self.media = PhoneMedia(phone.office, phone.address[0])
        self._display = caller_id
        self._target = target
        self._tag = f"{phone.name}{phone.new_number()}"
        self._cseq = 1
        self._request = request
        self._remote_party = request["From"] if request is not None else f"<{target}>"
        self._routes: list[str] = list(request.all("Record-Route")) if request is not None else []
        self.call_id = request["Call-ID"] if request is not None else f"{phone.name}-{phone.new_number()}@{phone.address[0]}"
        self._waiters: list[asyncio.Future[None]] = []
        self._branch = ""
        self._has_credentials = False
        phone.calls.append(self)
        phone.by_id[self.call_id] = self
        if request is not None:
            self.media.learn(request.media)

    def __repr__(self) -> str:
        return f"<PhoneCall of {self.phone.name}, state {self.state}, status {self.status}>"

    # -- what the server has of it -------------------------------------------------------------------------------------------

    @property
    def channel(self) -> Channel | None:
        """The server's channel of this call, None when there is none (any more)."""
        return self.office.channel_of(self.call_id)

    @property
    def played(self) -> list[str]:
        """Names of the sounds that the server has played to this call, in order, without extension."""
        return self.office.played_to(self.call_id)

    @property
    def variables(self) -> dict[str, str]:
        """The last value of every channel variable that was set on this call, kept after its end."""
        return self.office.variables_of(self.call_id)

    @property
    def shown_caller(self) -> str:
        """What an incoming call shows: the party of From, or of P-Asserted-Identity where there is one."""
        assert self._request is not None, "only an incoming call shows somebody"
        return self._request["P-Asserted-Identity"] or self._request["From"].partition(";tag")[0]

    # -- waiting -------------------------------------------------------------------------------------------------------------

    async def _until(self, is_so: Callable[[], bool], what: str, patience: float) -> None:
        loop = asyncio.get_running_loop()
        deadline = loop.time() + patience
        while not is_so():
            assert loop.time() < deadline, f"{self} was never {what}"
            future: asyncio.Future[None] = loop.create_future()
            self._waiters.append(future)
            timer = loop.call_at(deadline, _settle, future)
            await future
            timer.cancel()

    def _changed(self) -> None:
        waiters, self._waiters = self._waiters, []
        for waiter in waiters:
            _settle(waiter)

    async def is_ringing(self, patience: float = PATIENCE) -> None:
        """Wait until it rings at the other end. Raises AssertionError when it never does."""
        await self._until(lambda: self.state >= CallState.RINGING, "ringing", patience)
        assert self.state < CallState.ENDED, f"{self} ended instead of ringing"

    async def is_answered(self, patience: float = PATIENCE) -> None:
        """Wait until the call stands. Raises AssertionError when it never does."""
        await self._until(lambda: self.state >= CallState.ANSWERED, "answered", patience)
        assert self.answered_at is not None, f"{self} ended instead of being answered"

    async def has_ended(self, patience: float = PATIENCE) -> int:
        """Wait for the end, whoever brings it; gives the final status of the INVITE."""
        await self._until(lambda: self.state == CallState.ENDED, "ended", patience)
        return self.status

    async def has_played(self, sound: str, patience: float = PATIENCE) -> None:
        """Wait until the server begins to play a sound to this call."""
        await self.office.until(lambda: sound in self.played, f"'{sound}' played to {self}, but {self.played}", patience)

    # -- what a caller does --------------------------------------------------------------------------------------------------

    def invite(self, extra: str = "") -> None:
        """Send the INVITE."""
        self._branch = f"z9hG4bK{self.phone.name}{self.phone.new_number()}"
        body = self.media.offer()
        self._send("INVITE", f"{extra}Content-Type: application/sdp\r\n", body, branch=self._branch)

    def _send(self, method: str, extra: str = "", body: str = "", *, cseq: int = 0, branch: str = "", uri: str = "") -> None:
        if not cseq:
            cseq = self._cseq
            self._cseq += 1
        route = "".join(f"Route: {entry}\r\n" for entry in self._routes)
        self.phone.send(
            self.phone.request(
                method, uri or self._target, self._remote_party, self._tag, self.call_id, cseq, route + extra, body,
                display=self._display, branch=branch,
            )
        )  # fmt: skip

    def cancel(self) -> None:
        """Give up before the answer."""
        self.ended_here = True
        self._send("CANCEL", cseq=self._cseq - 1, branch=self._branch)

    # -- what a callee does --------------------------------------------------------------------------------------------------

    def _reply(self, status: int, extra: str = "", body: str = "") -> None:
        assert self._request is not None, "only an incoming call can be answered"
        if body:
            extra += "Content-Type: application/sdp\r\n"
        self.phone.reply(self._request, status, tag=self._tag, extra=extra, body=body)

    def ring(self) -> None:
        """Tell the caller that it rings; done by itself when a call comes in."""
        self.state = CallState.RINGING
        self._reply(180)

    def answer(self) -> None:
        """Take the call."""
        self._reply(200, body=self.media.offer())
        self.status = 200
        self._stands()

    def refuse(self, status: int = 486, *, to: str = "") -> None:
        """Do not take the call; ``to`` sends it elsewhere (302)."""
        contact = f"Contact: <{self.office.uri_of(to)}>\r\n" if to else ""
        self._reply(302 if to else status, extra=contact)
        self.status, self.ended_here = 302 if to else status, True
        self._over()

    # -- what both do --------------------------------------------------------------------------------------------------------

    def hang_up(self) -> None:
        """End the call, in whatever state it is."""
        if self.state == CallState.ENDED:
            return
        if self.state == CallState.ANSWERED:
            self.ended_here = True
            self._send("BYE")
            self._over()
        elif self.is_incoming:
            self.refuse(603)
        else:
            self.cancel()

    async def press(self, digits: str) -> None:
        """Press keys: 100 ms each and 100 ms between them, as telephone-event (RFC 4733)."""
        for digit in digits:
            await self.media.press(digit)

    async def speak(self, seconds: float, *, octet: int = 0x41) -> None:
        """Send sound in u-law: the same octet all the time."""
        await self.media.speak(seconds, octet)

    def hold(self) -> None:
        """Put the other party on hold."""
        self._reinvite("sendonly")

    def resume(self) -> None:
        """Take the other party back."""
        self._reinvite("sendrecv")

    def _reinvite(self, direction: str) -> None:
        self._branch = f"z9hG4bK{self.phone.name}{self.phone.new_number()}"
        self._send("INVITE", "Content-Type: application/sdp\r\n", self.media.offer(direction), branch=self._branch)

    def transfer(self, number: str) -> None:
        """Send the other party to a number (REFER)."""
        self._send("REFER", f"Refer-To: <{self.office.uri_of(number)}>\r\n")

    # -- what comes in -------------------------------------------------------------------------------------------------------

    def receive(self, message: Message) -> None:
        """A message of this call."""
        self.messages.append(message)
        if message.status:
            if message.method == "INVITE":
                self._invite_answered(message)
            return
        handler = _REQUESTS.get(message.method)
        if handler is not None:
            handler(self, message)
        elif message.method != "ACK":
            self.phone.reply(message, 200, tag=self._tag)
        self._changed()

    def _invite_answered(self, message: Message) -> None:
        status = message.status
        if status < 200:
            if status >= 180 and self.state == CallState.CALLING:
                self.state = CallState.RINGING
            if message.media is not None:
                self.media.learn(message.media)
        elif status < 300:
            self._remote_party, self._target = message["To"], message.contact or self._target
            self._routes = list(reversed(message.all("Record-Route")))
            self.media.learn(message.media)
            self._send("ACK", cseq=message.sequence)
            if self.state < CallState.ANSWERED:
                self.status = status
                self._stands()
        else:
            self._acknowledge_refusal(message)
            challenge = message["WWW-Authenticate"] or message["Proxy-Authenticate"]
            if status in (401, 407) and challenge and not self._has_credentials:
                self._has_credentials = True
                name = "Authorization" if status == 401 else "Proxy-Authorization"
                value = authorization(challenge, "INVITE", self._target, self.phone.user, self.phone.password)
                self.invite(f"{name}: {value}\r\n")
            elif self.state < CallState.ANSWERED:
                self.status = status
                self.reason = message["Reason"]
                self._over()
        self._changed()

    def _acknowledge_refusal(self, message: Message) -> None:
        party, self._remote_party = self._remote_party, message["To"]
        self._send("ACK", cseq=message.sequence, branch=self._branch)
        self._remote_party = party

    def _bye(self, message: Message) -> None:
        self.phone.reply(message, 200)
        self.reason = message["Reason"]
        self._over()

    def _cancelled(self, message: Message) -> None:
        self.phone.reply(message, 200, tag=self._tag)
        if self.state < CallState.ANSWERED:
            self._reply(487)
            self.status = 487
            self.reason = message["Reason"]
            self._over()

    def _offered_again(self, message: Message) -> None:
        self.media.learn(message.media)
        body = self.media.offer(_answering(message.body))
        self.phone.reply(message, 200, tag=self._tag, extra="Content-Type: application/sdp\r\n", body=body)

    def _stands(self) -> None:
        self.state = CallState.ANSWERED
        self.answered_at = self.office.now()
        self._changed()

    def _over(self) -> None:
        self.state = CallState.ENDED
        self.ended_at = self.office.now()
        self.media.close()
        self._changed()


_REQUESTS: dict[str, Callable[[PhoneCall, Message], Any]] = {
    "BYE": PhoneCall._bye,
    "CANCEL": PhoneCall._cancelled,
    "INVITE": PhoneCall._offered_again,
}


def _answering(offer: str) -> str:
    """The direction that answers an offer (RFC 3264 6.1)."""
    for direction, answer in (("sendonly", "recvonly"), ("recvonly", "sendonly"), ("inactive", "inactive")):
        if f"a={direction}" in offer:
            return answer
    return "sendrecv"


def _settle(future: asyncio.Future[None]) -> None:
    if not future.done():
        future.set_result(None)
