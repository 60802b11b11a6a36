"""Several streams of video in a call: those that StreamEcho asks for, and those that show the others of a conference."""

from __future__ import annotations

import asyncio
import re
import struct
from pathlib import Path

import pytest

from globstar.core.bridge import Bridge
from globstar.core.bridgetech import BridgeCapability
from globstar.media.network import MemorySocket
from tests.support.sip_phone import PhoneCall, SipOffice, SipPhone, Wire, phone_section, sip_office

EXTENSIONS = """\
[default]
exten => 600,1,Answer(,i)
 same => n,StreamEcho(3)
exten => 601,1,Answer(,i)
 same => n,StreamEcho(2,audio)
exten => 602,1,Answer(,i)
 same => n,Wait(60)
"""
FRAMES = {"allow": "ulaw,h264"}


class Viewer:
    """A phone's call whose pictures come on ports of their own."""

    def __init__(self, office: SipOffice, phone: SipPhone, videos: int) -> None:
        self.phone = phone
        self.call = PhoneCall(phone, "sip:600@127.0.0.1:15060")
        self.sockets: list[MemorySocket] = []
        self.seen: list[list[bytes]] = [[] for _ in range(videos)]
        for number in range(videos):
            socket = office.media.open(phone.address[0], self.call.rtp_port + 40 + 2 * number)
            socket.set_reader(lambda _now, number=number: self._read(number))  # type: ignore[misc]
            self.sockets.append(socket)
        self.video_port = 0
        self._sequence = 0
        #: how often a whole picture was asked for
        self.asked = 0

    def _read(self, number: int) -> None:
        while True:
            try:
                data, _ = self.sockets[number].recvfrom(2048)
            except BlockingIOError:
                return
            if data[1] & 0x7F == 97:
                self.seen[number].append(data[12:])

    def sdp(self, videos: int, *, shown: int = 0) -> str:
        """Sound and so many streams of video, of which the last ``shown`` are only looked at."""
        text = self.call.sdp()
        for number in range(videos):
            port = self.sockets[number].address[1]
            text += f"m=video {port} RTP/AVP 97\r\na=rtpmap:97 H264/90000\r\n"
            text += "a=recvonly\r\n" if number >= videos - shown else ""
        return text

    async def dial(self, number: str, videos: int = 1) -> Wire:
        self.call.target, self.call.to = f"sip:{number}@127.0.0.1:15060", f"<sip:{number}@127.0.0.1:15060>"
        self.call.invite(body=self.sdp(videos))
        await self.phone.get(100)
        answer = await self.call.answered()
        self.video_port = video_ports(answer)[0]
        return answer

    async def get(self, method: str) -> Wire:
        """The next request of ``method``; those for a whole picture are answered meanwhile, and counted."""
        while True:
            message = await self.phone._answer()
            if message.method != "INFO":
                assert (message.status, message.method) == (0, method), message.text
                return message
            self.take_request(message)

    def take_request(self, info: Wire) -> None:
        assert "picture_fast_update" in info.body, info.text
        self.asked += 1
        self.call.reply(200, "OK", request=info)

    async def settle(self) -> None:
        """Answer what waits."""
        await asyncio.sleep(0.3)
        while self.phone.inbox:
            self.take_request(await self.phone.get("INFO"))

    async def takes_more(self, *, refused: int = 0) -> Wire:
        """Answer a re-INVITE that shows more; the last ``refused`` streams are declined."""
        offer = await self.get("INVITE")
        count = len(video_ports(offer))
        body = self.sdp(count, shown=count - 1)
        if refused:
            parts = re.split(r"(?=m=video)", body)
            parts[-refused:] = [re.sub(r"m=video \d+", "m=video 0", part) for part in parts[-refused:]]
            body = "".join(parts)
        self.call.reply(200, "OK", request=offer, body=body)
        await self.get("ACK")
        await self.settle()
        return offer

    def show(self, picture: bytes) -> None:
        self._sequence += 1
        head = struct.pack("!BBHII", 0x80, 97, self._sequence, self._sequence * 1800, 0x1234)
        self.sockets[0].sendto(head + picture, (self.phone.address[0], self.video_port))

    async def hang_up(self) -> None:
        await self.call.hang_up()
        for socket in self.sockets:
            socket.close()


def video_ports(message: Wire) -> list[int]:
    return [int(port) for port in re.findall(r"m=video (\d+) ", message.body)]


def directions(message: Wire) -> list[str]:
    """Of each stream of video."""
    parts = re.split(r"(?=m=)", message.body)[1:]
    found = [re.search(r"a=(sendonly|recvonly|inactive)", part) for part in parts if part.startswith("m=video")]
    return [match[1] if match else "sendrecv" for match in found]


@pytest.mark.parametrize(("most", "count"), [(4, 3), (2, 2)])
async def test_stream_echo_shows_a_picture_in_as_many_streams_as_there_may_be(tmp_path: Path, most: int, count: int) -> None:
    pjsip = phone_section("alice", **FRAMES, max_video_streams=most)
    async with sip_office(tmp_path, pjsip, EXTENSIONS) as office:
        alice = Viewer(office, office.phone("alice"), 3)
        await alice.dial("600")
        offer = await alice.takes_more()
        assert directions(offer) == ["sendrecv"] + ["sendonly"] * (count - 1)
        assert len(set(video_ports(offer))) == count
        for number in range(3):
            alice.show(b"picture %d" % number)
            await asyncio.sleep(0.02)
        pictures = [b"picture 0", b"picture 1", b"picture 2"]
        assert alice.seen == [pictures] * count + [[]] * (3 - count)
        await alice.hang_up()


