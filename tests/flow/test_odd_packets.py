"""Packets that are RTP and no sound: empty ones, and such as would last for seconds."""

from __future__ import annotations

import asyncio
from pathlib import Path

import pytest

from tests.support.sip_phone import phone_section, sip_office

pytestmark = pytest.mark.virtual_time

EXTENSIONS = "[default]\nexten => 600,1,Answer()\n same => n,Set(VOLUME(RX)=3)\n same => n,Echo()\n"


@pytest.mark.parametrize("size", [0, 8001])
async def test_rfc6263_4_3_what_only_keeps_a_port_open_is_no_sound(tmp_path: Path, size: int) -> None:
    """Nor is a packet of more than a second, which would keep a slow codec busy for longer than it lasts."""
    async with sip_office(tmp_path, phone_section("alice"), EXTENSIONS) as office:
        call = await office.phone("alice").dial("600")
        await call.speak(5)
        await asyncio.sleep(0.1)
        call.heard.clear()
        for _ in range(3):
            call.send_rtp(b"\x42" * size, 0)
            await asyncio.sleep(0.02)
        (session,) = office.driver.rtp.sessions
        assert session.statistics().not_rtp == 3
        await call.speak(5, 0x43)
        await asyncio.sleep(0.1)
        assert {len(payload) for _, payload in call.heard} == {160}
        assert len(call.heard) == 5
        await call.hang_up()
