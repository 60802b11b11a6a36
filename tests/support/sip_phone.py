"""SIP phones for tests of the PJSIP driver: text and bytes of their own, over a network in memory, on the test's loop.

They share no code with the driver: requests are f-strings, responses are read with ``re``, RTP with ``struct``. What every
phone sent and got is kept in ``office.ladder`` in order, so that a test can state a whole call flow.
"""

from __future__ import annotations

import asyncio
import hashlib
import itertools
import re
import struct
from collections import deque
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

from globstar.core.bridge import Bridge
from globstar.core.settings import Options
from globstar.core.system import System
from globstar.media.network import MediaNetwork, MemorySocket
from tests.support.sip_network import MemorySipNetwork
from tests.support.switch import running_system
from tests.support.virtual_loop import VirtualTimeLoop

SERVER = ("127.0.0.1", 15060)
PATIENCE = 40.0

GLOBAL = """\
[global]
type=global
user_agent=Globstar

[udp]
type=transport
protocol=udp
bind=127.0.0.1:15060

[tcp]
type=transport
protocol=tcp
bind=127.0.0.1:15060

"""


def phone_section(name: str, password: str = "", contact: str = "", **options: object) -> str:
    """The pjsip.conf of one phone; ``options`` are its endpoint's."""
    values: dict[str, object] = {"context": "default", "disallow": "all", "allow": "ulaw", "direct_media": "no", **options}
    lines = [f"[{name}]", "type=endpoint", f"aors={name}", *(f"{key}={value}" for key, value in values.items())]
    if password:
        lines += [f"auth={name}", "", f"[{name}]", "type=auth", f"username={name}", f"password={password}"]
    lines += ["", f"[{name}]", "type=aor", "max_contacts=2"]
    if contact:
        lines.append(f"contact={contact}")
    return "\n".join([*lines, "", ""])


class Wire:
    """A message as text."""

    def __init__(self, text: str) -> None:
        self.text = text
        head, _, self.body = text.partition("\r\n\r\n")
        self.start_line, *lines = head.split("\r\n")
        self.headers = [(name.strip(), value.strip()) for name, _, value in (line.partition(":") for line in lines)]
        first = self.start_line.split(" ", 2)
        self.status = int(first[1]) if first[0] == "SIP/2.0" else 0
        self.method = self["CSeq"].split()[-1] if self.status else first[0]
        self.uri = "" if self.status else first[1]

    def __getitem__(self, name: str) -> str:
        return next((value for key, value in self.headers if key.lower() == name.lower()), "")

    def all(self, name: str) -> list[str]:
        """Every value of a header."""
        return [value for key, value in self.headers if key.lower() == name.lower()]

    @property
    def label(self) -> str:
        """What the ladder shows: method or status, and the media's direction if there is SDP."""
        text = str(self.status) if self.status else self.method
        if "m=audio" in self.body:
            direction = re.search(r"a=(sendonly|recvonly|inactive)", self.body)
            text += f" ({direction[1]})" if direction else " (sdp)"
        return text

    @property
    def media(self) -> tuple[str, int]:
        """Where the SDP wants media."""
        host, port = re.search(r"c=IN IP4 (\S+)", self.body), re.search(r"m=audio (\d+)", self.body)
        assert host is not None, self.text
        assert port is not None, self.text
        return host[1], int(port[1])


class SipOffice:
    """A running system and its phones."""

    def __init__(self, system: System, network: MemorySipNetwork, media: MediaNetwork) -> None:
        self.system = system
        self.network = network
        self.media = media
        self.ladder: list[str] = []
        self.driver: Any = system.services["pjsip"]
        self.phones: dict[str, SipPhone] = {}
        self._numbers = itertools.count()

    def phone(self, name: str, password: str = "", **options: Any) -> SipPhone:
        """Plug a phone in."""
        index = next(self._numbers)
        phone = self.phones[name] = SipPhone(self, name, password, 15071 + index, 21000 + 100 * index, **options)
        return phone

    def story(self) -> list[str]:
        """The ladder since the last look."""
        story, self.ladder = self.ladder, []
        return story

    async def quiet(self, seconds: float = 1.0) -> None:
        """Let time pass; no phone may be left with a message that nobody looked at."""
        await asyncio.sleep(seconds)
        for phone in self.phones.values():
            assert not phone.inbox, f"{phone.name} also got {phone.inbox[0].text}"

    async def bridged(self) -> Bridge:
        """The bridge of the only call, when both are in it."""
        for _ in range(100):
            bridge = next(iter(self.system.bridges.values()), None)
            if bridge is not None and len(bridge.members) == 2:
                return bridge
            await asyncio.sleep(0.01)
        raise AssertionError("the phones were not connected")