@pytest.mark.parametrize("number", ["600", "601"])
async def test_stream_echo_of_sound_and_of_an_endpoint_with_one_video(tmp_path: Path, number: str) -> None:
    async with sip_office(tmp_path, phone_section("alice", **FRAMES), EXTENSIONS) as office:
        alice = Viewer(office, office.phone("alice"), 1)
        await alice.dial(number)
        await office.quiet(1)  # no re-INVITE
        alice.show(b"picture")
        await asyncio.sleep(0.1)
        assert alice.seen == [[b"picture"]]
        await alice.hang_up()


async def test_a_stream_that_is_declined_does_no_harm(tmp_path: Path) -> None:
    async with sip_office(tmp_path, phone_section("alice", **FRAMES, max_video_streams=3), EXTENSIONS) as office:
        alice = Viewer(office, office.phone("alice"), 3)
        await alice.dial("600")
        await alice.takes_more(refused=1)
        alice.show(b"picture")
        await asyncio.sleep(0.1)
        assert alice.seen == [[b"picture"], [b"picture"], []]
        await alice.hang_up()


async def test_everybody_in_a_conference_is_shown_in_a_stream_of_their_own(tmp_path: Path) -> None:
    """Mode sfu: who comes third makes the others be offered one stream more, and is asked for a whole picture."""
    names = ("alice", "bob", "carol")
    pjsip = "".join(phone_section(name, **FRAMES, max_video_streams=5) for name in names)
    async with sip_office(tmp_path, pjsip, EXTENSIONS) as office:
        viewers = {name: Viewer(office, office.phone(name), 2) for name in names}
        bridge = Bridge(office.system, capabilities=BridgeCapability.MULTIMIX, kind="base", dissolve_on_hangup=False)
        bridge.set_video_mode("sfu")
        for name, viewer in viewers.items():
            await viewer.dial("602")
            channel = next(one for one in office.system.channels.values() if one.name.startswith(f"PJSIP/{name}-"))
            bridge.join(channel)
        for name, viewer in viewers.items():
            viewer.show(name.encode())
            await asyncio.sleep(0.02)
        await asyncio.sleep(0.5)
        for viewer in viewers.values():
            offer = await viewer.takes_more()
            assert directions(offer) == ["sendrecv", "sendonly"]
        for viewer in viewers.values():
            await viewer.settle()
            viewer.seen = [[], []]
        # whole pictures are wanted for streams that begin: alice is seen in first ones alone, carol in second ones
        assert viewers["carol"].asked > viewers["alice"].asked >= 1
        for name, viewer in viewers.items():
            viewer.show(name.encode())
            await asyncio.sleep(0.02)
        assert viewers["alice"].seen == [[b"bob"], [b"carol"]]
        assert viewers["bob"].seen == [[b"alice"], [b"carol"]]
        assert viewers["carol"].seen == [[b"alice"], [b"bob"]]
        for viewer in viewers.values():
            await viewer.hang_up()
        bridge.dissolve()


async def test_rfc9143_streams_that_are_added_join_the_bundle(tmp_path: Path) -> None:
    """The new line is offered with a port of its own, and shares the others' transport once the phone says so."""
    pjsip = phone_section("alice", **FRAMES, bundle="yes", max_video_streams=2)
    async with sip_office(tmp_path, pjsip, EXTENSIONS.replace("StreamEcho(3)", "StreamEcho(2)")) as office:
        alice = office.phone("alice")
        call = PhoneCall(alice, "sip:600@127.0.0.1:15060")

        def sdp(*mids: str) -> str:
            text = (
                call.sdp("0").replace("m=audio", f"a=group:BUNDLE {' '.join(mids)}\r\nm=audio")
                + f"a=mid:{mids[0]}\r\na=rtcp-mux\r\n"
            )
            for mid in mids[1:]:
                text += f"m=video {call.rtp_port} RTP/AVP 97\r\na=rtpmap:97 H264/90000\r\na=mid:{mid}\r\na=rtcp-mux\r\n"
            return text

        call.invite(body=sdp("a", "v"))
        await alice.get(100)
        await call.answered()
        offer = await alice.get("INVITE")
        mids = re.findall(r"a=mid:(\S+)", offer.body)
        assert mids[:2] == ["a", "v"]
        assert len(mids) == 3
        assert re.search(r"a=group:BUNDLE a v (\S+)", offer.body)
        call.reply(200, "OK", request=offer, body=sdp(*mids))
        await alice.get("ACK")
        await asyncio.sleep(0.3)
        while alice.inbox:
            call.reply(200, "OK", request=await alice.get("INFO"))
        assert office.driver.rtp.ports().used == 1
        call.packets.clear()
        head = struct.pack("!BBHII", 0x80, 97, 1, 1800, 0x1234)
        assert call.remote is not None
        call.socket.sendto(head + b"picture", call.remote)
        await asyncio.sleep(0.1)
        pictures = [data for data in call.packets if data[1] & 0x7F == 97]
        assert len({data[8:12] for data in pictures}) == len(pictures) == 2
        await call.hang_up()
