"""Bridge, BridgeKick, LocalOptimizeAway and what parks and transfers."""

from __future__ import annotations

from pathlib import Path

import pytest

from globstar.core import events
from tests.support.ami_world import ami_world

pytestmark = pytest.mark.virtual_time


async def test_bridge_connects_two_channels_from_their_dialplans(tmp_path: Path) -> None:
    async with ami_world(tmp_path) as ami:
        one, two = ami.world.tech.phones["alice"].dials("100"), ami.world.tech.phones["carol"].dials("100")
        await ami.world.settle(1.0)
        answer = await ami.message("Bridge", Channel1=one.channel.name, Channel2=two.channel.name)
        assert answer == "Success: Channels have been bridged"
        await ami.world.settle(0.1)
        member = one.channel.bridge_member
        assert member is not None
        assert [peer.channel for peer in member.peers] == [two.channel]
        two.hangs_up()
        await ami.world.settle(0.2)
        assert (one.channel.extension, one.channel.priority) == ("100", 3)


async def test_bridge_takes_channels_out_of_their_calls(tmp_path: Path) -> None:
    async with ami_world(tmp_path) as ami:
        call, leg = await ami.bridged()
        other = ami.world.tech.phones["carol"].dials("100")
        await ami.world.settle(0.1)
        await ami.ask("Bridge", Channel1=leg.channel.name, Channel2=other.channel.name, Tone="Both")
        await ami.world.settle(0.5)
        member = leg.channel.bridge_member
        assert member is not None
        assert [peer.channel for peer in member.peers] == [other.channel]
        assert call.channel.bridge_member is None


@pytest.mark.parametrize(
    ("one", "two", "message"),
    [
        ("", "Test/alice-00000000", "Missing channel parameter in request"),
        ("Test/alice-00000000", "", "Missing channel parameter in request"),
        ("nobody", "Test/alice-00000000", "Channel1 does not exist"),
        ("Test/alice-00000000", "nobody", "Channel2 does not exist"),
        ("Test/alice-00000000", "Test/alice-00000000", "Channel1 and Channel2 are the same channel"),
    ],
)
async def test_bridge_refuses(tmp_path: Path, one: str, two: str, message: str) -> None:
    async with ami_world(tmp_path) as ami:
        ami.world.tech.phones["alice"].dials("100")
        await ami.world.settle(0.1)
        assert await ami.message("Bridge", Channel1=one, Channel2=two) == f"Error: {message}"


async def test_a_suspended_technology_is_left_at_once_and_taken_again(tmp_path: Path) -> None:
    async with ami_world(tmp_path) as ami:
        call, _ = await ami.bridged()
        member = call.channel.bridge_member
        assert member is not None
        usual = member.bridge.technology.name
        answer = await ami.message("BridgeTechnologySuspend", BridgeTechnology=usual)
        assert answer == "Success: Bridge technology has been suspended"
        assert member.bridge.technology.name not in (usual, "")
        assert f"{usual}: suspended" in member.bridge.explain()
        assert member.bridge.explain()[-1].endswith(f"{usual} was suspended")
        answer = await ami.message("BridgeTechnologyUnsuspend", BridgeTechnology=usual.upper())
        assert answer == "Success: Bridge technology has been unsuspended"
        assert member.bridge.technology.name == usual
        assert await ami.message("BridgeTechnologySuspend") == "Error: BridgeTechnology must be provided"


async def test_park_takes_a_channel_out_of_its_call(tmp_path: Path) -> None:
    async with ami_world(tmp_path, files={"res_parking.conf": "[general]\n[default]\nparkpos=>701-702\nparkext=>700\n"}) as ami:
        call, leg = await ami.bridged()
        assert (
            await ami.message("Park", Channel=leg.channel.name, ParkingSpace="702", Timeout="20000") == "Success: Park successful"
        )
        listed = await ami.ask("ParkedCalls")
        assert "ParkingSpace: 702" in listed
        assert "ParkingTimeout: 20" in listed
        assert f"ParkeeChannel: {leg.channel.name}" in listed
        assert call.channel.bridge_member is None
        assert await ami.message("Park", Channel=leg.channel.name, Parkinglot="none") == "Error: Could not find parking lot: none"
        assert await ami.message("Park", Channel="nobody") == "Error: Channel does not exist: nobody"
        assert await ami.message("Park") == "Error: Channel not specified"
        assert await ami.message("Park", Channel=leg.channel.name, Timeout="soon") == "Error: Invalid Timeout value."


