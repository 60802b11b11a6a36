"""Two SIP phones and the server, whole call flows on virtual time: every message in order, and what is heard."""

from __future__ import annotations

import asyncio
from pathlib import Path

import pytest

from globstar.core.settings import Options
from tests.support.sip_phone import PhoneCall, SipOffice, SipPhone, Wire, phone_section, sip_office

PHONES = phone_section("alice", "a1", callerid="Alice <100>") + phone_section("bob", "b1", callerid="Bob <101>")
OPEN = phone_section("alice", callerid="Alice <100>") + phone_section("bob", callerid="Bob <101>")
EXTENSIONS = """\
[default]
exten => 101,1,Dial(PJSIP/bob,20)
 same => n,Hangup()
exten => 600,1,Answer()
 same => n,Echo()
exten => 601,1,Answer()
 same => n,Hangup()
exten => 602,1,Answer()
 same => n,Read(DIGITS,,3,,,5)
 same => n,Set(GLOBAL(DIGITS)=${DIGITS})
 same => n,Hangup()
"""
SOUND = 0x55
MORE = 0x66


async def two_phones(office: SipOffice) -> tuple[SipPhone, SipPhone]:
    """Both registered, without their messages on the ladder."""
    alice, bob = office.phone("alice"), office.phone("bob")
    assert (await alice.register()).status == 200
    assert (await bob.register()).status == 200
    office.story()
    return alice, bob


async def talk(alice: SipPhone, bob: SipPhone) -> tuple[PhoneCall, PhoneCall]:
    """A call from alice to bob that was answered."""
    calling = alice.call("101")
    await alice.get(100)
    called = await bob.ring()
    called.reply(180)
    await alice.get(180)
    await called.answer()
    await calling.answered()
    return calling, called


async def test_the_whole_ladder(tmp_path: Path) -> None:
    """Registration with digest, a call with digest, ringing, answer, voice both ways, BYE: nothing more, nothing less."""
    async with sip_office(tmp_path, PHONES, EXTENSIONS) as office:
        alice, bob = office.phone("alice", "a1"), office.phone("bob", "b1")
        await bob.register()
        call = alice.call("101")
        await call.authorise()
        await alice.get(100)
        callee = await bob.ring()
        callee.reply(180)
        await alice.get(180)
        assert [channel.name for channel in office.system.channels.values()] == ["PJSIP/alice-00000000", "PJSIP/bob-00000001"]
        await callee.answer()
        await call.answered()
        assert callee.request is not None
        assert callee.request["From"].startswith('"Alice" <sip:100@127.0.0.1>')
        await asyncio.sleep(0.1)
        assert [bridge.technology.name for bridge in office.system.bridges.values()] == ["native_rtp"]
        await asyncio.gather(call.speak(50, SOUND), callee.speak(50, MORE))
        await asyncio.sleep(0.1)
        assert callee.sounds() == {SOUND: 50}
        assert call.sounds() == {MORE: 50}
        await call.hang_up()
        bye = await callee.ended()
        assert bye["Reason"] == "Q.850;cause=16"
        await office.quiet()
        assert office.story() == [
            "bob -> REGISTER", "bob <- 401", "bob -> REGISTER", "bob <- 200",
            "alice -> INVITE (sdp)", "alice <- 401", "alice -> ACK", "alice -> INVITE (sdp)", "alice <- 100",
            "bob <- INVITE (sdp)", "bob -> 180", "alice <- 180",
            "bob -> 200 (sdp)", "bob <- ACK", "alice <- 200 (sdp)", "alice -> ACK",
            "alice -> BYE", "alice <- 200", "bob <- BYE", "bob -> 200",
        ]  # fmt: skip
        assert not office.system.channels
        assert not office.system.bridges


async def test_the_callee_hangs_up(tmp_path: Path) -> None:
    async with sip_office(tmp_path, OPEN, EXTENSIONS) as office:
        alice, bob = await two_phones(office)
        calling, called = await talk(alice, bob)
        await called.hang_up()
        bye = await calling.ended()
        assert bye["Reason"] == "Q.850;cause=16"
        await office.quiet()
        assert office.story()[-4:] == ["bob -> BYE", "bob <- 200", "alice <- BYE", "alice -> 200"]


