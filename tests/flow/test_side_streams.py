"""Video and text between two phones, relayed and through frames: numbers and times that the listener can rely on.

RFC 3550 section 5.1: one source counts its packets one by one on one clock. Whoever is heard through us, the listener has one
source: ours.
"""

from __future__ import annotations

import asyncio
import itertools
import re
import struct
from pathlib import Path

import pytest

from globstar.core import events
from globstar.core.frame import Frame
from tests.support.side_line import Came, SideLine, answer_lines, connect_lines
from tests.support.sip_phone import APART, PhoneCall, SipOffice, phone_section, sip_office
from tests.support.sip_transfer import dialog_of, notified, refer_to

EXTENSIONS = "[default]\n" + "".join(
    f"exten => {first}0{n},1,Dial(PJSIP/{name},20{options})\n"
    for first, options in (("1", ""), ("2", ",tT"))
    for n, name in enumerate(("alice", "bob", "carol"))
)
#: number dialled: the technology of the bridge
WAYS = pytest.mark.parametrize(("number", "technology"), [("101", "native_rtp"), ("201", "simple_bridge")])
KINDS = pytest.mark.parametrize("kind", ["video", "text"])


def pjsip() -> str:
    return "".join(
        phone_section(name, contact=f"sip:{name}@127.0.0.1:{15071 + n}", allow="ulaw,h264,t140")
        for n, name in enumerate(("alice", "bob", "carol"))
    )


async def say(line: SideLine, *numbers: int, **how: int) -> None:
    for number in numbers:
        line.send(number, **how)  # type: ignore[arg-type]
        await asyncio.sleep(0.02)


def steps(came: list[Came]) -> list[int]:
    """From packet to packet how much further the sequence number is."""
    return [(two.sequence - one.sequence + 0x8000 & 0xFFFF) - 0x8000 for one, two in itertools.pairwise(came)]


def seconds(line: SideLine, came: list[Came]) -> list[float]:
    """From packet to packet how much further the timestamp is."""
    pairs = itertools.pairwise(came)
    return [((two.time - one.time + 0x80000000 & 0xFFFFFFFF) - 0x80000000) / line.clock_rate for one, two in pairs]


async def end(*lines: SideLine) -> None:
    """The first hangs up."""
    await lines[0].call.hang_up()
    await lines[1].call.ended()
    for line in lines:
        line.close()


@KINDS
@WAYS
async def test_what_is_lost_late_and_twice_is_so_for_the_listener_too(
    tmp_path: Path, number: str, technology: str, kind: str
) -> None:
    """Over the wrap of the sequence numbers: a gap stays a gap, a late packet has its place, one that comes twice goes once."""
    async with sip_office(tmp_path, pjsip(), EXTENSIONS) as office:
        alice, bob = await connect_lines(office, "alice", "bob", number, kind)
        assert (await office.bridged()).technology.name == technology
        await say(alice, 65530, 65531, 65533, 65533, 65534, 65532, 65535, 65536, 65537, 65540, 65539, 65541)
        await asyncio.sleep(0.1)
        came = bob.take()
        assert [int(one.payload) - 65530 for one in came] == [0, 1, 3, 4, 2, 5, 6, 7, 10, 9, 11]
        first = came[0]
        for one in came:
            number_ = int(one.payload) - 65530
            assert one.sequence - first.sequence & 0xFFFF == number_
            assert one.time - first.time & 0xFFFFFFFF == number_ * alice.clock_rate // 50
            assert one.ssrc == first.ssrc
        await end(alice, bob)


@KINDS
@WAYS
async def test_rfc3550_8_another_source_of_the_same_phone_goes_on_where_the_one_before_was(
    tmp_path: Path, number: str, technology: str, kind: str
) -> None:
    """And what comes of the old one, late, is not taken for yet another one."""
    async with sip_office(tmp_path, pjsip(), EXTENSIONS) as office:
        alice, bob = await connect_lines(office, "alice", "bob", number, kind)
        await say(alice, 10, 11, 12)
        alice.time = 0x12345678
        await say(alice, 700, 701, ssrc=0xA0000002)
        alice.send(11, ssrc=0xA0000001)
        alice.send(12, ssrc=0xA0000001)
        await say(alice, 702, 703, ssrc=0xA0000002)
        await asyncio.sleep(0.1)
        came = bob.take()
        assert [int(one.payload) for one in came] == [10, 11, 12, 700, 701, 702, 703]
        assert steps(came) == [1] * 6
        assert seconds(alice, came) == pytest.approx([0.02] * 6, abs=0.002)
        assert len({one.ssrc for one in came}) == 1
        # going back to the old one in earnest is another change
        await say(alice, 13, ssrc=0xA0000001)
        (last,) = bob.take()
        assert last.sequence - came[-1].sequence & 0xFFFF == 1
        await end(alice, bob)


