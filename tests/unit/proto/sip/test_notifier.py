"""The notifier's side of subscriptions: what is read of an Event header; the rest is shown by tests/flow/test_subscriptions."""

from __future__ import annotations

import pytest

from globstar.proto.sip.notifier import event_of


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        ("presence", ("presence", "")),
        (" Dialog ;id=7", ("dialog", "7")),
        ("dialog;shared; ID = a1 ", ("dialog", "a1")),
        ("", ("", "")),
        (";;=", ("", "")),
    ],
)
def test_rfc6665_8_2_1_event(value: str, expected: tuple[str, str]) -> None:
    assert event_of(value) == expected
