"""A phone's call with several audio streams, each with a port of its own."""

from __future__ import annotations

import re
import struct
from dataclasses import dataclass, field

from globstar.media.network import MemorySocket
from tests.support.sip_phone import PhoneCall, SipPhone, Wire

NAMES = {"0": "PCMU/8000", "8": "PCMA/8000", "101": "telephone-event/8000"}


@dataclass
class Line:
    """One m-line: its socket, the codecs it offers, what else it says, and what came."""

    socket: MemorySocket
    number: int
    port: int
    codecs: str = "0 101"
    direction: str = "sendrecv"
    extra: str = ""
    profile: str = "RTP/AVP"
    #: False: it is given up (port 0)
    is_on: bool = True
    remote_port: int = 0
    packets: list[bytes] = field(default_factory=list)
    sequence: int = 0

    def heard(self) -> dict[tuple[int, int], int]:
        """How many packets came since the last look, by payload type and first octet."""
        found: dict[tuple[int, int], int] = {}
        for data in self.packets:
            key = (data[1] & 0x7F, data[12])
            found[key] = found.get(key, 0) + 1
        self.packets.clear()
        return found


class ManyAudio:
    """A call of ``phone`` with as many audio lines as ``codecs`` has members."""

    def __init__(self, phone: SipPhone, *codecs: str, call: PhoneCall | None = None) -> None:
        self.phone = phone
        self.call = call or PhoneCall(phone, "sip:600@127.0.0.1:15060")
        self.lines: list[Line] = []
        for value in codecs:
            self.add(value)

    @classmethod
    async def ring(cls, phone: SipPhone, *codecs: str) -> ManyAudio:
        """Wait for a call."""
        return cls(phone, *codecs, call=await phone.ring())

    def add(self, codecs: str = "0 101") -> Line:
        """One more line."""
        number = len(self.lines)
        socket = self.phone.office.media.open(self.phone.address[0], self.call.rtp_port + 40 + 2 * number)
        line = Line(socket, number, socket.address[1], codecs)

        def read(_now: float) -> None:
            while True:
                try:
                    data, _ = line.socket.recvfrom(2048)
                except BlockingIOError:
                    return
                if len(data) > 12 and not 192 <= data[1] <= 223:
                    line.packets.append(data)

        socket.set_reader(read)
        self.lines.append(line)
        return line

    def sdp(self, head: str = "") -> str:
        """The description of all lines; ``head`` stands above them."""
        self.call.sdp_version += 1
        host = self.phone.address[0]
        text = f"v=0\r\no={self.phone.name} 7 {self.call.sdp_version} IN IP4 {host}\r\ns=-\r\nc=IN IP4 {host}\r\nt=0 0\r\n{head}"
        for line in self.lines:
            maps = "".join(f"a=rtpmap:{number} {NAMES[number]}\r\n" for number in line.codecs.split())
            port = line.port if line.is_on else 0
            text += f"m=audio {port} {line.profile} {line.codecs}\r\n{maps}a={line.direction}\r\n{line.extra}"
        return text

    async def dial(self, number: str) -> Wire:
        """Call, and wait for the answer."""
        call = self.call
        call.target, call.to = f"sip:{number}@127.0.0.1:15060", f"<sip:{number}@127.0.0.1:15060>"
        call.invite(body=self.sdp())
        await self.phone.get(100)
        return self.learn(await call.answered())

    async def change(self) -> Wire:
        """A re-INVITE with the lines as they are."""
        call = self.call
        call.invite(body=self.sdp())
        answer = await self.phone.get(200)
        call._send("ACK", cseq=call.cseq)
        return self.learn(answer)

    async def answer(self) -> None:
        """Take the call that rings."""
        assert self.call.request is not None
        self.learn(self.call.request)
        self.call.reply(200, "OK", body=self.sdp())
        await self.phone.get("ACK")

    async def takes(self, *, status: int = 200) -> Wire:
        """Take (or refuse) a re-INVITE of the other side: lines come and go as it wants."""
        offer = await self.phone.get("INVITE")
        ports = audio_ports(offer)
        while len(self.lines) < len(ports):
            self.add()
        if status == 200:
            for line, port in zip(self.lines, ports, strict=True):
                line.is_on = bool(port)
            self.learn(offer)
            self.call.reply(200, "OK", request=offer, body=self.sdp())
        else:
            self.call.reply(status, request=offer)
        await self.phone.get("ACK")
        return offer

    def learn(self, message: Wire) -> Wire:
        """Each line sends to where the other side's description says."""
        for line, port in zip(self.lines, audio_ports(message), strict=True):
            line.remote_port = port
        return message

    def say(self, number: int, octet: int, *, kind: int = 0, packets: int = 1) -> None:
        """Sound on one line."""
        line = self.lines[number]
        for _ in range(packets):
            line.sequence += 1
            head = struct.pack("!BBHII", 0x80, kind, line.sequence, line.sequence * 160, 0x1000 + number)
            line.socket.sendto(head + bytes([octet]) * 160, ("127.0.0.1", line.remote_port))

    async def hang_up(self) -> None:
        """End the call."""
        await self.call.hang_up()
        self.close()

    def close(self) -> None:
        """The ports are given back."""
        for line in self.lines:
            line.socket.close()


def audio_ports(message: Wire) -> list[int]:
    """The port of each audio line of a description."""
    return [int(port) for port in re.findall(r"m=audio (\d+) ", message.body)]


def sections(message: Wire) -> list[str]:
    """Its m-lines with what belongs to them."""
    return re.split(r"(?=^m=)", message.body, flags=re.MULTILINE)[1:]
