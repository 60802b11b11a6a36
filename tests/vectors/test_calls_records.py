"""CDR and CEL rows of recorded scenarios: what the files of cdr_csv and cel_custom hold after each."""

from __future__ import annotations

import csv
import json
import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from globstar.config import MemorySource
from globstar.core import events
from globstar.core.outbox import SERVICE
from globstar.core.system import System
from tests.conftest import IN_CI, SHARED
from tests.support.records_compare import compare_cdr, compare_cel, compare_cel_whole
from tests.support.sip_replay import Scenario, SipReplay, recorded_system, scenario_files
from tests.vectors import test_ami_calls, test_calls_sip

#: The groups of which all are replayed, and of the others those that need nothing else than what is built.
GROUPS = (
    "g01", "g02", "g03", "g04", "g05", "g06", "g07", "g08_subscribe_all_events_for_ordinary_call", "g09_mixmonitor",
    "g09_voicemail", "g09_voicemailmain", "g09_mwi",
    "g10_channel", "g10_core_live", "g10_live",
)  # fmt: skip

#: Left out: what needs something that comes later, and scenarios without rows whose notifications are tested elsewhere.
LEFT_OUT = (
    *test_calls_sip.LEFT_OUT, "g06_custom_devstate_all_states", "g06_mwi_subscribe_initial_and_change",
    "g06_presence_state_hint", "g07_confbridge_actions", "g10_live_ivr_wait_and_conf",
)  # fmt: skip


#: Scenarios whose sessions need answers to go on.
_BY_SESSION = (
    "g07_originate_app_async", "g07_originate_busy_async", "g07_originate_exten_sync", "g07_originate_timeout_async",
    "g07_status_with_live_bridge",
)  # fmt: skip

_PARKED = "a parked call that is taken out hears its place to the end there, even when its partner has gone before"

#: Scenarios whose events differ, each with the reason; one that comes to agree must be taken off.
DIFFERENT_CEL = {
    "g05_park_direct_dial_and_retrieve": _PARKED,
}

#: Scenarios whose events of different channels came in an order that threads made, though in the same one twice.
BY_THREADS = {
    "g03_opt_G_split_both": "caller and callee go through the dialplan each by itself",
    "g03_opt_L_time_limit": "caller and callee have a timer each",
    "g05_group_pickup": "who rang is ended while the bridge begins",
    "g05_invite_with_replaces_takes_over": "who comes and who goes have threads of their own",
}


def _scenarios(different: dict[str, str]) -> list[Any]:
    if not (SHARED / "vectors" / "calls").is_dir():
        if IN_CI:
            raise FileNotFoundError(SHARED / "vectors" / "calls")
        return [pytest.param(None, id="missing", marks=pytest.mark.skip(f"no vectors below {SHARED}; set GLOBSTAR_SHARED"))]
    files = [file for file in scenario_files(SHARED, GROUPS) if file.stem not in LEFT_OUT and _recorded(file)["sip"]]
    return [
        pytest.param(
            file,
            id=file.stem,
            marks=[pytest.mark.xfail(reason=different[file.stem], strict=True)] if file.stem in different else [],
        )
        for file in files
    ]


#: Scenarios that say what time it was, with that time of the day in seconds.
TIMES_OF_DAY = {"g09_voicemail_leave_then_retrieve_and_delete": (20 * 60 + 45) * 60}


