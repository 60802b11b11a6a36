"""Bodies and headers of events against arbitrary input.

Invariants:
1. A message summary gives counts that are not negative, or None, for any bytes.
2. A feature event gives a change or raises BadRequest, and never anything else.
3. An Event header gives two texts for any text.
4. What is rendered is read again: message summaries give their counts.
"""

from __future__ import annotations

import contextlib

from hypothesis import example, given, settings
from hypothesis import strategies as st

from globstar.modules.channels.pjsip.pubsub.bodies import feature_event, message_summary
from globstar.proto.sip.notifier import event_of

QUICK = settings(max_examples=150, deadline=None)
XML = st.sampled_from(
    [b"<SetDoNotDisturb>", b"</SetDoNotDisturb>",
     b"<doNotDisturbOn>", b"true", b"<SetForwarding xmlns='a'>", b"<forwardingType/>",
     b"<?xml version='1.0' encoding='x'?>", b"<!DOCTYPE a>", b"&#x1;", b"\xff", b"<a:b/>"]
)  # fmt: skip
LINES = st.sampled_from(
    ["Messages-Waiting: yes", "Voice-Message: 1/2", "voice-message : 9/9 (1/0)", "Messages-Waiting:no", "\x00"]
)


@QUICK
@given(st.one_of(st.binary(max_size=300), st.lists(LINES, max_size=8).map(lambda lines: "\r\n".join(lines).encode())))
@example(b"Messages-Waiting: yes\r\nVoice-Message: 999999999999/1\r\n")
def test_message_summary(body: bytes) -> None:
    counts = message_summary.parse(body)
    assert counts is None or all(count >= 0 for count in counts)


@QUICK
@given(st.integers(0, 10**6), st.integers(0, 10**6))
def test_message_summary_is_read_again(new: int, old: int) -> None:
    assert message_summary.parse(message_summary.render(new, old, "sip:a@b")) == (new, old, 0)


@QUICK
@given(st.one_of(st.binary(max_size=300), st.lists(XML, max_size=12).map(b"".join)))
def test_feature_event(body: bytes) -> None:
    with contextlib.suppress(feature_event.BadRequest):
        assert feature_event.parse(body).feature in ("dnd", *feature_event.FORWARDING)


@QUICK
@given(st.text(max_size=60))
def test_event_header(value: str) -> None:
    package, event_id = event_of(value)
    assert package == package.strip().lower()
    assert event_id == event_id.strip()
