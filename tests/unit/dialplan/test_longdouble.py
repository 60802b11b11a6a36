"""Software 80-bit floating point."""

from __future__ import annotations

import math
import platform
from fractions import Fraction

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from globstar.dialplan import longdouble
from globstar.dialplan.longdouble import (
    INFINITY,
    NAN,
    NEGATIVE_ZERO,
    Number,
    add,
    divide,
    format_number,
    modulo,
    multiply,
    negate,
    parse_number,
    rounded,
    subtract,
)

numbers = st.from_regex(r"\A[0-9]{1,25}(\.[0-9]{1,25})?\Z")
HAS_X87 = platform.machine() in ("x86_64", "AMD64") and np.finfo(np.longdouble).nmant == 63


@pytest.mark.parametrize(
    ("value", "text"),
    [
        (0, "0"),
        (NEGATIVE_ZERO, "-0"),
        (INFINITY, "inf"),
        (-INFINITY, "-inf"),
        (NAN, "-nan"),
        (Fraction(1, 2), "0.5"),
        (Fraction(-1, 8), "-0.125"),
        (10**17, "100000000000000000"),
        (10**18, "1e+18"),
        (Fraction(1, 10**4), "0.0001"),
        (Fraction(1, 10**5), "1e-05"),
        (Fraction(5, 2 * 10**7), "2.5e-07"),
        (2**63, "9.22337203685477581e+18"),
        (10**100, "1e+100"),
        (999999999999999999, "999999999999999999"),
        (Fraction(9999999999999999996, 10), "1e+18"),
    ],
)
def test_format(value: Number, text: str) -> None:
    assert format_number(value) == text


def test_rounding_is_to_64_bits_ties_to_even() -> None:
    assert rounded(Fraction(2**64 + 1)) == 2**64
    assert rounded(Fraction(2**64 + 3)) == 2**64 + 4
    assert rounded(Fraction(2**65 + 3)) == 2**65 + 4
    assert rounded(Fraction(-(2**64) - 1)) == -(2**64)
    assert rounded(Fraction(1, 3)) == Fraction(12297829382473034411, 2**65)


def test_range() -> None:
    assert rounded(Fraction(2**16383)) == 2**16383
    assert rounded(Fraction(2**16384)) == INFINITY
    assert rounded(Fraction(-(2**16384))) == -INFINITY
    assert rounded(Fraction(1, 2**20000)) == 0
    assert format_number(rounded(Fraction(-1, 2**20000))) == "-0"


def test_signs_of_zero() -> None:
    shown = [
        format_number(value)
        for value in (
            negate(0), negate(NEGATIVE_ZERO), add(NEGATIVE_ZERO, NEGATIVE_ZERO), add(NEGATIVE_ZERO, 0), subtract(0, 0),
            subtract(NEGATIVE_ZERO, 0), multiply(0, -5), multiply(NEGATIVE_ZERO, -5), divide(0, -5), modulo(-6, 3), modulo(6, -3),
        )
    ]  # fmt: skip
    assert shown == ["-0", "0", "-0", "0", "0", "-0", "-0", "0", "-0", "-0", "0"]


def test_infinity_and_not_a_number() -> None:
    huge = rounded(Fraction(2**16383))
    assert multiply(huge, 4) == INFINITY
    assert add(INFINITY, 1) == INFINITY
    assert divide(1, INFINITY) == 0
    assert modulo(5, INFINITY) == 5
    assert [math.isnan(value) for value in (subtract(INFINITY, INFINITY), modulo(INFINITY, 2), multiply(INFINITY, 0))] == [
        True
    ] * 3
    assert add(huge, -INFINITY) == -INFINITY
    assert divide(huge, INFINITY) == 0


def test_parse() -> None:
    assert parse_number("010") == 10
    assert parse_number("-2.50") == Fraction(-5, 2)
    assert parse_number(".5") == Fraction(1, 2)
    assert parse_number("5.") == 5
    assert format_number(parse_number("-0")) == "-0"
    assert parse_number("9" * 6000) == INFINITY
    assert parse_number("-" + "9" * 6000) == -INFINITY
    assert parse_number("0" * 6000 + "7." + "0" * 6000) == 7


@pytest.mark.skipif(not HAS_X87, reason="no 80-bit numbers in this machine's processor to compare with")
@given(numbers, numbers, st.sampled_from(["add", "subtract", "multiply", "divide", "modulo"]), st.booleans())
def test_arithmetic_is_what_the_processor_computes(left: str, right: str, name: str, negative: bool) -> None:
    left = "-" + left if negative else left
    if parse_number(right) == 0:
        return
    a, b = np.longdouble(left), np.longdouble(right)
    with np.errstate(all="ignore"):
        expected = {"add": a + b, "subtract": a - b, "multiply": a * b, "divide": a / b, "modulo": np.fmod(a, b)}[name]
    computed = getattr(longdouble, name)(parse_number(left), parse_number(right))
    assert np.longdouble(format_exactly(computed)) == expected
    assert np.signbit(np.longdouble(format_exactly(computed))) == np.signbit(expected)


def format_exactly(value: Number) -> str:
    if isinstance(value, float):
        return repr(value)
    exact = Fraction(value)
    scale = exact.denominator.bit_length() - 1
    return f"{exact.numerator * 5**scale}e-{scale}"


@given(numbers, st.booleans())
def test_formatting_round_trips_to_18_digits(text: str, negative: bool) -> None:
    value = parse_number("-" + text if negative else text)
    shown = format_number(value)
    if "e" not in shown:
        assert format_number(parse_number(shown)) == shown