async def test_atxfer_presses_the_code_and_the_extension(tmp_path: Path) -> None:
    features = "[featuremap]\natxfer = *2\n"
    async with ami_world(tmp_path, files={"features.conf": features}) as ami:
        call, leg = await ami.bridged("201")
        queued = "Success: Atxfer successfully queued"
        assert await ami.message("Atxfer", Channel=call.channel.name, Context="default", Exten="100") == queued
        await ami.world.settle(0.5)
        peers = call.channel.bridge_member.peers if call.channel.bridge_member is not None else []
        assert peers
        assert peers[0].channel.name.startswith("Local/100@default")
        assert call.channel.variables.get("TRANSFER_CONTEXT") == "default"
        assert await ami.message("CancelAtxfer", Channel=call.channel.name) == "Success: CancelAtxfer successfully queued"
        await ami.world.settle(0.5)
        member = call.channel.bridge_member
        assert member is not None
        assert [peer.channel for peer in member.peers] == [leg.channel]


async def test_atxfer_without_the_right_to_it_is_mere_digits(tmp_path: Path) -> None:
    async with ami_world(tmp_path, files={"features.conf": "[featuremap]\natxfer = *2\n"}) as ami:
        call, leg = await ami.bridged("200")
        await ami.ask("Atxfer", Channel=call.channel.name, Exten="100")
        await ami.world.settle(0.5)
        sent = [e for e in ami.world.seen(events.DigitEnded) if e.channel is leg.channel and e.direction == "Sent"]
        assert "".join(event.digit for event in sent) == "*2100"
        assert not any(name.startswith("Local/") for name in ami.world.system.channels)


async def test_local_optimize_away(tmp_path: Path) -> None:
    async with ami_world(
        tmp_path, plan="[default]\nexten => 1,1,Dial(Local/100@default/n)\nexten => 100,1,Dial(Test/bob)\n"
    ) as ami:
        call = ami.world.tech.phones["alice"].dials("1")
        leg = await ami.world.tech.phones["bob"].is_called()
        leg.answers()
        await ami.world.settle(0.1)
        local = next(name for name in ami.world.system.channels if name.startswith("Local/"))
        assert await ami.message("LocalOptimizeAway", Channel=local) == "Success: Queued channel to be optimized away"
        call.speaks_on()
        await ami.world.settle(0.5)
        assert not any(name.startswith("Local/") for name in ami.world.system.channels)
        assert await ami.message("LocalOptimizeAway", Channel=call.channel.name) == "Error: Unable to find channel"


async def test_core_show_channel_map_follows_local_channels(tmp_path: Path) -> None:
    async with ami_world(
        tmp_path, plan="[default]\nexten => 1,1,Dial(Local/100@default/n)\nexten => 100,1,Dial(Test/bob)\n"
    ) as ami:
        call = ami.world.tech.phones["alice"].dials("1")
        leg = await ami.world.tech.phones["bob"].is_called()
        leg.answers()
        await ami.world.settle(0.1)
        first = next(name for name in ami.world.system.channels if name.endswith(";1"))
        halves = [first, f"{first[:-1]}2"]
        for asked, wanted in (
            (call.channel.name, [*halves, leg.channel.name]), (leg.channel.name, [*reversed(halves), call.channel.name]),
            (first, [call.channel.name, halves[1], leg.channel.name]),
        ):  # fmt: skip
            lines = await ami.ask("CoreShowChannelMap", Channel=asked)
            assert lines[:3] == ["Response: Success", "EventList: start", "Message: Channel map will follow"]
            items = [lines[at : at + 3] for at, line in enumerate(lines) if line == "Event: CoreShowChannelMap"]
            assert items == [
                ["Event: CoreShowChannelMap", f"Channel: {asked}", f"ConnectedChannel: {name}"] for name in wanted
            ]  # fmt: skip
            assert lines[-3:] == ["Event: CoreShowChannelMapComplete", "EventList: Complete", "ListItems: 3"]
