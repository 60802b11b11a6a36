"""What counts as true in the dialplan."""

from __future__ import annotations

import pytest

from globstar.core.conditions import is_true, split_branches


@pytest.mark.parametrize("text", ["1", "2", "10", "01", "0001", "9x", "yes", "no", "-0", "-1", " ", " 0", "a0", "é", "1.0", "%"])
def test_true(text: str) -> None:
    assert is_true(text)


@pytest.mark.parametrize("text", ["", "0", "00", "0.5", "0x1", "0 1", "0abc", "000000"])
def test_false(text: str) -> None:
    assert not is_true(text)


@pytest.mark.parametrize(
    ("text", "branches"), [("a:b", ("a", "b")), ("a", ("a", "")), (":b", ("", "b")), ("a:b:c", ("a", "b:c")), ("", ("", ""))]
)
def test_branches(text: str, branches: tuple[str, str]) -> None:
    assert split_branches(text) == branches
