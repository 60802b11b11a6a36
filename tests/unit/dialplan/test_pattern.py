"""Extension names and patterns."""

from __future__ import annotations

import itertools

import pytest
from hypothesis import given
from hypothesis import strategies as st

from globstar.dialplan.pattern import CallerMatch, Pattern, canonical, compile_pattern


@pytest.mark.parametrize(
    ("pattern", "matching", "other"),
    [
        ("100", ["100", "1-00"], ["10", "1000", "_100"]),
        ("555-1212", ["5551212", "555-1212", "55-51212"], ["555 1212"]),
        ("_NXX", ["200", "999", "2-00"], ["199", "20", "2000", "20a", "NXX"]),
        ("_nzx", ["210"], ["110", "201"[:2], "NZX"]),
        ("_X.", ["12", "1abc"], ["1", "", "a1"]),
        ("_X!", ["1", "12"], ["", "a"]),
        ("_.", ["1", "s", "h"], [""]),
        ("_!", ["", "1", "abc"], []),
        ("_[1-35-7]", list("123567"), list("048")),
        ("_[135]X", ["12", "39"], ["22"]),
        ("_[a-cx]1", ["a1", "x1"], ["d1", "A1"]),
        ("_[X]1", ["X1"], ["11", "x1"]),
        ("_[1-]X", ["11"], ["-1", "21"]),
        ("_[]X", [], ["1", "]1"]),
        ("_[9-1]", [], ["9", "1", "5"]),
        ("_+1NXX", ["+1212"], ["1212"]),
        ("_X.X", ["12", "1ab"], ["1"]),
        ("_\\X1", ["\\51"], ["X1", "11"]),
        ("_5-5X", ["551", "5-51"], ["51"]),
        ("_[12", [], ["1", "12", "[12"]),
        ("ABC", ["ABC"], ["abc"]),
        ("_*[12]#", ["*1#"], ["*3#"]),
        ("_**X.", ["**12"], ["*12"]),
    ],
)
def test_matches(pattern: str, matching: list[str], other: list[str]) -> None:
    compiled = compile_pattern(pattern)
    assert [text for text in matching if not compiled.matches(canonical(text))] == []
    assert [text for text in other if compiled.matches(canonical(text))] == []


@pytest.mark.parametrize(
    ("patterns", "ordered"),
    [
        ("_1 1 _X 0", "0 1 _1 _X"),
        ("_X _Z _N _[3-9] _[12]", "_[12] _[3-9] _N _Z _X"),
        ("_! _. _X _X. _X! _XX", "_XX _X. _X! _X _. _!"),
        ("_2X! _2X. _2XX", "_2XX _2X. _2X!"),
        ("_1X3 _12X", "_12X _1X3"),
        ("_1. _1.2", "_1.2 _1."),
        ("12 1 i s 2", "1 12 2 i s"),
        ("_[13]X _[1-2]X _[1-3]X _1X", "_1X _[1-2]X _[13]X _[1-3]X"),
    ],
)
def test_order(patterns: str, ordered: str) -> None:
    assert sorted(patterns.split(), key=lambda text: Pattern(text).key) == ordered.split()


@pytest.mark.parametrize(
    ("one", "two"), [("_NXX", "_[2-9]XX"), ("_[123]", "_[1-3]"), ("5-5", "55"), ("_x", "_X"), ("_1-X", "_1X")]
)
def test_different_spellings_of_one_extension(one: str, two: str) -> None:
    assert Pattern(one).key == Pattern(two).key


def test_exact_name_and_pattern_without_variables_differ() -> None:
    assert Pattern("_12").key != Pattern("12").key


@pytest.mark.parametrize(
    ("pattern", "dialled", "can", "more"),
    [
        ("123", "", True, True),
        ("123", "12", True, True),
        ("123", "123", True, False),
        ("123", "1234", False, False),
        ("123", "13", False, False),
        ("_1XX", "1", True, True),
        ("_1XX", "12", True, True),
        ("_1XX", "123", True, False),
        ("_1XX", "2", False, False),
        ("_1.", "1", True, True),
        ("_1.", "12", True, True),
        ("_1!", "", True, True),
        ("_1!", "1", True, False),
        ("_1!", "123", True, False),
        ("_[]1", "", False, False),
        ("_[1", "", False, False),
    ],
)
def test_digits_so_far(pattern: str, dialled: str, can: bool, more: bool) -> None:
    compiled = Pattern(pattern)
    assert (compiled.can_match(dialled), compiled.matches_more(dialled)) == (can, more)


def test_caller_match() -> None:
    assert CallerMatch("").matches("")
    assert not CallerMatch("").matches("5")
    assert CallerMatch("_555XXXX").matches("555-1212")
    assert not CallerMatch("5551212").matches("")


@given(st.text("_XNZ[]-.!019a"), st.text("0159a-"))
def test_a_prefix_of_a_match_can_match(pattern: str, dialled: str) -> None:
    compiled = Pattern(pattern)
    if compiled.matches(canonical(dialled)) and not (compiled.open_ended and compiled.early):
        assert all(compiled.can_match(canonical(dialled)[:length]) for length in range(len(dialled)))


@given(st.lists(st.text("_XNZ[]-.!019a", max_size=6)))
def test_keys_always_compare(patterns: list[str]) -> None:
    keys = [Pattern(pattern).key for pattern in patterns]
    keys.sort()
    assert all(not later < earlier for earlier, later in itertools.pairwise(keys))


@pytest.mark.parametrize(
    ("one", "other", "covers"),
    [
        ("_X.", "_1XX", True), ("_X.", "_X", False), ("_X!", "_X", True), ("_X.", "_X.", True), ("_X.", "_X!", False),
        ("_X!", "_X.", True), ("_1XX", "_XXX", False), ("_XXX", "_1NX", True), ("_XXX", "_XXXX", False), ("_XX.", "_X.", False),
        ("_X.", "_XX.", True), ("_.", "_[a-z]", True), ("_!", "_[a-z]", True), ("_.", "_[a-z]X", True), ("_X.", "12", True),
        ("_X.", "a2", False), ("12", "12", True), ("12", "_12", False), ("_[1", "_12", False), ("_XX", "_X.", False),
        ("_.", "_!", False),
    ],
)  # fmt: skip
def test_one_pattern_covers_another(one: str, other: str, covers: bool) -> None:
    assert Pattern(one).covers(Pattern(other)) is covers
