"""Header names and reason phrases."""

from __future__ import annotations

import pytest

from globstar.proto.sip.names import COMPACT_FORMS, KNOWN_HEADERS, canonical_name, reason_phrase


@pytest.mark.parametrize("name", KNOWN_HEADERS)
def test_any_case(name: str) -> None:
    for spelling in (name, name.lower(), name.upper(), name.swapcase(), f" {name}  "):
        assert canonical_name(spelling) == name


@pytest.mark.parametrize(("short", "name"), COMPACT_FORMS.items())
def test_rfc3261_7_3_3_compact_forms(short: str, name: str) -> None:
    assert canonical_name(short) == canonical_name(short.upper()) == canonical_name(f"{short} ") == name


def test_unknown_names_keep_their_case() -> None:
    assert canonical_name(" X-MyHeader ") == "X-MyHeader"


def test_reason_phrases() -> None:
    assert reason_phrase(481) == "Call/Transaction Does Not Exist"
    assert reason_phrase(499) == "Bad Request", "an unknown one is treated like x00 (RFC 3261 8.1.3.2)"
    assert reason_phrase(799) == "Unknown"
