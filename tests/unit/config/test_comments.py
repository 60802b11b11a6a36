"""Comments of the .conf syntax."""

from __future__ import annotations

import pytest

from globstar.config.comments import CommentStripper


def strip_all(text: str) -> list[str]:
    stripper = CommentStripper()
    return [stripper.strip(line, number) for number, line in enumerate(text.split("\n"), 1)]


@pytest.mark.parametrize(
    ("line", "kept"),
    [
        ("a = b", "a = b"),
        ("  a = b\t\r", "a = b"),
        ("a = b ; c", "a = b"),
        ("; all", ""),
        ("a = b\\;c", "a = b;c"),
        ("a\\;b\\;c;d", "a;b;c"),
        ("a = b ;--- c", "a = b"),
        ("a ;-- x --; b", "a  b"),
        ("a ;-- x ;-- y --; z --; b", "a  b"),
        ("a ;-- x --; b ;-- c --; d", "a  b  d"),
        ("a --; b", "a --"),
        (";-- x --;", ""),
        (";-- x --; a = b ; c", "a = b"),
    ],
)
def test_line(line: str, kept: str) -> None:
    assert strip_all(line) == [kept]


def test_block_over_lines_keeps_what_stands_around_it() -> None:
    assert strip_all("a ;-- x\nb\n;--- y ;-- z\n--; still\n--; c\nd") == ["a", "", "", "", "c", "d"]


def test_open_block_is_remembered() -> None:
    stripper = CommentStripper()
    stripper.strip("a", 1)
    stripper.strip("b ;-- c", 2)
    assert (stripper.depth, stripper.opened_at) == (1, 2)