#: the server's ports of media, apart from those of the phones
APART = "[general]\nrtpstart=10000\nrtpend=20998\n"


@asynccontextmanager
async def sip_office(
    root: Path, pjsip: str | None, extensions: str = "", files: Mapping[str, str] | None = None, *, options: Options | None = None
) -> AsyncIterator[SipOffice]:
    """A system with the PJSIP driver on a network in memory; at the end nothing of any call may be left."""
    loop = asyncio.get_running_loop()
    assert isinstance(loop, VirtualTimeLoop)
    loop.peers_inside = True
    network, media = MemorySipNetwork(loop), MediaNetwork(loop)

    def prepare(system: System) -> None:
        system.services["sip network"] = network
        system.services["rtp sockets"] = media

    own = {"pjsip.conf": GLOBAL + pjsip} if pjsip is not None else {}
    texts = {**own, "extensions.conf": extensions, "rtp.conf": APART, **(files or {})}
    async with running_system(root, texts, options=options, prepare=prepare) as system:
        office = SipOffice(system, network, media)
        yield office
        for phone in office.phones.values():
            phone.unplug()
        for channel in list(system.channels.values()):
            channel.request_hangup()
        driver = office.driver
        for contact in [contact for aor in driver.settings.aors for contact in driver.contacts.registered(aor)]:
            driver.contacts.remove(contact)
        driver.qualifier.stop()
        await asyncio.sleep(70)  # the longest a transaction may stay
        assert not system.channels
        assert not driver.legs
        assert driver.sip.dialogs == 0
        assert len(driver.rtp) == 0
        assert not driver.sip.layer.clients
        assert not driver.sip.layer.servers


