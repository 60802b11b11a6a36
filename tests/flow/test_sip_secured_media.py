"""Calls whose media are encrypted with keys from SDP (SDES, RFC 4568), by option of the endpoint."""

from __future__ import annotations

import asyncio
import re
from pathlib import Path

import pytest

from globstar.base.log import Level
from tests.support.sip_phone import PhoneCall, SipPhone, Wire, phone_section, sip_office
from tests.support.srtp_phone import PROFILES, SdesCall
from tests.support.switch import LogCapture

EXTENSIONS = """\
[default]
exten => 101,1,Dial(PJSIP/bob,20)
exten => 102,1,Set(CHANNEL(secure_bridge_media)=1)
 same => n,Dial(PJSIP/bob,20)
exten => 103,1,Dial(PJSIP/bob,20,t)
exten => 600,1,Answer()
 same => n,Set(GLOBAL(SECURE)=${CHANNEL(rtp,secure)})
 same => n,Echo()
"""
SDES = {"media_encryption": "sdes"}


def new_call(phone: SipPhone, number: str) -> PhoneCall:
    """A call whose INVITE is yet to be sent."""
    return PhoneCall(phone, f"sip:{number}@127.0.0.1:15060")


def profile(message: Wire) -> str:
    """The transport of the audio."""
    found = re.search(r"m=audio \d+ (\S+)", message.body)
    return found[1] if found else ""


async def answer(call: PhoneCall, keys: SdesCall, body: str) -> Wire:
    """Send the INVITE, and take the answer with its key."""
    call.invite(body=body)
    await call.phone.get(100)
    final = await call.answered()
    keys.learn(final)
    return final


async def hears_itself(call: PhoneCall) -> bool:
    """Whether an echo comes back."""
    call.heard.clear()
    await call.speak(8, 0x42)
    await asyncio.sleep(0.1)
    return call.sounds().get(0x42, 0) >= 6


@pytest.mark.parametrize("suite", PROFILES)
async def test_rfc4568_5_1_2_an_offered_suite_is_answered(tmp_path: Path, suite: str) -> None:
    """Every suite; an unknown one before it is passed over; lifetimes are taken."""
    async with sip_office(tmp_path, phone_section("alice", **SDES), EXTENSIONS) as office:
        call = new_call(office.phone("alice"), "600")
        keys = SdesCall(call, suite, tail="|2^31")
        unknown = "a=crypto:1 F8_128_HMAC_SHA1_80 inline:AAAA\r\n"
        final = await answer(call, keys, keys.sdp(tag=7, more=unknown))
        assert profile(final) == "RTP/SAVP"
        assert keys.their_line[:2] == ["7", suite]
        assert await hears_itself(call)
        assert office.system.globals.get("SECURE") == "1"
        assert keys.port.refused == 0
        assert all(b"\x42" * 100 not in data for data in keys.port.raw)
        await call.hang_up()


@pytest.mark.parametrize(
    ("options", "offered", "has_key", "status", "answered"),
    [
        ({}, "RTP/SAVP", True, 488, ""),
        (SDES, "RTP/AVP", True, 488, ""),
        (SDES, "RTP/SAVP", False, 488, ""),
        (SDES, "RTP/SAVPF", True, 488, ""),
        ({**SDES, "use_avpf": "yes"}, "RTP/SAVPF", True, 200, "RTP/SAVPF"),
        ({**SDES, "media_use_received_transport": "yes"}, "RTP/SAVPF", True, 200, "RTP/SAVPF"),
        ({**SDES, "media_encryption_optimistic": "yes"}, "RTP/AVP", True, 200, "RTP/AVP"),
        ({**SDES, "media_encryption_optimistic": "yes"}, "RTP/AVP", False, 200, "RTP/AVP"),
        ({**SDES, "media_encryption_optimistic": "yes"}, "RTP/SAVP", True, 200, "RTP/SAVP"),
        ({**SDES, "media_encryption_optimistic": "yes"}, "RTP/SAVP", False, 488, ""),
    ],
)
async def test_which_offers_are_accepted(
    tmp_path: Path, options: dict[str, object], offered: str, has_key: bool, status: int, answered: str
) -> None:
    async with sip_office(tmp_path, phone_section("alice", **options), EXTENSIONS) as office:
        alice = office.phone("alice")
        call = new_call(alice, "600")
        keys = SdesCall(call)
        body = keys.sdp(profile=offered)
        call.invite(body=body if has_key else body.replace(keys.line(), ""))
        await alice.get(100)
        final = await alice._answer()
        assert (final.status, profile(final)) == (status, answered)
        if status != 200:
            call.refused(final)
            return
        assert ("a=crypto" in final.body) == has_key
        call.take_answer(final)
        if has_key:
            keys.learn(final)
            assert await hears_itself(call)
        else:
            call.socket = keys.port.inner
            call.socket.set_reader(call._read)
            assert await hears_itself(call)
            assert office.system.globals.get("SECURE") == "0"
        await call.hang_up()


