"""Requests outside of calls, and small ones inside: OPTIONS, MESSAGE, INFO, session timers, overload of the wrong kind."""

from __future__ import annotations

import asyncio
from pathlib import Path

import pytest

from globstar.modules.channels.pjsip.dtmf import parse_relay
from tests.support.sip_phone import PhoneCall, phone_section, sip_office

pytestmark = pytest.mark.virtual_time

PLAN = (
    "[default]\nexten => 100,1,Answer()\n same => n,Wait(30)\n"
    "exten => 1001,1,Answer()\n same => n,Read(DIGITS,,4,,,3)\n same => n,Set(GLOBAL(DIGITS)=${DIGITS})\n same => n,Hangup()\n"
    "exten => _5X.,1,Answer()\n same => n,Wait(30)\n"
)


@pytest.mark.parametrize(
    ("uri", "status"),
    [("sip:127.0.0.1", 200), ("sip:100@127.0.0.1", 200), ("sip:999@127.0.0.1", 404), ("tel:100", 416), ("http://x", 416)],
)
async def test_options(tmp_path: Path, uri: str, status: int) -> None:
    async with sip_office(tmp_path, phone_section("alice"), PLAN) as office:
        answer = await office.phone("alice").ask("OPTIONS", uri, to="<sip:127.0.0.1>")
        assert answer.status == status
        if status == 200:
            assert "INVITE" in answer["Allow"]
            assert "application/sdp" in answer["Accept"]


@pytest.mark.parametrize("ends_here", [True, False])
async def test_a_tel_uri_names_an_extension(tmp_path: Path, ends_here: bool) -> None:
    """RFC 3966: INVITE, its ACK, and the BYE of either side."""
    plan = "[default]\nexten => +49-30-100,1,Answer()\n same => n,Wait(2)\n same => n,Hangup()\n"
    uri = "tel:+49-30-100;phone-context=x"
    async with sip_office(tmp_path, phone_section("alice"), plan) as office:
        phone = office.phone("alice")
        call = PhoneCall(phone, uri)
        call.invite(body=call.sdp())
        await phone.get(100)
        await call.answered()
        (channel,) = office.system.channels.values()
        assert channel.extension == "+49-30-100"
        if ends_here:
            bye = await call.ended()
            assert bye["From"].startswith(f"<{uri}>;tag=")
        else:
            await call.hang_up()
        await office.quiet()


async def test_a_tel_uri_without_an_extension_is_404(tmp_path: Path) -> None:
    async with sip_office(tmp_path, phone_section("alice"), PLAN) as office:
        phone = office.phone("alice")
        call = PhoneCall(phone, "tel:999")
        call.invite(body=call.sdp())
        call.refused(await phone.get(404))


@pytest.mark.parametrize(
    ("method", "status"),
    [
        ("SUBSCRIBE", 489), ("PUBLISH", 489), ("NOTIFY", 481), ("INFO", 481), ("BYE", 481), ("PRACK", 481), ("UPDATE", 481),
        ("REFER", 501), ("FOO", 501), ("CANCEL", 481),
    ],
)  # fmt: skip
async def test_what_makes_no_sense_outside_a_call(tmp_path: Path, method: str, status: int) -> None:
    async with sip_office(tmp_path, phone_section("alice"), PLAN) as office:
        assert (await office.phone("alice").ask(method, "sip:100@127.0.0.1")).status == status


@pytest.mark.parametrize(
    ("number", "extra", "body", "status"),
    [
        ("100", "Content-Type: text/plain\r\n", "hello", 202),
        ("999", "Content-Type: text/plain\r\n", "hello", 404),
        ("100", "Content-Type: image/png\r\n", "hello", 415),
        ("100", "", "", 415),
    ],
)
async def test_message(tmp_path: Path, number: str, extra: str, body: str, status: int) -> None:
    async with sip_office(tmp_path, phone_section("alice"), PLAN) as office:
        answer = await office.phone("alice").ask("MESSAGE", f"sip:{number}@127.0.0.1", extra=extra, body=body)
        assert answer.status == status


