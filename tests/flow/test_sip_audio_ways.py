"""Several audio streams in a call: keys, bundles, direct media and digits of each."""

from __future__ import annotations

import asyncio
import re
from pathlib import Path
from types import SimpleNamespace

import pytest

from tests.support.dtls_phone import DtlsPort
from tests.support.many_audio import ManyAudio, audio_ports, sections
from tests.support.sip_phone import Wire, phone_section, sip_office
from tests.support.srtp_phone import SdesCall

EXTENSIONS = """\
[default]
exten => 600,1,Answer(,i)
 same => n,Echo()
exten => 601,1,Answer(,i)
 same => n,Read(D,,1)
 same => n,Set(GLOBAL(PRESSED)=${D})
 same => n,Echo()
exten => 610,1,Dial(PJSIP/bob)
"""
BOB = {"contact": "sip:bob@127.0.0.1:15072", "max_audio_streams": 2}


def said(line_packets: list[bytes]) -> dict[int, set[int]]:
    """By source what its packets begin with."""
    found: dict[int, set[int]] = {}
    for data in line_packets:
        start = 12
        if data[0] & 0x10:  # a header extension (RFC 3550 5.3.1)
            start += 4 + 4 * int.from_bytes(data[14:16], "big")
        found.setdefault(int.from_bytes(data[8:12], "big"), set()).add(data[start])
    return found


async def test_rfc4568_each_stream_has_a_key_of_its_own(tmp_path: Path) -> None:
    """An encrypted phone and a plain one: both streams are relayed, each under its own key."""
    pjsip = phone_section("alice", media_encryption="sdes", max_audio_streams=2) + phone_section("bob", **BOB)
    async with sip_office(tmp_path, pjsip, EXTENSIONS) as office:
        alice, callee = ManyAudio(office.phone("alice"), "0 101", "0 101"), office.phone("bob")
        keys = [SdesCall(line, key=number + 1) for number, line in enumerate(alice.lines)]  # type: ignore[arg-type]
        for line, key in zip(alice.lines, keys, strict=True):
            line.profile, line.extra = "RTP/SAVP", key.line()
        dialling = asyncio.ensure_future(alice.dial("610"))
        bob = await ManyAudio.ring(callee, "0 101", "0 101")
        await bob.answer()
        for key, part in zip(keys, sections(await dialling), strict=True):
            key.learn(SimpleNamespace(body=part))  # type: ignore[arg-type]
        assert keys[0].their_line != keys[1].their_line
        await asyncio.sleep(0.1)
        for _ in range(5):
            for number in range(2):
                alice.say(number, 0x50 + number)
                bob.say(number, 0x60 + number)
            await asyncio.sleep(0.02)
        await asyncio.sleep(0.1)
        assert [line.heard() for line in bob.lines] == [{(0, 0x50): 5}, {(0, 0x51): 5}]
        assert [line.heard() for line in alice.lines] == [{(0, 0x60): 5}, {(0, 0x61): 5}]
        assert [key.port.refused for key in keys] == [0, 0]
        channel = next(c for c in office.system.channels.values() if c.name.startswith("PJSIP/alice"))
        assert [channel.tech.channel_read(channel, f"rtp,secure,audio-{n}") for n in range(2)] == ["1", "1"]
        await alice.hang_up()
        await bob.call.ended()
        bob.close()


async def test_rfc5764_each_stream_has_a_handshake_of_its_own(tmp_path: Path) -> None:
    """A phone without bundles: two handshakes, one for each port, and both streams are relayed to a plain phone."""
    options = {"media_encryption": "dtls", "dtls_verify": "fingerprint", "rtcp_mux": "yes", "max_audio_streams": 2}
    async with sip_office(tmp_path, phone_section("alice", **options) + phone_section("bob", **BOB), EXTENSIONS) as office:
        alice, callee = ManyAudio(office.phone("alice"), "0 101", "0 101"), office.phone("bob")
        keys = [DtlsPort(line.socket) for line in alice.lines]
        for line, key in zip(alice.lines, keys, strict=True):
            line.socket = key  # type: ignore[assignment]
            line.profile = "UDP/TLS/RTP/SAVP"
            line.extra = f"a=setup:actpass\r\na=fingerprint:{key.fingerprint('sha-256')}\r\na=rtcp-mux\r\n"
        dialling = asyncio.ensure_future(alice.dial("610"))
        bob = await ManyAudio.ring(callee, "0 101", "0 101")
        await bob.answer()
        for line, key, part in zip(alice.lines, keys, sections(await dialling), strict=True):
            assert "a=setup:active" in part
            key.begin(is_client=False, remote=("127.0.0.1", line.remote_port))
        await asyncio.sleep(0.2)
        assert [key.is_done for key in keys] == [True, True]
        for _ in range(5):
            for number in range(2):
                alice.say(number, 0x50 + number)
                bob.say(number, 0x60 + number)
            await asyncio.sleep(0.02)
        await asyncio.sleep(0.1)
        assert [line.heard() for line in bob.lines] == [{(0, 0x50): 5}, {(0, 0x51): 5}]
        assert [line.heard() for line in alice.lines] == [{(0, 0x60): 5}, {(0, 0x61): 5}]
        assert [key.refused for key in keys] == [0, 0]
        await alice.hang_up()
        await bob.call.ended()
        bob.close()


