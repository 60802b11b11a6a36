"""Several audio streams in a call to which things happen: transfers, spies, refused faxes, offers that we have to make."""

from __future__ import annotations

import asyncio
import re
import struct
from itertools import pairwise
from pathlib import Path

import pytest

from globstar.core.frame import Frame
from tests.support.many_audio import Line, ManyAudio, audio_ports, sections
from tests.support.sip_phone import SipOffice, phone_section, sip_office
from tests.support.sip_transfer import dialog_of, notified, refer_to

EXTENSIONS = """\
[default]
exten => 101,1,Dial(PJSIP/bob,20)
exten => 102,1,Dial(PJSIP/carol,20)
exten => 201,1,Dial(PJSIP/bob,20,tT)
exten => 202,1,Dial(PJSIP/carol,20,tT)
"""
TWO = ("0 101", "0 101")


def phones(**options: object) -> str:
    return "".join(
        phone_section(name, contact=f"sip:{name}@127.0.0.1:{15071 + n}", max_audio_streams=2, **options)
        for n, name in enumerate(("alice", "bob", "carol"))
    )


async def connect(office: SipOffice, caller: str, callee: str, number: str) -> tuple[ManyAudio, ManyAudio]:
    one, two = (office.phones.get(name) or office.phone(name) for name in (caller, callee))
    for _ in range(5 * len(one.calls)):  # the ports of its other calls are apart
        next(one.rtp_ports)
    calling = ManyAudio(one, *TWO)
    dialling = asyncio.ensure_future(calling.dial(number))
    called = await ManyAudio.ring(two, *TWO)
    await called.answer()
    await dialling
    await asyncio.sleep(0.1)
    return calling, called


async def say(phone: ManyAudio, octet: int, packets: int = 5) -> None:
    for _ in range(packets):
        for line in phone.lines:
            phone.say(line.number, octet + line.number)
        await asyncio.sleep(0.02)


def steps(line: Line, octets: set[int]) -> list[tuple[int, int]]:
    """From packet to packet how much further number and time are; only these octets were heard, of one source."""
    heads = [struct.unpack("!HII", data[2:12]) for data in line.packets]
    assert {data[12] for data in line.packets} == octets
    assert len({ssrc for *_, ssrc in heads}) == 1
    line.packets.clear()
    return [(two[0] - one[0] & 0xFFFF, two[1] - one[1] & 0xFFFFFFFF) for one, two in pairwise(heads)]


@pytest.mark.parametrize("how", ["blind", "attended"])
@pytest.mark.parametrize("first", [1, 2])
async def test_a_transfer_takes_all_streams_along(tmp_path: Path, first: int, how: str) -> None:
    """Relayed (1) and through frames (2): bob hears carol where he has heard alice, on each line as one source."""
    async with sip_office(tmp_path, phones(), EXTENSIONS) as office:
        alice, bob = await connect(office, "alice", "bob", f"{first}01")
        await say(alice, 0x50)
        if how == "blind":
            office.phone("carol")
            assert (await alice.call.request_inside("REFER", refer_to(f"{first}02"))).status == 202
            carol = await ManyAudio.ring(office.phones["carol"], *TWO)
            assert carol.call.request is not None
            assert len(audio_ports(carol.call.request)) == 2
            await carol.answer()
        else:
            other, carol = await connect(office, "alice", "carol", f"{first}02")
            replaces = dialog_of(other.call)
            assert (await alice.call.request_inside("REFER", refer_to("102", replaces))).status == 202
        while (await notified(alice.phone))[1] == "active":
            pass
        for call in alice.phone.calls:
            call._send("BYE")
        await asyncio.sleep(0.2)
        while alice.phone.inbox:
            message = alice.phone.inbox.popleft()
            if message.method == "BYE" and not message.status:
                alice.phone.send(alice.phone.reply_to(message, 200))
        await say(carol, 0x60)
        await say(bob, 0x70)
        await asyncio.sleep(0.1)
        for number in range(2):
            found = steps(bob.lines[number], {0x50 + number, 0x60 + number})
            assert [number for number, _ in found] == [1] * 9
            assert [time for _, time in found[:4] + found[5:]] == [160] * 8
            assert 160 < found[4][1] < 3 * 8000
            assert carol.lines[number].heard() == {(0, 0x70 + number): 5}
        await bob.hang_up()
        await carol.call.ended()
        for phone in (alice, carol):
            phone.close()


async def test_who_listens_comes_and_goes_without_a_gap_in_any_stream(tmp_path: Path) -> None:
    """Relay, frames, relay: each line has one row of numbers, on one clock."""
    async with sip_office(tmp_path, phones(), EXTENSIONS) as office:
        alice, bob = await connect(office, "alice", "bob", "101")
        bridge = await office.bridged()
        channel = next(c for c in office.system.channels.values() if c.name.startswith("PJSIP/alice"))

        def hook(frame: Frame) -> Frame:
            return frame

        await say(alice, 0x50)
        for _ in range(2):
            assert bridge.technology.name == "native_rtp"
            channel.add_read_hook(hook)
            assert bridge.technology.name == "simple_bridge"
            await say(alice, 0x50)
            channel.remove_hook(hook)
            await say(alice, 0x50)
        await asyncio.sleep(0.1)
        for number, line in enumerate(bob.lines):
            assert steps(line, {0x50 + number}) == [(1, 160)] * 24
        await alice.hang_up()
        await bob.call.ended()
        bob.close()


