"""Several audio streams in a call (max_audio_streams): who hears whom on which, and what an offer gets for an answer."""

from __future__ import annotations

import asyncio
import re
from pathlib import Path

import pytest

from globstar.core.cli import run_command
from tests.support.many_audio import ManyAudio, audio_ports, sections
from tests.support.sip_phone import SipOffice, Wire, phone_section, sip_office

EXTENSIONS = """\
[default]
exten => 600,1,Answer(,i)
 same => n,Echo()
exten => 601,1,Answer(,i)
 same => n,StreamEcho(3,audio)
exten => 602,1,Answer(,i)
 same => n,Playback(tt-monkeys)
exten => 610,1,Dial(PJSIP/bob)
exten => 611,1,Dial(Local/610@default/n)
exten => 612,1,Dial(PJSIP/bob,,tT)
"""


def phones(alice: int = 2, bob: int = 2, **options: object) -> str:
    return phone_section("alice", max_audio_streams=alice, **options) + phone_section(
        "bob", max_audio_streams=bob, contact="sip:bob@127.0.0.1:15072", **options
    )


async def connect(office: SipOffice, number: str, alice: tuple[str, ...], bob: tuple[str, ...]) -> tuple[ManyAudio, ManyAudio]:
    """Alice calls bob; each has an audio line for every entry."""
    caller, callee = ManyAudio(office.phone("alice"), *alice), office.phone("bob")
    dialling = asyncio.ensure_future(caller.dial(number))
    called = await ManyAudio.ring(callee, *bob)
    await called.answer()
    await dialling
    await asyncio.sleep(0.1)
    return caller, called


async def hears(
    one: ManyAudio, other: ManyAudio, *expected: dict[tuple[int, int], int], kinds: tuple[int, ...] = (0, 0, 0)
) -> None:
    """What arrives at each line of ``other`` when ``one`` speaks on every line of its own, 5 packets of 0x50 + number."""
    for line in other.lines:
        line.packets.clear()
    for _ in range(5):
        for line in one.lines:
            if line.is_on:
                one.say(line.number, 0x50 + line.number, kind=kinds[line.number])
        await asyncio.sleep(0.02)
    await asyncio.sleep(0.1)
    assert [line.heard() for line in other.lines] == list(expected)


@pytest.mark.parametrize("number", ["610", "611", "612"])
async def test_each_stream_is_heard_on_the_one_of_its_number(tmp_path: Path, number: str) -> None:
    """As packets that are relayed (610), through Local channels, and through frames, as digit features must see digits."""
    async with sip_office(tmp_path, phones(), EXTENSIONS) as office:
        alice, bob = await connect(office, number, ("0 101", "0 101"), ("0 101", "0 101"))
        technologies = {bridge.technology.name for bridge in office.system.bridges.values()}
        assert technologies == ({"native_rtp"} if number == "610" else {"simple_bridge"})
        both = {(0, 0x50): 5}, {(0, 0x51): 5}
        await hears(alice, bob, *both)
        await hears(bob, alice, *both)
        ssrcs = {line.socket.address[1] for line in alice.lines}
        assert len(ssrcs) == 2
        await alice.hang_up()
        await bob.call.ended()
        bob.close()


async def test_streams_of_different_codecs_are_translated_each_by_itself(tmp_path: Path) -> None:
    async with sip_office(
        tmp_path, phones(allow="ulaw,alaw"), EXTENSIONS, {"modules.conf": "[modules]\nautoload=yes\n"}
    ) as office:
        alice, bob = await connect(office, "610", ("0", "0"), ("0", "8"))
        for _ in range(5):
            alice.say(0, 0x50)
            alice.say(1, 0xFF)  # silence of ulaw
            await asyncio.sleep(0.02)
        await asyncio.sleep(0.1)
        assert [line.heard() for line in bob.lines] == [{(0, 0x50): 5}, {(8, 0xD5): 5}]
        await alice.hang_up()
        await bob.call.ended()
        bob.close()


async def test_a_phone_with_one_stream_talks_to_one_with_two(tmp_path: Path) -> None:
    async with sip_office(tmp_path, phones(alice=2, bob=1), EXTENSIONS) as office:
        alice, bob = await connect(office, "610", ("0 101", "0 101"), ("0 101",))
        assert bob.call.request is not None
        assert len(audio_ports(bob.call.request)) == 1
        await hears(alice, bob, {(0, 0x50): 5})
        await hears(bob, alice, {(0, 0x50): 5}, {})
        await alice.hang_up()
        await bob.call.ended()
        bob.close()