async def test_the_caller_gives_up(tmp_path: Path) -> None:
    async with sip_office(tmp_path, OPEN, EXTENSIONS) as office:
        alice, bob = await two_phones(office)
        calling = alice.call("101")
        await alice.get(100)
        called = await bob.ring()
        called.reply(180)
        await alice.get(180)
        calling.cancel()
        await alice.get(200)
        calling.refused(await alice.get(487))
        cancel = await bob.get("CANCEL")
        assert called.request is not None
        assert cancel["Via"] == called.request["Via"]
        called.reply(200, request=cancel)
        called.reply(487)
        await bob.get("ACK")
        await office.quiet()
        assert not office.system.channels


@pytest.mark.parametrize(
    ("refusal", "told"), [(486, 486), (480, 480), (603, 403), (404, 404), (500, 500), (503, 503)], ids=lambda value: str(value)
)
async def test_what_the_callee_says_reaches_the_caller(tmp_path: Path, refusal: int, told: int) -> None:
    """A refusal becomes a cause, and the cause the caller's refusal; the Reason header has the cause."""
    async with sip_office(tmp_path, OPEN, EXTENSIONS) as office:
        alice, bob = await two_phones(office)
        calling = alice.call("101")
        await alice.get(100)
        called = await bob.ring()
        called.reply(refusal)
        await bob.get("ACK")
        final = await alice._answer()
        calling.refused(final)
        assert final.status == told
        assert "Q.850;cause=" in final["Reason"]
        await office.quiet()


async def test_nobody_there(tmp_path: Path) -> None:
    """Nobody registered: no INVITE goes out, and the caller is told so at once."""
    async with sip_office(tmp_path, OPEN, EXTENSIONS) as office:
        alice = office.phone("alice")
        calling = alice.call("101")
        await alice.get(100)
        final = await alice._answer()
        calling.refused(final)
        assert final.status >= 400
        assert office.story() == ["alice -> INVITE (sdp)", "alice <- 100", f"alice <- {final.status}", "alice -> ACK"]


async def test_a_dead_phone(tmp_path: Path) -> None:
    """A phone that went away: the INVITE is repeated (Timer A) until Dial's time is over."""
    async with sip_office(tmp_path, OPEN, EXTENSIONS) as office:
        alice, bob = await two_phones(office)
        bob.unplug()
        start = asyncio.get_running_loop().time()
        calling = alice.call("101")
        await alice.get(100)
        final = await alice._answer()
        calling.refused(final)
        assert asyncio.get_running_loop().time() - start == pytest.approx(20, abs=0.1)
        invites = [data for address, data in office.network.lost if address == bob.address]
        # at 0, 0.5, 1.5, 3.5, 7.5 and 15.5 s; without any response there is nothing to CANCEL
        assert len(invites) == 6
        assert len(set(invites)) == 1


async def test_nobody_answers(tmp_path: Path) -> None:
    async with sip_office(tmp_path, OPEN, EXTENSIONS) as office:
        alice, bob = await two_phones(office)
        start = asyncio.get_running_loop().time()
        calling = alice.call("101")
        await alice.get(100)
        called = await bob.ring()
        called.reply(180)
        await alice.get(180)
        cancel = await bob.get("CANCEL")
        assert asyncio.get_running_loop().time() - start == pytest.approx(20, abs=0.1)
        called.reply(200, request=cancel)
        called.reply(487)
        await bob.get("ACK")
        calling.refused(await alice.get(603))
        await office.quiet()


