"""Numbers at the beginning of texts."""

from __future__ import annotations

import math

import pytest

from globstar.core.numbers import NumberArguments, leading_float, leading_integer, seconds


@pytest.mark.parametrize(
    ("text", "number"),
    [("1.5", 1.5), (" .5x", 0.5), ("-2", -2.0), ("1e3", 1000.0), ("7.", 7.0), ("12abc", 12.0), ("1e", 1.0)],
)
def test_leading_float(text: str, number: float) -> None:
    assert leading_float(text) == number


@pytest.mark.parametrize("text", ["", "abc", ".", "-", "e5", "१"])
def test_no_number(text: str) -> None:
    assert math.isnan(leading_float(text))
    assert leading_integer(text, -7) == -7
    assert seconds(text) == 0


@pytest.mark.parametrize(("text", "number"), [("12", 12), (" -3x", -3), ("+4", 4), ("0.9", 0), ("9" * 40, int("9" * 18))])
def test_leading_integer(text: str, number: int) -> None:
    assert leading_integer(text) == number


@pytest.mark.parametrize(("text", "duration"), [("1.5", 1.5), ("-1", 0.0), ("2s", 2.0)])
def test_seconds(text: str, duration: float) -> None:
    assert seconds(text) == duration


def test_arguments_that_are_no_numbers_are_told_and_count_as_left_out() -> None:
    told: list[str] = []
    numbers = NumberArguments("App", ["12ms", "abc", "-3", "", "0", "1.5s", "x", "-1"], told.append)
    assert [numbers.integer(index, 7) for index in (0, 1, 2, 3, 99)] == [12, 7, 7, 7, 7]
    assert numbers.integer(4, 7, least=1) == 7
    assert [numbers.seconds(index) for index in (5, 6, 7, 3)] == [1.5, 0.0, 0.0, 0.0]
    assert told == [
        "App: 'abc' is not a whole number of at least 0; it counts as left out",
        "App: '-3' is not a whole number of at least 0; it counts as left out",
        "App: '0' is not a whole number of at least 1; it counts as left out",
        "App: 'x' is not a number of seconds; it counts as left out",
        "App: '-1' is not a number of seconds; it counts as left out",
    ]
