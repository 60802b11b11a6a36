"""Calls whose streams share one transport: bundle=yes (RFC 9143)."""

from __future__ import annotations

import asyncio
import re
import struct
from pathlib import Path

import pytest

from tests.support.sip_phone import PhoneCall, SipOffice, Wire, phone_section, sip_office

EXTENSIONS = """\
[default]
exten => 101,1,Dial(PJSIP/bob,20)
exten => 600,1,Answer()
 same => n,Echo()
"""
FLAT = {"bundle": "yes", "allow": "ulaw,h264"}
ALICE = phone_section("alice", **FLAT)
#: types of the packets, and sources that nobody has told of
SOUND, PICTURE = 0, 97


def lines(call: PhoneCall, *wanted: str, group: str = "a v") -> str:
    """A description; each line is a letter (a, v) and how it is offered: port, only, gone, apart."""
    call.sdp_version += 1
    host = call.phone.address[0]
    text = f"v=0\r\no=alice 7 {call.sdp_version} IN IP4 {host}\r\ns=-\r\nc=IN IP4 {host}\r\nt=0 0\r\n"
    text += f"a=group:BUNDLE {group}\r\n" if group else ""
    for want in wanted:
        name, _, how = want.partition(" ")
        port = {"port": call.rtp_port, "apart": call.rtp_port + 50}.get(how, 0)
        kind, maps = ("audio", "0") if name == "a" else ("video", "97\r\na=rtpmap:97 H264/90000")
        text += f"m={kind} {port} RTP/AVP {maps}\r\na=mid:{name}\r\n"
        text += "a=rtcp-mux\r\n" if port else ""
        text += "a=bundle-only\r\n" if how == "only" else ""
    return text


def ports(message: Wire) -> list[int]:
    return [int(port) for port in re.findall(r"m=\w+ (\d+) ", message.body)]


def group(message: Wire) -> str:
    found = re.search(r"a=group:BUNDLE(.*)\r", message.body)
    return found[1].strip() if found else ""


async def ask(call: PhoneCall, *wanted: str, names: str = "a v") -> Wire:
    """An INVITE or re-INVITE with these lines, and its answer."""
    is_first = call.answer_seen is None
    call.invite(body=lines(call, *wanted, group=names))
    if is_first:
        await call.phone.get(100)
    answer = await call.answered()
    if is_first:
        await asyncio.sleep(1)  # Answer waits for sound
    call.remote = ("127.0.0.1", max(ports(answer)))
    return answer


async def comes_back(call: PhoneCall, kind: int) -> bool:
    """Whether a stream is echoed."""
    assert call.remote is not None
    call.heard.clear()
    for _ in range(4):
        call.sequence += 1
        head = struct.pack("!BBHII", 0x80, kind, call.sequence, call.sequence * 160, 1000 + kind)
        call.socket.sendto(head + bytes([kind]) * 160, call.remote)
        await asyncio.sleep(0.02)
    await asyncio.sleep(0.1)
    return sum(kind == heard for heard, _ in call.heard) == 4


def used(office: SipOffice) -> int:
    """Port pairs in use."""
    rtp = office.driver.rtp
    return int(rtp.ports().used)


def new_call(office: SipOffice) -> PhoneCall:
    return PhoneCall(office.phone("alice"), "sip:600@127.0.0.1:15060")


@pytest.mark.parametrize("how", ["port", "only"])
async def test_rfc9143_sound_and_picture_on_one_port(tmp_path: Path, how: str) -> None:
    """The picture's line may name the same port, or live in the bundle alone (max-bundle)."""
    async with sip_office(tmp_path, ALICE, EXTENSIONS) as office:
        call = new_call(office)
        answer = await ask(call, "a port", f"v {how}")
        assert group(answer) == "a v"
        assert ports(answer) == [ports(answer)[0]] * 2
        assert used(office) == 1
        assert await comes_back(call, SOUND)
        assert await comes_back(call, PICTURE)
        await call.hang_up()


async def test_the_picture_comes_goes_and_comes_again(tmp_path: Path) -> None:
    async with sip_office(tmp_path, ALICE, EXTENSIONS) as office:
        call = new_call(office)
        port = ports(await ask(call, "a port", names="a"))[0]
        assert ports(await ask(call, "a port", "v only")) == [port, port]
        assert await comes_back(call, PICTURE)
        gone = await ask(call, "a port", "v gone", names="a")
        assert (ports(gone), group(gone)) == ([port, 0], "a")
        assert await comes_back(call, SOUND)
        assert not await comes_back(call, PICTURE)
        again = await ask(call, "a port", "v port")
        assert (ports(again), group(again)) == ([port, port], "a v")
        assert await comes_back(call, SOUND)
        assert await comes_back(call, PICTURE)
        assert used(office) == 1
        await call.hang_up()


