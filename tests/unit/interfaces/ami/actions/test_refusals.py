"""What actions answer that cannot be done, in the words that clients of Asterisk look for."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.support.ami_world import ami_world

pytestmark = pytest.mark.virtual_time

ALICE = "Test/alice-00000000"
SILENT = "[default]\nexten => 100,1,Answer()\n same => n,Wait(60)\n"


@pytest.mark.parametrize(
    ("action", "fields", "message"),
    [
        ("Redirect", {}, "Channel not specified"),
        ("Redirect", {"Channel": "nobody"}, "Channel does not exist: nobody"),
        ("Redirect", {"Channel": ALICE, "ExtraChannel": "nobody"}, "ExtraChannel does not exist: nobody"),
        ("Redirect", {"Channel": ALICE, "Exten": "100", "Priority": "nosuch"}, "Invalid priority"),
        ("LocalOptimizeAway", {}, "'Channel' not specified."),
        ("LocalOptimizeAway", {"Channel": "nobody"}, "Channel does not exist."),
        ("LocalOptimizeAway", {"Channel": ALICE}, "Unable to find channel"),
        ("ExtensionStateList", {}, "No dialplan hints are available"),
        ("MixMonitor", {}, "No channel specified"),
        ("MixMonitor", {"Channel": "nobody"}, "No such channel"),
        ("MixMonitor", {"Channel": ALICE}, "Could not start monitoring channel"),
        ("StopMixMonitor", {"Channel": ALICE}, "Could not stop monitoring channel"),
        ("MixMonitorMute", {"Channel": ALICE}, "No direction specified. Must be read, write or both"),
        (
            "MixMonitorMute", {"Channel": ALICE, "Direction": "x"},
            "Invalid direction specified. Must be read, write or both",
        ),
        ("MixMonitorMute", {"Channel": ALICE, "Direction": "both"}, "No state specified"),
        ("MixMonitorMute", {"Channel": ALICE, "Direction": "both", "State": "1"}, "Cannot set mute flag"),
        ("AGI", {"Channel": ALICE}, "Both, Channel and Command are *required*"),
        ("AGI", {"Channel": "nobody", "Command": "NOOP"}, "Channel nobody does not exist."),
        ("AGI", {"Channel": ALICE, "Command": "NOOP"}, f"Failed to add AGI command to channel {ALICE} queue"),
        ("MuteAudio", {"Channel": "nobody", "State": "on", "Direction": "all"}, "No such channel"),
        ("SendText", {"Channel": "nobody"}, "No Message specified"),
        ("SendText", {"Channel": "nobody", "Message": "x"}, "No such channel"),
        ("PlayDTMF", {}, "Channel not found"),
        ("PlayDTMF", {"Channel": "nobody", "Digit": "1"}, "Channel not found"),
        ("PlayDTMF", {"Channel": ALICE}, "No digit specified"),
        ("SendFlash", {"Channel": "nobody"}, "Channel not found"),
        ("PlayMF", {"Channel": "nobody"}, "Channel not found"),
        ("ControlPlayback", {"Channel": "nobody"}, "Control not specified"),
        ("BridgeKick", {}, "Channel must be provided"),
        ("BridgeKick", {"Channel": "nobody"}, "Channel does not exist"),
        ("BridgeKick", {"Channel": ALICE}, "Channel is not in a bridge"),
        ("BridgeKick", {"Channel": ALICE, "BridgeUniqueid": "x"}, "Bridge not found"),
        ("BridgeDestroy", {"BridgeUniqueid": "x"}, "Specified BridgeUniqueid not found"),
        ("BridgeInfo", {}, "BridgeUniqueid must be provided"),
        ("BridgeInfo", {"BridgeUniqueid": "x"}, "Specified BridgeUniqueid not found"),
        ("MWIGet", {"Mailbox": "/(/"}, "Mailbox regex format invalid in: /(/"),
        ("MWIUpdate", {"Mailbox": "1", "OldMessages": "x"}, "Invalid OldMessages: x"),
    ],
)  # fmt: skip
async def test_refused(tmp_path: Path, action: str, fields: dict[str, str], message: str) -> None:
    async with ami_world(tmp_path, plan=SILENT) as ami:
        ami.world.tech.phones["alice"].dials("100")
        await ami.world.settle(0.1)
        assert await ami.message(action, **fields) == f"Error: {message}"
