"""The event stream that a manager client sees during recorded scenarios: every event with every field in order.

In order is the whole stream where two recordings of a scenario were the same (``determinism``), else that of each channel.
"""

from __future__ import annotations

import asyncio
import json
import shutil
from pathlib import Path
from typing import Any

import pytest

from tests.conftest import SHARED
from tests.support.ami import AmiClient
from tests.support.ami_compare import compare, compare_whole
from tests.support.sip_replay import Scenario, SipReplay, scenario_files
from tests.vectors import test_calls_sip

GROUPS = ("g01", "g02", "g03", "g04", "g05")

#: Scenarios whose streams differ, each with the reason; one that comes to agree must be taken off.
DIFFERENT = {
    "g01_wrong_content_type_415": "nothing was recorded of the events of a call that ran, as its log shows",
    # 205 and 206 of the dialplan are alike (Dial ends with cause 3, then Congestion): of 205 the end of the call was told after
    # the channel was busy and with cause 34, of 206 before and with cause 3, and otherwise in the second recording of 206
    "g03_nonexistent_endpoint": "a race: the end of the call is told with the cause of the Dial before, or of Congestion",
    "g10_channel_request_hangup_and_redirect": "Answer still waits for audio in the second call there when the command comes",
}

_BRIDGES = "a phone hangs up, or is transferred, while the bridge still tells of its peers anew"
_TRANSFER = "the transferring phone, those who stay and the bridges that become one tell of themselves by threads of their own"
_PARKED = "the lot tells of a parked call by a thread of its own, before or after the call is in its bridge"
_PEERS = r"Variable: BRIDGEPE|Variable: BRIDGEPVTCALLID"

#: Scenarios of whose events some come in an order of chance, as the recordings say themselves (``determinism``: it differs from
#: run to run), each with what makes it so, and which these are. All events with their fields must be there all the same.
ORDER_OF_CHANCE = {
    "g02_register_then_call": ("the phone rings by a thread of its own while it is told that it is called", "Event: DialBegin"),
    "g03_long_ringing_repeated_180": (_BRIDGES, _PEERS),
    "g03_opt_G_split_both": ("the callee goes on by a thread of its own while its answer is told", "Event: DialEnd"),
    "g04_feature_attended_transfer": (_TRANSFER, f"{_PEERS}|Event: (AttendedTransfer|HangupRequest|LocalOptimizationBegin) "),
    "g04_feature_park_call": (_PARKED, "Event: ParkedCall"),
    "g04_info_dtmf_bad_body": ("a flash is told at once, by a thread of its own, a digit when it is read", "Event: Flash "),
    "g05_invite_with_replaces_takes_over": (_BRIDGES, _PEERS),
    "g05_park_timeout_comeback": (_PARKED, f"{_PEERS}|Event: (ParkedCall|BlindTransfer) "),
    "g05_refer_attended_by_callee": (_TRANSFER, f"{_PEERS}|Event: SoftHangupRequest "),
    "g05_refer_attended_replaces_answered": (_TRANSFER, f"{_PEERS}|Event: AttendedTransfer "),
    "g05_refer_blind_by_callee": (_BRIDGES, _PEERS),
    "g05_refer_blind_to_ringing_phone": (_BRIDGES, f"{_PEERS}|Variable: (__)?SIPREFER|Event: BlindTransfer "),
    "g09_mixmonitor_cli_and_events": (
        "the recording tells of itself by a thread of its own while the bridge changes for it", f"{_PEERS}|Event: MixMonitor",
    ),
}  # fmt: skip

#: Scenarios that went the same way in both recordings by chance, as their siblings show: compared per channel.
SAME_BY_CHANCE = {
    "g02_register_query_no_contact": "the device's state is told before its endpoint's; after it in all other registrations",
    "g09_voicemail_two_messages": "the lamp of the mailbox was lit in an earlier recording",
    "g03_callee_refuses_400": "the refused leg is told to be gone later than in the other refusals",
}


def _scenarios() -> list[Any]:
    if not (SHARED / "vectors" / "calls").is_dir():
        return [pytest.param(None, id="missing", marks=pytest.mark.skip(f"no vectors below {SHARED}; set GLOBSTAR_SHARED"))]
    groups = (*GROUPS, *test_calls_sip.OTHERS)
    files = [file for file in scenario_files(SHARED, groups) if file.stem not in test_calls_sip.LEFT_OUT]
    return [
        pytest.param(
            file,
            id=file.stem,
            marks=[pytest.mark.xfail(reason=DIFFERENT[file.stem], strict=True)] if file.stem in DIFFERENT else [],
        )
        for file in files
    ]


@pytest.mark.parametrize("file", _scenarios())
def test_events_of_a_scenario(replay: SipReplay, client: AmiClient, file: Path) -> None:
    if "_voicemail" in file.stem:
        shutil.rmtree(replay.root / "spool" / "voicemail", ignore_errors=True)
        replay.system.mailboxes.update("100@default", 0, 0)
        replay.runner.run(asyncio.sleep(0.01))
    client.take()
    replay.run(Scenario.load(file), test_calls_sip.ACTIONS.get(file.stem))
    recording = json.loads(file.read_text())
    recorded, ours = recording["observed"]["ami"], client.events()
    _, floating = ORDER_OF_CHANCE.get(file.stem, ("", ""))
    differences = compare(recorded, ours, floating=floating)
    if not differences and recording["determinism"]["ami"] == "same" and file.stem not in SAME_BY_CHANCE:
        differences = compare_whole(recorded, ours)
    assert not differences, "\n".join(differences)