@KINDS
async def test_a_source_that_begins_anew_under_its_old_name(tmp_path: Path, kind: str) -> None:
    """Through frames: other numbers and another clock of the same SSRC do not move the listener's clock."""
    async with sip_office(tmp_path, pjsip(), EXTENSIONS) as office:
        alice, bob = await connect_lines(office, "alice", "bob", "201", kind)
        await say(alice, 10, 11, 12)
        alice.time = 0x12345678
        # RFC 3550 appendix A.1: the first of the new numbers is not believed yet
        await say(alice, 40000, 40001, 40002)
        came = bob.take()
        assert [int(one.payload) for one in came] == [10, 11, 12, 40001, 40002]
        assert steps(came) == [1] * 4
        assert seconds(alice, came) == pytest.approx([0.02, 0.02, 0.04, 0.02], abs=0.002)
        await end(alice, bob)


@KINDS
@WAYS
async def test_what_is_not_sent_on_hold_is_not_lost(tmp_path: Path, number: str, technology: str, kind: str) -> None:
    """Bob looks away for a while, and sees no gap in the numbers afterwards; time has gone on."""
    async with sip_office(tmp_path, pjsip(), EXTENSIONS) as office:
        alice, bob = await connect_lines(office, "alice", "bob", number, kind)

        async def turn(direction: str) -> None:
            bob.direction = direction
            bob.call.invite(body=bob.call.sdp() + bob.sdp())
            answer = await bob.call.phone.get(200)
            bob.call._send("ACK", cseq=bob.call.cseq)
            assert ("a=recvonly" in answer.body) == (direction == "sendonly")

        await say(alice, 0, 1, 2)
        await turn("sendonly")
        await say(alice, *range(3, 13))
        await turn("sendrecv")
        await say(alice, 13, 14)
        await asyncio.sleep(0.1)
        came = bob.take()
        assert [int(one.payload) for one in came] == [0, 1, 2, 13, 14]
        assert steps(came) == [1] * 4
        assert seconds(alice, came) == pytest.approx([0.02, 0.02, 0.22, 0.02], abs=0.01)
        await end(alice, bob)


@KINDS
async def test_who_listens_to_the_voice_comes_and_goes_without_a_gap(tmp_path: Path, kind: str) -> None:
    """Relay, frames, relay: what has gone past as packets is not missing afterwards."""
    async with sip_office(tmp_path, pjsip(), EXTENSIONS) as office:
        alice, bob = await connect_lines(office, "alice", "bob", "101", kind)
        bridge = await office.bridged()

        def hook(frame: Frame) -> Frame:
            return frame

        await say(alice, 0, 1, 2)
        for turn in range(1, 4):
            assert bridge.technology.name == "native_rtp"
            bridge.channels[0].add_read_hook(hook)
            assert bridge.technology.name == "simple_bridge"
            await say(alice, *range(10 * turn, 10 * turn + 5))
            bridge.channels[0].remove_hook(hook)
            await say(alice, *range(10 * turn + 5, 10 * turn + 10))
        await asyncio.sleep(0.1)
        came = bob.take()
        assert [int(one.payload) for one in came] == [0, 1, 2, *range(10, 40)]
        # what was missing between 2 and 10 is no loss that the one who comes next could know of
        assert steps(came) == [1] * 32
        assert seconds(alice, came)[3:] == pytest.approx([0.02] * 29, abs=0.002)
        await end(alice, bob)


@KINDS
@pytest.mark.parametrize("number", ["101", "201"])
async def test_a_blind_transfer_leaves_the_listener_one_clock(tmp_path: Path, number: str, kind: str) -> None:
    async with sip_office(tmp_path, pjsip(), EXTENSIONS) as office:
        alice, bob = await connect_lines(office, "alice", "bob", number, kind)
        office.phone("carol")
        await say(alice, 10, 11, 12)
        assert (await alice.call.request_inside("REFER", refer_to("202" if number == "201" else "102"))).status == 202
        carol = await answer_lines(office, "carol", kind, ssrc=0xC0000001)
        await asyncio.sleep(0.2)
        await let_go(office, alice)
        await say(carol, 500, 501, 503)
        await say(bob, 20, 21)
        check(alice, bob, carol)
        await end(bob, carol)