@pytest.mark.parametrize(
    ("options", "offered", "suite"),
    [
        (SDES, "RTP/SAVP", "AES_CM_128_HMAC_SHA1_80"),
        (SDES, "RTP/SAVP", "AEAD_AES_256_GCM"),
        ({**SDES, "use_avpf": "yes"}, "RTP/SAVPF", "AEAD_AES_128_GCM"),
        ({**SDES, "srtp_tag_32": "yes"}, "RTP/SAVP", "AES_CM_128_HMAC_SHA1_32"),
        ({**SDES, "media_encryption_optimistic": "yes"}, "RTP/AVP", "AES_CM_128_HMAC_SHA1_80"),
    ],
)
async def test_our_offers_and_a_call_between_plain_and_secured(
    tmp_path: Path, options: dict[str, object], offered: str, suite: str
) -> None:
    """alice has plain RTP, bob SRTP: the packet relay joins them, and no direct media are tried."""
    config = phone_section("alice") + phone_section("bob", contact="sip:bob@127.0.0.1:15072", **options)
    async with sip_office(tmp_path, config, EXTENSIONS) as office:
        alice, bob = office.phone("alice"), office.phone("bob")
        call = alice.call("101")
        await alice.get(100)
        called = await bob.ring()
        assert called.request is not None
        assert profile(called.request) == offered
        keys = SdesCall(called, suite)
        tag = keys.learn(called.request)[0]
        called.reply(200, "OK", body=keys.sdp(profile=offered, tag=int(tag)))
        await bob.get("ACK")
        await call.answered()
        for speaker, listener, octet in ((call, called, 0x21), (called, call, 0x22)) * 2:
            await speaker.speak(8, octet)
            await asyncio.sleep(0.1)
            heard = listener.sounds()
            assert heard.get(octet, 0) >= 6, (octet, heard)
        assert keys.port.refused == 0
        await called.press(5)
        await asyncio.sleep(0.5)
        assert any(kind == 101 and payload[:1] == b"\x05" for kind, payload in call.heard)
        assert not alice.inbox
        assert not bob.inbox
        await call.hang_up()
        await called.ended()


@pytest.mark.parametrize("number", ["101", "103"])
async def test_secured_to_secured_by_relay_and_by_frames_over_hold_and_new_keys(tmp_path: Path, number: str) -> None:
    """Each side has suite and keys of its own; hold keeps ours and a new key of the phone takes over (RFC 4568 7.1.4)."""
    config = phone_section("alice", **SDES) + phone_section("bob", contact="sip:bob@127.0.0.1:15072", **SDES)
    async with sip_office(tmp_path, config, EXTENSIONS) as office:
        alice, bob = office.phone("alice"), office.phone("bob")
        call = new_call(alice, number)
        keys = SdesCall(call, "AES_CM_128_HMAC_SHA1_80", 1)
        call.invite(body=keys.sdp())
        await alice.get(100)
        called = await bob.ring()
        assert called.request is not None
        other = SdesCall(called, "AEAD_AES_256_GCM", 2)
        tag = other.learn(called.request)[0]
        called.reply(200, "OK", body=other.sdp(tag=int(tag)))
        await bob.get("ACK")
        keys.learn(await call.answered())

        async def talk() -> None:
            for speaker, listener, octet in ((call, called, 0x21), (called, call, 0x22)):
                speaker.heard.clear()
                await speaker.speak(8, octet)
                await asyncio.sleep(0.1)
                heard = listener.sounds()
                assert heard.get(octet, 0) >= 6, (octet, heard)

        await talk()
        before = keys.their_line
        for direction in ("sendonly", "sendrecv"):
            call.invite(body=keys.sdp(direction=direction))
            keys.learn(await call.answered())
            assert keys.their_line == before
        await talk()
        former = keys.port.send_session
        keys.set_key(3)
        new, keys.port.send_session = keys.port.send_session, former
        call.invite(body=keys.sdp())
        keys.learn(await call.answered())
        await talk()  # the phone has not gone over to its new key as yet
        keys.port.send_session = new
        await talk()
        keys.set_key(5)
        call.invite(body=keys.sdp())
        keys.learn(await call.answered())
        await talk()
        keys.suite = "AEAD_AES_128_GCM"
        keys.set_key(4)
        call.invite(body=keys.sdp(tag=2))
        keys.learn(await call.answered())
        assert keys.their_line[:2] == ["2", "AEAD_AES_128_GCM"]
        await talk()
        assert keys.port.refused == other.port.refused == 0
        assert [session.statistics().not_authentic for session in office.driver.rtp.sessions] == [0, 0]
        await call.hang_up()
        await called.ended()


