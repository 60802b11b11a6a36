"""Text measured in bytes."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from globstar.base.bytetext import byte_length, byte_slice, byte_view, from_byte_view

any_bytes = st.binary().map(lambda data: data.decode("utf-8", "surrogateescape"))


@pytest.mark.parametrize(
    ("offset", "length", "expected"),
    [
        (0, None, "abcdefghij"), (3, None, "defghij"), (10, None, ""), (50, None, ""), (-3, None, "hij"),
        (2, 3, "cde"), (8, 5, "ij"), (2, 0, ""), (2, -8, ""), (2, -7, "c"), (-5, -5, ""), (-5, -6, ""), (-50, 3, "abc"),
        (-50, None, "abcdefghij"), (3, -100, ""), (0, -1, "abcdefghi"), (10**30, 1, ""), (-(10**30), 10**30, "abcdefghij"),
    ],
)  # fmt: skip
def test_slice(offset: int, length: int | None, expected: str) -> None:
    assert byte_slice("abcdefghij", offset, length) == expected


def test_bytes_are_counted() -> None:
    assert byte_length("\u00e9 \u65e5") == 6
    assert byte_slice("\u00e9 \u65e5", 0, 2) == "\u00e9"
    assert byte_slice("\u00e9", 0, 1) == "\udcc3"
    assert byte_length("\udcc3") == 1


@given(any_bytes)
def test_view_round_trips(text: str) -> None:
    assert from_byte_view(byte_view(text)) == text
    assert len(byte_view(text)) == byte_length(text)


@given(any_bytes, st.integers(0, 20))
def test_halves_join_to_the_whole(text: str, offset: int) -> None:
    first, second = byte_slice(text, 0, offset), byte_slice(text, offset, None)
    joined = (first.encode("utf-8", "surrogateescape") + second.encode("utf-8", "surrogateescape")).decode(
        "utf-8", "surrogateescape"
    )
    assert joined == text