async def test_hold_and_resume(tmp_path: Path) -> None:
    """The caller holds with sendonly and gets recvonly; after the second re-INVITE they talk again."""
    async with sip_office(tmp_path, OPEN, EXTENSIONS) as office:
        alice, bob = await two_phones(office)
        calling, called = await talk(alice, bob)
        await calling.speak(10)
        office.story()
        answer = await calling.reinvite("sendonly")
        assert "a=recvonly" in answer.body
        assert [channel.is_held for channel in office.system.channels.values()] == [False, True], "bob is held"
        called.sounds()
        await asyncio.sleep(1)
        assert not calling.sounds(), "the holder hears nothing"
        answer = await calling.reinvite("sendrecv")
        assert "a=sendrecv" in answer.body
        called.sounds()
        await asyncio.gather(calling.speak(20), called.speak(20, MORE))
        await asyncio.sleep(0.1)
        assert called.sounds() == {SOUND: 20}
        assert calling.sounds() == {MORE: 20}
        assert office.story() == [
            "alice -> INVITE (sendonly)", "alice <- 200 (recvonly)", "alice -> ACK",
            "alice -> INVITE (sdp)", "alice <- 200 (sdp)", "alice -> ACK",
        ]  # fmt: skip
        await calling.hang_up()
        await called.ended()
        await office.quiet()


async def test_music_while_held(tmp_path: Path) -> None:
    music = {"musiconhold.conf": f"[default]\nmode=files\ndirectory={tmp_path}/music\n"}
    (tmp_path / "music").mkdir()
    (tmp_path / "music" / "one.ulaw").write_bytes(b"\x77" * 80000)
    async with sip_office(tmp_path, OPEN, EXTENSIONS, music) as office:
        alice, bob = await two_phones(office)
        calling, called = await talk(alice, bob)
        await calling.reinvite("inactive")
        await asyncio.sleep(0.1)
        called.sounds()
        await asyncio.sleep(2)
        assert called.sounds() == {0x77: 100}
        await calling.reinvite("sendrecv")
        await asyncio.sleep(0.1)
        called.sounds()
        await asyncio.sleep(1)
        assert not called.sounds(), "the music has stopped"
        await called.hang_up()
        await calling.ended()


async def test_early_media(tmp_path: Path) -> None:
    """183 with SDP from the callee is 183 with SDP to the caller, and its sound is heard before the answer."""
    async with sip_office(tmp_path, OPEN, EXTENSIONS) as office:
        alice, bob = await two_phones(office)
        calling = alice.call("101")
        await alice.get(100)
        called = await bob.ring()
        called.reply(183, body=called.sdp())
        progress = await alice.get(183)
        calling.learn_media(progress)
        await called.speak(25, MORE)
        await asyncio.sleep(0.1)
        assert calling.sounds()[MORE] >= 24
        await called.answer()
        await calling.answered()
        await calling.hang_up()
        await called.ended()
        await office.quiet()


async def test_two_codecs(tmp_path: Path) -> None:
    """A phone with a-law alone talks to one with mu-law alone: the sound is translated."""
    sections = phone_section("alice", callerid="Alice <100>") + phone_section("bob", allow="alaw", callerid="Bob <101>")
    async with sip_office(tmp_path, sections, EXTENSIONS) as office:
        alice, bob = await two_phones(office)
        calling = alice.call("101")
        await alice.get(100)
        called = await bob.ring()
        assert called.request is not None
        assert "RTP/AVP 8" in called.request.body
        called.reply(200, body=called.sdp("8 101"))
        await bob.get("ACK")
        await calling.answered()
        await asyncio.sleep(0.1)
        assert [bridge.technology.name for bridge in office.system.bridges.values()] == ["simple_bridge"]
        await asyncio.gather(calling.speak(20, 0xFF), called.speak(20, 0xD5, 8))  # silence in both laws
        await asyncio.sleep(0.1)
        assert {(kind, payload[:1]) for kind, payload in called.heard} == {(8, b"\xd5")}
        assert {(kind, payload[:1]) for kind, payload in calling.heard} == {(0, b"\xfe")}, "the nearest that mu-law has to +8"
        assert len(called.heard) == len(calling.heard) == 20
        await calling.hang_up()
        await called.ended()


