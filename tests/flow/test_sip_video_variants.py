"""A caller that offers H.264 in several profiles gets the one that the callee takes; VP9 and AV1 likewise."""

from __future__ import annotations

import asyncio
import re
import struct
from pathlib import Path

import pytest

from tests.support.sip_phone import PhoneCall, Wire, phone_section, sip_office

EXTENSIONS = """\
[default]
exten => 101,1,Dial(PJSIP/bob)
exten => 102,1,Answer()
 same => n,Dial(PJSIP/bob)
exten => 103,1,Dial(PJSIP/bob&PJSIP/carol)
exten => 104,1,Dial(Local/101@default)
"""
HIGH, LOW, PLAIN = (
    "profile-level-id=640c1f;packetization-mode=1", "profile-level-id=42e01f;packetization-mode=1", "profile-level-id=42e01f",
)  # fmt: skip


def line(port: int, kinds: dict[int, str], codec: str = "H264") -> str:
    text = f"m=video {port} RTP/AVP {' '.join(map(str, kinds))}\r\n"
    for number, fmtp in kinds.items():
        text += f"a=rtpmap:{number} {codec}/90000\r\n" + (f"a=fmtp:{number} {fmtp}\r\n" if fmtp else "")
    return text


def video(message: Wire) -> dict[int, str]:
    """The payload types of video, each with its parameters."""
    part = message.body.partition("m=video")[2]
    assert part.split()[0] != "0", "declined"
    numbers = [int(number) for number in part.partition("\r")[0].split()[2:]]
    found = dict(re.findall(r"a=fmtp:(\d+) (.*)\r", part))
    return {number: found.get(str(number), "") for number in numbers}


def config(codec: str = "h264", names: tuple[str, ...] = ("alice", "bob", "carol")) -> str:
    return "".join(
        phone_section(name, contact=f"sip:{name}@127.0.0.1:{15071 + n}", allow=f"ulaw,{codec}") for n, name in enumerate(names)
    )


@pytest.mark.parametrize(
    ("codec", "offer", "offered", "chosen", "answer"),
    [
        ("H264", {97: HIGH, 98: LOW, 99: PLAIN}, [HIGH, LOW, PLAIN], LOW, {98: LOW}),
        ("H264", {97: HIGH, 98: LOW, 99: PLAIN}, [HIGH, LOW, PLAIN], PLAIN, {99: PLAIN}),
        ("H264", {97: HIGH, 98: LOW}, [HIGH, LOW], "profile-level-id=42001f;packetization-mode=1", {98: LOW}),
        ("H264", {97: HIGH, 98: LOW}, [HIGH, LOW], HIGH, {97: HIGH}),
        ("H264", {97: LOW, 98: LOW.replace("1f", "34")}, [LOW], LOW, {97: LOW}),  # levels are no variants
        ("VP9", {97: "profile-id=2", 98: "profile-id=0"}, ["profile-id=2", "profile-id=0"], "profile-id=0", {98: "profile-id=0"}),
        ("AV1", {97: "profile=1", 98: "profile=0"}, ["profile=1", "profile=0"], "", {98: "profile=0"}),
        ("H265", {97: "profile-id=2", 98: "profile-id=1"}, ["profile-id=2", "profile-id=1"], "level-id=93", {98: "profile-id=1"}),
    ],
)
async def test_the_caller_is_answered_by_what_the_callee_takes(
    tmp_path: Path, codec: str, offer: dict[int, str], offered: list[str], chosen: str, answer: dict[int, str]
) -> None:
    async with sip_office(tmp_path, config(codec.lower()), EXTENSIONS) as office:
        alice, bob = office.phone("alice"), office.phone("bob")
        calling = PhoneCall(alice, "sip:101@127.0.0.1:15060")
        calling.invite(body=calling.sdp() + line(4002, offer, codec))
        await alice.get(100)
        called = await bob.ring()
        assert called.request is not None
        wanted = video(called.request)
        assert list(wanted.values()) == offered
        number = next((n for n, fmtp in wanted.items() if fmtp == chosen), 96)
        called.reply(200, body=called.sdp() + line(5002, {number: chosen}, codec))
        await bob.get("ACK")
        told = await calling.answered()
        assert video(told) == answer
        # and pictures pass, each under the number that its reader has agreed
        eyes = {port: office.media.open("127.0.0.1", port) for port in (4002, 5002)}
        ours = int(re.search(r"m=video (\d+)", told.body)[1])  # type: ignore[index]
        theirs = int(re.search(r"m=video (\d+)", called.request.body)[1])  # type: ignore[index]
        own = max(wanted, key=lambda n: (wanted[n] == next(iter(answer.values())), -n))
        seen: dict[int, list[bytes]] = {4002: [], 5002: []}
        for port, socket in eyes.items():
            socket.set_reader(lambda _now, port=port, socket=socket: seen[port].append(socket.recvfrom(2048)[0]))  # type: ignore[misc]
        eyes[4002].sendto(struct.pack("!BBHII", 0x80, next(iter(answer)), 1, 1, 7) + b"of alice", ("127.0.0.1", ours))
        eyes[5002].sendto(struct.pack("!BBHII", 0x80, own, 1, 1, 8) + b"of bob", ("127.0.0.1", theirs))
        await asyncio.sleep(0.1)
        assert [(data[1] & 0x7F, data[12:]) for data in seen[5002]] == [(number, b"of alice")]
        assert [(data[1] & 0x7F, data[12:]) for data in seen[4002]] == [(next(iter(answer)), b"of bob")]
        await calling.hang_up()
        await called.ended()
        for socket in eyes.values():
            socket.close()