@pytest.mark.parametrize(
    ("number", "status"), [("999", 404), ("5", 484), ("51", 484), ("512", 200), ("99", 404)], ids=lambda value: str(value)
)
async def test_numbers(tmp_path: Path, number: str, status: int) -> None:
    """A number that may become longer is incomplete (484), one that cannot is unknown (404)."""
    async with sip_office(tmp_path, phone_section("alice"), PLAN) as office:
        alice = office.phone("alice")
        call = alice.call(number)
        answer = await alice._answer()
        if answer.status == 100:
            answer = await alice._answer()
        assert answer.status == status
        if status == 200:
            call.take_answer(answer)
            await call.hang_up()
        else:
            call.refused(answer)
            assert not office.system.channels


@pytest.mark.parametrize(
    ("extra", "sdp", "status"),
    [
        ("Require: teleportation\r\n", "", 420),
        ("Content-Type: text/html\r\n", "<html>", 415),
        ("Content-Type: application/sdp\r\n", "no sdp", 400),
        ("Content-Type: application/sdp\r\n",
         "v=0\r\no=- 1 1 IN IP4 127.0.0.1\r\ns=-\r\nc=IN IP4 127.0.0.1\r\nt=0 0\r\nm=audio 9000 RTP/AVP 18\r\n", 488),
        ("Session-Expires: 30\r\nSupported: timer\r\n", "", 422),
    ],
    ids=["420", "415", "400", "488", "422"],
)  # fmt: skip
async def test_invites_that_are_refused(tmp_path: Path, extra: str, sdp: str, status: int) -> None:
    async with sip_office(tmp_path, phone_section("alice"), PLAN) as office:
        alice = office.phone("alice")
        alice.send(alice.text("INVITE", "sip:100@127.0.0.1", extra=extra, body=sdp, tag="t", call_id="c"))
        answer = await alice._answer()
        if answer.status == 100:
            answer = await alice._answer()
        assert answer.status == status
        via = next(text for text in answer.all("Via")).split(";")
        branch = next(part for part in via if part.startswith("branch="))
        alice.send(
            alice.text(
                "ACK", "sip:100@127.0.0.1", to=answer["To"], tag="t", call_id="c", via=f"SIP/2.0/UDP 127.0.0.1:15071;{branch}"
            )
        )
        await office.quiet()
        assert not office.system.channels
        assert len(office.driver.rtp) == 0


@pytest.mark.parametrize(
    ("kind", "body", "status"),
    [
        ("application/dtmf-relay", "Signal=5\r\nDuration=160\r\n", 200),
        ("application/dtmf-relay", "signal = * \nduration=abc\n", 200),
        ("application/dtmf-relay", "Signal=\r\n", 500),
        ("application/dtmf-relay", "Signal=55\r\n", 500),
        ("application/dtmf", "7", 200),
        ("application/dtmf", "77", 500),
        ("application/xml", "<x/>", 415),
    ],
)
async def test_info(tmp_path: Path, kind: str, body: str, status: int) -> None:
    async with sip_office(tmp_path, phone_section("alice"), PLAN) as office:
        alice = office.phone("alice")
        call = await alice.dial("100")
        answer = await call.request_inside("INFO", f"Content-Type: {kind}\r\n", body)
        assert answer.status == status
        empty = await call.request_inside("INFO")
        assert empty.status == 200
        await call.hang_up()


async def test_digits_by_info(tmp_path: Path) -> None:
    async with sip_office(tmp_path, phone_section("alice", dtmf_mode="info"), PLAN) as office:
        alice = office.phone("alice")
        call = await alice.dial("1001")
        for digit in "4", "10", "#":
            await call.request_inside("INFO", "Content-Type: application/dtmf-relay\r\n", f"Signal={digit}\r\nDuration=100\r\n")
            await asyncio.sleep(0.2)
        await call.ended()
        assert office.system.globals.get("DIGITS") == "4*"


def test_relay_bodies() -> None:
    assert parse_relay("Signal=11\r\nDuration=250") == ("#", 250)
    assert parse_relay("Signal=a\nDuration=0") == ("A", 100)
    assert parse_relay("Signal=16") == ("!", 100)
    assert parse_relay("Signal=17") is None
    assert parse_relay("Duration=99999999\r\nSignal=1") == ("1", 100)
    assert parse_relay("") is None
    assert parse_relay("\0\xff=\r\n==\r\nSignal") is None