@KINDS
@pytest.mark.parametrize("number", ["101", "201"])
async def test_an_attended_transfer_leaves_the_listener_one_clock(tmp_path: Path, number: str, kind: str) -> None:
    async with sip_office(tmp_path, pjsip(), EXTENSIONS) as office:
        alice, bob = await connect_lines(office, "alice", "bob", number, kind)
        office.phone("carol")
        other, carol = await connect_lines(office, "alice", "carol", "202" if number == "201" else "102", kind)
        await say(alice, 10, 11, 12)
        await say(other, 10, 11, 12)
        assert [steps(line.take()) for line in (carol,)] == [[1, 1]]
        await say(carol, 498, 499)  # to alice
        assert (await alice.call.request_inside("REFER", refer_to("102", dialog_of(other.call)))).status == 202
        await asyncio.sleep(0.2)
        await let_go(office, alice, other)
        await say(carol, 500, 501, 503)
        await say(bob, 20, 21)
        check(alice, bob, carol)
        await end(bob, carol)


async def let_go(office: SipOffice, *lines: SideLine) -> None:
    """The phone that has transferred hangs up what is left to it."""
    phone = lines[0].call.phone
    while (await notified(phone))[1] == "active":
        pass
    for line in lines:
        line.call._send("BYE")
    await asyncio.sleep(0.2)
    while phone.inbox:
        message = phone.inbox.popleft()
        if message.method == "BYE" and not message.status:
            phone.send(phone.reply_to(message, 200))
    for line in lines:
        line.close()


def check(alice: SideLine, bob: SideLine, carol: SideLine) -> None:
    """Bob has seen alice, then carol, as one; the time in between has passed on the clock as well."""
    came = bob.take()
    assert [int(one.payload) for one in came] == [10, 11, 12, 500, 501, 503]
    assert len({one.ssrc for one in came}) == 1
    assert steps(came) == [1, 1, 1, 1, 2]
    times = seconds(bob, came)
    assert times[:2] + times[3:] == pytest.approx([0.02, 0.02, 0.02, 0.04], abs=0.002)
    assert 0.1 < times[2] < 3
    seen = carol.take()
    assert [int(one.payload) for one in seen] == [20, 21]
    assert steps(seen) == [1]


async def test_the_last_report_of_a_line(tmp_path: Path) -> None:
    """RFC 3550 sections 6.1 and 6.6: what was sent and received, the name, and the goodbye, in one compound."""
    async with sip_office(tmp_path, pjsip(), EXTENSIONS) as office:
        alice, bob = await connect_lines(office, "alice", "bob", "101")
        await say(alice, 10, 11, 13)
        await say(bob, 20, 21)
        came = bob.take()
        bob.told.clear()
        await bob.call.hang_up()
        await alice.call.ended()
        last = bob.told[-1]
        types = []
        while last:
            size = 4 + 4 * int.from_bytes(last[2:4], "big")
            types.append((last[1], last[0] & 0x1F))
            if last[1] == 200:
                assert int.from_bytes(last[4:8], "big") == came[0].ssrc
                assert int.from_bytes(last[20:24], "big") == 3  # packets
                assert int.from_bytes(last[28:32], "big") == bob.ssrc
            elif last[1] == 203:
                assert int.from_bytes(last[4:8], "big") == came[0].ssrc
            last = last[size:]
        assert types == [(200, 1), (202, 1), (203, 1)]
        alice.close()
        bob.close()