class SipPhone:
    """One phone at an address of its own."""

    def __init__(
        self,
        office: SipOffice,
        name: str,
        password: str,
        port: int,
        rtp_port: int,
        *,
        host: str = "127.0.0.1",
        protocol: str = "UDP",
    ) -> None:
        self.office = office
        self.name = name
        self.password = password
        self.address = (host, port)
        self.protocol = protocol
        self.rtp_ports = itertools.count(rtp_port, 2)
        self.inbox: deque[Wire] = deque()
        self.calls: list[PhoneCall] = []
        self.numbers = itertools.count(1)
        self._arrived = asyncio.Event()
        self._seen: set[str] = set()
        office.network.peers[self.address] = self._receive

    @property
    def uri(self) -> str:
        """Its contact."""
        transport = "" if self.protocol == "UDP" else f";transport={self.protocol.lower()}"
        return f"sip:{self.name}@{self.address[0]}:{self.address[1]}{transport}"

    def unplug(self) -> None:
        """Out of the network."""
        self.office.network.peers.pop(self.address, None)
        for call in self.calls:
            call.close()

    # -- wire --------------------------------------------------------------------------------------------------------

    def _receive(self, data: bytes, _source: tuple[str, int]) -> None:
        text = data.decode()
        if text in self._seen:
            self.office.ladder.append(f"{self.name} <- {Wire(text).label} again")
            return
        self._seen.add(text)
        message = Wire(text)
        self.office.ladder.append(f"{self.name} <- {message.label}")
        self.inbox.append(message)
        self._arrived.set()

    def send(self, text: str) -> Wire:
        """Send a message as it is."""
        message = Wire(text)
        self.office.ladder.append(f"{self.name} -> {message.label}")
        self.office.network.send(text.encode(), self.address, SERVER, self.protocol)
        return message

    async def get(self, what: int | str, seconds: float = PATIENCE) -> Wire:
        """The next message, which must be this status or method."""
        loop = asyncio.get_running_loop()
        deadline = loop.time() + seconds
        while not self.inbox:
            self._arrived.clear()
            try:
                await asyncio.wait_for(self._arrived.wait(), deadline - loop.time())
            except TimeoutError:
                raise AssertionError(f"{self.name} never got {what}; {self.office.ladder}") from None
        message = self.inbox.popleft()
        assert what in (message.status, message.method), f"{self.name} wants {what}, got\n{message.text}"
        assert bool(message.status) == isinstance(what, int), f"{self.name} wants {what}, got\n{message.text}"
        return message

    def via(self) -> str:
        """A Via with a branch of its own."""
        return f"SIP/2.0/{self.protocol} {self.address[0]}:{self.address[1]};branch=z9hG4bK{self.name}{next(self.numbers)};rport"

    def text(
        self, method: str, uri: str, *, to: str = "", tag: str = "", call_id: str = "", cseq: int = 1, extra: str = "",
        body: str = "", via: str = "", user: str = "", contact: str = "",
    ) -> str:  # fmt: skip
        """A request of this phone; ``extra`` are whole lines that end with CRLF; ``contact`` "none" leaves the header out."""
        number = next(self.numbers)
        user = user or self.name
        contact = "" if contact == "none" else f"Contact: {contact or f'<{self.uri}>'}\r\n"
        tag, call_id = tag or f"{self.name}tag{number}", call_id or f"{self.name}-call-{number}"
        return (
            f"{method} {uri} SIP/2.0\r\nVia: {via or self.via()}\r\nMax-Forwards: 70\r\n"
            f"From: <sip:{user}@127.0.0.1>;tag={tag}\r\nTo: {to or f'<{uri}>'}\r\n"
            f"Call-ID: {call_id}\r\nCSeq: {cseq} {method}\r\n{contact}{extra}"
            f"Content-Length: {len(body)}\r\n\r\n{body}"
        )

    def reply_to(self, request: Wire, status: int, reason: str = "X", *, tag: str = "", extra: str = "", body: str = "") -> str:
        """A response to a request."""
        to = request["To"]
        if tag and "tag=" not in to:
            to += f";tag={tag}"
        vias = "".join(f"Via: {via}\r\n" for via in request.all("Via"))
        return (
            f"SIP/2.0 {status} {reason}\r\n{vias}From: {request['From']}\r\nTo: {to}\r\nCall-ID: {request['Call-ID']}\r\n"
            f"CSeq: {request['CSeq']}\r\nContact: <{self.uri}>\r\n{extra}Content-Length: {len(body)}\r\n\r\n{body}"
        )

    def credentials(self, challenge: str, method: str, uri: str, *, password: str = "", user: str = "", count: int = 1) -> str:
        """The Authorization line for a challenge."""
        fields = dict(re.findall(r'(\w+)="?([^",]+)"?', challenge.partition("Digest ")[2]))
        name = {"MD5": "md5", "SHA-256": "sha256", "SHA-512-256": "sha512_256"}[fields.get("algorithm", "MD5")]

        def digest(text: str) -> str:
            return hashlib.new(name, text.encode()).hexdigest()

        user = user or self.name
        nonce, realm, nc = fields["nonce"], fields["realm"], f"{count:08x}"
        ha1, ha2 = digest(f"{user}:{realm}:{password or self.password}"), digest(f"{method}:{uri}")
        opaque = f', opaque="{fields["opaque"]}"' if "opaque" in fields else ""
        return (
            f'Authorization: Digest username="{user}", realm="{realm}", nonce="{nonce}", uri="{uri}", '
            f'response="{digest(f"{ha1}:{nonce}:{nc}:c:auth:{ha2}")}", algorithm={fields.get("algorithm", "MD5")}{opaque}, '
            f'qop=auth, nc={nc}, cnonce="c"\r\n'
        )

    async def ask(self, method: str, uri: str, **parts: Any) -> Wire:
        """Send a request outside of calls and return the answer; a challenge is answered if there is a password."""
        call_id = parts.pop("call_id", "") or f"{self.name}-ask-{next(self.numbers)}"
        tag = parts.pop("tag", "") or f"{self.name}tag{next(self.numbers)}"
        extra = parts.pop("extra", "")
        self.send(self.text(method, uri, call_id=call_id, tag=tag, extra=extra, **parts))
        answer = await self._answer()
        if answer.status == 401 and self.password:
            line = self.credentials(answer["WWW-Authenticate"], method, uri)
            self.send(self.text(method, uri, call_id=call_id, tag=tag, cseq=2, extra=extra + line, **parts))
            answer = await self._answer()
        return answer

    async def _answer(self) -> Wire:
        while not self.inbox:
            self._arrived.clear()
            await asyncio.wait_for(self._arrived.wait(), PATIENCE)
        return self.inbox.popleft()

    async def final(self) -> Wire:
        """The next final answer; provisional ones before it are passed over."""
        while (answer := await self._answer()).status < 200:
            pass
        return answer

    async def register(self, expires: int = 3600, *, contact: str = "", aor: str = "", extra: str = "") -> Wire:
        """Register; 0 ends the registration."""
        return await self.ask(
            "REGISTER", "sip:127.0.0.1", to=f"<sip:{aor or self.name}@127.0.0.1>", contact=contact or f"<{self.uri}>",
            extra=f"Expires: {expires}\r\n{extra}",
        )  # fmt: skip

    # -- calls -------------------------------------------------------------------------------------------------------

    def call(self, number: str, *, extra: str = "", user: str = "", has_offer: bool = True, sdp: str = "") -> PhoneCall:
        """Send an INVITE."""
        call = PhoneCall(self, f"sip:{number}@127.0.0.1:15060", user=user)
        call.invite(extra=extra, body=sdp or (call.sdp() if has_offer else ""))
        return call

    async def dial(self, number: str, **parts: Any) -> PhoneCall:
        """Call, give credentials if asked, and wait for the answer."""
        call = self.call(number, **parts)
        await call.authorise()
        await self.get(100)
        await call.answered()
        return call

    async def ring(self) -> PhoneCall:
        """Wait for a call."""
        request = await self.get("INVITE")
        call = PhoneCall(self, re.sub(r"^<|>.*$", "", request["Contact"]), request=request)
        if "m=audio" in request.body:
            call.learn_media(request)
        return call