async def test_echo_and_digits(tmp_path: Path) -> None:
    async with sip_office(tmp_path, OPEN, EXTENSIONS) as office:
        alice = office.phone("alice")
        call = await alice.dial("600")
        await call.speak(30)
        await asyncio.sleep(0.1)
        assert call.sounds() == {SOUND: 29}, "all but the packet that Answer waits for"
        await call.hang_up()
        reading = await alice.dial("602")
        for digit in (4, 10, 7):
            await reading.press(digit)
        await reading.ended()
        assert office.system.globals.get("DIGITS") == "4*7"


async def test_digits_pass_through_a_bridge(tmp_path: Path) -> None:
    """RFC 4733 events of one phone are events at the other, of the same digit and about the same length."""
    async with sip_office(tmp_path, OPEN, EXTENSIONS) as office:
        alice, bob = await two_phones(office)
        calling, called = await talk(alice, bob)
        await calling.speak(5)
        called.heard.clear()
        await calling.press(5)
        await asyncio.sleep(0.3)
        digits = [payload for kind, payload in called.heard if kind == 101]
        assert {payload[0] for payload in digits} == {5}
        assert sum(payload[1] >> 7 for payload in digits) == 3, "three times the end"
        assert 700 <= int.from_bytes(digits[-1][2:4], "big") <= 960
        await calling.hang_up()
        await called.ended()


async def test_the_server_answers_and_hangs_up(tmp_path: Path) -> None:
    async with sip_office(tmp_path, OPEN, EXTENSIONS) as office:
        alice = office.phone("alice")
        call = await alice.dial("601")
        await call.ended()
        await office.quiet()
        assert office.story() == [
            "alice -> INVITE (sdp)", "alice <- 100", "alice <- 200 (sdp)", "alice -> ACK", "alice <- BYE", "alice -> 200",
        ]  # fmt: skip


async def test_an_answer_without_ack(tmp_path: Path) -> None:
    """The 200 is repeated with growing distance up to T2, and after 64 T1 the call is ended by BYE (RFC 3261 13.3.1.4)."""
    async with sip_office(tmp_path, OPEN, EXTENSIONS) as office:
        alice = office.phone("alice")
        call = alice.call("600")
        await alice.get(100)
        answer = await alice.get(200)
        call.to = answer["To"]
        start = asyncio.get_running_loop().time()
        bye = await alice.get("BYE")
        assert asyncio.get_running_loop().time() - start == pytest.approx(32, abs=0.5)
        call.reply(200, request=bye)
        await office.quiet()
        # 0.5, 1.5, 3.5, 7.5, then each 4 s
        assert office.story().count("alice <- 200 (sdp) again") == 10
        assert not office.system.channels


async def test_an_offer_in_the_ack(tmp_path: Path) -> None:
    """An INVITE without SDP gets our offer in the 200 and brings the answer in its ACK (RFC 3264 2, delayed offer)."""
    async with sip_office(tmp_path, OPEN, EXTENSIONS) as office:
        alice = office.phone("alice")
        call = alice.call("600", has_offer=False)
        await alice.get(100)
        answer = await alice.get(200)
        call.to, call.target = answer["To"], answer["Contact"].strip("<>")
        call.learn_media(answer)
        call._send("ACK", "Content-Type: application/sdp\r\n", call.sdp(), cseq=int(answer["CSeq"].split()[0]))
        await call.speak(10)
        await asyncio.sleep(0.1)
        assert call.sounds() == {SOUND: 9}
        await call.hang_up()


async def test_tcp(tmp_path: Path) -> None:
    """The same over TCP; requests go back over the connection that the phone opened, as its contact says."""
    async with sip_office(tmp_path, PHONES, EXTENSIONS) as office:
        alice, bob = office.phone("alice", "a1", protocol="TCP"), office.phone("bob", "b1")
        assert (await alice.register()).status == 200
        await bob.register()
        call = alice.call("101")
        await call.authorise()
        await alice.get(100)
        called = await bob.ring()
        await called.answer()
        answer = await call.answered()
        assert answer["Contact"] == "<sip:127.0.0.1:15060;transport=TCP>"
        await called.hang_up()
        await call.ended()
        await office.quiet()