async def test_rfc9143_audio_streams_share_a_port_and_the_first_may_go(tmp_path: Path) -> None:
    """Told apart by their sources. The line that brought the transport is given up: the other one is the first then."""
    async with sip_office(tmp_path, phone_section("alice", bundle="yes", max_audio_streams=2), EXTENSIONS) as office:
        alice = ManyAudio(office.phone("alice"), "0", "0")
        alice.lines[1].socket.close()
        alice.lines[1].socket, alice.lines[1].port = alice.lines[0].socket, alice.lines[0].port
        for number, line in enumerate(alice.lines):
            line.extra = f"a=mid:m{number}\r\na=rtcp-mux\r\na=ssrc:{0x1000 + number} cname:alice\r\n"
        head = "a=group:BUNDLE m0 m1\r\n"
        plain = alice.sdp
        alice.sdp = lambda _="": plain(head)  # type: ignore[method-assign, assignment]

        async def echoes(answer: Wire) -> dict[int, set[int]]:
            """What comes back, by the number of the line under whose source."""
            sources = [re.search(r"a=ssrc:(\d+)", part) for part in sections(answer)]
            alice.lines[0].packets.clear()
            for _ in range(5):
                for line in alice.lines:
                    if line.is_on:
                        alice.say(line.number, 0x50 + line.number)
                await asyncio.sleep(0.02)
            await asyncio.sleep(0.1)
            numbers = {int(found[1]): number for number, found in enumerate(sources) if found is not None}
            return {numbers[ssrc]: octets for ssrc, octets in said(alice.lines[0].packets).items()}

        answer = await alice.dial("600")
        port = audio_ports(answer)[0]
        assert audio_ports(answer) == [port, port]
        assert office.driver.rtp.ports().used == 1
        assert await echoes(answer) == {0: {0x50}, 1: {0x51}}
        channel = next(iter(office.system.channels.values()))
        assert channel.private.media.stream.index == 0

        alice.lines[0].is_on, head = False, "a=group:BUNDLE m1\r\n"
        answer = await alice.change()
        assert audio_ports(answer) == [0, port]
        assert await echoes(answer) == {1: {0x51}}
        assert channel.private.media.stream.index == 1

        alice.lines[0].is_on, head = True, "a=group:BUNDLE m1 m0\r\n"
        answer = await alice.change()
        assert audio_ports(answer) == [port, port]
        assert await echoes(answer) == {0: {0x50}, 1: {0x51}}
        assert channel.private.media.stream.index == 0
        assert office.driver.rtp.ports().used == 1
        await alice.call.hang_up()
        alice.lines[0].socket.close()


async def test_both_streams_go_directly_from_phone_to_phone(tmp_path: Path) -> None:
    pjsip = phone_section("alice", direct_media="yes", max_audio_streams=2) + phone_section(
        "bob", **{**BOB, "direct_media": "yes"}
    )
    async with sip_office(tmp_path, pjsip, EXTENSIONS) as office:
        alice, callee = ManyAudio(office.phone("alice"), "0", "0"), office.phone("bob")
        dialling = asyncio.ensure_future(alice.dial("610"))
        bob = await ManyAudio.ring(callee, "0", "0")
        await bob.answer()
        await dialling
        offers = await asyncio.gather(alice.takes(), bob.takes())
        for offer, other in zip(offers, (bob, alice), strict=True):
            assert audio_ports(offer) == [line.port for line in other.lines]
        await office.quiet(1)
        await alice.hang_up()
        await bob.takes()  # its media are taken back before the call ends
        await bob.call.ended()
        bob.close()


@pytest.mark.parametrize("line", [0, 1])
async def test_a_digit_in_any_stream_is_a_digit_of_the_call(tmp_path: Path, line: int) -> None:
    async with sip_office(tmp_path, phone_section("alice", max_audio_streams=2), EXTENSIONS) as office:
        alice = ManyAudio(office.phone("alice"), "0 101", "0 101")
        await alice.dial("601")
        alice.say(line, 0x07, kind=101)  # it begins; that it ends is lost
        await asyncio.sleep(1)
        assert office.system.globals.get("PRESSED") == "7"
        await alice.hang_up()


async def test_a_stream_that_is_no_longer_offered_by_the_callee_goes_on_the_other_side_too(tmp_path: Path) -> None:
    """Bob takes one of two streams: alice keeps both, and only the first is heard."""
    pjsip = phone_section("alice", max_audio_streams=2) + phone_section("bob", **BOB)
    async with sip_office(tmp_path, pjsip, EXTENSIONS) as office:
        alice, callee = ManyAudio(office.phone("alice"), "0", "0"), office.phone("bob")
        dialling = asyncio.ensure_future(alice.dial("610"))
        bob = await ManyAudio.ring(callee, "0", "0")
        bob.lines[1].is_on = False
        await bob.answer()
        assert all(audio_ports(await dialling))
        await asyncio.sleep(0.1)
        assert len(office.driver.rtp) == 3
        for _ in range(5):
            alice.say(0, 0x50)
            alice.say(1, 0x51)
            await asyncio.sleep(0.02)
        await asyncio.sleep(0.1)
        assert [line.heard() for line in bob.lines] == [{(0, 0x50): 5}, {}]
        await alice.hang_up()
        await bob.call.ended()
        bob.close()
