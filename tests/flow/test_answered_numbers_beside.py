"""Streams beside the audio whose answer has payload types of its own (RFC 3264 section 6.1).

We send under the numbers of the answer and are sent ours; phones that send under those of their own answer are heard as well.
"""

from __future__ import annotations

import asyncio
import re
import struct
from dataclasses import dataclass
from pathlib import Path

import pytest

from globstar.media.relay import Relay
from tests.support.sip_phone import PhoneCall, SipOffice, phone_section, sip_office

pytestmark = pytest.mark.virtual_time

EXTENSIONS = """\
[default]
exten => 101,1,Dial(PJSIP/bob,20)
exten => 102,1,Dial(PJSIP/bob,20,t)
exten => 103,1,MixMonitor(call.wav)
 same => n,Dial(PJSIP/bob,20)
"""


@dataclass(frozen=True)
class Beside:
    """A stream: what it is, alice's number for it and bob's, and a packet."""

    kind: str
    rtpmap: str
    allow: str
    packet: bytes
    alice: int = 97
    bob: int = 120

    def line(self, port: int, number: int) -> str:
        return f"m={self.kind} {port} RTP/AVP {number}\r\na=rtpmap:{number} {self.rtpmap}\r\n"


STREAMS = [
    Beside("video", "VP8/90000", "vp8", b"\x90\x80\x01 picture"),
    Beside("video", "H264/90000", "h264", b"\x65 picture"),
    Beside("text", "t140/1000", "t140", "täxt".encode()),
    Beside("audio", "GSM/8000", "gsm", b"\xd1" + bytes(32)),
]


class Side:
    """One phone's end of the stream."""

    def __init__(self, call: PhoneCall, port: int) -> None:
        self.heard: list[tuple[int, bytes]] = []
        self.port = port
        self.socket = call.phone.office.media.open(call.phone.address[0], port)
        self.socket.set_reader(self._read)
        self.target = ("", 0)
        self._sequence = 0

    def learn(self, body: str) -> None:
        """Where the other side wants it: the second line of its description."""
        ports = re.findall(r"m=\w+ (\d+) ", body)
        self.target = ("127.0.0.1", int(ports[1]))

    def send(self, kind: int, packet: bytes) -> None:
        self._sequence += 1
        self.socket.sendto(struct.pack("!BBHII", 0x80, kind, self._sequence, self._sequence * 160, 0x77) + packet, self.target)

    def _read(self, _now: float) -> None:
        while True:
            try:
                data, _ = self.socket.recvfrom(65536)
            except BlockingIOError:
                return
            if len(data) > 12 and not 192 <= data[1] <= 223:
                self.heard.append((data[1] & 0x7F, data[12:]))


async def connect(office: SipOffice, beside: Beside, number: str) -> tuple[PhoneCall, PhoneCall, Side, Side, int]:
    """Both calls, both ends of the stream, and our number for it towards bob."""
    alice, bob = office.phone("alice"), office.phone("bob")
    calling = PhoneCall(alice, f"sip:{number}@127.0.0.1:15060")
    mine = Side(calling, 4002)
    calling.invite(body=calling.sdp("0 101") + beside.line(mine.port, beside.alice))
    await alice.get(100)
    called = await bob.ring()
    assert called.request is not None
    theirs = Side(called, 5002)
    theirs.learn(called.request.body)
    line = called.request.body[called.request.body.rindex("m=") :]
    found = re.search(rf"a=rtpmap:(\d+) {re.escape(beside.rtpmap)}", line, re.IGNORECASE)
    assert found is not None
    answer = called.sdp("0 101").replace("a=sendrecv\r\n", "") + beside.line(theirs.port, beside.bob)
    called.reply(200, body=answer)
    await bob.get("ACK")
    accepted = await calling.answered()
    mine.learn(accepted.body)
    await asyncio.sleep(0.5)
    return calling, called, mine, theirs, int(found[1])


