"""Options of endpoints and of rtp.conf that change what a call's media are: each has the effect that it says."""

from __future__ import annotations

import asyncio
import struct
from pathlib import Path

import pytest

from globstar.core import events
from globstar.core.format import MediaType
from tests.support.sip_phone import PhoneCall, SipOffice, Wire, phone_section, sip_office

PLAN = "[default]\nexten => 1,1,Answer()\n same => n,Echo()\nexten => 101,1,Dial(PJSIP/bob,20)\n"
TWO = "a=rtpmap:0 PCMU/8000\r\na=rtpmap:8 PCMA/8000\r\n"


def line(message: Wire, start: str) -> str:
    return next((text for text in message.body.split("\r\n") if text.startswith(start)), "")


async def called_by(office: SipOffice) -> tuple[PhoneCall, PhoneCall]:
    """Alice calls bob, who rings."""
    alice, bob = office.phone("alice"), office.phone("bob")
    await bob.register()
    calling = alice.call("101")
    await alice.get(100)
    return calling, await bob.ring()


async def over(calling: PhoneCall, called: PhoneCall) -> None:
    await calling.hang_up()
    await called.ended()


async def test_sdp_owner_and_sdp_session(tmp_path: Path) -> None:
    """In answers and in offers."""
    names = {"sdp_owner": "office", "sdp_session": "Our Office"}
    async with sip_office(tmp_path, phone_section("alice", **names) + phone_section("bob", **names), PLAN) as office:
        calling, called = await called_by(office)
        assert called.request is not None
        await called.answer()
        answer = await calling.answered()
        for message in (called.request, answer):
            assert line(message, "o=").startswith("o=office ")
            assert line(message, "s=") == "s=Our Office"
        await over(calling, called)


@pytest.mark.parametrize(
    ("preference", "native"),
    [
        ("", ["alaw", "ulaw"]),
        ("prefer: configured", ["ulaw", "alaw"]),
        ("prefer: configured, keep: first", ["ulaw"]),
        ("prefer: pending, keep: first", ["alaw"]),
    ],
)
async def test_codec_prefs_incoming_answer(tmp_path: Path, preference: str, native: list[str]) -> None:
    """Bob answers alaw first; his endpoint has ulaw first."""
    options = {"allow": "ulaw,alaw", **({"codec_prefs_incoming_answer": preference} if preference else {})}
    async with sip_office(tmp_path, phone_section("alice") + phone_section("bob", **options), PLAN) as office:
        calling, called = await called_by(office)
        called.reply(200, body=called.sdp("8 0"))
        await called.phone.get("ACK")
        await calling.answered()
        channel = next(one for one in office.system.channels.values() if "bob" in one.name)
        assert [format.name for format in channel.native_formats.of_media(MediaType.AUDIO)] == native
        await over(calling, called)


@pytest.mark.parametrize("option", ["codec_prefs_incoming_answer", "codec_prefs_outgoing_answer"])
async def test_no_transcoding_where_the_answer_says_so(tmp_path: Path, option: str) -> None:
    """Alice has ulaw: bob is offered that alone."""
    pjsip = phone_section("alice") + phone_section("bob", allow="alaw,ulaw", **{option: "transcode: prevent"})
    async with sip_office(tmp_path, pjsip, PLAN) as office:
        calling, called = await called_by(office)
        assert called.request is not None
        assert line(called.request, "m=audio").endswith("RTP/AVP 0 101")
        called.learn_media(called.request)
        await called.answer()
        await calling.answered()
        await over(calling, called)


@pytest.mark.parametrize("samples", [800, 4000])
async def test_dtmftimeout(tmp_path: Path, samples: int) -> None:
    """A digit of which no more packets come ends after so many samples at 8 kHz."""
    files = {"rtp.conf": f"[general]\nrtpstart=30000\nrtpend=30098\ndtmftimeout={samples}\n"}
    async with sip_office(tmp_path, phone_section("alice"), PLAN, files) as office:
        at: list[float] = []
        office.system.bus.subscribe(events.DigitBegan, lambda event: at.append(office.system.now()))
        office.system.bus.subscribe(events.DigitEnded, lambda event: at.append(office.system.now()))
        call = await office.phone("alice").dial("1")
        call.send_rtp(struct.pack("!BBH", 5, 10, 160), 101, marker=True, time=160)
        await call.speak(60)
        began, ended = at[0], at[-1]
        assert ended - began == pytest.approx(samples / 8000, abs=0.06)
        await call.hang_up()


@pytest.mark.parametrize("value", ["yes", "no"])
async def test_icesupport_of_rtp_conf(tmp_path: Path, value: str) -> None:
    """With no nobody has ICE, whatever ice_support of an endpoint says."""
    files = {"rtp.conf": f"[general]\nrtpstart=30000\nrtpend=30098\nicesupport={value}\n"}
    async with sip_office(tmp_path, phone_section("alice", ice_support="yes"), PLAN, files) as office:
        other = PhoneCall(office.phone("alice"), "sip:1@127.0.0.1:15060")
        ice = (
            f"a=ice-ufrag:abcd\r\na=ice-pwd:{'a' * 22}\r\na=candidate:1 1 UDP 2130706431 127.0.0.1 {other.rtp_port} typ host\r\n"
        )
        other.invite(body=other.sdp() + ice)
        await other.phone.get(100)
        answer = await other.answered()
        assert ("a=candidate:" in answer.body) is ("a=ice-ufrag:" in answer.body) is (value == "yes")
        await other.hang_up()


@pytest.mark.parametrize("value", ["yes", "no"])
async def test_ignore_183_without_sdp(tmp_path: Path, value: str) -> None:
    async with sip_office(tmp_path, phone_section("alice") + phone_section("bob", ignore_183_without_sdp=value), PLAN) as office:
        calling, called = await called_by(office)
        called.reply(183)
        called.reply(180)
        await calling.phone.get(180 if value == "yes" else 183)
        if value == "no":  # early media were agreed on: ringing is heard there
            await calling.phone.get(183)
        await called.answer()
        await calling.answered()
        await over(calling, called)


@pytest.mark.parametrize("value", ["yes", "no"])
async def test_inband_progress(tmp_path: Path, value: str) -> None:
    """Ringing is heard in early media, or told by 180."""
    async with sip_office(tmp_path, phone_section("alice", inband_progress=value) + phone_section("bob"), PLAN) as office:
        calling, called = await called_by(office)
        called.reply(180)
        told = await calling.phone.get(183 if value == "yes" else 180)
        assert ("m=audio" in told.body) is (value == "yes")
        if value == "yes":
            calling.learn_media(told)
            calling.send_rtp(b"\xff" * 160)
            await asyncio.sleep(1)
            assert len({payload for kind, payload in calling.heard if kind == 0}) > 3, "a tone"
        await called.answer()
        await calling.answered()
        await over(calling, called)
