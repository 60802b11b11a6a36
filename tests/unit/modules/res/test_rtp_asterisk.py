"""rtp.conf and the service that makes RTP sessions."""

from __future__ import annotations

from pathlib import Path

import pytest

from globstar.base.log import Level
from globstar.config import MemorySource
from globstar.core import events
from globstar.core.cli import run_command
from globstar.core.rtcp_fields import report_fields
from globstar.interfaces.ami.events.reports import rtcp_received, rtcp_sent
from globstar.interfaces.cli.commands import register_commands
from globstar.media.engine import RtpEngine
from globstar.media.native import is_available
from globstar.media.settings import MediaSettings, StrictRtp
from globstar.modules.res.rtp_asterisk.cli import packet_text
from globstar.proto.rtp import ReceiverReport, ReportBlock, SenderReport, build_compound, ntp_time
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


async def test_the_native_relay_is_set_up(tmp_path: Path) -> None:
    settings, told = await settings_of(tmp_path, "[general]\nnative_relay=no\nrelay_threads=3\nrelay_wait=0\n")
    assert (settings.native_relay, settings.relay_threads, settings.relay_wait_ms) == (False, 3, 0)
    assert settings.relay_io_uring
    assert not told


async def test_the_native_relay_does_without_io_uring(tmp_path: Path) -> None:
    settings, told = await settings_of(tmp_path, "[general]\nrelay_io_uring=no\n")
    assert (settings.native_relay, settings.relay_io_uring) == (True, False)
    assert not told


@pytest.mark.parametrize("line", ["native_relay=yes", "native_relay=no"])
async def test_rtp_show_relay(tmp_path: Path, line: str) -> None:
    async with running_system(tmp_path, {**MODULES, "rtp.conf": f"[general]\n{line}\n"}) as system:
        register_commands(system)
        shown = await run_command(system, "rtp show relay")
        native = system.services["rtp"].native
        if line == "native_relay=no" or not is_available():
            assert native is None
            assert shown == "Relay in Python: 0 streams\n"
        else:
            assert shown == "Native relay: 0 of 0 streams in 0 threads, 0 packets, 0 handed to the loop\n"
            how = " by io_uring" if native.thread().uses_ring else ""
            shown = await run_command(system, "rtp show relay")
            assert shown == f"Native relay: 0 of 0 streams in 1 thread{how}, 0 packets, 0 handed to the loop\n"


