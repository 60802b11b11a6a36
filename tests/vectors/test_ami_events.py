"""The event stream that a manager client sees during recorded scenarios: per channel, every event with every field in order."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.conftest import SHARED
from tests.support.ami import AmiClient, start_manager
from tests.support.ami_compare import compare
from tests.support.sip_replay import Scenario, SipReplay, recorded_system, scenario_files
from tests.vectors import test_calls_sip

GROUPS = ("g01", "g03", "g04", "g05")

_TIME = "the replay does not wait as long as the recorded script did"
_PRESSED = "the replay presses no such digits"
_REPEAT = "BRIDGEPEER is told more often there, whenever media of a running bridge change"
_GOTO = "a transferred channel's new place is told when it gets there, not as Newexten of the application that it leaves"
_INFO = "a digit by INFO begins and ends here, there it only ends"
_PARTY = "a callee without a caller id of its own is not given the dialled number as connected line"
_LOCAL = "the halves of a Local channel are told of caller ids in another order, and step out before they are bridged"
_FEATURE = "the events of an attended transfer by digits come in another order, and a Local channel is not optimised in it"

#: Scenarios whose streams differ, each with the reason; one that comes to agree must be taken off.
DIFFERENT = {
    "g01_auth_bye_not_challenged": _TIME,
    "g01_invite_replaces_unknown_dialog": "there is a channel for a moment there; here the call is refused before",
    "g01_message_out_of_dialog": "the channel of messages is one for all there, here one for each",
    "g01_reinvite_no_sdp": "Asterisk tells of Unhold although nobody held",
    "g01_transfer_app_unanswered_302": "how the channel ends is decided by the dialplan here",
    "g01_wrong_content_type_415": "in test_calls_sip: the call goes on here",
    "g03_callee_holds_caller_hears_moh": _REPEAT,
    "g03_callee_reinvite_glare_491": _REPEAT,
    "g03_direct_media_reinvites": _PARTY,
    "g03_local_channel_n": _LOCAL,
    "g03_local_channel_optimised": _LOCAL,
    "g03_long_ringing_repeated_180": "a repeated 180 is told once",
    "g03_nonexistent_endpoint": "the cause of a refusal by Congestion is told as what it becomes",
    "g03_opt_G_split_both": _GOTO,
    "g03_opt_b_predial_callee": _GOTO,
    "g03_opt_e_h_exten": _GOTO,
    "g03_opt_m_musiconhold": "music ends before the answer here",
    "g03_redirect_302_to_carol": _LOCAL,
    "g04_auto_info_without_te": _INFO,
    "g04_dtmf_all_sixteen_rfc4733": _PRESSED,
    "g04_dtmf_passthrough_bridge": _PRESSED,
    "g04_feature_attended_transfer": _FEATURE,
    "g04_feature_blind_transfer_caller": _GOTO,
    "g04_feature_one_touch_automixmon": _REPEAT,
    "g04_feature_park_call": _GOTO,
    "g04_inband_dtmf": _PRESSED,
    "g04_info_dtmf_bad_body": _INFO,
    "g04_info_dtmf_on_rfc4733_endpoint": _INFO,
    "g04_info_dtmf_relay": _INFO,
    "g04_read_two_attempts_none": _PRESSED,
    "g05_ami_atxfer": _FEATURE,
    "g05_ami_atxfer_without_feature_option": "the action is not sent by the replay",
    "g05_ami_blindtransfer": _GOTO,
    "g05_ami_redirect_both": _GOTO,
    "g05_ami_redirect_one": _GOTO,
    "g05_directed_pickup_app": "the picked up channel runs no h extension here",
    "g05_group_pickup": "the picked up channel runs no h extension here",
    "g05_invite_with_replaces_takes_over": "the channel that takes over joins the bridge under its own linked id first",
    "g05_park_by_extension_blind_refer": _GOTO,
    "g05_park_direct_dial_and_retrieve": _LOCAL,
    "g05_park_timeout_comeback": _GOTO,
    "g05_refer_attended_by_callee": _GOTO,
    "g05_refer_attended_replaces_answered": _GOTO,
    "g05_refer_blind_by_callee": _GOTO,
    "g05_refer_blind_by_caller": _GOTO,
    "g05_refer_blind_to_ringing_phone": _GOTO,
    "g05_refer_norefersub": _GOTO,
}


def _scenarios() -> list[Any]:
    if not (SHARED / "vectors" / "calls").is_dir():
        return [pytest.param(None, id="missing", marks=pytest.mark.skip(f"no vectors below {SHARED}; set GLOBSTAR_SHARED"))]
    files = [file for file in scenario_files(SHARED, GROUPS) if file.stem not in test_calls_sip.LEFT_OUT]
    return [
        pytest.param(
            file,
            id=file.stem,
            marks=[pytest.mark.xfail(reason=DIFFERENT[file.stem], strict=True)] if file.stem in DIFFERENT else [],
        )
        for file in files
    ]


@pytest.fixture(scope="module")
def replay(tmp_path_factory: pytest.TempPathFactory, shared: Path) -> Iterator[SipReplay]:
    replay = recorded_system(tmp_path_factory.mktemp("replay"), shared)
    yield replay
    replay.close()


@pytest.fixture(scope="module")
def client(replay: SipReplay) -> AmiClient:
    async def log_in() -> AmiClient:
        client = AmiClient(await start_manager(replay.system))
        client.log_in()
        await asyncio.sleep(0.01)
        assert "Authentication accepted" in client.take()
        return client

    return replay.runner.run(log_in())


@pytest.mark.parametrize("file", _scenarios())
def test_events_of_a_scenario(replay: SipReplay, client: AmiClient, file: Path) -> None:
    pauses = {"BYE": 0.8, "CANCEL": 0.3}
    if file.stem.startswith("g01"):
        pauses["INVITE"] = 0.6
    client.take()
    replay.run(Scenario.load(file), test_calls_sip.ACTIONS.get(file.stem), pauses=pauses)
    recorded = json.loads(file.read_text())["observed"]["ami"]
    differences = compare(recorded, client.events())
    assert not differences, "\n".join(differences)
