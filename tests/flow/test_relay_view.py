"""What a SIP call's media tells a bridge of itself: made once, and again when anything of it has changed."""

from __future__ import annotations

from pathlib import Path

import pytest

from globstar.core.rtp_media import RtpMedia
from globstar.modules.channels.pjsip.leg import Leg
from globstar.modules.channels.pjsip.media import LegMedia
from tests.support.sip_phone import PhoneCall, SipOffice, phone_section, sip_office

PLAN = "[default]\nexten => 1,1,Answer()\n same => n,Wait(60)\n"


def media_of(office: SipOffice) -> LegMedia:
    """Of the only call."""
    (channel,) = office.system.channels.values()
    assert isinstance(channel.private, Leg)
    return channel.private.media


def view_of(media: LegMedia) -> RtpMedia:
    view = media.relay_view()
    assert view is not None
    assert media.relay_view() is view or media.packet_ms or media.sides, "as long as nothing changes it is the same"
    return view


async def agree(call: PhoneCall, sdp: str) -> None:
    """A re-INVITE with this description."""
    call.invite(body=sdp)
    await call.phone.get(200)
    call._send("ACK", cseq=call.cseq)


async def test_it_is_made_again_when_codecs_change(tmp_path: Path) -> None:
    async with sip_office(tmp_path, phone_section("alice", allow="ulaw,alaw"), PLAN) as office:
        call = await office.phone("alice").dial("1")
        media = media_of(office)
        first = view_of(media)
        assert first.send == {"PCMU/8000/1": 0, "telephone-event/8000/1": 101}
        await agree(call, call.sdp("8 101"))
        assert view_of(media).receive == {"PCMA/8000/1": 8, "telephone-event/8000/1": 101}
        await agree(call, call.sdp("8 101").replace("101", "96"))
        assert view_of(media).send == {"PCMA/8000/1": 8, "telephone-event/8000/1": 96}
        await agree(call, call.sdp("8"))
        assert view_of(media).send == {"PCMA/8000/1": 8}
        await call.hang_up()
        assert media.relay_view() is None
        await office.quiet()


async def test_it_follows_whether_digits_are_wanted(tmp_path: Path) -> None:
    async with sip_office(tmp_path, phone_section("alice"), PLAN) as office:
        call = await office.phone("alice").dial("1")
        media = media_of(office)
        assert "telephone-event/8000/1" in view_of(media).receive
        media.wants_digits = False
        assert list(view_of(media).receive) == ["PCMU/8000/1"]
        media.wants_digits = True
        assert "telephone-event/8000/1" in view_of(media).receive
        await call.hang_up()
        await office.quiet()


@pytest.mark.parametrize("direction", ["sendonly", "inactive"])
async def test_hold_and_another_address_are_the_sessions_own(tmp_path: Path, direction: str) -> None:
    """The view names the session, which knows where packets go at any time; so it may stay, but not tell anything old."""
    async with sip_office(tmp_path, phone_section("alice"), PLAN) as office:
        call = await office.phone("alice").dial("1")
        media = media_of(office)
        first = view_of(media)
        await call.reinvite(direction)
        held = view_of(media)
        assert held == first
        assert held.session is media.session
        assert held.session.is_sending is False
        moved = call.sdp().replace("127.0.0.1", "127.0.0.9")
        await agree(call, moved)
        again = view_of(media)
        assert again.session is media.session
        assert again.session.remote_address is not None
        assert again.session.remote_address[0] == "127.0.0.9"
        await call.hang_up()
        await office.quiet()


async def test_packets_of_a_length_that_is_asked_for_are_told_each_time(tmp_path: Path) -> None:
    async with sip_office(tmp_path, phone_section("alice", use_ptime="yes"), PLAN) as office:
        call = await office.phone("alice").dial("1")
        media = media_of(office)
        assert view_of(media).packet_ms == 0
        await agree(call, call.sdp() + "a=ptime:40\r\n")
        told = view_of(media)
        assert told.packet_ms == 40
        assert told.voice is media
        await agree(call, call.sdp())
        assert view_of(media).packet_ms == 0
        await call.hang_up()
        await office.quiet()