@pytest.mark.parametrize(
    ("most", "lines", "accepted"),
    [
        (1, ("0", "0", "0"), [True, False, False]),
        (2, ("0", "0", "0"), [True, True, False]),
        (3, ("0", "0", "0"), [True, True, True]),
        (9, ("0",), [True]),
        # one that cannot be used does not count
        (2, ("8", "0", "0"), [False, True, True]),
        (2, ("0", "8", "0"), [True, False, True]),
    ],
)
async def test_rfc3264_6_as_many_lines_are_taken_as_there_may_be(
    tmp_path: Path, most: int, lines: tuple[str, ...], accepted: list[bool]
) -> None:
    async with sip_office(tmp_path, phones(alice=most), EXTENSIONS) as office:
        alice = ManyAudio(office.phone("alice"), *lines)
        ports = audio_ports(await alice.dial("600"))
        assert [bool(port) for port in ports] == accepted
        assert len(set(filter(None, ports))) == sum(accepted)
        assert len(office.driver.rtp) == sum(accepted)
        for line in alice.lines:
            line.is_on = bool(line.remote_port)
        echoes: list[dict[tuple[int, int], int]] = [{(0, 0x50 + i): 5} if taken else {} for i, taken in enumerate(accepted)]
        await hears(alice, alice, *echoes)
        await alice.hang_up()


async def test_a_stream_that_is_added_is_offered_to_the_other_side_and_one_that_goes_is_taken_back(tmp_path: Path) -> None:
    async with sip_office(tmp_path, phones(), EXTENSIONS) as office:
        alice, bob = await connect(office, "610", ("0 101",), ("0 101",))
        await hears(alice, bob, {(0, 0x50): 5})
        alice.add()
        changing = asyncio.ensure_future(alice.change())
        offer = await bob.takes()
        assert len(audio_ports(offer)) == 2
        assert all(audio_ports(await changing))
        await office.quiet(1)
        both = {(0, 0x50): 5}, {(0, 0x51): 5}
        await hears(alice, bob, *both)
        await hears(bob, alice, *both)
        alice.lines[1].is_on = False
        changing = asyncio.ensure_future(alice.change())
        offer = await bob.takes()
        assert [bool(port) for port in audio_ports(offer)] == [True, False]
        assert [bool(port) for port in audio_ports(await changing)] == [True, False]
        await office.quiet(1)
        assert len(office.driver.rtp) == 2
        await hears(alice, bob, {(0, 0x50): 5}, {})
        await alice.hang_up()
        await bob.call.ended()
        bob.close()


@pytest.mark.parametrize("status", [488, 491])
async def test_a_side_that_refuses_another_stream_goes_on_with_what_it_has(tmp_path: Path, status: int) -> None:
    async with sip_office(tmp_path, phones(), EXTENSIONS) as office:
        alice, bob = await connect(office, "610", ("0 101",), ("0 101",))
        alice.add()
        changing = asyncio.ensure_future(alice.change())
        await bob.takes(status=status)
        await changing
        if status == 491:  # it is asked again, and takes it
            await bob.takes()
            await hears(alice, bob, {(0, 0x50): 5}, {(0, 0x51): 5})
        else:
            await hears(alice, bob, {(0, 0x50): 5}, {})
        await alice.hang_up()
        await bob.call.ended()
        bob.close()


async def test_the_first_stream_that_lives_is_the_one_that_applications_use(tmp_path: Path) -> None:
    """The first line is given up, and comes back: what is played and pressed goes over the lowest line that lives."""
    async with sip_office(tmp_path, phones(), EXTENSIONS.replace("Echo()", "Read(D,,1)\n same => n,Echo()")) as office:
        alice = ManyAudio(office.phone("alice"), "0 101", "0 101")
        first = audio_ports(await alice.dial("600"))
        channel = next(iter(office.system.channels.values()))
        media = channel.private.media
        assert media.session.local_address[1] == first[0]
        alice.lines[0].is_on = False
        assert audio_ports(await alice.change()) == [0, first[1]]
        assert media.session.local_address[1] == first[1]
        assert len(office.driver.rtp) == 1
        alice.say(1, 0x01, kind=101)  # a digit begins and, lost, ends
        await asyncio.sleep(1)
        assert channel.get_variable("D") == "1"
        alice.lines[0].is_on = True
        ports = audio_ports(await alice.change())
        assert ports[1] == first[1]
        assert all(ports)
        assert media.session.local_address[1] == ports[0]
        assert media.stream.index == 0
        await alice.hang_up()