IMAGE = "m=image {} udptl t38\r\na=T38FaxVersion:0\r\na=T38MaxBitRate:9600\r\na=T38FaxUdpEC:t38UDPRedundancy\r\n"


@pytest.mark.parametrize("how", ["488", "port 0"])
async def test_a_fax_that_is_refused_takes_no_stream(tmp_path: Path, how: str) -> None:
    async with sip_office(tmp_path, phones(t38_udptl="yes"), EXTENSIONS) as office:
        alice, bob = await connect(office, "alice", "bob", "101")
        bob.call.invite(body=re.sub(r"m=audio \d+", "m=audio 0", bob.sdp()) + IMAGE.format(6000))
        offer = await alice.phone.get("INVITE")
        assert audio_ports(offer) == [0, 0]
        if how == "488":
            alice.call.reply(488, request=offer)
            await alice.phone.get("ACK")
        else:
            alice.call.reply(200, "OK", request=offer, body=re.sub(r"m=audio \d+", "m=audio 0", alice.sdp()) + IMAGE.format(0))
            await alice.phone.get("ACK")
            offer = alice.learn(await alice.phone.get("INVITE"))
            assert all(audio_ports(offer))
            alice.call.reply(200, "OK", request=offer, body=alice.sdp() + IMAGE.format(0))
            await alice.phone.get("ACK")
        bob.call.refused(await bob.phone.get(488))
        await office.quiet(1)
        await say(alice, 0x50)
        await say(bob, 0x60)
        await asyncio.sleep(0.1)
        assert [line.heard() for line in bob.lines] == [{(0, 0x50): 5}, {(0, 0x51): 5}]
        assert [line.heard() for line in alice.lines] == [{(0, 0x60): 5}, {(0, 0x61): 5}]
        await alice.hang_up()
        await bob.call.ended()
        bob.close()


@pytest.mark.parametrize("taken", [(True, True), (True, False)])
async def test_rfc3261_14_2_an_offer_of_ours_within_the_call_has_all_streams(tmp_path: Path, taken: tuple[bool, bool]) -> None:
    """An INVITE without a description: ours names the ports in use, and the ACK may decline one."""
    async with sip_office(tmp_path, phones(), EXTENSIONS) as office:
        alice, bob = await connect(office, "alice", "bob", "101")
        before = [line.remote_port for line in alice.lines]
        alice.call.invite()
        offer = await alice.phone.get(200)
        assert audio_ports(offer) == before
        assert ["a=rtpmap:101" in part for part in sections(offer)] == [True, True]
        for line, is_on in zip(alice.lines, taken, strict=True):
            line.is_on = is_on
        alice.call._send("ACK", "Content-Type: application/sdp\r\n", alice.sdp(), cseq=alice.call.cseq)
        if not all(taken):
            offer = await bob.takes()
            assert [bool(port) for port in audio_ports(offer)] == [True, False]
        await office.quiet(1)
        for _ in range(5):
            for line in bob.lines:
                if line.is_on:
                    bob.say(line.number, 0x60 + line.number)
            await asyncio.sleep(0.02)
        await asyncio.sleep(0.1)
        assert [line.heard() for line in alice.lines] == [{(0, 0x60 + n): 5} if is_on else {} for n, is_on in enumerate(taken)]
        await alice.hang_up()
        await bob.call.ended()
        bob.close()


async def test_who_is_muted_is_muted_in_all_streams(tmp_path: Path) -> None:
    """MUTEAUDIO: what the endpoint says (in), and what it hears (out), each by itself; and FRAME_DROP of voice."""
    async with sip_office(tmp_path, phones(), EXTENSIONS) as office:
        alice, bob = await connect(office, "alice", "bob", "101")
        channel = next(c for c in office.system.channels.values() if c.name.startswith("PJSIP/alice"))
        for direction, state, is_heard, hears in (
            ("in", "on", False, True), ("out", "on", False, False), ("in", "off", True, False), ("all", "off", True, True),
        ):  # fmt: skip
            office.system.functions.write(channel, "MUTEAUDIO", direction, state)
            await say(alice, 0x50)
            await say(bob, 0x60)
            await asyncio.sleep(0.1)
            assert [line.heard() for line in bob.lines] == [{(0, 0x50 + n): 5} if is_heard else {} for n in range(2)]
            assert [line.heard() for line in alice.lines] == [{(0, 0x60 + n): 5} if hears else {} for n in range(2)]
        office.system.functions.write(channel, "FRAME_DROP", "TX", "VOICE")
        await say(alice, 0x50)
        await say(bob, 0x60)
        await asyncio.sleep(0.1)
        assert [line.heard() for line in bob.lines] == [{(0, 0x50): 5}, {(0, 0x51): 5}]
        assert [line.heard() for line in alice.lines] == [{}, {}]
        office.system.functions.write(channel, "FRAME_DROP", "TX", "")
        assert channel.signal_hooks == []
        assert (await office.bridged()).technology.name == "native_rtp"
        await alice.hang_up()
        await bob.call.ended()
        bob.close()
