"""Calls while RTP ports are scarce: other programs have them, or other calls."""

from __future__ import annotations

import asyncio
from pathlib import Path

import pytest

from globstar.base.log import Level
from globstar.core.cli import run_command
from globstar.media.ports import RETRY_SECONDS, TAKEN_SECONDS
from tests.support.sip_phone import PhoneCall, SipOffice, phone_section, sip_office
from tests.support.switch import LogCapture

pytestmark = pytest.mark.virtual_time

EXTENSIONS = """\
[default]
exten => 101,1,Dial(PJSIP/bob,20)
 same => n,Set(GLOBAL(STATUS)=${DIALSTATUS})
exten => 600,1,Answer()
 same => n,Wait(600)
"""
FIRST, PAIRS = 12000, 200


def files(pairs: int = PAIRS) -> dict[str, str]:
    return {"rtp.conf": f"[general]\nrtpstart={FIRST}\nrtpend={FIRST + 2 * pairs - 1}\n"}


async def refused(office: SipOffice) -> None:
    """A call of alice gets 503, and is to be tried again."""
    alice = office.phones["alice"]
    call = alice.call("600")
    await alice.get(100)
    final = await alice.get(503)
    assert final["Retry-After"]
    call.refused(final)


async def test_the_only_port_that_other_programs_have_left_serves_the_call(tmp_path: Path) -> None:
    async with sip_office(tmp_path, phone_section("alice"), EXTENSIONS, files()) as office:
        alice = office.phone("alice")
        others = {port: office.media.open("127.0.0.1", port) for port in range(FIRST, FIRST + 2 * PAIRS, 2) if port != FIRST + 42}
        call = await alice.dial("600")
        assert call.answer_seen is not None
        assert call.answer_seen.media[1] == FIRST + 42
        with LogCapture(Level.ERROR) as log:
            for _ in range(3):
                await refused(office)
        told = [text.partition(" is free in ")[2] for text in log.texts(Level.ERROR) if "pair of RTP ports" in text]
        last = FIRST + 2 * PAIRS - 1
        assert told == [f"{FIRST} to {last}: 1 are in use, {PAIRS - 1} have other programs"]
        shown = await run_command(office.system, "rtp show ports")
        assert shown.splitlines()[1].split() == [f"{FIRST}-{last}", "1", "0", str(PAIRS - 1), "0"]
        others.pop(FIRST).close()
        await asyncio.sleep(max(RETRY_SECONDS, TAKEN_SECONDS))
        again = await alice.dial("600")
        assert again.answer_seen is not None
        assert again.answer_seen.media[1] == FIRST
        await again.hang_up()
        await call.hang_up()


async def test_a_call_of_ours_without_a_port_is_congestion(tmp_path: Path) -> None:
    config = phone_section("alice") + phone_section("bob", contact="sip:bob@127.0.0.1:15072")
    async with sip_office(tmp_path, config, EXTENSIONS, files(1)) as office:
        alice = office.phone("alice")
        call = PhoneCall(alice, "sip:101@127.0.0.1:15060")
        call.invite(body=call.sdp())
        await alice.get(100)
        await alice.get(503)
        await asyncio.sleep(1)
        assert office.system.globals.get("STATUS") == "CONGESTION"


async def test_the_ports_of_an_ended_call_rest(tmp_path: Path) -> None:
    """The next calls get others, as long as there are any."""
    async with sip_office(tmp_path, phone_section("alice"), EXTENSIONS, files(4)) as office:
        alice = office.phone("alice")
        ports = []
        for _ in range(4):
            call = await alice.dial("600")
            assert call.answer_seen is not None
            ports.append(call.answer_seen.media[1])
            await call.hang_up()
        assert len(set(ports)) == 4
