"""What ``pjsip show ...`` printed on a running Asterisk 23.4.1 in the middle of recorded scenarios."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from pathlib import Path

import pytest

from globstar.core.cli import run_command
from tests.support.sip_replay import Scenario, SipReplay, recorded_system

#: Scenario, the message before which the commands were given, and the commands.
SHOWN = [
    ("g10_core_live_bridged_call", "BYE sip:127", "pjsip show channels"),
    ("g10_core_live_bridged_call", "BYE sip:127", "pjsip show channelstats"),
    ("g10_core_live_bridged_call", "BYE sip:127", "pjsip show channel PJSIP/alice-00000001"),
    ("g10_core_live_bridged_call", "BYE sip:127", "pjsip show endpoint alice"),
    ("g10_core_live_bridged_call", "BYE sip:127", "pjsip show endpoints"),
    ("g02_register_max_contacts_keep", "Contact: *", "pjsip show aor reg2"),
    ("g02_register_max_contacts_remove_existing", "Contact: *", "pjsip show contacts"),
]
IDLE = [
    "pjsip set logger on", "pjsip set logger off", "pjsip set logger host 127.0.0.1", "pjsip set history on",
    "pjsip show history", "pjsip set history off", "pjsip set history clear", "pjsip send unregister nosuch",
    "pjsip reload qualify endpoint bob", "pjsip reload qualify aor bob", "pjsip reload qualify aor nosuch",
]  # fmt: skip


@pytest.fixture(scope="module")
def replay(tmp_path_factory: pytest.TempPathFactory, shared: Path) -> Iterator[SipReplay]:
    replay = recorded_system(tmp_path_factory.mktemp("cli"), shared)
    yield replay
    replay.close()


def recorded(shared: Path, scenario: str) -> dict[str, str]:
    """What each command printed."""
    observed = json.loads((shared / "vectors" / "calls" / f"{scenario}.json").read_text())["observed"]
    return {entry["command"]: entry["output"] for entry in observed["cli"]}


def comparable(text: str) -> str:
    """Without channel numbers, times, contact hashes and packet counts, but with all columns."""
    text = re.sub(r"-[0-9a-f]{8}\b", "-00000000", text)
    text = re.sub(r"\d\d:\d\d:\d\d", "00:00:00", text)
    text = re.sub(r"^ [0-9a-f]{8} ", " 00000000 ", text, flags=re.MULTILINE)
    text = re.sub(r"\b[0-9a-f]{10}\b", "0123456789", text)
    if "BridgeId" in text:  # the column where each number ends remains
        text = re.sub(r" +\d+(\.\d+)?(?=\s)", lambda found: "#".rjust(len(found[0])), text)
    return text


@pytest.mark.parametrize(
    ("scenario", "before", "command"), SHOWN, ids=[f"{scenario[:3]} {command}" for scenario, _, command in SHOWN]
)
def test_what_is_shown(replay: SipReplay, shared: Path, scenario: str, before: str, command: str) -> None:
    printed: list[str] = []

    async def show(replay: SipReplay) -> None:
        names = [name for name in replay.system.channels if name.startswith("PJSIP/alice")]
        printed.append(await run_command(replay.system, re.sub(r"PJSIP/alice-\d+", names[0] if names else "", command)))

    replay.run(Scenario.load(shared / "vectors" / "calls" / f"{scenario}.json").until(before), at_end=show)
    assert comparable(printed[0]) == comparable(recorded(shared, scenario)[command])


@pytest.mark.parametrize("command", IDLE)
def test_what_is_set(replay: SipReplay, shared: Path, command: str) -> None:
    printed = replay.runner.run(run_command(replay.system, command))
    assert printed == recorded(shared, "g10_pjsip_set_and_send")[command]


def test_rtp_settings(replay: SipReplay, shared: Path) -> None:
    printed = replay.runner.run(run_command(replay.system, "rtp show settings"))
    assert printed == recorded(shared, "g10_misc_idle")["rtp show settings"]


def test_the_parameters_are_those_that_managers_are_told(replay: SipReplay, shared: Path) -> None:
    """Asterisk makes both of one list: what was recorded of ``PJSIPShowAuths`` and of registrations holds for the console."""
    recording = json.loads((shared / "vectors" / "calls" / "g07_pjsip_show_actions.json").read_text())
    details = {}
    for entry in recording["observed"]["extra"]["ami_session"][0]["exchange"]:
        lines = dict(line.partition(": ")[::2] for line in entry["raw"].split("\r\n") if ":" in line)
        if lines.get("Event") in ("AuthList", "OutboundRegistrationDetail"):
            details[lines["ObjectType"], lines["ObjectName"]] = lines
    assert len(details) >= 2
    for (kind, name), lines in details.items():
        printed = replay.runner.run(run_command(replay.system, f"pjsip show {kind} {name}"))
        found = dict(re.findall(r"^ (\w+) +: (.*)$", printed.partition("ParameterValue\n")[2], re.MULTILINE))
        shown = {option.replace("_", "").lower(): value for option, value in found.items()}
        told = {option.lower(): value for option, value in lines.items()}
        for extra in ("event", "actionid", "objecttype", "objectname", "status", "nextreg"):
            told.pop(extra, None)
        assert shown == told, (kind, name)
