"""Call detail records of calls into the dialplan alone, as recorded (``vectors/calls`` group 1)."""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path

import pytest

from tests.conftest import SHARED
from tests.support.recordings import base_name, cdr_rows, our_ids, recorded_ids, recorded_trace
from tests.support.testtech import World


@dataclass(frozen=True)
class Call:
    """A call to ``extension``; the phone hangs up with ``cause`` after ``ends_after`` seconds, if given."""

    extension: str
    ends_after: float | None = None
    cause: int = 0


CALLS = {
    "g01_absolute_timeout": Call("1027"),
    "g01_answer_caller_bye": Call("1000", 0.5),
    "g01_answer_delay_500ms": Call("1018"),
    "g01_answer_hangup": Call("100"),
    "g01_bye_with_reason": Call("1000", 0.8, 17),
    "g01_busy_app_after_answer": Call("1019"),
    "g01_callerid_change_and_pjsip_functions": Call("1028"),
    "g01_cancel_while_ringing_487": Call("1017", 0.3, 127),
    "g01_cdr_fields_forkcdr_celuserevent": Call("1041"),
    "g01_congestion_app": Call("1011"),
    "g01_congestion_timeout": Call("1013"),
    "g01_falls_off_end_unanswered": Call("1001"),
    "g01_gosub_return": Call("1033"),
    "g01_goto_other_context": Call("1032"),
    "g01_hangup_cause_after_answer_017": Call("12017"),
    "g01_hangup_cause_name_BUSY": Call("1010"),
    "g01_no_such_app": Call("1035"),
    "g01_playback_missing": Call("1021"),
    "g01_reinvite_same_sdp_version": Call("1024", 0.8),
    "g01_ringing_progress_ringing": Call("1044"),
    "g01_ringing_then_answer": Call("1014"),
}
_CAUSES = SHARED.glob("vectors/calls/g01_hangup_cause_[0-9]*.json")
CALLS |= {path.stem: Call(f"11{path.stem[-3:]}") for path in sorted(_CAUSES)}


@pytest.mark.parametrize("name", CALLS)
async def test_recorded_rows(name: str, shared: Path, tmp_path: Path) -> None:
    calls = shared / "vectors" / "calls"
    recording = json.loads((calls / f"{name}.json").read_text())
    files = {file: (calls / "config" / file).read_text() for file in ("features.conf", "cdr.conf", "cdr_custom.conf")}
    dialplan = (calls / "config" / "extensions.conf").read_text().replace("<RUN>", str(tmp_path))
    dialplan = dialplan.replace("CELGenUserEvent(", "NoOp(")  # events of calls are not there yet
    async with await World.start(dialplan, files=files, tech_name="PJSIP", context="main", root=tmp_path) as world:
        world.tech.ends_on_refusal = True
        call = CALLS[name]
        leg = world.phone("alice", "100", "Alice Example").dials(call.extension, "main")
        if call.ends_after is not None:
            await world.settle(call.ends_after)
            leg.hangs_up(call.cause)
        await world.all_gone()
    names = [leg.channel.name]
    _, their_names = recorded_trace(recording["observed"]["ami"])
    assert [base_name(n) for n in names] == [base_name(n) for n in their_names]
    rows = (tmp_path / "log" / "cdr-csv" / "Master.csv").read_text().splitlines()
    assert cdr_rows(rows, names, our_ids(world)) == cdr_rows(recording["observed"]["cdr"], their_names, recorded_ids(recording))
    custom = (tmp_path / "log" / "cdr-custom" / "Custom.csv").read_text().splitlines()
    assert [line.split(",")[:9] for line in custom] == [
        line.replace(their_names[0], names[0]).split(",")[:9] for line in recording["observed"]["cdr_custom"]
    ]
