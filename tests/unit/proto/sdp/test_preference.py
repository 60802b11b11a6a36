"""Codec preference options of an endpoint."""

from __future__ import annotations

import pytest

from globstar.base.errors import RemoteFault
from globstar.proto.sdp import CodecPreference, IncomingPreference, OutgoingPreference, choose_incoming, choose_outgoing

LOCAL, REMOTE = ["g722", "alaw", "ulaw"], ["ulaw", "gsm", "alaw"]


@pytest.mark.parametrize(
    ("name", "chosen"),
    [
        ("local", ["alaw", "ulaw"]),
        ("local_first", ["alaw"]),
        ("remote", ["ulaw", "alaw"]),
        ("remote_first", ["ulaw"]),
    ],
)
def test_asterisk_incoming_call_offer_pref(name: str, chosen: list[str]) -> None:
    assert choose_incoming(LOCAL, REMOTE, IncomingPreference(name)) == chosen


@pytest.mark.parametrize(
    ("name", "chosen"),
    [
        ("local", ["alaw", "ulaw"]),
        ("local_merge", ["g722", "alaw", "ulaw"]),
        ("local_first", ["alaw"]),
        ("remote", ["ulaw", "alaw"]),
        ("remote_merge", ["ulaw", "alaw", "g722"]),
        ("remote_first", ["ulaw"]),
    ],
)
def test_asterisk_outgoing_call_offer_pref(name: str, chosen: list[str]) -> None:
    assert choose_outgoing(LOCAL, REMOTE, OutgoingPreference(name)) == chosen


def test_asterisk_offers_what_the_callee_allows_when_nothing_is_common() -> None:
    assert choose_outgoing(["ulaw"], ["alaw"], OutgoingPreference.REMOTE) == ["ulaw"]


@pytest.mark.parametrize(
    ("text", "chosen"),
    [
        ("prefer: pending, operation: intersect, keep: all, transcode: allow", ["ulaw", "alaw"]),
        ("prefer: configured, operation: intersect", ["alaw", "ulaw"]),
        ("prefer:pending,operation:union", ["ulaw", "gsm", "alaw", "g722"]),
        ("operation: only_preferred, keep: first", ["ulaw"]),
        ("operation: only_nonpreferred", LOCAL),
    ],
)
def test_codec_prefs(text: str, chosen: list[str]) -> None:
    preference = CodecPreference.parse(text)
    assert preference.apply(REMOTE, LOCAL) == chosen
    assert CodecPreference.parse(str(preference)) == preference


@pytest.mark.parametrize("text", ["", "prefer", "prefer: nobody", "colour: red"])
def test_codec_prefs_refused(text: str) -> None:
    with pytest.raises(RemoteFault):
        CodecPreference.parse(text)


@pytest.mark.parametrize(
    ("text", "chosen"),
    [
        ("prefer: pending, operation: intersect", ["b", "c"]),
        ("prefer: configured, operation: intersect", ["c", "b"]),
        ("prefer: configured, operation: union", ["c", "b"]),
        ("prefer: pending, operation: union, keep: first", ["b"]),
        ("prefer: configured, operation: only_preferred, keep: first", ["c"]),
        ("prefer: configured, operation: only_nonpreferred", ["b", "c"]),
    ],
)
def test_what_of_an_offer_is_used(text: str, chosen: list[str]) -> None:
    """Whatever the operation, an answer cannot have what was not offered."""
    assert CodecPreference.parse(text).choose(["b", "c", "x"], ["c", "a", "b"]) == chosen