async def test_a_caller_with_an_answer_has_its_choice_offered_alone(tmp_path: Path) -> None:
    async with sip_office(tmp_path, config(), EXTENSIONS) as office:
        alice, bob = office.phone("alice"), office.phone("bob")
        calling = PhoneCall(alice, "sip:102@127.0.0.1:15060")
        calling.invite(body=calling.sdp() + line(4002, {97: HIGH, 98: LOW}))
        await alice.get(100)
        told = await calling.answered()
        assert video(told) == {97: HIGH}
        called = await bob.ring()
        assert called.request is not None
        assert list(video(called.request).values()) == [HIGH]
        called.reply(486)
        await bob.get("ACK")
        await calling.ended()


async def test_of_several_callees_the_one_that_answers_chooses(tmp_path: Path) -> None:
    async with sip_office(tmp_path, config(), EXTENSIONS) as office:
        alice, bob, carol = (office.phone(name) for name in ("alice", "bob", "carol"))
        calling = PhoneCall(alice, "sip:103@127.0.0.1:15060")
        calling.invite(body=calling.sdp() + line(4002, {97: HIGH, 98: LOW}))
        await alice.get(100)
        one, two = await bob.ring(), await carol.ring()
        one.reply(180)
        await alice.get(180)
        two.reply(200, body=two.sdp() + line(5002, {105: LOW}))
        await carol.get("ACK")
        one.reply(200, "OK", request=await bob.get("CANCEL"))
        one.reply(487)
        assert video(await calling.answered()) == {98: LOW}
        await calling.hang_up()
        await two.ended()


async def test_through_a_local_channel_the_first_is_offered(tmp_path: Path) -> None:
    async with sip_office(tmp_path, config(), EXTENSIONS) as office:
        alice, bob = office.phone("alice"), office.phone("bob")
        calling = PhoneCall(alice, "sip:104@127.0.0.1:15060")
        calling.invite(body=calling.sdp() + line(4002, {97: HIGH, 98: LOW}))
        await alice.get(100)
        called = await bob.ring()
        assert called.request is not None
        assert list(video(called.request).values()) == [HIGH]
        called.reply(200, body=called.sdp() + line(5002, {105: HIGH}))
        await bob.get("ACK")
        assert video(await calling.answered()) == {97: HIGH}
        await calling.hang_up()
        await called.ended()


async def test_video_that_comes_later_is_offered_as_it_was_agreed(tmp_path: Path) -> None:
    """Who adds it has its answer at once, so there is nothing to choose for the other."""
    async with sip_office(tmp_path, config(), EXTENSIONS) as office:
        alice, bob = office.phone("alice"), office.phone("bob")
        calling = PhoneCall(alice, "sip:101@127.0.0.1:15060")
        calling.invite(body=calling.sdp())
        await alice.get(100)
        called = await bob.ring()
        called.reply(200, body=called.sdp())
        await bob.get("ACK")
        await calling.answered()
        await office.bridged()
        calling.invite(body=calling.sdp() + line(4002, {97: HIGH, 98: LOW}))
        assert video(await calling.answered()) == {97: HIGH}
        offer = await bob.get("INVITE")
        assert list(video(offer).values()) == [HIGH]
        called.reply(200, request=offer, body=called.sdp() + line(5002, {next(iter(video(offer))): HIGH}))
        await bob.get("ACK")
        await office.quiet()
        await calling.hang_up()
        await called.ended()
