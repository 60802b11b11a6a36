"""Invariant: whatever a peer's descriptions and datagrams hold, no error is logged, a line or two at the most is told of a
call, a description that makes no sense is refused, and the call goes on as it was.
"""

from __future__ import annotations

import asyncio
import random
import re
from pathlib import Path

import pytest

from globstar.base.log import Level
from tests.fuzz.media_corpus import CODECS, KINDS, damaged, datagram, description
from tests.support.sip_phone import PhoneCall, SipOffice, Wire, phone_section, sip_office
from tests.support.switch import LogCapture

pytestmark = pytest.mark.virtual_time

PLAN = """\
[default]
exten => 1,1,Answer()
 same => n,Echo()
exten => 2,1,Dial(PJSIP/bob,5)
exten => 3,1,Answer()
 same => n,Set(JITTERBUFFER(adaptive)=default)
 same => n,Set(VOLUME(RX)=2)
 same => n,Set(TALK_DETECT(set)=)
 same => n,MixMonitor(x.wav)
 same => n,Dial(PJSIP/bob,5,tx)
"""
SEEDS = [1, 2]
CALLS = 12
DATAGRAMS = 500


def phones(kind: str, bob: str = "plain") -> str:
    streams = {"allow": CODECS, "max_audio_streams": 2, "max_video_streams": 3}
    contact = "sip:bob@127.0.0.1:15072"
    return phone_section("alice", **streams, **KINDS[kind]) + phone_section("bob", contact=contact, **streams, **KINDS[bob])


async def final(call: PhoneCall) -> Wire:
    while True:
        answer = await call.phone._answer()
        if answer.status >= 200:
            return answer


def acknowledge(call: PhoneCall, answer: Wire) -> None:
    """ACK, whatever was agreed."""
    assert call.last is not None
    if answer.status != 200:
        call.refused(answer)
        return
    call.to = answer["To"]
    call.target = re.sub(r"^<|>.*$", "", answer["Contact"])
    call._send("ACK", cseq=int(answer["CSeq"].split()[0]))


def check(log: LogCapture, calls: int) -> None:
    errors = [record.message for record in log.records if record.level == Level.ERROR]
    assert not errors, errors[0]
    assert len(log.records) <= 2 * calls, [record.message for record in log.records][:10]


@pytest.mark.parametrize("seed", SEEDS)
@pytest.mark.parametrize("kind", KINDS)
async def test_offers_and_changes(tmp_path: Path, kind: str, seed: int) -> None:
    chance = random.Random(f"offers {kind} {seed}")
    async with sip_office(tmp_path, phones(kind), PLAN) as office:
        alice = office.phone("alice")
        with LogCapture(Level.WARNING | Level.ERROR) as log:
            for _ in range(CALLS):
                alice.inbox.clear()
                call = PhoneCall(alice, "sip:1@127.0.0.1:15060")
                call.invite(body=damaged(description(kind, chance, 1), chance))
                answer = await final(call)
                acknowledge(call, answer)
                if answer.status == 200:
                    for version in (2, 3, 4):
                        await asyncio.sleep(0.1)
                        call.invite(body=damaged(description(kind, chance, version), chance))
                        acknowledge(call, await final(call))
                    call._send("BYE")
                    assert (await final(call)).status == 200, "the call went on through all changes"
                call.close()
        check(log, CALLS)


@pytest.mark.parametrize("seed", SEEDS)
@pytest.mark.parametrize("kind", KINDS)
async def test_answers(tmp_path: Path, kind: str, seed: int) -> None:
    chance = random.Random(f"answers {kind} {seed}")
    async with sip_office(tmp_path, phones("plain", kind), PLAN) as office:
        alice, bob = office.phone("alice"), office.phone("bob")
        with LogCapture(Level.WARNING | Level.ERROR) as log:
            for _ in range(CALLS):
                alice.inbox.clear()
                bob.inbox.clear()
                call = alice.call("2")
                await alice.get(100)
                called = await bob.ring()
                if chance.random() < 0.5:
                    called.reply(183, body=damaged(description(kind, chance, 1), chance))
                    await asyncio.sleep(0.1)
                called.reply(200, body=damaged(description(kind, chance, 1), chance))
                answer = await final(call)
                acknowledge(call, answer)
                if answer.status == 200:
                    call._send("BYE")
                await asyncio.sleep(40)
                assert not office.system.channels
                call.close()
                called.close()
        check(log, CALLS)


async def agreed(office: SipOffice, kind: str, number: str) -> tuple[PhoneCall, PhoneCall | None, list[int]]:
    """A call whose descriptions are whole, and the ports where its packets go."""
    alice, bob = office.phone("alice"), office.phone("bob")
    call = PhoneCall(alice, f"sip:{number}@127.0.0.1:15060")
    chance = random.Random(2)  # whose first draws leave a description as it is
    call.invite(body=call.sdp() if kind == "plain" else description(kind, chance, 1, call.rtp_port).replace("\n", "\r\n"))
    await alice.get(100)
    called = None
    offer = ""
    if number != "1":
        called = await bob.ring()
        assert called.request is not None
        offer = called.request.body
        called.reply(200, body=called.sdp())
        called.learn_media(called.request)
        await bob.get("ACK")
    answer = await final(call)
    assert answer.status == 200, answer.text
    call.take_answer(answer)
    ports = [int(port) for port in re.findall(r"m=\w+ (\d+)", answer.body + offer) if port != "0"]
    return call, called, [*ports, *(port + 1 for port in ports)]


@pytest.mark.parametrize("seed", SEEDS)
@pytest.mark.parametrize("number", ["1", "2", "3"], ids=["echo", "relay", "hooks"])
@pytest.mark.parametrize("kind", ["plain", "browser", "sdes", "ice"])
async def test_datagrams(tmp_path: Path, kind: str, number: str, seed: int) -> None:
    chance = random.Random(f"datagrams {kind} {number} {seed}")
    async with sip_office(tmp_path, phones(kind), PLAN) as office:
        with LogCapture(Level.WARNING | Level.ERROR) as log:
            call, called, ports = await agreed(office, kind, number)
            stranger = office.media.open("127.0.0.1", 50000)
            sources = [call.socket, stranger] + ([called.socket] if called is not None else [])
            for count in range(DATAGRAMS):
                chance.choice(sources).sendto(datagram(chance, 0xABCD), ("127.0.0.1", chance.choice(ports)))
                if count % 10 == 0:
                    await asyncio.sleep(0.02)
            await asyncio.sleep(1)
            assert len(office.system.channels) == (1 if called is None else 2), "the call goes on"
            if kind == "plain":
                call.sounds()
                if called is not None:
                    called.sounds()
                call.sequence = 30000
                await call.speak(50)
                await asyncio.sleep(0.2)
                heard = sum((called or call).sounds().values())
                assert heard >= 40, "and is heard"
            stranger.close()
            await call.hang_up()
            if called is not None:
                await called.ended()
        check(log, 1)