async def test_rfc3711_9_1_a_suite_that_comes_back_has_another_key(tmp_path: Path) -> None:
    """Its packets are counted from the start, so that the old key would encrypt two packets alike."""
    async with sip_office(tmp_path, phone_section("alice", **SDES), EXTENSIONS) as office:
        call = new_call(office.phone("alice"), "600")
        keys = SdesCall(call)
        await answer(call, keys, keys.sdp())
        seen = [keys.their_line[2]]
        for suite in ("AEAD_AES_256_GCM", "AES_CM_128_HMAC_SHA1_80", "AES_CM_128_HMAC_SHA1_80"):
            if keys.suite != suite:
                keys.suite = suite
                keys.set_key(len(seen) + 1)
            call.invite(body=keys.sdp())
            keys.learn(await call.answered())
            seen.append(keys.their_line[2])
            assert await hears_itself(call)
        assert len(set(seen)) == 3
        assert seen[2] == seen[3]
        await call.hang_up()


@pytest.mark.parametrize("line", ["", "a=crypto:9 AES_CM_128_HMAC_SHA1_80 inline:" + "A" * 40 + "\r\n"], ids=["none", "tag"])
async def test_rfc4568_5_1_3_an_answer_without_a_key_of_ours_ends_the_call(tmp_path: Path, line: str) -> None:
    config = phone_section("alice") + phone_section("bob", contact="sip:bob@127.0.0.1:15072", **SDES)
    async with sip_office(tmp_path, config, EXTENSIONS) as office:
        alice, bob = office.phone("alice"), office.phone("bob")
        call = alice.call("101")
        await alice.get(100)
        called = await bob.ring()
        called.reply(200, "OK", body=called.sdp().replace("RTP/AVP", "RTP/SAVP") + line)
        await bob.get("ACK")
        await called.ended()
        final = await alice._answer()
        assert final.status >= 400
        call.refused(final)


@pytest.mark.parametrize(("options", "is_called"), [({}, False), (SDES, True)])
async def test_channel_secure_bridge_media_is_heeded(tmp_path: Path, options: dict[str, object], is_called: bool) -> None:
    config = phone_section("alice") + phone_section("bob", contact="sip:bob@127.0.0.1:15072", **options)
    async with sip_office(tmp_path, config, EXTENSIONS) as office:
        alice, bob = office.phone("alice"), office.phone("bob")
        call = alice.call("102")
        await alice.get(100)
        if is_called:
            called = await bob.ring()
            called.reply(486)
            await bob.get("ACK")
        final = await alice._answer()
        assert final.status >= 400
        call.refused(final)
        await office.quiet()


@pytest.mark.parametrize("is_asked", [True, False])
async def test_3gpp_ts_24_229_mediasec_asks_the_edge_to_encrypt(tmp_path: Path, is_asked: bool) -> None:
    more = {"security_negotiation": "mediasec"} if is_asked else {}
    config = phone_section("alice") + phone_section("bob", contact="sip:bob@127.0.0.1:15072", **SDES, **more)
    async with sip_office(tmp_path, config, EXTENSIONS) as office:
        alice, bob = office.phone("alice"), office.phone("bob")
        call = alice.call("101")
        await alice.get(100)
        called = await bob.ring()
        assert called.request is not None
        assert ("a=3ge2ae:requested\r\n" in called.request.body) is is_asked
        called.reply(486)
        await bob.get("ACK")
        call.refused(await alice.get(486))


async def test_keys_stand_in_no_log(tmp_path: Path) -> None:
    everything = Level.NOTICE | Level.WARNING | Level.ERROR | Level.VERBOSE | Level.DEBUG
    async with sip_office(tmp_path, phone_section("alice", **SDES), EXTENSIONS) as office:
        office.driver.message_log.enable()
        with LogCapture(everything) as log:
            call = new_call(office.phone("alice"), "600")
            keys = SdesCall(call)
            await answer(call, keys, keys.sdp())
            await call.hang_up()
        texts = "\n".join(record.message for record in log.records)
        assert "a=crypto:1 AES_CM_128_HMAC_SHA1_80 inline:<redacted>" in texts
        for line in (keys.line(), keys.their_line[2]):
            assert line.partition("inline:")[2].strip() not in texts
