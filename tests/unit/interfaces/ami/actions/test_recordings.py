"""What the manager's actions for recordings take and refuse."""

from __future__ import annotations

from pathlib import Path

import pytest

from globstar.core import events
from tests.support.ami_world import ami_world

pytestmark = pytest.mark.virtual_time


async def test_one_direction_alone_needs_no_file_for_both(tmp_path: Path) -> None:
    """The file of both directions may be left out where option r or t names one."""
    async with ami_world(tmp_path) as ami:
        call, _ = await ami.bridged()
        name, folder = call.channel.name, Path(ami.world.system.directories.astspooldir) / "monitor"
        assert await ami.message("MixMonitor", Channel=name, Options="r(said.wav)t(heard.wav)") == "Success"
        await ami.world.settle(1)
        assert await ami.message("StopMixMonitor", Channel=name) == "Success"
        assert sorted(path.name for path in folder.iterdir()) == ["heard.wav", "said.wav"]


@pytest.mark.parametrize("options", ["", "b", "r()", "r", "xr("])
async def test_a_recording_without_any_file_is_refused(tmp_path: Path, options: str) -> None:
    async with ami_world(tmp_path) as ami:
        call, _ = await ami.bridged()
        name = call.channel.name
        assert await ami.message("MixMonitor", Channel=name, Options=options) == "Error: No file specified"
        assert await ami.message("StopMixMonitor", Channel=name) == "Error: Could not stop monitoring channel"


async def test_the_id_is_told_where_it_is_asked_for(tmp_path: Path) -> None:
    async with ami_world(tmp_path) as ami:
        call, _ = await ami.bridged()
        name = call.channel.name
        assert await ami.message("MixMonitor", Channel=name, File="a.wav", Options="i(ID)") == "Success"
        identity = call.channel.variables.get("ID") or ""
        assert await ami.message("StopMixMonitor", Channel=name, MixMonitorID="0x1") == "Error: Could not stop monitoring channel"
        assert await ami.message("StopMixMonitor", Channel=name, MixMonitorID=identity) == "Success"
        assert await ami.message("StopMixMonitor", Channel=name) == "Error: Could not stop monitoring channel"


async def test_what_mixmonitormute_takes(tmp_path: Path) -> None:
    async with ami_world(tmp_path) as ami:
        call, _ = await ami.bridged()
        name = call.channel.name
        told: list[events.MixMonitorMuted] = []
        ami.world.system.bus.subscribe(events.MixMonitorMuted, told.append)
        assert await ami.message("MixMonitorMute", Channel=name, Direction="both", State="1") == "Error: Cannot set mute flag"
        assert told == []
        assert await ami.message("MixMonitor", Channel=name, File="a.wav") == "Success"
        assert await ami.message("MixMonitorMute", Channel=name, Direction="both", State="1") == "Success"
        assert await ami.message("MixMonitorMute", Channel=name, Direction="up", State="1") != "Success"
        assert await ami.message("MixMonitorMute", Channel=name, State="1") != "Success"
        assert await ami.message("MixMonitorMute", Channel=name, Direction="read") != "Success"
