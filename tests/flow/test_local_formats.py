"""Local channels that stay (option n): they pass the codec that is spoken now, whatever was chosen when the call began."""

from __future__ import annotations

import asyncio
import re
from pathlib import Path

import pytest

from globstar.core.channel import Channel
from globstar.dsp.g711 import alaw_to_ulaw, ulaw_to_alaw
from tests.support import sip_transfer
from tests.support.sip_phone import PhoneCall, SipOffice, phone_section, sip_office

pytestmark = pytest.mark.virtual_time

PLAN = """\
[default]
exten => 1,1,Dial(Local/2@default/n)
exten => 2,1,Dial(PJSIP/bob)
exten => 3,1,Dial(Local/1@default/n)
exten => 4,1,Dial(Local/5@default/n)
exten => 5,1,MixMonitor(seen.wav)
 same => n,Dial(PJSIP/bob)
exten => 6,1,Dial(Local/7@default/n)
exten => 7,1,Answer()
 same => n,Record({root}/said.ulaw,0,0,qk)
exten => 8,1,Dial(Local/9@default/n)
exten => 9,1,Dial(PJSIP/bob,,g)
 same => n,Dial(PJSIP/carol)
"""
PHONES = "".join(
    phone_section(name, contact=f"sip:{name}@127.0.0.1:{port}", allow="ulaw,alaw,g722")
    for name, port in (("alice", 15071), ("bob", 15072), ("carol", 15073))
)


async def connected(office: SipOffice, number: str) -> tuple[PhoneCall, PhoneCall]:
    calling, called = await sip_transfer.talk(office.phone("alice"), number, office.phone("bob"))
    await asyncio.sleep(0.1)
    return calling, called


async def talk(calling: PhoneCall, called: PhoneCall, kinds: tuple[int, int]) -> tuple[list[tuple[int, bytes]], ...]:
    """What both hear of one another: the called one, the calling one; they speak under these payload types."""
    for call in (calling, called):
        call.heard.clear()
    for _ in range(10):
        calling.send_rtp(b"\x31" * 160, kinds[0])
        called.send_rtp(b"\x52" * 160, kinds[1])
        await asyncio.sleep(0.02)
    await asyncio.sleep(0.1)
    return called.heard[-8:], calling.heard[-8:]


def translating(office: SipOffice) -> list[str]:
    """The channels that translate something."""
    channels: list[Channel] = list(office.system.channels.values())
    return sorted(
        channel.name.partition("-")[0] + channel.name[-2:]
        for channel in channels
        if channel.read_path is not None or channel.write_path is not None
    )


@pytest.mark.parametrize("number", ["1", "3", "4"], ids=["one", "two in a row", "recorded"])
@pytest.mark.parametrize(("kind", "name"), [(8, "alaw"), (9, "g722")])
async def test_halves_follow_when_both_phones_turn_to_another_codec(tmp_path: Path, number: str, kind: int, name: str) -> None:
    async with sip_office(tmp_path, PHONES, PLAN.replace("{root}", str(tmp_path))) as office:
        calling, called = await connected(office, number)
        heard = await talk(calling, called, (0, 0))
        assert heard == ([(0, b"\x31" * 160)] * 8, [(0, b"\x52" * 160)] * 8)
        await calling.reinvite(codecs=f"{kind} 101")
        await called.reinvite(codecs=f"{kind} 101")
        heard = await talk(calling, called, (kind, kind))
        assert heard == ([(kind, b"\x31" * 160)] * 8, [(kind, b"\x52" * 160)] * 8)
        assert translating(office) == []
        halves = [channel for channel in office.system.channels.values() if channel.name.startswith("Local/")]
        assert {str(half.native_formats.formats[0]) for half in halves} == {name}
        assert {str(half.raw_write_format) for half in halves} == {name}
        await calling.hang_up()
        await called.ended()


async def test_where_one_phone_turns_to_another_codec_it_is_translated_once(tmp_path: Path) -> None:
    async with sip_office(tmp_path, PHONES, PLAN.replace("{root}", str(tmp_path))) as office:
        calling, called = await connected(office, "3")
        await calling.reinvite(codecs="8 101")
        heard = await talk(calling, called, (8, 0))
        assert heard[0] == [(0, alaw_to_ulaw(b"\x31" * 160))] * 8
        assert heard[1] == [(8, ulaw_to_alaw(b"\x52" * 160))] * 8
        assert [name for name in translating(office) if name.startswith("Local")] == []
        await calling.hang_up()
        await called.ended()


async def test_who_asks_for_a_codec_gets_it_from_a_local_channel(tmp_path: Path) -> None:
    """An application in the dialplan half wants ulaw, whatever the phone turns to."""
    async with sip_office(tmp_path, PHONES, PLAN.replace("{root}", str(tmp_path))) as office:
        alice = office.phone("alice")
        calling = alice.call("6")
        await alice.get(100)
        await calling.answered()
        await asyncio.sleep(0.3)
        await calling.reinvite(codecs="8 101")
        for _ in range(50):
            calling.send_rtp(ulaw_to_alaw(b"\x31" * 160), 8)
            await asyncio.sleep(0.02)
        await calling.hang_up()
        await asyncio.sleep(0.5)
    recorded = (tmp_path / "said.ulaw").read_bytes()
    assert 7680 <= recorded.count(b"\x31") <= 8000
    assert set(recorded) <= {0x31, 0xFF}  # silence where nothing was sent yet


async def test_a_call_that_follows_is_offered_what_the_caller_speaks_now(tmp_path: Path) -> None:
    async with sip_office(tmp_path, PHONES, PLAN.replace("{root}", str(tmp_path))) as office:
        calling, called = await connected(office, "8")
        carol = office.phone("carol")
        await calling.reinvite(codecs="9 101")
        await called.reinvite(codecs="8 101")
        await talk(calling, called, (9, 8))
        await called.hang_up()
        third = await carol.ring()
        assert third.request is not None
        assert re.findall(r"m=audio \d+ RTP/AVP (\d+)", third.request.body) == ["9"]
        third.reply(180, "Ringing")
        await calling.hang_up()
        await carol.get("CANCEL")
