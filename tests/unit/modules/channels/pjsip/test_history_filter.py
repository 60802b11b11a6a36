"""Which messages ``pjsip show history where ...`` keeps, and what it calls nonsense."""

from __future__ import annotations

import pytest

from globstar.modules.channels.pjsip.history_filter import FilterError, compile_filter
from globstar.modules.channels.pjsip.messages import HistoryEntry

ENTRIES = [
    HistoryEntry(0, 100.5, True, "192.0.2.1:5060", b"INVITE sip:1@x SIP/2.0\r\nCall-ID: a@b\r\n\r\nCall-ID: body"),
    HistoryEntry(1, 101.5, False, "192.0.2.1:5060", b"SIP/2.0 200 OK\r\nCall-ID: a@b\r\n\r\n"),
    HistoryEntry(2, 102.5, True, "192.0.2.2:5062", b"REGISTER sip:x SIP/2.0\r\ni: c-7\r\n\r\n"),
]


def kept(expression: str) -> list[int]:
    is_wanted = compile_filter(expression.split())
    return [entry.number for entry in ENTRIES if is_wanted(entry)]


@pytest.mark.parametrize(
    ("expression", "numbers"),
    [
        ("number = 1", [1]), ("number != 1", [0, 2]), ("number < 1", [0]), ("number <= 1", [0, 1]), ("number > 1", [2]),
        ("number >= 1", [1, 2]), ("timestamp > 101", [1, 2]), ("addr = 192.0.2.2:5062", [2]), ("addr like ^192", [0, 1, 2]),
        ("sip.msg.request.method = INVITE", [0]), ("sip.msg.method = REGISTER", [2]), ("sip.msg.call-id = a@b", [0, 1]),
        ("sip.msg.call-id like c-[0-9]", [2]), ("not number = 1", [0, 2]), ("number = 0 or number = 2", [0, 2]),
        ("number = 0 or number = 1 and addr like 2$", [0]), ("(number = 0 or number = 1) and timestamp > 101", [1]),
        ("( number = 0 ) OR ( not ( number < 2 ) )", [0, 2]), ("addr like (5060|5061)", [0, 1]),
    ],
)  # fmt: skip
def test_what_is_kept(expression: str, numbers: list[int]) -> None:
    assert kept(expression) == numbers


@pytest.mark.parametrize(
    "expression",
    [
        "number", "number =", "number = x", "timestamp = x", "colour = red", "number is 1", "addr like (", "( number = 1",
        "number = 1 number", "number = 1 and", "not", ")",
    ],
)  # fmt: skip
def test_nonsense_is_refused(expression: str) -> None:
    with pytest.raises(FilterError):
        compile_filter(expression.split())
