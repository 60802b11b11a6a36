"""The recorded SIP traces of Asterisk 23.4.1: whatever it sent, the stack sends too, header for header."""

from __future__ import annotations

import json
import os
from pathlib import Path

import pytest

from tests.unit.proto.sip.ladder import Ladder, answered, request
from tests.unit.proto.sip.replay import Replay

SHARED = Path(os.environ.get("GLOBSTAR_SHARED") or Path(__file__).resolve().parents[4].parent / "shared")
IN_CI = os.environ.get("CI", "").lower() in ("1", "true", "yes")
CALLS = SHARED / "vectors" / "calls"

DIFFERENT = {
    "g03_callee_answers_without_sdp": "a BYE is sent once; the recorded program sends two",
    "g03_callee_info_and_message_passthrough": "display names in From and To of MESSAGE are the channel driver's",
}
"""Traces that are left to differ, and why."""

NAMES = sorted(path.stem for path in CALLS.glob("g*.json"))


def trace(name: str) -> list[dict[str, object]]:
    found: list[dict[str, object]] = json.loads((CALLS / f"{name}.json").read_text())["observed"]["sip"]
    return found


@pytest.mark.skipif(not NAMES and not IN_CI, reason=f"no recorded traces in {CALLS}")
def test_asterisk_traces_are_reproduced() -> None:
    """One test for all of them, because they are many and quick; the message names every trace that differs."""
    assert NAMES, f"no traces in {CALLS}"
    compared = 0
    failures: list[str] = []
    for name in NAMES:
        steps = trace(name)
        if not steps or name in DIFFERENT:
            continue
        replay = Replay(steps)
        try:
            compared += replay.run()
        except AssertionError as error:
            failures.append(f"{name}: {error}")
        wrong = [error for error in replay.discarded if not name.startswith("g01_malformed")]
        if wrong:
            failures.append(f"{name}: discarded {wrong}")
    assert not failures, "\n\n".join(failures)
    assert compared > 1000


@pytest.mark.skipif(not NAMES and not IN_CI, reason=f"no recorded traces in {CALLS}")
@pytest.mark.parametrize(
    ("name", "answers"),
    [
        ("g01_malformed_bad_sip_version", 0),
        ("g01_malformed_no_from", 0),
        ("g01_malformed_request_line", 0),
        ("g01_malformed_cseq_mismatch", 1),
    ],
)
def test_asterisk_malformed_requests(name: str, answers: int) -> None:
    """Silence where Asterisk is silent; nothing more than the recorded answer where it answers."""
    replay = Replay(trace(name))
    assert replay.run() == answers
    assert not replay.outbox
    assert len(replay.discarded) == 1


def test_asterisk_lower_cseq_in_dialog() -> None:
    """The reason phrase is Asterisk's own."""
    ladder = Ladder()
    _, leg, tag = answered(ladder)
    ladder.receive(request("OPTIONS", branch="z9hG4bKo1", to_tag=tag, cseq=11))
    leg.transactions[-1].respond(200)  # type: ignore[union-attr]
    ladder.receive(request("OPTIONS", branch="z9hG4bKo2", to_tag=tag, cseq=4))
    ladder.expect("SIP/2.0 200", "SIP/2.0 500 Invalid CSeq")