@pytest.mark.parametrize(
    ("line", "told"),
    [
        ("relay_threads=0", "relay_threads"),
        ("relay_wait=11", "relay_wait"),
        ("rtpstart=30000\nrtpend=20000", "rtp.conf:3: rtpend 20000 is not above rtpstart 30000"),
        ("strictrtp=perhaps", "strictrtp"),
        ("rtpstart=40000", "rtp.conf:2: rtpend 31000 is not above rtpstart 40000"),
        ("stunaddr=192.0.2.1:x", "rtp.conf:2: bad value '192.0.2.1:x' of option 'stunaddr': '192.0.2.1:x' is no host[:port]"),
        ("turnaddr=:3478", "rtp.conf:2: bad value ':3478' of option 'turnaddr': ':3478' is no host[:port]"),
        ("turnaddr=turn:a?transport=dtls", "rtp.conf:2: bad value 'turn:a?transport=dtls' of option 'turnaddr'"),
        ("ice_deny=300.1.1.1", "ice_deny"),
        ("srtpreplayprotection=no", "replayed packets are always dropped"),
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


async def test_asterisk_rtp_and_rtcp_debug_texts(tmp_path: Path) -> None:
    async with running_system(tmp_path, MODULES) as system:
        for line, answer in (
            ("rtp set debug on", "RTP Packet Debugging Enabled\n"),
            ("rtp set debug off", "RTP Packet Debugging Disabled\n"),
            ("rtp set debug ip 192.0.2.1:4000", "RTP Packet Debugging Enabled for address: 192.0.2.1:4000\n"),
            ("rtp set debug ip localhost:4000", "RTP Packet Debugging Enabled for address: 127.0.0.1:4000\n"),
            ("rtp set debug ip no.such.invalid", "'no.such.invalid' has no address\n"),
            ("rtcp set debug on", "RTCP Packet Debugging Enabled\n"),
            ("rtcp set debug ip [2001:db8::1]", "RTCP Packet Debugging Enabled for address: 2001:db8::1\n"),
            ("rtcp set debug ip 2001:DB8:0::1", "RTCP Packet Debugging Enabled for address: 2001:db8::1\n"),
            ("rtp set debug ip [2001:db8::1]:4000", "RTP Packet Debugging Enabled for address: [2001:db8::1]:4000\n"),
            ("rtcp set debug off", "RTCP Packet Debugging Disabled\n"),
            ("rtcp set stats on", "RTCP Stats Enabled\n"),
            ("rtcp set stats off", "RTCP Stats Disabled\n"),
            ("rtp drop", "RTP packets are not being dropped.\n"),
            ("rtp drop 5 incoming packets every 2 sec on 192.0.2.1",
             "Dropping 5 incoming RTP packets every 2 seconds on 192.0.2.1; 0 dropped so far.\n"),
            ("rtp drop stop", "RTP packets are not dropped any more; 0 were dropped.\n"),
        ):  # fmt: skip
            assert await run_command(system, line) == answer
        for line in (
            "rtp set debug perhaps", "rtcp set debug ip 192.0.2.1:65536", "rtcp set debug ip 999.1.1.1", "rtp set debug ip a:b",
            "rtp set debug ip [::g]", "rtp drop 0 incoming packets", "rtp drop 1 incoming packets on 1.2.3.999", "rtcp set stats",
        ):  # fmt: skip
            assert (await run_command(system, line)).startswith("Usage: ")


@pytest.mark.virtual_time
async def test_rfc3550_6_4_reports_are_told_on_the_bus_and_in_the_log(tmp_path: Path) -> None:
    """Both directions of a call's RTCP, with all that AMI names; nothing is built while nobody listens."""
    heard: list[events.RtcpSent | events.RtcpReceived] = []
    async with sip_office(tmp_path, phone_section("alice"), "[default]\nexten => 1,1,Answer()\n same => n,Echo()\n") as office:
        alice = office.phone("alice")
        call = await alice.dial("1")
        await call.speak(10)
        office.system.bus.subscribe(events.RtcpSent, heard.append)
        office.system.bus.subscribe(events.RtcpReceived, heard.append)
        await run_command(office.system, "rtp set debug on")
        await run_command(office.system, "rtcp set debug on")
        await run_command(office.system, "rtcp set stats on")
        with LogCapture(Level.VERBOSE) as log:
            await call.speak(300)
            session = office.system.services["rtp"].sessions[0]
            block = ReportBlock(session.sender.ssrc, 64, 12, 2 << 16 | 77, 80, 0, 0)
            report = build_compound([SenderReport(0x1234, ntp_time(1528531551.953682), 160, 10, 1600, (block,))])
            session.receive_rtcp(report, office.system.now())
        told = "\n".join(record.message for record in log.records)
        await call.hang_up()
    sent = [event for event in heard if isinstance(event, events.RtcpSent)]
    received = [event for event in heard if isinstance(event, events.RtcpReceived)]
    assert len(sent) >= 1
    assert len(received) == 1
    fields = dict(report_fields(sent[0].report))
    assert fields["PT"] == "200(SR)"
    assert int(fields["SentPackets"]) > 10
    assert fields["Report0FractionLost"] == "0"
    assert sent[0].channel.name.startswith("PJSIP/alice-")
    assert dict(report_fields(received[0].report)) == {
        "SSRC": "0x00001234", "PT": "200(SR)", "ReportCount": "1", "SentNTP": "1528531551.953682", "SentRTP": "160",
        "SentPackets": "10", "SentOctets": "1600", "Report0SourceSSRC": f"0x{block.ssrc:08x}", "Report0FractionLost": "64",
        "Report0CumulativeLost": "12", "Report0HighestSequence": "77", "Report0SequenceNumberCycles": "2",
        "Report0IAJitter": "80", "Report0LSR": "0", "Report0DLSR": "0.0000",
    }  # fmt: skip
    manager = [next(rtcp_received(received[0])), next(rtcp_sent(sent[0]))]
    assert [event.name for event in manager] == ["RTCPReceived", "RTCPSent"]
    names = [[name for name, _ in event.fields] for event in manager]
    assert names[0][names[0].index("SSRC") :][:5] == ["SSRC", "PT", "From", "ReportCount", "SentNTP"]
    assert names[1][names[1].index("SSRC") :][:5] == ["SSRC", "PT", "To", "ReportCount", "SentNTP"]
    for text in ("Got  RTP packet from", "Sent RTP packet to", "200(SR)", "Sent RTCP to", "Received RTCP from", "Reported loss:"):
        assert text in told


@pytest.mark.virtual_time
async def test_addresses_of_ipv6_are_told_in_brackets(tmp_path: Path) -> None:
    """By AMI and in the log, as Asterisk writes them."""
    async with sip_office(tmp_path, phone_section("alice"), "[default]\nexten => 1,1,Answer()\n same => n,Echo()\n") as office:
        call = await office.phone("alice").dial("1")
        (channel,) = office.system.channels.values()
        place, report = ("2001:db8::1", 4001), ReceiverReport(1)
        (sent,) = rtcp_sent(events.RtcpSent(channel, place, report))
        (received,) = rtcp_received(events.RtcpReceived(channel, place, report))
        assert dict(sent.fields)["To"] == "[2001:db8::1]:4001"
        assert dict(received.fields)["From"] == "[2001:db8::1]:4001"
        assert " [2001:db8::1]:4001 (type 00" in packet_text(False, place, bytes(12))
        await call.hang_up()