class PhoneCall:
    """One call of a phone: its dialog and its media."""

    def __init__(self, phone: SipPhone, target: str, *, request: Wire | None = None, user: str = "") -> None:
        self.phone = phone
        self.target = target
        self.request = request
        self.user = user or phone.name
        self.rtp_port = next(phone.rtp_ports)
        self.remote: tuple[str, int] | None = None
        self.heard: list[tuple[int, bytes]] = []
        self.packets: list[bytes] = []
        #: when each of them came (loop time)
        self.arrivals: list[float] = []
        self.sdp_version = 0
        self.cseq = 1
        self.last: Wire | None = None
        self.answer_seen: Wire | None = None
        self.sequence = 0
        phone.calls.append(self)
        number = next(phone.numbers)
        if request is None:
            self.call_id, self.tag, self.to = f"{phone.name}-call-{number}", f"{phone.name}tag{number}", f"<{target}>"
        else:
            self.call_id, self.tag, self.to = request["Call-ID"], f"{phone.name}tag{number}", request["From"]
        self.socket: MemorySocket = phone.office.media.open(phone.address[0], self.rtp_port)
        self.socket.set_reader(self._read)

    def close(self) -> None:
        """Its media port is given back."""
        self.socket.close()

    # -- media -------------------------------------------------------------------------------------------------------

    def sdp(self, codecs: str = "0 101", direction: str = "sendrecv") -> str:
        """The phone's session description, a new version each time."""
        self.sdp_version += 1
        host = self.phone.address[0]
        names = {"0": "PCMU/8000", "8": "PCMA/8000", "9": "G722/8000", "3": "GSM/8000", "13": "CN/8000"}
        names |= {"101": "telephone-event/8000"}
        maps = "".join(f"a=rtpmap:{kind} {names[kind]}\r\n" for kind in codecs.split())
        return (
            f"v=0\r\no={self.phone.name} 7 {self.sdp_version} IN IP4 {host}\r\ns=-\r\nc=IN IP4 {host}\r\nt=0 0\r\n"
            f"m=audio {self.rtp_port} RTP/AVP {codecs}\r\n{maps}a={direction}\r\n"
        )

    def learn_media(self, message: Wire) -> None:
        """Media goes where the other side's SDP says."""
        self.remote = message.media

    def _read(self, now: float) -> None:
        while True:
            try:
                data, _ = self.socket.recvfrom(65536)
            except BlockingIOError:
                return
            if len(data) < 12 or 192 <= data[1] <= 223:  # RTCP (RFC 5761 4)
                continue
            self.packets.append(data)
            self.arrivals.append(now)
            self.heard.append((data[1] & 0x7F, data[12:]))

    def send_rtp(self, payload: bytes, kind: int = 0, *, marker: bool = False, time: int | None = None) -> None:
        """One RTP packet."""
        assert self.remote is not None
        self.sequence += 1
        stamp = self.sequence * 160 if time is None else time
        head = struct.pack("!BBHII", 0x80, kind | (0x80 if marker else 0), self.sequence, stamp, 0xABCD)
        self.socket.sendto(head + payload, self.remote)

    async def speak(self, packets: int, octet: int = 0x55, kind: int = 0) -> None:
        """Send sound, a packet each 20 ms."""
        for _ in range(packets):
            self.send_rtp(bytes([octet]) * 160, kind)
            await asyncio.sleep(0.02)

    async def press(self, digit: int) -> None:
        """A digit of 100 ms as telephone-event (RFC 4733)."""
        stamp = (self.sequence + 1) * 160
        for step in range(1, 6):
            self.send_rtp(struct.pack("!BBH", digit, 10, step * 160), 101, marker=step == 1, time=stamp)
            await asyncio.sleep(0.02)
        for _ in range(3):
            self.send_rtp(struct.pack("!BBH", digit, 0x80 | 10, 800), 101, time=stamp)
        await asyncio.sleep(0.06)

    def sounds(self) -> dict[int, int]:
        """How many packets of ulaw were heard since the last look, by their first octet."""
        count: dict[int, int] = {}
        for kind, payload in self.heard:
            if kind == 0 and payload:
                count[payload[0]] = count.get(payload[0], 0) + 1
        self.heard.clear()
        return count

    # -- as the caller -----------------------------------------------------------------------------------------------

    def invite(self, *, extra: str = "", body: str = "") -> Wire:
        """The INVITE, or another one inside the call."""
        if body:
            extra += "Content-Type: application/sdp\r\n"
        self.last = self._send("INVITE", extra, body)
        return self.last

    def _send(self, method: str, extra: str = "", body: str = "", *, cseq: int = 0, via: str = "", uri: str = "") -> Wire:
        if not cseq:
            self.cseq += 1
        return self.phone.send(
            self.phone.text(
                method, uri or self.target, to=self.to, tag=self.tag, call_id=self.call_id, cseq=cseq or self.cseq, extra=extra,
                body=body, via=via, user=self.user,
            )
        )  # fmt: skip

    async def authorise(self) -> None:
        """Answer the challenge of the INVITE if the phone has a password."""
        if not self.phone.password:
            return
        challenge = await self.phone.get(401)
        first = self.last
        assert first is not None
        self.refused(challenge)
        line = self.phone.credentials(challenge["WWW-Authenticate"], "INVITE", self.target)
        self.invite(extra=line, body=first.body)

    def refused(self, response: Wire) -> None:
        """Acknowledge a refusal of the INVITE."""
        assert self.last is not None
        number = int(response["CSeq"].split()[0])
        to, self.to = self.to, response["To"]
        self._send("ACK", cseq=number, via=self.last["Via"])
        self.to = to

    async def answered(self) -> Wire:
        """Wait for 200 and acknowledge it."""
        answer = await self.phone.get(200)
        self.take_answer(answer)
        return answer

    def take_answer(self, answer: Wire) -> None:
        """Acknowledge a 200 to INVITE."""
        self.answer_seen = answer
        self.to = answer["To"]
        self.target = re.sub(r"^<|>.*$", "", answer["Contact"])
        if "m=audio" in answer.body:
            self.learn_media(answer)
        self._send("ACK", cseq=int(answer["CSeq"].split()[0]))

    def cancel(self) -> None:
        """Give up an INVITE."""
        assert self.last is not None
        self._send("CANCEL", cseq=int(self.last["CSeq"].split()[0]), via=self.last["Via"], uri=self.last.uri)

    # -- as the callee -----------------------------------------------------------------------------------------------

    def reply(self, status: int, reason: str = "X", *, extra: str = "", body: str = "", request: Wire | None = None) -> None:
        """Answer the INVITE, or another request."""
        if body:
            extra += "Content-Type: application/sdp\r\n"
        asked = request or self.request
        assert asked is not None
        self.phone.send(self.phone.reply_to(asked, status, reason, tag=self.tag, extra=extra, body=body))

    async def answer(self) -> None:
        """Take the call."""
        self.reply(200, "OK", body=self.sdp())
        ack = await self.phone.get("ACK")
        if "m=audio" in ack.body:
            self.learn_media(ack)

    # -- both --------------------------------------------------------------------------------------------------------

    async def reinvite(
        self, direction: str = "sendrecv", *, codecs: str = "0 101", has_offer: bool = True, extra: str = ""
    ) -> Wire:
        """Change the session; gives the answer."""
        self.invite(extra=extra, body=self.sdp(codecs, direction) if has_offer else "")
        answer = await self.phone.get(200)
        self.target = re.sub(r"^<|>.*$", "", answer["Contact"])
        self._send("ACK", cseq=self.cseq)
        return answer

    async def request_inside(self, method: str, extra: str = "", body: str = "") -> Wire:
        """A request of the call and its answer."""
        self._send(method, extra, body)
        return await self.phone._answer()

    async def hang_up(self, extra: str = "") -> None:
        """End the call."""
        self._send("BYE", extra)
        await self.phone.get(200)

    async def ended(self) -> Wire:
        """The other side ends the call."""
        bye = await self.phone.get("BYE")
        self.reply(200, "OK", request=bye)
        return bye