async def test_each_stream_is_held_by_itself(tmp_path: Path) -> None:
    """Only the first one holds the call; another is only silent the way that was asked for."""
    async with sip_office(tmp_path, phones(), EXTENSIONS) as office:
        alice, bob = await connect(office, "610", ("0 101", "0 101"), ("0 101", "0 101"))
        channel = next(c for c in office.system.channels.values() if c.name.startswith("PJSIP/alice"))
        alice.lines[1].direction = "sendonly"
        answer = await alice.change()
        assert [("sendrecv" in part, "recvonly" in part) for part in sections(answer)] == [(True, False), (False, True)]
        assert not channel.hold_state
        assert channel.tech.channel_read(channel, "rtp,hold,audio") == "0"
        assert channel.tech.channel_read(channel, "rtp,hold,audio-1") == "1"
        await hears(bob, alice, {(0, 0x50): 5}, {})
        await hears(alice, bob, {(0, 0x50): 5}, {(0, 0x51): 5})
        await alice.hang_up()
        await bob.call.ended()
        bob.close()


@pytest.mark.parametrize("number", ["610", "611", "612"])
async def test_all_streams_are_held_and_come_back(tmp_path: Path, number: str) -> None:
    """RFC 3264 section 8.4: who holds hears nothing on any line; who is held hears the music on the first alone."""
    async with sip_office(tmp_path, phones(), EXTENSIONS) as office:
        alice, bob = await connect(office, number, ("0 101", "0 101"), ("0 101", "0 101"))
        for direction, both in (("sendonly", False), ("sendrecv", True), ("inactive", False), ("sendrecv", True)):
            for line in alice.lines:
                line.direction = direction
            await alice.change()
            channel = next(c for c in office.system.channels.values() if c.name.startswith("PJSIP/alice"))
            assert channel.hold_state != both
            await hears(bob, alice, *(({(0, 0x50): 5}, {(0, 0x51): 5}) if both else ({}, {})))
            for line in bob.lines:
                line.packets.clear()
            alice.say(0, 0x70, packets=3)
            alice.say(1, 0x71, packets=3)
            await asyncio.sleep(0.1)
            assert bob.lines[1].heard() == ({(0, 0x71): 3} if both or direction == "sendonly" else {})
        await alice.hang_up()
        await bob.call.ended()
        bob.close()


async def test_names_of_streams_are_kept_and_known(tmp_path: Path) -> None:
    """RFC 5888 mids and RFC 4574 labels: repeated in the answer, passed to the other side, and taken by CHANNEL()."""
    async with sip_office(tmp_path, phones(), EXTENSIONS) as office:
        alice, callee = ManyAudio(office.phone("alice"), "0 101", "0 101"), office.phone("bob")
        alice.lines[0].extra = "a=mid:Door\r\na=label:11\r\n"
        alice.lines[1].extra = "a=mid:Yard\r\na=label:12\r\na=content:alt\r\n"
        dialling = asyncio.ensure_future(alice.dial("610"))
        bob = await ManyAudio.ring(callee, "0 101", "0 101")
        assert bob.call.request is not None
        offered = sections(bob.call.request)
        assert "a=label:11" in offered[0]
        assert "a=label:12" in offered[1]
        assert "a=content:alt" in offered[1]
        await bob.answer()
        answered = sections(await dialling)
        assert [("a=mid:Door" in part, "a=mid:Yard" in part, "a=label:12" in part) for part in answered] == [
            (True, False, False),
            (False, True, True),
        ]
        channel = next(c for c in office.system.channels.values() if c.name.startswith("PJSIP/alice"))
        ports = [f"127.0.0.1:{port}" for port in audio_ports(alice.call.answer_seen)]  # type: ignore[arg-type]
        for name, port in (("audio", 0), ("audio-0", 0), ("Door", 0), ("audio-1", 1), ("yard", 1), ("12", 1)):
            assert channel.tech.channel_read(channel, f"rtp,src,{name}") == ports[port]
        assert channel.tech.channel_read(channel, "rtp,src,audio-2") == ""
        await hears(alice, bob, {(0, 0x50): 5}, {(0, 0x51): 5})
        assert channel.tech.channel_read(channel, "rtcp,rxcount,yard") == "5"
        assert "5" in await run_command(office.system, "pjsip show channelstats")
        await alice.hang_up()
        await bob.call.ended()
        bob.close()


async def test_stream_echo_is_heard_in_as_many_streams_as_there_may_be(tmp_path: Path) -> None:
    async with sip_office(tmp_path, phones(alice=3), EXTENSIONS) as office:
        alice = ManyAudio(office.phone("alice"), "0 101")
        await alice.dial("601")
        offer = await alice.takes()
        assert [part.count("a=sendonly") for part in sections(offer)] == [0, 1, 1]
        await hears(alice, alice, *({(0, 0x50): 5},) * 3)
        await alice.hang_up()


