"""The events that a manager client sees beside recorded subscriptions (group 6) and recorded actions of others (group 7).

See test_ami_events, which has the calls.
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from tests.conftest import SHARED
from tests.support.ami import AmiClient
from tests.support.ami_compare import compare, compare_whole
from tests.support.sip_replay import Scenario, SipReplay, scenario_files
from tests.vectors import test_ami_calls, test_calls_sip_events

GROUPS = ("g06", "g07", "g02_unsolicited_mwi_on_register", "g09_mwi_subscriber_notified_when_message_left")

#: Left out: the actions of these came there while Answer still waited for audio, and come here after that.
LATER = ("g07_getvar_setvar", "g07_hangup_action")
#: What comes in an order of chance (``determinism``), by scenario; all of it must be there. See test_ami_events.
ORDER_OF_CHANCE = {"g06_hold_state_in_dialog_info": "Variable: BRIDGEPE|Variable: BRIDGEPVTCALLID"}

#: What the replay does at another time than the recorded script, so that only the order of each channel's events is compared.
OTHER_TIMES = {
    "g06_mwi_subscribe_initial_and_change": "the message that was left before is counted here",
    "g07_filter_action": "the actions wait here until the call stands",
}


def _scenarios() -> list[Any]:
    if not (SHARED / "vectors" / "calls").is_dir():
        return [pytest.param(None, id="missing", marks=pytest.mark.skip(f"no vectors below {SHARED}; set GLOBSTAR_SHARED"))]
    left_out = (*LATER, *test_ami_calls.LEFT_OUT)
    files = [file for file in scenario_files(SHARED, GROUPS) if file.stem not in left_out]
    return [pytest.param(file, id=file.stem) for file in files if json.loads(file.read_text())["observed"]["sip"]]


@pytest.mark.parametrize("file", _scenarios())
def test_events_of_a_scenario(replay: SipReplay, client: AmiClient, file: Path) -> None:
    name = file.stem
    client.take()
    if name.startswith("g07"):
        assert not test_ami_calls.converse(replay, file)
    else:
        events = test_calls_sip_events
        replay.run(
            Scenario.load(file), events.ACTIONS.get(name), events.LAST.get(name), pauses=events.PAUSES.get(name),
            follows_script=False,
        )  # fmt: skip
    recording = json.loads(file.read_text())
    recorded, ours = recording["observed"]["ami"], client.events()
    differences = compare(recorded, ours, floating=ORDER_OF_CHANCE.get(name, ""))
    if not differences and recording["determinism"]["ami"] == "same" and name not in OTHER_TIMES:
        differences = compare_whole(recorded, ours)
    assert not differences, "\n".join(differences)