async def test_reports_and_figures_of_each_stream(tmp_path: Path) -> None:
    """RTCPSent and RTCPReceived come for every stream of a channel, and CHANNEL() has the figures of each."""
    rtp = APART + "rtcpinterval=1000\n"
    async with sip_office(tmp_path, pjsip(), EXTENSIONS, {"rtp.conf": rtp}) as office:
        sent: list[events.RtcpSent] = []
        received: list[events.RtcpReceived] = []
        office.system.bus.subscribe(events.RtcpSent, sent.append)
        office.system.bus.subscribe(events.RtcpReceived, received.append)
        alice, bob = await connect_lines(office, "alice", "bob", "101")
        await say(alice, 10, 11, 13)
        await say(bob, 20, 21)
        await asyncio.sleep(1.2)
        names = {"alice": alice, "bob": bob}
        found = {(one.channel.name[6:-9], one.report.ssrc, one.to) for one in sent}
        seen = {"alice": alice.take()[0].ssrc, "bob": bob.take()[0].ssrc}
        assert found == {(name, seen[name], ("127.0.0.1", line.port + 1)) for name, line in names.items()}
        blocks = {one.channel.name[6:-9]: one.report.blocks[0] for one in sent}
        assert {name: (block.ssrc, block.cumulative_lost) for name, block in blocks.items()} == {
            "alice": (alice.ssrc, 1),
            "bob": (bob.ssrc, 0),
        }
        block = struct.pack("!IIIIII", seen["bob"], 0x40000001, 500, 900, 0, 0)
        report = struct.pack("!BBHI", 0x81, 201, 7, bob.ssrc) + block
        bob.reports.sendto(report, ("127.0.0.1", bob.server + 1))
        await asyncio.sleep(0.1)
        assert [(one.channel.name[6:-9], one.report.ssrc, one.report.blocks[0].cumulative_lost) for one in received] == [
            ("bob", bob.ssrc, 1)
        ]
        channel = received[0].channel

        def figure(item: str) -> str | None:
            return channel.tech.channel_read(channel, item)

        assert [figure(f"rtcp,{name},video") for name in ("txcount", "rxcount", "txploss", "rxploss", "txjitter")] == [
            "3", "2", "1", "0", "0.010000",
        ]  # fmt: skip
        assert figure("rtcp,all,video") != figure("rtcp,all")
        assert figure("rtp,src,video") == f"127.0.0.1:{bob.server}"
        assert figure("rtp,dest,video") == f"127.0.0.1:{bob.port}"
        assert [figure(f"rtcp,rxcount,{name}") for name in ("audio", "video-1", "text")] == ["0", "2", ""]
        await end(alice, bob)


PICTURE = "<media_control><vc_primitive><to_encoder><picture_fast_update/></to_encoder>{}</vc_primitive></media_control>"


@pytest.mark.parametrize(
    ("document", "status", "asked"),
    [
        (PICTURE.format(""), 200, [[]]),
        (PICTURE.format("<stream_id>22</stream_id>"), 200, [["12"]]),
        (PICTURE.format("<stream_id>21</stream_id><stream_id>nobody</stream_id>"), 200, [["11"]]),
        (PICTURE.format("<stream_id>21</stream_id><stream_id>22</stream_id>"), 200, [["11"], ["12"]]),
        (PICTURE.format("<stream_id>nobody</stream_id>"), 200, [[]]),
        ("<media_control><general_error>no</general_error></media_control>", 200, []),
        ("<media_control><vc_primitive>", 400, []),
        ("<!DOCTYPE x>" + PICTURE.format(""), 400, []),
    ],
)
async def test_rfc5168_a_picture_is_asked_for_of_the_stream_that_is_named(
    tmp_path: Path, document: str, status: int, asked: list[list[str]]
) -> None:
    """By its label (RFC 4574); without one, or with one that nobody knows, of all."""
    sections = "".join(
        phone_section(name, contact=f"sip:{name}@127.0.0.1:{15071 + n}", allow="ulaw,h264", max_video_streams=2)
        for n, name in enumerate(("alice", "bob"))
    )

    def videos(port: int, first: int) -> str:
        return "".join(
            f"m=video {port + 2 * n} RTP/AVP 97\r\na=rtpmap:97 H264/90000\r\na=label:{first + n}\r\n" for n in range(2)
        )

    async with sip_office(tmp_path, sections, EXTENSIONS) as office:
        alice, bob = office.phone("alice"), office.phone("bob")
        calling = PhoneCall(alice, "sip:101@127.0.0.1:15060")
        calling.invite(body=calling.sdp() + videos(4000, 11))
        await alice.get(100)
        called = await bob.ring()
        assert called.request is not None
        assert "a=label:12" in called.request.body
        called.reply(200, body=called.sdp() + videos(5000, 21))
        await bob.get("ACK")
        await calling.answered()
        await office.bridged()
        answer = await called.request_inside("INFO", "Content-Type: application/media_control+xml\r\n", document)
        assert answer.status == status
        await asyncio.sleep(0.2)
        found = []
        while alice.inbox:
            info = await alice.get("INFO")
            assert "<picture_fast_update/>" in info.body
            found.append(re.findall("<stream_id>(.*?)</stream_id>", info.body))
            calling.reply(200, request=info)
        assert found == asked
        await calling.hang_up()
        await called.ended()