@pytest.mark.parametrize("number", ["101", "102", "103"], ids=["relay", "digits are looked at", "frames"])
@pytest.mark.parametrize("beside", STREAMS, ids=lambda beside: beside.rtpmap)
async def test_rfc3264_6_1_streams_beside_the_audio(tmp_path: Path, beside: Beside, number: str) -> None:
    options: dict[str, object] = {"allow": f"ulaw,{beside.allow}", "max_audio_streams": 2, "direct_media": "no"}
    pjsip = phone_section("alice", **options) + phone_section("bob", contact="sip:bob@127.0.0.1:15072", **options)
    async with sip_office(tmp_path, pjsip, EXTENSIONS) as office:
        calling, called, mine, theirs, ours = await connect(office, beside, number)
        assert ours != beside.bob
        for kind in (ours, beside.bob):
            mine.heard.clear()
            for _ in range(5):
                theirs.send(kind, beside.packet)
                await asyncio.sleep(0.02)
            await asyncio.sleep(0.1)
            assert mine.heard == [(beside.alice, beside.packet)] * 5, kind
        for _ in range(5):
            mine.send(beside.alice, beside.packet)
            await asyncio.sleep(0.02)
        await asyncio.sleep(0.1)
        assert theirs.heard == [(beside.bob, beside.packet)] * 5
        await calling.hang_up()
        await called.ended()


def redundant(port: int, repeated: int, plain: int) -> str:
    maps = f"a=rtpmap:{repeated} red/1000\r\na=fmtp:{repeated} {plain}/{plain}/{plain}\r\na=rtpmap:{plain} t140/1000\r\n"
    return f"m=text {port} RTP/AVP {repeated} {plain}\r\n{maps}"


async def test_rfc4103_redundant_text_under_numbers_of_its_own(tmp_path: Path) -> None:
    """Its blocks name the number of plain text, which is the answer's as well."""
    options: dict[str, object] = {"allow": "ulaw,red,t140", "direct_media": "no"}
    pjsip = phone_section("alice", **options) + phone_section("bob", contact="sip:bob@127.0.0.1:15072", **options)
    async with sip_office(tmp_path, pjsip, EXTENSIONS) as office:
        alice, bob = office.phone("alice"), office.phone("bob")
        calling = PhoneCall(alice, "sip:101@127.0.0.1:15060")
        mine = Side(calling, 4002)
        calling.invite(body=calling.sdp("0 101") + redundant(mine.port, 98, 97))
        await alice.get(100)
        called = await bob.ring()
        assert called.request is not None
        assert "red/1000" in called.request.body.lower()
        theirs = Side(called, 5002)
        theirs.learn(called.request.body)
        called.reply(200, body=called.sdp("0 101").replace("a=sendrecv\r\n", "") + redundant(theirs.port, 121, 120))
        await bob.get("ACK")
        mine.learn((await calling.answered()).body)
        await asyncio.sleep(0.5)
        theirs.send(121, b"\xf8\x00\x00\x00\xf8\x00\x00\x00\x78one")  # 120 twice empty, then the text
        await asyncio.sleep(0.3)
        theirs.send(120, b"two")
        await asyncio.sleep(0.3)
        mine.send(97, b"back")
        await asyncio.sleep(0.3)
        for side, repeated, plain, texts in ((mine, 98, 97, {b"one", b"two"}), (theirs, 121, 120, {b"back"})):
            assert {kind for kind, _ in side.heard} == {repeated}
            ends = {
                packet[-len(text) :] for _, packet in side.heard for text in (b"one", b"two", b"back") if packet.endswith(text)
            }
            assert ends == texts
            assert {packet[0] & 0x7F for _, packet in side.heard} == {plain}
        await calling.hang_up()
        await called.ended()


@pytest.mark.parametrize("beside", STREAMS, ids=lambda beside: beside.rtpmap)
async def test_packets_under_the_numbers_of_an_answer_are_relayed(
    tmp_path: Path, beside: Beside, monkeypatch: pytest.MonkeyPatch
) -> None:
    """They become no frames."""
    maps: list[tuple[dict[int, int], dict[int, int]]] = []
    made = Relay.__init__

    def note(
        self: Relay, first: object, second: object, forward: dict[int, int], backward: dict[int, int], **rest: object
    ) -> None:
        maps.append((dict(forward), dict(backward)))
        made(self, first, second, forward, backward, **rest)  # type: ignore[arg-type]

    monkeypatch.setattr(Relay, "__init__", note)
    options: dict[str, object] = {"allow": f"ulaw,{beside.allow}", "max_audio_streams": 2, "direct_media": "no"}
    pjsip = phone_section("alice", **options) + phone_section("bob", contact="sip:bob@127.0.0.1:15072", **options)
    async with sip_office(tmp_path, pjsip, EXTENSIONS) as office:
        calling, called, _, _, ours = await connect(office, beside, "101")
        pairs = [sorted((forward, backward), key=len) for forward, backward in maps]
        assert [{beside.alice: beside.bob}, {ours: beside.alice, beside.bob: beside.alice}] in pairs
        await calling.hang_up()
        await called.ended()
