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
_RACE = "what two threads tell there in an order of chance (the recording says that it differs from run to run)"
_PARKED = "what the parking tells comes from another thread there, and the replay parks for other seconds"
_FEATURE = "the events of an attended transfer by digits come in another order, and a Local channel is not optimised in it"

#: Scenarios whose streams differ, each with the reason; one that comes to agree must be taken off.
DIFFERENT = {
    "g01_transfer_app_unanswered_302": "the end is told before the dialplan goes on all the same; here when it counts",
    "g01_wrong_content_type_415": "in test_calls_sip: the call goes on here",
    "g03_direct_media_reinvites": "HANGUPCAUSE() knows a cause of the answer to a re-INVITE there",
    "g03_local_channel_n": "the half that dials learns who is behind the other one a moment later there",
    "g03_local_channel_optimised": "no audio flows in the replay, so that the Local channel stays",
    "g03_long_ringing_repeated_180": _RACE,
    "g03_nonexistent_endpoint": _RACE,
    "g03_opt_G_split_both": _RACE,
    "g04_feature_attended_transfer": _FEATURE,
    "g04_info_dtmf_bad_body": "a flash is told there in the very moment before the digit of the answer is read again",
    "g04_feature_park_call": _PARKED,
    "g05_ami_atxfer": _FEATURE,
    "g05_invite_with_replaces_takes_over": _RACE,
    "g05_park_by_extension_blind_refer": _PARKED,
    "g05_park_direct_dial_and_retrieve": _PARKED,
    "g05_park_timeout_comeback": _PARKED,
    "g05_refer_attended_by_callee": _RACE,
    "g05_refer_attended_replaces_answered": _RACE,
    "g05_refer_blind_by_callee": _RACE,
    "g05_refer_blind_by_caller": _TIME,
    "g05_refer_blind_to_ringing_phone": _RACE,
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
    client.take()
    replay.run(Scenario.load(file), test_calls_sip.ACTIONS.get(file.stem))
    recorded = json.loads(file.read_text())["observed"]["ami"]
    differences = compare(recorded, client.events())
    assert not differences, "\n".join(differences)
