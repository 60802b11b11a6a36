"""Security events as recorded from a running Asterisk 23.4.1: the same events in the same order with the same fields."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from globstar.core.events import SecurityEvent
from tests.conftest import IN_CI, SHARED
from tests.support.sip_replay import Scenario, SipReplay, recorded_system, scenario_files

#: what is common to all, and what the recording replaced by a token
_COMMON = frozenset(("Event", "Privilege", "EventTV", "SessionID"))
#: Registration with other servers asks a challenge of its own; the events are those of the peer.
LEFT_OUT = frozenset(("g02_outbound_registration_with_401", "g02_unsolicited_mwi_on_register"))


def _recorded(file: Path) -> list[dict[str, str]]:
    observed = json.loads(file.read_text())["observed"]["ami"]
    events = [dict(event) for event in observed if isinstance(event, list) and event and isinstance(event[0], list)]
    return [event for event in events if "EventTV" in event and event.get("Service") == "PJSIP"]


def _scenarios() -> list[Any]:
    if not (SHARED / "vectors" / "calls").is_dir():
        if IN_CI:
            raise FileNotFoundError(SHARED / "vectors" / "calls")
        return [pytest.param(None, id="missing", marks=pytest.mark.skip(f"no vectors below {SHARED}; set GLOBSTAR_SHARED"))]
    files = [file for file in scenario_files(SHARED, ("g01", "g02")) if file.stem not in LEFT_OUT and _recorded(file)]
    return [pytest.param(file, id=file.stem) for file in files]


@pytest.fixture(scope="module")
def replay(tmp_path_factory: pytest.TempPathFactory, shared: Path) -> Iterator[SipReplay]:
    replay = recorded_system(tmp_path_factory.mktemp("replay"), shared)
    yield replay
    replay.close()


@pytest.mark.parametrize("file", _scenarios())
def test_asterisk_events(replay: SipReplay, file: Path) -> None:
    heard: list[SecurityEvent] = []
    forget = replay.system.bus.subscribe(SecurityEvent, heard.append)
    try:
        replay.run(Scenario.load(file), None)
    finally:
        forget()
    wanted = [(e["Event"], {k: v for k, v in e.items() if k not in _COMMON and "<" not in v}) for e in _recorded(file)]
    assert len(heard) == len(wanted)
    for event, (name, fields) in zip(heard, wanted, strict=True):
        assert event.name == name
        assert {key: event.fields.get(key) for key in fields} == fields
        assert event.fields["SessionID"]
