"""What is kept of an endpoint's media: its own, bounded, and gone with its options."""

from __future__ import annotations

from pathlib import Path

import pytest

from globstar.config import MemorySource
from globstar.modules.channels.pjsip.kept import MAX_KEPT, audio_of
from tests.support.sip_phone import GLOBAL, PhoneCall, SipOffice, phone_section, sip_office

pytestmark = pytest.mark.virtual_time

PLAN = "[default]\nexten => 1,1,Answer()\n same => n,Wait(9)\nexten => 2,1,Dial(PJSIP/dora)\n"
ASKED = "0 8 101"


def lines(text: str) -> list[str]:
    """The formats and what else may differ of our description."""
    found = text.partition("m=audio ")[2].split("\r\n")
    return [found[0].split(" ", 2)[2], *(line for line in found if line.startswith(("a=ptime", "a=rtcp-mux")))]


def called_from(office: SipOffice, name: str, number: str, codecs: str, more: str = "") -> PhoneCall:
    """A call whose description has more lines."""
    call = PhoneCall(office.phone(name), f"sip:{number}@127.0.0.1:15060")
    call.invite(body=call.sdp(codecs) + more)
    return call


async def answered(call: PhoneCall) -> list[str]:
    """What we answer; the call ends."""
    await call.phone.get(100)
    body = (await call.answered()).body
    await call.hang_up()
    call.close()
    return lines(body)


async def test_each_endpoint_has_its_own_and_a_reload_forgets_it(tmp_path: Path) -> None:
    """The same offer comes to other answers with other options, call after call."""
    phones = (
        phone_section("alice", allow="ulaw,alaw")
        + phone_section("bob", allow="alaw,ulaw", use_ptime="yes")
        + phone_section("carol", allow="ulaw,alaw", rtcp_mux="yes", dtmf_mode="inband")
    )
    async with sip_office(tmp_path, phones, PLAN) as office:

        async def ask(name: str) -> list[str]:
            return await answered(called_from(office, name, "1", ASKED, "a=ptime:40\r\na=rtcp-mux\r\n"))

        for _ in range(3):
            assert await ask("alice") == ["0 8 101", "a=ptime:20"]
            assert await ask("bob") == ["8 0 101", "a=ptime:40"]
            assert await ask("carol") == ["0 8", "a=ptime:20", "a=rtcp-mux"]
        before = office.driver.settings.endpoints["alice"].audio
        text = GLOBAL + phone_section("alice", allow="alaw:30", rtcp_mux="yes")
        office.system.configuration.source = MemorySource({"pjsip.conf": text, "extensions.conf": PLAN})
        await office.system.loader.reload("chan_pjsip")
        for _ in range(2):
            assert await ask("alice") == ["8 101", "a=ptime:30", "a=rtcp-mux"]
        assert office.driver.settings.endpoints["alice"].audio is not before


async def test_calls_to_an_endpoint_offer_what_each_caller_has(tmp_path: Path) -> None:
    phones = (
        phone_section("alice", allow="alaw") + phone_section("bob", allow="g722") + phone_section("dora", allow="ulaw,alaw,g722")
    )
    async with sip_office(tmp_path, phones, PLAN) as office:
        dora = office.phone("dora")
        await dora.register()
        for name, codecs, offered in (("alice", "8 101", "8 0 9 101"), ("bob", "9 101", "9 0 8 101")) * 2:
            call = called_from(office, name, "2", codecs)
            called = await dora.ring()
            assert lines(called.request.body)[0] == offered
            await call.phone.get(100)
            await called.answer()
            await call.answered()
            await call.hang_up()
            call.close()
            await called.ended()
            called.close()


async def test_agreements_are_bounded(tmp_path: Path) -> None:
    async with sip_office(tmp_path, phone_section("alice"), PLAN) as office:
        kept = audio_of(office.driver.settings.endpoints["alice"])
        for milliseconds in range(20, 20 + MAX_KEPT + 8):
            await answered(called_from(office, "alice", "1", "0 101", f"a=maxptime:{milliseconds}\r\n"))
            assert 0 < len(kept.plans) <= MAX_KEPT
