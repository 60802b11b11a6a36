"""rtp.conf and the service that makes RTP sessions."""

from __future__ import annotations

from pathlib import Path

import pytest

from globstar.base.log import Level
from globstar.config import MemorySource
from globstar.core.cli import run_command
from globstar.interfaces.cli.commands import register_commands
from globstar.media.engine import RtpEngine
from globstar.media.settings import MediaSettings, StrictRtp
from tests.support.sip_phone import phone_section, sip_office
from tests.support.switch import LogCapture, running_system

MODULES = {"modules.conf": "[modules]\nautoload=no\nload=res_rtp_asterisk\n"}


async def settings_of(tmp_path: Path, text: str) -> tuple[MediaSettings, list[str]]:
    """The settings that a rtp.conf gives, and what was told."""
    with LogCapture(Level.WARNING | Level.ERROR) as log:
        async with running_system(tmp_path, {**MODULES, "rtp.conf": text}) as system:
            return system.services["rtp"].settings, [record.message for record in log.records]


async def test_values(tmp_path: Path) -> None:
    text = "[general]\nrtpstart=20000\nrtpend=20100\nstrictrtp=seqno\nprobation=8\ndtmftimeout=3000\n"
    text += "rtcpinterval=2000\nrtpchecksums=no\n"
    settings, told = await settings_of(tmp_path, text)
    assert (settings.port_start, settings.port_end) == (20000, 20100)
    assert settings.strict_rtp is StrictRtp.SEQNO
    assert settings.probation == 8
    assert settings.dtmf_timeout == 3000
    assert settings.rtcp_interval_ms == 2000
    assert not settings.checksums
    assert not told


@pytest.mark.parametrize(
    ("line", "told"),
    [
        ("rtpstart=30000\nrtpend=20000", "rtpend 20000 is not above rtpstart 30000"),
        ("strictrtp=perhaps", "strictrtp"),
        ("icesupport=yes", "'icesupport' is not supported yet"),
        ("stunaddr=stun.example.com", "'stunaddr' is not supported yet"),
        ("rtpstrat=1", "did you mean 'rtpstart'"),
        ("rtcpinterval=1", "rtcpinterval"),
    ],
)
async def test_what_is_wrong_is_told(tmp_path: Path, line: str, told: str) -> None:
    settings, messages = await settings_of(tmp_path, f"[general]\n{line}\n")
    assert any(told in message for message in messages), messages
    assert settings == MediaSettings()


async def test_without_a_file(tmp_path: Path) -> None:
    async with running_system(tmp_path, MODULES) as system:
        assert isinstance(system.services["rtp"], RtpEngine)
        assert "Port start:      5000" in await run_command(system, "rtp show settings")


@pytest.mark.virtual_time
async def test_ports_and_reload(tmp_path: Path) -> None:
    """Calls get ports of the range; after a reload new calls get the new one and old calls keep theirs; none left is 503."""
    plan = "[default]\nexten => 1,1,Answer()\n same => n,Echo()\n"
    files = {"rtp.conf": "[general]\nrtpstart=30000\nrtpend=30001\n"}
    async with sip_office(tmp_path, phone_section("alice"), plan, files) as office:
        alice = office.phone("alice")
        call = await alice.dial("1")
        assert call.remote == ("127.0.0.1", 30000)
        with LogCapture(Level.ERROR) as log:
            second = alice.call("1")
            await alice.get(100)
            second.refused(await alice.get(503))
        assert log.records
        office.system.configuration.source = MemorySource({"rtp.conf": "[general]\nrtpstart=32000\nrtpend=32100\n"})
        register_commands(office.system)
        await run_command(office.system, "module reload res_rtp_asterisk")
        third = await alice.dial("1")
        assert third.remote is not None
        assert 32000 <= third.remote[1] <= 32100
        assert third.remote[1] % 2 == 0
        await call.speak(5)
        await call.hang_up()
        await third.hang_up()
        assert len(office.media) == 3, "only the phones' own sockets are left"
