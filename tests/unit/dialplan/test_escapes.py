"""Escapes and sets of characters."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from globstar.dialplan.escapes import character_set, decode_escapes


@pytest.mark.parametrize(
    ("text", "decoded"),
    [("abc", "abc"), ("\\n\\t\\r", "\n\t\r"), ("\\x41\\x4z", "A\x04z"), ("\\101", "A"), ("\\-\\\\", "-\\"), ("\\", "\\"),
     ("\\xc3\\xa9", "é")],
)  # fmt: skip
def test_escapes(text: str, decoded: str) -> None:
    assert decode_escapes(text) == decoded


@pytest.mark.parametrize(
    ("text", "members"),
    [
        ("", ""),
        ("a-c", "abc"),
        ("z-x", "zx"),
        ("a-", "a"),
        ("-a", "-a"),
        ("\\-a", "-a"),
        ("\\x41-\\x43", "ABC"),
        ("a-c-e", "abc-e"),
    ],
)
def test_asterisk_filter_sets(text: str, members: str) -> None:
    assert character_set(text) == frozenset(members)


@given(st.text())
def test_any_text_is_decoded(text: str) -> None:
    assert isinstance(decode_escapes(text.encode("utf-8", "ignore").decode()), str)
    character_set(text.encode("utf-8", "ignore").decode())