async def test_session_timers_of_the_caller(tmp_path: Path) -> None:
    """Who asks for a timer and does not refresh is hung up at the end of the interval (RFC 4028 10)."""
    plan = "[default]\nexten => 1,1,Answer()\n same => n,Wait(3600)\n"
    async with sip_office(tmp_path, phone_section("alice"), plan) as office:
        alice = office.phone("alice")
        call = alice.call("1", extra="Session-Expires: 120;refresher=uac\r\nSupported: timer\r\n")
        await alice.get(100)
        answer = await call.answered()
        assert answer["Session-Expires"] == "120;refresher=uac"
        assert answer["Require"] == "timer"
        await asyncio.sleep(60)
        answer = await call.reinvite(extra="Session-Expires: 120;refresher=uac\r\nSupported: timer\r\n")
        assert answer["Session-Expires"] == "120;refresher=uac"
        start = asyncio.get_running_loop().time()
        bye = await alice.get("BYE", 200)
        call.reply(200, request=bye)
        assert 80 <= asyncio.get_running_loop().time() - start <= 120


async def test_session_timers_that_we_refresh(tmp_path: Path) -> None:
    plan = "[default]\nexten => 1,1,Answer()\n same => n,Wait(3600)\n"
    async with sip_office(tmp_path, phone_section("alice"), plan) as office:
        alice = office.phone("alice")
        call = alice.call("1", extra="Session-Expires: 100;refresher=uas\r\nSupported: timer\r\n")
        await alice.get(100)
        await call.answered()
        for _ in range(3):
            start = asyncio.get_running_loop().time()
            refresh = await alice.get("INVITE", 100)
            assert asyncio.get_running_loop().time() - start == pytest.approx(50, abs=2)
            assert refresh["Session-Expires"]
            call.reply(200, extra="Session-Expires: 100;refresher=uac\r\nRequire: timer\r\n", body=call.sdp(), request=refresh)
            await alice.get("ACK")
        await call.hang_up()


async def test_a_phone_that_goes_silent(tmp_path: Path) -> None:
    """rtp_timeout ends a call of which no RTP comes any more; on hold rtp_timeout_hold does."""
    plan = "[default]\nexten => 1,1,Answer()\n same => n,Wait(3600)\n"
    async with sip_office(tmp_path, phone_section("alice", rtp_timeout=10, rtp_timeout_hold=60), plan) as office:
        alice = office.phone("alice")
        call = await alice.dial("1")
        await call.speak(50)
        start = asyncio.get_running_loop().time()
        await call.ended()
        assert asyncio.get_running_loop().time() - start == pytest.approx(10, abs=1.5)
        call = await alice.dial("1")
        await call.speak(50)
        await call.reinvite("sendonly")
        start = asyncio.get_running_loop().time()
        bye = await alice.get("BYE", 100)
        call.reply(200, request=bye)
        assert asyncio.get_running_loop().time() - start == pytest.approx(60, abs=2)


async def test_provisional_answers_that_are_reliable(tmp_path: Path) -> None:
    """100rel: a 183 is repeated until PRACK (RFC 3262)."""
    plan = "[default]\nexten => 1,1,Progress()\n same => n,Wait(2)\n same => n,Answer()\n same => n,Wait(5)\n"
    async with sip_office(tmp_path, phone_section("alice"), plan) as office:
        alice = office.phone("alice")
        call = alice.call("1", extra="Supported: 100rel\r\nRequire: 100rel\r\n")
        await alice.get(100)
        progress = await alice.get(183)
        assert "100rel" in progress["Require"]
        await asyncio.sleep(0.6)
        assert office.story()[-1] == "alice <- 183 (sdp) again"
        call.to, call.target = progress["To"], progress["Contact"].strip("<>")
        answer = await call.request_inside("PRACK", f"RAck: {progress['RSeq']} {progress['CSeq']}\r\n")
        assert answer.status == 200
        call.take_answer(await alice.get(200))
        await call.hang_up()
