"""A line of video or text in a phone's call: packets of its own making, and every one that came, with its numbers."""

from __future__ import annotations

import re
import struct
from typing import NamedTuple

from tests.support.sip_phone import PhoneCall, SipOffice, Wire

FORMATS = {"video": (97, "H264/90000", 90000), "text": (98, "t140/1000", 1000)}


class Came(NamedTuple):
    """One packet."""

    sequence: int
    time: int
    ssrc: int
    marker: bool
    payload: bytes


class SideLine:
    """One m-line beside the audio of ``call``, with a port of RTP and the next one of RTCP."""

    def __init__(
        self, office: SipOffice, call: PhoneCall, kind: str = "video", *, ssrc: int, time: int = 0, number: int = 0
    ) -> None:
        self.call, self.kind, self.ssrc, self.time = call, kind, ssrc, time
        self.payload_type, self.encoding, self.clock_rate = FORMATS[kind]
        self.send_type = self.payload_type
        self.direction = "sendrecv"
        self.port = call.rtp_port + 50 + 2 * number
        self.media, self.reports = office.media.open("127.0.0.1", self.port), office.media.open("127.0.0.1", self.port + 1)
        self.server = 0
        self.came: list[Came] = []
        self.told: list[bytes] = []
        self.media.set_reader(lambda _now: self._read())
        self.reports.set_reader(lambda _now: self.told.append(self.reports.recvfrom(2048)[0]))

    def _read(self) -> None:
        data, _ = self.media.recvfrom(2048)
        if not 192 <= data[1] <= 223:
            second, sequence, time, ssrc = struct.unpack("!BHII", data[1:12])
            self.came.append(Came(sequence, time, ssrc, second >= 128, data[12:]))

    def sdp(self) -> str:
        """Its part of the description."""
        return (
            f"m={self.kind} {self.port} RTP/AVP {self.payload_type}\r\na=rtpmap:{self.payload_type} {self.encoding}\r\n"
            f"a={self.direction}\r\n"
        )

    def learn(self, message: Wire) -> None:
        """Send to where the server's description says."""
        found = re.search(rf"m={self.kind} (\d+) \S+ (\d+)", message.body)
        assert found is not None, message.text
        self.server, self.send_type = int(found[1]), int(found[2])

    def send(self, number: int, *, after: float | None = None, marker: bool = False, ssrc: int = 0) -> None:
        """Packet ``number`` of a source whose clock began at ``time``, of ``after`` seconds (one packet each 20 ms)."""
        seconds = number * 0.02 if after is None else after
        time = self.time + int(seconds * self.clock_rate) & 0xFFFFFFFF
        second = self.send_type | (0x80 if marker else 0)
        head = struct.pack("!BBHII", 0x80, second, number & 0xFFFF, time, ssrc or self.ssrc)
        self.media.sendto(head + b"%d" % number, ("127.0.0.1", self.server))

    def take(self) -> list[Came]:
        """What came since the last look."""
        came, self.came = self.came, []
        return came

    def close(self) -> None:
        """Its ports are given back."""
        self.media.close()
        self.reports.close()


async def connect_lines(
    office: SipOffice, caller: str, callee: str, number: str, kind: str = "video"
) -> tuple[SideLine, SideLine]:
    """A call between two phones with such a line; what a line is called is its ``call``'s phone."""
    phones = {name: office.phones.get(name) or office.phone(name) for name in (caller, callee)}
    calling = PhoneCall(phones[caller], f"sip:{number}@127.0.0.1:15060")
    one = SideLine(office, calling, kind, ssrc=0xA0000001, time=0xFFFFE000)
    calling.invite(body=calling.sdp() + one.sdp())
    await phones[caller].get(100)
    two = await answer_lines(office, callee, kind)
    one.learn(await calling.answered())
    return one, two


async def answer_lines(office: SipOffice, callee: str, kind: str = "video", *, ssrc: int = 0xB0000001) -> SideLine:
    """A phone takes a call with such a line."""
    called = await office.phones[callee].ring()
    assert called.request is not None
    line = SideLine(office, called, kind, ssrc=ssrc, time=0x40000000)
    line.learn(called.request)
    called.reply(200, "OK", body=called.sdp() + line.sdp())
    ack = await called.phone.get("ACK")
    assert not ack.body
    return line