async def test_full(tmp_path: Path) -> None:
    """At maxcalls new calls get 503 with Retry-After and leave nothing behind; those that are there go on."""
    async with sip_office(tmp_path, OPEN, EXTENSIONS, options=Options(maxcalls=1)) as office:
        alice, bob = office.phone("alice"), office.phone("bob")
        call = await alice.dial("600")
        second = bob.call("600")
        refusal = await bob.get(503)
        second.refused(refusal)
        assert int(refusal["Retry-After"]) > 0
        await call.speak(5)
        await asyncio.sleep(0.1)
        assert call.sounds() == {SOUND: 4}
        await call.hang_up()
        third = await bob.dial("600")
        await third.hang_up()


async def test_nothing_new_while_stopping(tmp_path: Path) -> None:
    async with sip_office(tmp_path, OPEN, EXTENSIONS) as office:
        alice = office.phone("alice")
        office.system.accepts_calls = False
        call = alice.call("600")
        call.refused(await alice.get(503))
        assert not office.system.channels


async def test_both_change_the_session_at_once(tmp_path: Path) -> None:
    """A re-INVITE that meets ours is answered 491 (RFC 3261 14.2)."""
    refresh = EXTENSIONS + "exten => 603,1,Answer()\n same => n,Set(PJSIP_SEND_SESSION_REFRESH()=invite)\n same => n,Wait(20)\n"
    async with sip_office(tmp_path, OPEN, refresh) as office:
        alice = office.phone("alice")
        call = await alice.dial("603")
        ours = await alice.get("INVITE")
        call.invite(body=call.sdp())
        glare = await alice.get(491)
        call.refused(glare)
        call.reply(200, request=ours, body=call.sdp())
        await alice.get("ACK")
        assert (await call.reinvite()).status == 200
        await call.hang_up()


async def test_lost_messages_are_repeated(tmp_path: Path) -> None:
    """The INVITE, the 200 and the BYE get lost once each; the call works nevertheless."""
    async with sip_office(tmp_path, OPEN, EXTENSIONS) as office:
        alice, bob = await two_phones(office)
        carry, losing = office.network.deliver, {b"INVITE": 1, b"BYE": 1}

        def lossy(protocol: str, source: tuple[str, int], target: tuple[str, int], data: bytes) -> None:
            method = data.split(b" ", 1)[0]
            if losing.get(method, 0):
                losing[method] -= 1
            else:
                carry(protocol, source, target, data)

        office.network.deliver = lossy  # type: ignore[method-assign]
        calling, called = await talk(alice, bob)
        first = calling.answer_seen
        assert isinstance(first, Wire)
        await calling.hang_up()
        await called.ended()
        await office.quiet()
        assert losing == {b"INVITE": 0, b"BYE": 0}
        assert not office.system.channels


@pytest.mark.parametrize("caller_first", [False, True])
async def test_an_answer_and_the_end_of_the_caller_at_the_same_moment(tmp_path: Path, caller_first: bool) -> None:
    """Who has answered is hung up, too, whichever of the two messages is read first."""
    async with sip_office(tmp_path, OPEN, EXTENSIONS) as office:
        alice, bob = await two_phones(office)
        calling = alice.call("101")
        await alice.get(100)
        called = await bob.ring()
        if caller_first:
            calling.cancel()
        called.reply(200, body=called.sdp())
        if not caller_first:
            calling.cancel()
        await asyncio.sleep(1)
        answers = {wire["CSeq"].split()[1]: wire.status for wire in alice.inbox}
        alice.inbox.clear()
        assert answers == {"CANCEL": 200, "INVITE": 487}
        bob.send(bob.reply_to(next(wire for wire in bob.inbox if wire.method == "BYE"), 200))
        await asyncio.sleep(1)
        assert not office.system.channels
        assert not office.driver.legs