@pytest.mark.parametrize(
    ("early", "final"),
    [
        # which of three lines the first fork takes while it rings, and which the one that answers
        ((True, False, False), (True, True, True)),
        ((False, True, False), (True, False, True)),
        ((True, True, True), (True, False, False)),
        ((True, False, False), (True, False, False)),
        # the fork that has told its media while it rang says nothing more when it answers
        ((True, False, True), None),
    ],
)
async def test_rfc3261_13_2_2_4_a_stream_that_one_fork_declines_may_be_taken_by_another(
    tmp_path: Path, early: tuple[bool, ...], final: tuple[bool, ...] | None
) -> None:
    """What nobody has taken in the end gives its port back."""
    async with sip_office(tmp_path, phones(3, 3), EXTENSIONS) as office:
        alice, callee = ManyAudio(office.phone("alice"), "0 101", "0 101", "0 101"), office.phone("bob")
        alice.call.target = alice.call.to = "sip:610@127.0.0.1:15060"
        alice.call.invite(body=alice.sdp())
        await alice.phone.get(100)
        bob = await ManyAudio.ring(callee, "0 101", "0 101", "0 101")
        assert bob.call.request is not None
        bob.learn(bob.call.request)
        for line, is_on in zip(bob.lines, early, strict=True):
            line.is_on = is_on
        bob.call.tag = "one"
        bob.call.reply(183, body=bob.sdp())
        await alice.phone.get(183)
        for line, is_on in zip(bob.lines, final or early, strict=True):
            line.is_on = is_on
        bob.call.tag = "two" if final else "one"
        bob.call.reply(200, "OK", body=bob.sdp() if final else "")
        await callee.get("ACK")
        alice.learn(await alice.call.answered())
        await asyncio.sleep(0.1)
        taken = [number for number, is_on in enumerate(final or early) if is_on]
        assert len(office.driver.rtp) == 3 + len(taken)
        await hears(bob, alice, *({(0, 0x50 + n): 5} if n in taken else {} for n in range(3)))
        await alice.hang_up()
        await bob.call.ended()
        bob.close()


async def test_a_fax_takes_the_place_of_all_streams_and_they_come_back(tmp_path: Path) -> None:
    """T.38 by re-INVITE (RFC 3362, T.38 annex D): the lines of audio get port 0, and their old places after the fax."""
    async with sip_office(tmp_path, phones(t38_udptl="yes"), EXTENSIONS) as office:
        alice, bob = await connect(office, "610", ("0 101", "0 101"), ("0 101", "0 101"))
        both = {(0, 0x50): 5}, {(0, 0x51): 5}
        await hears(alice, bob, *both)
        image = "m=image {} udptl t38\r\na=T38FaxVersion:0\r\na=T38MaxBitRate:9600\r\na=T38FaxUdpEC:t38UDPRedundancy\r\n"

        def faxing(phone: ManyAudio, port: int) -> str:
            for line in phone.lines:
                line.is_on = not port
            return phone.sdp() + image.format(port)

        async def change(wanted_alice: int, wanted_bob: int) -> tuple[Wire, Wire]:
            bob.call.invite(body=faxing(bob, wanted_bob))
            offer = await alice.phone.get("INVITE")
            alice.learn(offer)
            alice.call.reply(200, "OK", request=offer, body=faxing(alice, wanted_alice))
            await alice.phone.get("ACK")
            answer = bob.learn(await bob.phone.get(200))
            bob.call._send("ACK", cseq=bob.call.cseq)
            return offer, answer

        for message in await change(6002, 6000):
            assert audio_ports(message) == [0, 0]
            assert re.search(r"m=image [1-9]\d* udptl", message.body)
        assert {leg.media.fax.state.value for leg in office.driver.legs} == {"ENABLED"}
        assert len(office.driver.rtp) == 2
        bob.call.invite(body=faxing(bob, 0))
        answer = bob.learn(await bob.phone.get(200))
        bob.call._send("ACK", cseq=bob.call.cseq)
        offer = alice.learn(await alice.phone.get("INVITE"))
        alice.call.reply(200, "OK", request=offer, body=faxing(alice, 0))
        await alice.phone.get("ACK")
        for message in (offer, answer):
            assert all(audio_ports(message)), message.body
            assert "m=image 0 udptl" in message.body
        await office.quiet(1)
        await hears(alice, bob, *both)
        await hears(bob, alice, *both)
        await alice.hang_up()
        await bob.call.ended()
        bob.close()
