"""core set debug ... of modules, categories and channels; aoc, udptl and music commands."""

from __future__ import annotations

import json
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from globstar.base.log import Level, Logger, hub
from globstar.core.channel import Channel
from globstar.core.cli import complete_line, run_command
from globstar.core.format import FormatCapabilities
from globstar.core.frame import Frame, FrameType
from globstar.core.local import LocalTech
from globstar.core.system import System
from globstar.core.tech import DialRequest
from globstar.interfaces.cli.commands import register_commands
from globstar.media.udptl import UdptlTrace
from tests.support.switch import LogCapture, running_system


@pytest.fixture
async def system(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[System]:
    monkeypatch.setattr(hub, "debug_level", 0)
    monkeypatch.setattr(hub, "debug_modules", {})
    files = {
        "modules.conf": "[modules]\nautoload=no\nload=res_musiconhold\nload=func_frame_trace\n",
        "musiconhold.conf": "[default]\nmode=files\n",
    }
    async with running_system(tmp_path, files, prepare=register_commands) as system:
        yield system


def heard(module: str) -> bool:
    """Whether a debug message of level 1 of a module is logged."""
    with LogCapture(Level.DEBUG) as log:
        Logger(module).debug(1, "x")
    return bool(log.records)


async def test_modules(system: System) -> None:
    assert await run_command(system, "core set debug 2 chan_pjsip.so") == "Core debug for 'chan_pjsip' was OFF and is now 2.\n"
    assert heard("chan_pjsip")
    assert not heard("pbx")
    assert await run_command(system, "core set debug 1") == "Core debug was OFF and is now 1.\n"
    assert heard("pbx")
    assert await run_command(system, "core set debug atleast 1") == "Core debug is still 1.\n"
    assert await run_command(system, "core set debug off") == "Core debug was 1 and is now OFF.\n"
    assert await run_command(system, "core set debug atleast 1 chan_pjsip") == "Core debug for 'chan_pjsip' is still 2.\n"
    assert await run_command(system, "core set debug 0 chan_pjsip") == "Core debug for 'chan_pjsip' was 2 and is now OFF.\n"
    assert not heard("chan_pjsip")


async def test_what_is_shown(system: System) -> None:
    await run_command(system, "core set debug 3")
    await run_command(system, "core set debug 2 app_dial")
    await run_command(system, "core set debug channel all")
    shown = await run_command(system, "core show debug")
    assert shown.startswith("Core debug level: 3\n")
    assert "\napp_dial                       2\n" in shown
    assert "and all that come" in shown
    data = json.loads(await run_command(system, "core show debug --json"))
    assert data == {"level": 3, "modules": {"app_dial": 2}, "channels": [], "new_channels": True}
    await run_command(system, "core set debug channel all off")
    assert "all that come" not in await run_command(system, "core show debug")
    assert "Usage" in await run_command(system, "core show debug now")


async def test_categories(system: System) -> None:
    printed = await run_command(system, "core set debug category dtls ICE:3 http:0")
    assert printed == (
        "Debug category 'dtls' has been enabled at level 1.\nDebug category 'ice' has been enabled at level 3.\n"
        "Debug category 'http' has been disabled.\n"
    )
    assert heard("media.dtls")
    assert hub.debug_modules["media.ice"] == 3
    assert not heard("http")
    assert "no debug category 'nothing'" in await run_command(system, "core set debug category sip nothing")
    assert not heard("chan_pjsip")  # all or nothing
    assert (await run_command(system, "core set debug category sip:much")).startswith("Usage")
    await run_command(system, "core set debug category off")
    assert not heard("media.dtls")


async def test_advice_of_charge(system: System) -> None:
    assert await run_command(system, "aoc set debug on") == "AOC debug enabled\n"
    assert heard("res_pjsip_aoc")
    assert await run_command(system, "aoc set debug off") == "AOC debug disabled\n"
    assert not heard("res_pjsip_aoc")
    assert (await run_command(system, "aoc set debug")).startswith("Usage")


def make_channel(system: System) -> Channel:
    return LocalTech(system).request(DialRequest(system=system, destination="1@x", capabilities=FormatCapabilities()))


def shown(channel: Channel) -> list[str]:
    """What is logged of a digit that the channel's endpoint sends."""
    with LogCapture(Level.VERBOSE) as log:
        channel.deliver(Frame(FrameType.DTMF_END, ord("5"), duration_ms=100))
    return log.texts(Level.VERBOSE)


async def test_channels(system: System) -> None:
    first = make_channel(system)
    assert shown(first) == []
    assert await run_command(system, f"core set debug channel {first.name}") == f"Debugging enabled on channel {first.name}\n"
    assert shown(first) == [f"Read DTMF_END '5' 100 ms on {first.name}"]
    await run_command(system, f"core set debug channel {first.name}")  # a second time changes nothing
    assert len(shown(first)) == 1
    await run_command(system, f"core set debug channel {first.name} off")
    assert shown(first) == []
    assert "No such channel" in await run_command(system, "core set debug channel nobody")
    assert (await run_command(system, f"core set debug channel {first.name} on")).startswith("Usage")

    assert await run_command(system, "core set debug channel all") == "Debugging on all channels is enabled\n"
    second = make_channel(system)
    system.announce_channel(second)
    assert len(shown(first)) == len(shown(second)) == 1
    await run_command(system, "core set debug channel all off")
    third = make_channel(system)
    system.announce_channel(third)
    assert shown(first) == shown(second) == shown(third) == []


async def test_frames_that_wait(system: System) -> None:
    channel = make_channel(system)
    assert await run_command(system, f"channel dump frames {channel.name}") == f"0 frames wait on {channel.name}\n"
    channel.deliver(Frame(FrameType.DTMF_END, ord("7"), duration_ms=80))
    assert (
        await run_command(system, f"channel dump frames {channel.name}")
        == f"DTMF_END '7' 80 ms\n1 frames wait on {channel.name}\n"
    )
    assert (await run_command(system, "channel dump frames nobody")).endswith("failed.\n")
    assert (await run_command(system, "channel dump frames")).startswith("Usage")


async def test_states_of_pairs_of_devices(system: System) -> None:
    lines = (await run_command(system, "core show device2extenstate")).splitlines()
    assert lines[0].split() == ["Device", "Other", "device", "Extension"]
    assert ["NOT_INUSE", "RINGING", "Ringing"] in [line.split() for line in lines]
    assert ["INUSE", "RINGING", "InUse&Ringing"] in [line.split() for line in lines]
    assert len(lines) == 1 + 9 * 10 // 2


async def test_completion_of_debug(system: System) -> None:
    assert complete_line(system, "core set debug 3 res_music") == ["res_musiconhold"]
    assert "atleast" in complete_line(system, "core set debug ")
    assert complete_line(system, "core set verbose 3 ") == ["silent"]
    assert "sip" in complete_line(system, "core set debug category s")


async def test_udptl(system: System) -> None:
    trace = system.services["udptl trace"]
    assert await run_command(system, "udptl set debug on") == "UDPTL Debugging Enabled\n"
    assert (trace.is_on, trace.peer) == (True, None)
    assert await run_command(system, "udptl set debug ip 192.0.2.1:4000") == "UDPTL Debugging Enabled for IP: 192.0.2.1:4000\n"
    assert trace.peer == ("192.0.2.1", 4000)
    assert await run_command(system, "udptl set debug ip [2001:db8::1]") == "UDPTL Debugging Enabled for IP: 2001:db8::1\n"
    assert await run_command(system, "udptl set debug off") == "UDPTL Debugging Disabled\n"
    assert not trace.is_on
    assert "is no address" in await run_command(system, "udptl set debug ip somewhere")
    assert "is no address" in await run_command(system, "udptl set debug ip 192.0.2.1:x")
    assert "expected a port" in await run_command(system, "udptl set debug ip 192.0.2.1:65536")
    assert "for IP: 2001:db8::1" in await run_command(system, "udptl set debug ip 2001:DB8:0::1")
    assert (await run_command(system, "udptl set debug")).startswith("Usage")


@pytest.mark.parametrize(
    ("peer", "count"), [(None, 2), (("192.0.2.1", 0), 1), (("192.0.2.1", 4000), 1), (("192.0.2.1", 4001), 0)]
)
def test_which_udptl_packets_are_shown(peer: tuple[str, int] | None, count: int) -> None:
    trace = UdptlTrace(True, peer)
    with LogCapture(Level.VERBOSE) as log:
        trace.show(True, ("192.0.2.1", 4000), b"\x01\x02\x03")
        trace.show(False, ("192.0.2.2", 4000), b"\x00\x00")
    assert len(log.records) == count
    if peer is None:
        assert log.texts(Level.VERBOSE)[0] == "Sent UDPTL packet to 192.0.2.1:4000 (seq 258, len 3)"


async def test_a_music_class_is_taken_away(system: System) -> None:
    assert await run_command(system, "moh unregister class default") == ""
    assert await run_command(system, "moh show classes") == ""
    assert (await run_command(system, "moh unregister class default")).endswith("failed.\n")
    await run_command(system, "moh reload")
    assert "Class: default" in await run_command(system, "moh show classes")
