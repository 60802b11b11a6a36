"""What phones are offered when direct media are over: all that their endpoints allow, under their old numbers (RFC 3264 8)."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from tests.flow.test_direct_media import EXTENSIONS, accept, phones, why
from tests.support.sip_phone import PhoneCall, SipOffice, Wire, sip_office

ALL: dict[str, object] = {"allow": "ulaw,alaw,g722"}


def offered(message: Wire) -> list[str]:
    """The payload types of the audio of a message, in order."""
    found = re.search(r"m=audio \d+ RTP/S?AVPF? ([\d ]+)", message.body)
    assert found is not None
    return found[1].split()


async def direct(
    office: SipOffice, alice: str = "0 8 9 101", bob: str = "0 101", *, narrowed: str = "0 101"
) -> tuple[PhoneCall, PhoneCall]:
    """A call whose media go directly, in what both know."""
    calling, called = await talk_with(office, alice, bob)
    for call in (calling, called):
        assert offered(await accept(call, narrowed)) == narrowed.split()
    assert why(office) == "native_rtp: chosen, media go directly"
    return calling, called


async def talk_with(office: SipOffice, alice: str, bob: str) -> tuple[PhoneCall, PhoneCall]:
    first, second = office.phone("alice"), office.phone("bob")
    await second.register()
    calling = PhoneCall(first, "sip:101@127.0.0.1:15060")
    calling.invite(body=calling.sdp(alice))
    await first.get(100)
    called = await second.ring()
    called.reply(200, body=called.sdp(bob))
    await second.get("ACK")
    await calling.answered()
    return calling, called


async def test_rfc3264_8_who_is_not_held_is_offered_all_again(tmp_path: Path) -> None:
    """Again and again; while media go directly it is what both know."""
    async with sip_office(tmp_path, phones(ALL, ALL), EXTENSIONS) as office:
        calling, called = await direct(office)
        for _ in range(2):
            await calling.reinvite("sendonly", codecs="0 101")
            assert offered(await accept(called, "0 8 101")) == ["0", "8", "9", "101"]
            await calling.reinvite("sendrecv", codecs="0 101")
            assert offered(await accept(calling, "0 101")) == ["0", "101"]
            assert offered(await accept(called, "0 101")) == ["0", "101"]
        await calling.hang_up()
        assert offered(await accept(called, "0 101")) == ["0", "8", "9", "101"]
        await called.ended()


async def test_rfc3264_8_the_caller_is_offered_all_again_too(tmp_path: Path) -> None:
    async with sip_office(tmp_path, phones(ALL, ALL), EXTENSIONS) as office:
        calling, called = await direct(office)
        await called.reinvite("inactive", codecs="0 101")
        assert offered(await accept(calling, "8 0 101")) == ["0", "8", "9", "101"]
        await called.hang_up()
        await calling.ended()


async def test_what_was_offered_all_is_agreed_then(tmp_path: Path) -> None:
    """A phone may turn to another codec by its answer; what follows is offered in what was agreed then."""
    async with sip_office(tmp_path, phones(ALL, ALL), EXTENSIONS) as office:
        calling, called = await direct(office)
        await calling.reinvite("sendonly", codecs="0 101")
        await accept(called, "9 8 101")
        leg = next(leg for leg in office.driver.legs if leg.endpoint.name == "bob")
        assert [format.name for format in leg.media.formats] == ["g722", "alaw"]
        await calling.hang_up()
        await called.ended()


@pytest.mark.parametrize(
    ("options", "alice", "order"),
    [
        ({}, "8 0 101", ["0", "8", "9", "101"]),
        ({"incoming_call_offer_pref": "remote"}, "8 0 101", ["8", "0", "9", "101"]),
        ({"codec_prefs_incoming_offer": "prefer: pending, operation: intersect"}, "8 0 101", ["8", "0", "9", "101"]),
        ({"codec_prefs_incoming_offer": "prefer: configured, operation: intersect"}, "8 0 101", ["0", "8", "9", "101"]),
    ],
)
async def test_the_order_is_that_in_which_the_endpoint_prefers_codecs(
    tmp_path: Path, options: dict[str, object], alice: str, order: list[str]
) -> None:
    async with sip_office(tmp_path, phones({**ALL, **options}, ALL), EXTENSIONS) as office:
        first = order[0]
        calling, called = await talk_with(office, alice, f"{first} 101")
        for call in (calling, called):
            await accept(call, f"{first} 101")
        await called.reinvite("inactive", codecs=f"{first} 101")
        assert offered(await accept(calling, f"{first} 101")) == order
        await called.hang_up()
        await calling.ended()


async def test_rfc3264_8_3_2_a_codec_that_comes_back_has_its_number(tmp_path: Path) -> None:
    """Alice has called G.726 123 in her first offer; ours would usually be 111."""
    wide: dict[str, object] = {"allow": "ulaw,g726"}
    async with sip_office(tmp_path, phones(wide, wide), EXTENSIONS) as office:
        first, second = office.phone("alice"), office.phone("bob")
        await second.register()
        calling = PhoneCall(first, "sip:101@127.0.0.1:15060")
        sdp = calling.sdp("0 101").replace(" 0 101\r\n", " 0 123 101\r\na=rtpmap:123 G726-32/8000\r\n")
        calling.invite(body=sdp)
        await first.get(100)
        called = await second.ring()
        called.reply(200, body=called.sdp("0 101"))
        await second.get("ACK")
        await calling.answered()
        assert offered(await accept(calling, "0 101")) == ["0", "101"]
        assert offered(await accept(called, "0 101")) == ["0", "101"]
        await called.reinvite("inactive", codecs="0 101")
        again = await accept(calling, "0 101")
        assert offered(again) == ["0", "123", "101"]
        assert "a=rtpmap:123 G726-32/8000" in again.body
        await called.hang_up()
        await calling.ended()


async def test_who_must_not_be_transcoded_is_offered_what_was_agreed(tmp_path: Path) -> None:
    options: dict[str, object] = {
        **ALL, "codec_prefs_incoming_offer": "prefer: pending, operation: intersect, keep: all, transcode: prevent"
    }  # fmt: skip
    async with sip_office(tmp_path, phones(options, ALL), EXTENSIONS) as office:
        calling, called = await direct(office, alice="0 101")
        await called.reinvite("inactive", codecs="0 101")
        assert offered(await accept(calling, "0 101")) == ["0", "101"]
        await called.hang_up()
        await calling.ended()