class Records:
    """The rows of each scenario, which is replayed once for both tests."""

    def __init__(self, replay: SipReplay) -> None:
        self.replay = replay
        self.done: dict[str, tuple[list[str], list[str], list[tuple[str, str]]]] = {}
        self._channels: list[tuple[str, str]] = []
        self._read: dict[Path, int] = {}
        replay.system.bus.subscribe(events.ChannelCreated, self._created)

    def _created(self, event: events.ChannelCreated) -> None:
        self._channels.append((event.channel.name, event.channel.unique_id))

    def of(self, file: Path) -> tuple[list[str], list[str], list[tuple[str, str]]]:
        """CDR rows, CEL rows, and name and unique id of the channels."""
        if file.stem not in self.done:
            self._channels = []
            self._configure(file)
            self._set_clock(TIMES_OF_DAY.get(file.stem))
            if file.stem.startswith("g09"):  # whose scripts begin without any message
                shutil.rmtree(self.replay.root / "spool" / "voicemail", ignore_errors=True)
            try:
                if file.stem in _BY_SESSION:
                    test_ami_calls.converse(self.replay, file)
                else:
                    self.replay.run(Scenario.load(file), test_calls_sip.ACTIONS.get(file.stem))
            finally:  # rows of a scenario that fails are not those of the next one
                self.replay.runner.run(_flush(self.replay.system))
                log = self.replay.root / "log"
                found = self._new(log / "cdr-csv" / "Master.csv"), self._new(log / "cel-custom" / "Cel.csv"), self._channels
            self.done[file.stem] = found
        return self.done[file.stem]

    def _configure(self, file: Path) -> None:
        """Scenarios about applications have a cel.conf of their own."""
        extra = _recorded(file).get("extra", {}).get("cel.conf for this scenario")
        configuration = {**self.replay.configuration, **({"cel.conf": extra} if extra else {})}
        self.replay.system.configuration.source = MemorySource(configuration)
        self.replay.runner.run(self.replay.system.loader.reload("cel"))

    def _set_clock(self, seconds: int | None) -> None:
        """Let it be so many seconds after midnight."""
        if seconds is not None:
            clock = self.replay.system.wall_time
            ahead = (seconds - clock()) % 86400
            self.replay.system.wall_time = lambda: clock() + ahead

    def _new(self, file: Path) -> list[str]:
        lines = file.read_text().splitlines() if file.exists() else []
        begin = self._read.get(file, 0)
        self._read[file] = len(lines)
        return lines[begin:]


async def _flush(system: System) -> None:
    for outbox in system.services[SERVICE].values():
        await outbox.flush()


@pytest.fixture(scope="module")
def records(tmp_path_factory: pytest.TempPathFactory, shared: Path) -> Iterator[Records]:
    replay = recorded_system(tmp_path_factory.mktemp("replay"), shared)
    yield Records(replay)
    replay.close()


def _recorded(file: Path) -> dict[str, Any]:
    observed: dict[str, Any] = json.loads(file.read_text())["observed"]
    return observed


def _channels(observed: dict[str, Any]) -> list[tuple[str, str]]:
    """Name and unique id of the recorded channels, as they began."""
    starts = [dict(event) for event in observed["ami"] if dict(event)["Event"] == "Newchannel"]
    if starts:
        return [(event["Channel"], event["Uniqueid"]) for event in starts]
    return [(row[9], row[14]) for row in csv.reader(observed.get("cel", [])) if row[0] == "CHAN_START"]


@pytest.mark.parametrize("file", _scenarios(DIFFERENT_CEL))
def test_channel_events_of_a_scenario(records: Records, file: Path) -> None:
    recording = json.loads(file.read_text())
    is_loose = "differs" in recording["determinism"]["cel"]
    recorded, ours = recording["observed"].get("cel", []), records.of(file)[1]
    differences = compare_cel(recorded, ours, is_loose=is_loose)
    if not differences and recording["determinism"]["cel"] == "same" and file.stem not in BY_THREADS:
        differences = compare_cel_whole(recorded, ours)
    assert not differences, "\n" + "\n".join(differences)


@pytest.mark.parametrize("file", _scenarios({}))
def test_call_detail_records_of_a_scenario(records: Records, file: Path) -> None:
    recording = json.loads(file.read_text())
    observed = recording["observed"]
    is_loose = "differs" in recording["determinism"]["cdr"]
    theirs = _channels(observed)
    rows, _, channels = records.of(file)
    differences = compare_cdr(observed.get("cdr", []), theirs, rows, channels, is_loose=is_loose)
    assert not differences, "\n" + "\n".join(differences)