async def test_the_sound_goes_and_the_picture_keeps_its_port(tmp_path: Path) -> None:
    """RFC 9143 7.5.3: the transport stays when the line that brought it is removed."""
    async with sip_office(tmp_path, ALICE, EXTENSIONS) as office:
        call = new_call(office)
        port = ports(await ask(call, "a port", "v port"))[0]
        rest = await ask(call, "a gone", "v port", names="v")
        assert (ports(rest), group(rest)) == ([0, port], "v")
        assert await comes_back(call, PICTURE)
        back = await ask(call, "a port", "v port", names="v a")
        assert (ports(back), group(back)) == ([port, port], "v a")
        assert await comes_back(call, SOUND)
        await call.hang_up()


async def test_the_picture_first_carries_the_sound(tmp_path: Path) -> None:
    async with sip_office(tmp_path, ALICE, EXTENSIONS) as office:
        call = new_call(office)
        answer = await ask(call, "v port", "a port", names="v a")
        assert group(answer) == "v a"
        assert used(office) == 1
        assert await comes_back(call, SOUND)
        assert await comes_back(call, PICTURE)
        gone = await ask(call, "v gone", "a port", names="a")
        assert (ports(gone), used(office)) == ([0, ports(answer)[0]], 1)
        assert await comes_back(call, SOUND)
        assert not await comes_back(call, PICTURE)
        await call.hang_up()


async def test_rfc9143_7_5_2_a_stream_moves_out_of_the_bundle_and_back(tmp_path: Path) -> None:
    async with sip_office(tmp_path, ALICE, EXTENSIONS) as office:
        call = new_call(office)
        port = ports(await ask(call, "a port", "v port"))[0]
        apart = await ask(call, "a port", "v apart", names="a")
        assert group(apart) == "a"
        assert ports(apart)[0] == port != ports(apart)[1]
        call.remote = ("127.0.0.1", port)
        assert used(office) == 2
        assert await comes_back(call, SOUND)
        together = await ask(call, "a port", "v port")
        assert ports(together) == [port, port]
        assert used(office) == 1
        assert await comes_back(call, PICTURE)
        await call.hang_up()


async def test_a_picture_that_is_not_allowed_leaves_the_group(tmp_path: Path) -> None:
    async with sip_office(tmp_path, phone_section("alice", bundle="yes"), EXTENSIONS) as office:
        call = new_call(office)
        answer = await ask(call, "a port", "v port")
        assert (group(answer), ports(answer)[1]) == ("a", 0)
        assert await comes_back(call, SOUND)
        await call.hang_up()


async def test_without_bundle_each_has_its_port(tmp_path: Path) -> None:
    async with sip_office(tmp_path, phone_section("alice", allow="ulaw,h264", rtcp_mux="yes"), EXTENSIONS) as office:
        call = new_call(office)
        answer = await ask(call, "a port", "v apart")
        assert group(answer) == ""
        assert len(set(ports(answer))) == 2
        assert "a=mid" not in answer.body
        await call.hang_up()


@pytest.mark.parametrize("number", [99, PICTURE], ids=["as offered", "as answered"])
@pytest.mark.parametrize("bundles", [True, False], ids=["bundled", "apart"])
async def test_our_offer_has_two_ports_and_the_answer_chooses(tmp_path: Path, bundles: bool, number: int) -> None:
    """Bob sends his picture under the number that he was offered, or under that of his answer, as some phones do."""
    config = ALICE + phone_section("bob", contact="sip:bob@127.0.0.1:15072", **FLAT)
    async with sip_office(tmp_path, config, EXTENSIONS) as office:
        alice, bob = office.phone("alice"), office.phone("bob")
        call = PhoneCall(alice, "sip:101@127.0.0.1:15060")
        call.invite(body=lines(call, "a port", "v port"))
        await alice.get(100)
        called = await bob.ring()
        request = called.request
        assert request is not None
        assert group(request) == "audio-0 video-1"
        assert len(set(ports(request))) == 2
        assert re.findall(r"a=(?:mid|rtcp-mux|extmap)\S*", request.body) == [
            "a=rtcp-mux", "a=extmap:1", "a=mid:audio-0", "a=rtcp-mux", "a=extmap:1", "a=mid:video-1",
        ]  # fmt: skip
        wanted = ("a port", "v only") if bundles else ("a port", "v apart")
        body = lines(called, *wanted, group="audio-0 video-1" if bundles else "")
        body = body.replace("a=mid:a", "a=mid:audio-0").replace("a=mid:v", "a=mid:video-1")
        body = body if bundles else re.sub(r"a=mid.*\r\n", "", body)
        called.reply(200, "OK", body=body)
        await bob.get("ACK")
        await call.answered()
        await asyncio.sleep(0.5)
        assert used(office) == (2 if bundles else 3)
        for speaker, listener in ((call, called), (called, call)):
            listener.heard.clear()
            for _ in range(4):
                speaker.sequence += 1
                kind = PICTURE if speaker is call else number
                head = struct.pack("!BBHII", 0x80, kind, speaker.sequence, speaker.sequence * 3000, 5)
                assert speaker.remote is not None
                port = speaker.remote[1] if speaker is call or bundles else ports(request)[1]
                speaker.socket.sendto(head + b"picture", (speaker.remote[0], port))
                await asyncio.sleep(0.02)
            await speaker.speak(4)
            await asyncio.sleep(0.1)
            kinds = [kind for kind, _ in listener.heard]
            assert kinds.count(SOUND) == 4
            assert kinds.count(PICTURE) == (4 if bundles or listener is call else 0)  # bob's picture has another socket
        await call.hang_up()
        await called.ended()


