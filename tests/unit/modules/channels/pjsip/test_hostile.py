"""Whatever arrives, the driver answers or counts it, and goes on."""

from __future__ import annotations

import asyncio
import random
from pathlib import Path

import pytest

from globstar.base.log import Level
from tests.interop.support.flood import mutated
from tests.support.sip_phone import SERVER, SipOffice, SipPhone, phone_section, sip_office
from tests.support.switch import LogCapture

pytestmark = pytest.mark.virtual_time

PLAN = "[default]\nexten => _X.,1,Answer()\n same => n,Wait(2)\nexten => 2,1,Dial(PJSIP/bob,5)\n"
TEXT = phone_section("alice") + phone_section("stranger") + phone_section("bob", contact="sip:bob@127.0.0.1:15072")


async def still_works(office: SipOffice, alice: SipPhone) -> None:
    alice.inbox.clear()
    call = await alice.dial("123")
    await call.speak(10)
    await call.hang_up()


async def test_broken_requests(tmp_path: Path) -> None:
    """Mutated messages of a phone that is let in: nothing raises, nothing stays, calls go on."""
    source = random.Random(20)
    async with sip_office(tmp_path, TEXT, PLAN) as office:
        alice = office.phone("alice")
        with LogCapture(Level.ERROR) as log:
            for number in range(3000):
                office.network.send(mutated(source, number, 15071), alice.address, SERVER)
                if number % 100 == 99:
                    await asyncio.sleep(0.5)
            await asyncio.sleep(40)
        assert not log.records, log.records[0].message
        assert office.driver.sip.counters.discarded > 100
        assert not office.system.channels
        await still_works(office, alice)


async def test_broken_streams(tmp_path: Path) -> None:
    source = random.Random(21)
    async with sip_office(tmp_path, TEXT, PLAN) as office:
        alice = office.phone("alice", protocol="TCP")
        with LogCapture(Level.ERROR) as log:
            for number in range(300):
                address = ("127.0.0.1", 20000 + number)
                office.network.send(mutated(source, number, address[1]), address, SERVER, "TCP")
            await asyncio.sleep(40)
        assert not log.records, log.records[0].message
        assert office.network.disconnected, "streams that make no sense are closed"
        await still_works(office, alice)


MUTABLE = (
    b"SIP/2.0",
    b"CSeq",
    b"Content-Length",
    b"m=audio",
    b"RTP/AVP",
    b"c=IN",
    b"tag=",
    b"z9hG4bK",
    b"<sip:",
    b"INVITE",
    b"200",
)


async def test_broken_answers_of_a_callee(tmp_path: Path) -> None:
    """A callee whose answers are damaged: the caller is answered or refused within Dial's time, and nothing is left."""
    source = random.Random(22)
    async with sip_office(tmp_path, TEXT, PLAN) as office:
        alice, bob = office.phone("alice"), office.phone("bob")
        with LogCapture(Level.ERROR) as log:
            for _ in range(60):
                call = alice.call("2")
                await alice.get(100)
                called = await bob.ring()
                assert called.request is not None
                good = bob.reply_to(
                    called.request, source.choice((180, 183, 200, 302, 401, 486)), tag=called.tag,
                    extra="Content-Type: application/sdp\r\n", body=called.sdp(),
                ).encode()  # fmt: skip
                broken = bytearray(good)
                for _ in range(source.randrange(1, 4)):
                    word = source.choice(MUTABLE)
                    place = broken.find(word)
                    if place >= 0:
                        broken[place : place + len(word)] = source.choice((b"", b"\0", b"%%%", word[::-1], word * 3))
                office.network.send(bytes(broken), bob.address, SERVER)
                while True:
                    answer = await alice._answer()
                    if answer.method != "INVITE" or answer.status >= 200:
                        break
                if answer.status == 200:
                    call.take_answer(answer)
                    await call.hang_up()
                elif answer.status:
                    call.refused(answer)
                call.close()
                called.close()
                await asyncio.sleep(1)
                alice.inbox.clear()
                bob.inbox.clear()
        assert not log.records, log.records[0].message
        await asyncio.sleep(70)
        assert not office.system.channels


@pytest.mark.parametrize(
    "rtp",
    [b"", b"\x80", b"\x80\x00", bytes(11), b"\x80\x65" + bytes(10), b"\x80\x65" + bytes(13), b"\xbf\x00" + bytes(10),
     b"\x80\xc8\xff\xff" + bytes(8), b"\x80\x7f" + bytes(2000), b"\x90\x00" + bytes(10) + b"\x00\x00\xff\xff"],
)  # fmt: skip
async def test_broken_rtp(tmp_path: Path, rtp: bytes) -> None:
    async with sip_office(tmp_path, TEXT, "[default]\nexten => 1,1,Answer()\n same => n,Echo()\n") as office:
        alice = office.phone("alice")
        call = await alice.dial("1")
        assert call.remote is not None
        with LogCapture(Level.ERROR) as log:
            await call.speak(5)
            call.socket.sendto(rtp, call.remote)
            call.socket.sendto(rtp, (call.remote[0], call.remote[1] + 1))
            call.sounds()
            await call.speak(10)
            await asyncio.sleep(0.1)
        assert call.sounds() == {0x55: 10}
        assert not log.records
        await call.hang_up()


async def test_a_bug_in_one_request_is_answered_500_and_the_rest_goes_on(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    async with sip_office(tmp_path, TEXT, PLAN) as office:
        alice = office.phone("alice")

        def explode(*_: object) -> None:
            raise RuntimeError("a bug")

        loop = asyncio.get_running_loop()
        seen: list[str] = []
        loop.set_exception_handler(lambda _loop, context: seen.append(str(context.get("exception"))))
        monkeypatch.setattr(office.driver.identifier, "identify", explode)
        assert (await alice.ask("OPTIONS", "sip:127.0.0.1")).status == 500
        monkeypatch.undo()
        loop.set_exception_handler(None)
        assert seen == ["a bug"]
        await still_works(office, alice)
