"""SIP as recorded from a running Asterisk 23.4.1: every scenario of the groups below is replayed message by message.

Groups: 1 inbound calls, 2 registration and authentication, 3 Dial, 4 digits and features, 5 transfers, parking and pickup; of the
others some. How exactly messages are compared is the recording's own ``determinism``. Scenarios that are left out stand in
``LEFT_OUT``, each with its reason. What a script's commands printed is compared, too.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from globstar.modules.channels.pjsip.supplements.outbound_registration import registrations_of
from tests.conftest import IN_CI, SHARED
from tests.support.cli_compare import differences
from tests.support.sip_replay import Action, Scenario, SipReplay, recorded_system, scenario_files

GROUPS = ("g01", "g02", "g03", "g04", "g05")

#: What another configuration file of the recording would need that is not built yet, or what we do otherwise on purpose.
LEFT_OUT = {
    "g01_info_unknown_type": "Asterisk leaves an INFO of unknown type unanswered; RFC 6086 4.2.2 asks for 415, which we send",
    "g02_unsolicited_mwi_on_register": "in test_calls_sip_events",
    "g03_bye_glare": "whether our BYE to the callee is on its way when its own arrives is a race that Asterisk's threads decide",
    "g03_callee_answers_without_sdp": "Asterisk says BYE twice, with two reasons; once is enough",
    "g05_refer_with_replaces_to_parked_or_conf": "conferences come later",
    "g03_nonexistent_technology": "a race between threads decided which cause the Reason header shows",
}

#: Scenarios of the other groups (transfer, subscriptions, voicemail ...) that need nothing else than what is built.
OTHERS = (
    "g06_subscribe_unknown_dialog_481",
    "g06_subscribe_unknown_event_489", "g09_mixmonitor_cli_and_events",
    "g08_subscribe_all_events_for_ordinary_call", "g09_voicemail_hangup_during_greeting",
    "g09_voicemail_leave_message_hangup", "g09_voicemail_leave_then_retrieve_and_delete", "g09_voicemail_no_such_mailbox",
    "g09_voicemail_two_messages", "g09_voicemailmain_empty_mailbox", "g09_voicemailmain_login_prompts_wrong_password",
    "g10_channel_originate", "g10_channel_request_hangup_and_redirect", "g10_core_live_bridged_call",
)  # fmt: skip


async def _register_elsewhere(replay: SipReplay) -> None:
    """The scenario looks at a registration that waits to begin: here for as many seconds as it lists in the end."""
    registration = registrations_of(replay.driver).get("oreg")
    registration.close()  # it is not to begin by itself meanwhile
    registration.initial_delay = lambda: 5.0


ACTIONS: dict[str, Action] = {
    "g02_outbound_registration_with_401": _register_elsewhere,
}


def _scenarios() -> list[Any]:
    if not (SHARED / "vectors" / "calls").is_dir():
        if IN_CI:
            raise FileNotFoundError(SHARED / "vectors" / "calls")
        return [pytest.param(None, id="missing", marks=pytest.mark.skip(f"no vectors below {SHARED}; set GLOBSTAR_SHARED"))]
    files = [file for file in scenario_files(SHARED, (*GROUPS, *OTHERS)) if file.stem not in LEFT_OUT]
    return [pytest.param(file, id=file.stem) for file in files]


@pytest.fixture(scope="module")
def replay(tmp_path_factory: pytest.TempPathFactory, shared: Path) -> Iterator[SipReplay]:
    replay = recorded_system(tmp_path_factory.mktemp("replay"), shared)
    yield replay
    replay.close()


@pytest.mark.parametrize("file", _scenarios())
def test_asterisk_scenario(replay: SipReplay, file: Path) -> None:
    replay.run(Scenario.load(file), ACTIONS.get(file.stem))
    commands = json.loads(file.read_text())["observed"]["cli"]
    found = differences(replay.printed, [(one["command"], one["output"]) for one in commands]) if replay.printed else []
    assert not found, "\n".join(found)


def test_a_registration_that_is_under_way_does_not_get_into_a_scenario(replay: SipReplay, shared: Path) -> None:
    """The system registers elsewhere by itself at times that no scenario chooses: after its start, and an hour after failures."""
    name = "g02_outbound_registration_with_401"
    scenario = Scenario.load(shared / "vectors" / "calls" / f"{name}.json")
    registration = registrations_of(replay.driver).get("oreg")
    for delay in (0.0, 0.01):
        registration._schedule(delay)
        if not delay:
            replay.run_until(lambda: bool(replay.driver.sip.layer.clients))
        replay.run(scenario, ACTIONS[name])


def test_nothing_is_left_behind(replay: SipReplay) -> None:
    """After all scenarios: no channel, no dialog, no RTP session, no transaction."""
    replay.run_until(lambda: not replay.driver.sip.layer.clients)  # a registration elsewhere that is tried again in between
    assert not replay.system.channels
    assert not replay.driver.legs
    assert replay.driver.sip.dialogs == 0
    assert len(replay.driver.rtp) == 0
    assert not replay.driver.sip.layer.clients
    assert not replay.driver.sip.layer.servers