async def test_hold_and_back_keep_the_transport_of_a_bundle(tmp_path: Path) -> None:
    """Hold of both lines and back."""
    async with sip_office(tmp_path, ALICE, EXTENSIONS) as office:
        call = new_call(office)
        port = ports(await ask(call, "a port", "v port"))[0]
        call.invite(body=lines(call, "a port", "v port").replace("a=rtcp-mux", "a=sendonly\r\na=rtcp-mux"))
        held = await call.answered()
        assert ports(held) == [port, port]
        assert held.body.count("a=recvonly") == 2
        assert not await comes_back(call, SOUND)
        await ask(call, "a port", "v port")
        assert await comes_back(call, PICTURE)
        await call.hang_up()


async def test_a_picture_that_is_asked_for_is_asked_of_who_sends_it(tmp_path: Path) -> None:
    """The echo of one's own picture; the request names the picture's source, and so does ours (RFC 4585 6.3.1)."""
    async with sip_office(tmp_path, phone_section("alice", **FLAT, use_avpf="yes"), EXTENSIONS) as office:
        call = new_call(office)
        call.invite(body=lines(call, "a port", "v port").replace("RTP/AVP", "RTP/AVPF"))
        await call.phone.get(100)
        answer = await call.answered()
        found = re.findall(r"a=ssrc:(\d+)", answer.body)
        await asyncio.sleep(1)
        assert await comes_back(call, PICTURE)
        raw: list[bytes] = []
        call.socket.set_reader(lambda now: raw.append(call.socket.recvfrom(2048)[0]))
        report = struct.pack("!BBHI", 0x80, 201, 1, 1000 + PICTURE)
        assert call.remote is not None
        call.socket.sendto(report + struct.pack("!BBHII", 0x81, 206, 2, 1000 + PICTURE, int(found[1])), call.remote)
        await asyncio.sleep(0.1)
        asked = [data for data in raw if data[1] in (200, 201) and struct.pack("!BBH", 0x81, 206, 2) in data]
        assert len(asked) == 1
        assert asked[0][-8:] == struct.pack("!II", int(found[1]), 1000 + PICTURE)
        await call.hang_up()


@pytest.mark.parametrize(
    ("codec", "name", "first", "good", "bad"),
    [
        ("h264", "H264", "profile-level-id=42e01f;packetization-mode=1", "profile-level-id=42e034;packetization-mode=1",
         "profile-level-id=640c1f;packetization-mode=1"),
        ("vp9", "VP9", "profile-id=2", "profile-id=2", "profile-id=0"),
        ("av1", "AV1", "level-idx=5;profile=0;tier=0", "profile=0", "profile=1"),
        ("h265", "H265", "profile-id=1;level-id=93", "level-id=120", "profile-id=2"),
    ],
)  # fmt: skip
async def test_pictures_pass_where_the_parameters_fit(
    tmp_path: Path, codec: str, name: str, first: str, good: str, bad: str
) -> None:
    """Bob is offered what alice can do; an answer with another profile has no picture."""
    options = {"allow": f"ulaw,{codec}"}
    config = phone_section("alice", **options) + phone_section("bob", contact="sip:bob@127.0.0.1:15072", **options)
    async with sip_office(tmp_path, config, EXTENSIONS) as office:
        alice, bob = office.phone("alice"), office.phone("bob")
        for theirs in (good, bad):
            call = PhoneCall(alice, "sip:101@127.0.0.1:15060")
            line = f"m=video 4002 RTP/AVP 97\r\na=rtpmap:97 {name}/90000\r\n"
            call.invite(body=call.sdp() + line + f"a=fmtp:97 {first}\r\n")
            await alice.get(100)
            called = await bob.ring()
            assert called.request is not None
            assert re.search(rf"a=fmtp:\d+ {first}\r", called.request.body)
            called.reply(200, "OK", body=called.sdp() + line.replace("4002", "5002") + f"a=fmtp:97 {theirs}\r\n")
            await bob.get("ACK")
            await call.answered()
            await asyncio.sleep(0.2)
            channel = next(channel for channel in office.system.channels.values() if "bob" in channel.name)
            assert channel.tech.channel_read(channel, "rtp,dest,video") == ("127.0.0.1:5002" if theirs is good else "")
            await call.hang_up()
            await called.ended()
