"""SIP status codes and hangup causes, compared with compat/sip_cause_map.tsv."""

from __future__ import annotations

import csv
from pathlib import Path

import pytest

from globstar.core.cause import Cause
from globstar.modules.channels.pjsip.causes import cause_of_reasons, cause_of_status, reason_header, status_of_cause
from globstar.proto.sip.headers.reason import Reason


def _cause(name: str) -> int:
    name = name.removeprefix("AST_CAUSE_")
    synonyms = {"BUSY": "USER_BUSY", "UNREGISTERED": "UNREGISTERED", "NOSUCHDRIVER": "CHAN_NOT_IMPLEMENTED"}
    return int(Cause[synonyms.get(name, name)])


def _rows(shared: Path, direction: str) -> list[tuple[str, str]]:
    with (shared / "compat" / "sip_cause_map.tsv").open(newline="") as file:
        return [(row["from"], row["to"]) for row in csv.DictReader(file, delimiter="\t") if row["direction"] == direction]


def test_causes_of_statuses(shared: Path) -> None:
    rows = [(status, cause) for status, cause in _rows(shared, "sip->cause") if status.isdecimal()]
    assert len(rows) > 20
    wrong = [
        (status, cause, cause_of_status(int(status))) for status, cause in rows if cause_of_status(int(status)) != _cause(cause)
    ]
    assert not wrong


def test_statuses_of_causes(shared: Path) -> None:
    rows = [
        (cause, status) for cause, status in _rows(shared, "cause->sip") if status[:3].isdecimal() and cause.startswith("AST")
    ]
    assert len(rows) > 10
    wrong = [
        (cause, status, status_of_cause(_cause(cause)))
        for cause, status in rows
        if status_of_cause(_cause(cause)) != int(status[:3])
    ]
    assert not wrong


def test_what_has_no_place_in_the_table() -> None:
    assert cause_of_status(499) == Cause.INTERWORKING
    assert status_of_cause(Cause.NORMAL_CLEARING) == 603
    assert status_of_cause(0) == 603
    assert status_of_cause(99) == 603


@pytest.mark.parametrize(
    ("values", "cause"),
    [
        (["Q.850;cause=17"], 17),
        (['SIP;cause=200;text="Call completed elsewhere"', "q.850;cause=26"], 26),
        (["SIP;cause=200"], None),
        (["Q.850"], None),
        (["Q.850;cause=300"], None),
        ([], None),
    ],
)
def test_reason_headers(values: list[str], cause: int | None) -> None:
    assert cause_of_reasons(tuple(Reason.parse(value) for value in values)) == cause
    assert reason_header(16) == ("Reason", "Q.850;cause=16")
