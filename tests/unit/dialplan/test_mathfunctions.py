"""Functions of `$[...]` against values worked out with more digits than they have."""

from __future__ import annotations

import math
from fractions import Fraction

import pytest
from hypothesis import given
from hypothesis import strategies as st

from globstar.dialplan.longdouble import INFINITY, NAN, NEGATIVE_ZERO, Number, format_number, parse_number
from globstar.dialplan.mathfunctions import FUNCTIONS


def call(name: str, *arguments: Number | str) -> str:
    count, function = FUNCTIONS[name]
    assert count == len(arguments)
    return format_number(function(*(parse_number(text) if isinstance(text, str) else text for text in arguments)))


@pytest.mark.parametrize(
    ("name", "arguments", "result"),
    [
        ("SIN", ("1",), "0.841470984807896507"),
        ("SIN", ("-1",), "-0.841470984807896507"),
        ("SIN", ("1000000",), "-0.349993502171292952"),
        ("SIN", (10**22,), "-0.852200849767188802"),
        ("COS", ("0",), "1"),
        ("COS", ("1",), "0.540302305868139717"),
        ("TAN", ("1",), "1.55740772465490223"),
        ("ASIN", ("1",), "1.57079632679489662"),
        ("ASIN", ("0.5",), "0.523598775598298873"),
        ("ACOS", ("1",), "0"),
        ("ACOS", ("0.5",), "1.04719755119659775"),
        ("ACOS", ("-1",), "3.14159265358979324"),
        ("ATAN", ("1",), "0.78539816339744831"),
        ("ATAN", ("-1000",), "-1.56979632712822975"),
        ("ATAN2", ("1", "-1"), "2.35619449019234493"),
        ("ATAN2", ("-1", "1"), "-0.78539816339744831"),
        ("ATAN2", ("0", "1"), "0"),
        ("ATAN2", ("0", "-1"), "3.14159265358979324"),
        ("ATAN2", ("2", "0"), "1.57079632679489662"),
        ("POW", ("2", "10"), "1024"),
        ("POW", ("2", "0.5"), "1.41421356237309505"),
        ("POW", ("-2", "3"), "-8"),
        ("POW", ("-8", "0.5"), "-nan"),
        ("POW", ("0", "-1"), "inf"),
        ("POW", ("10", "100000"), "inf"),
        ("POW", ("1.0001", "100000"), "22015.4560485522987"),
        ("POW", ("2", "-2"), "0.25"),
        ("SQRT", ("2",), "1.41421356237309505"),
        ("SQRT", ("-1",), "-nan"),
        ("EXP", ("1",), "2.71828182845904524"),
        ("EXP", ("20000",), "inf"),
        ("EXP", ("-20000",), "0"),
        ("EXP2", ("0.5",), "1.41421356237309505"),
        ("EXP10", ("-2",), "0.01"),
        ("EXP10", ("0.5",), "3.16227766016837933"),
        ("LOG", ("10",), "2.30258509299404568"),
        ("LOG", ("0",), "-inf"),
        ("LOG", ("-1",), "-nan"),
        ("LOG2", ("8",), "3"),
        ("LOG2", ("10",), "3.32192809488736235"),
        ("LOG10", ("1000",), "3"),
        ("ROUND", ("2.5",), "3"),
        ("ROUND", ("-2.5",), "-3"),
        ("RINT", ("2.5",), "2"),
        ("FLOOR", ("-3.2",), "-4"),
        ("CEIL", ("-0.5",), "-0"),
        ("TRUNC", ("-3.9",), "-3"),
        ("REMAINDER", ("11", "3"), "-1"),
        ("REMAINDER", ("-6", "3"), "-0"),
        ("REMAINDER", ("5", "0"), "-nan"),
        ("REMAINDER", ("5", INFINITY), "5"),
        ("FLOOR", (INFINITY,), "inf"),
        ("SQRT", (INFINITY,), "inf"),
        ("SIN", (INFINITY,), "-nan"),
        ("COS", (NAN,), "-nan"),
        ("ATAN", (INFINITY,), "1.57079632679489662"),
        ("EXP", (NEGATIVE_ZERO,), "1"),
        ("LOG", (INFINITY,), "inf"),
        ("POW", (INFINITY, "-1"), "0"),
        ("POW", (NEGATIVE_ZERO, "-1"), "-inf"),
        ("POW", (NAN, "0"), "1"),
    ],
)
def test_value(name: str, arguments: tuple[Number | str, ...], result: str) -> None:
    assert call(name, *arguments) == result


@given(st.sampled_from(["SIN", "COS", "TAN", "ASIN", "ACOS", "ATAN", "EXP", "SQRT", "LOG"]), st.floats(0.001, 0.999))
def test_agrees_with_the_standard_library(name: str, value: float) -> None:
    computed = FUNCTIONS[name][1](Fraction(value))
    assert float(computed) == pytest.approx(getattr(math, name.lower())(value), rel=1e-14)


@given(
    st.sampled_from(sorted(FUNCTIONS)), st.lists(st.one_of(st.integers(), st.fractions(), st.floats()), min_size=2, max_size=2)
)
def test_any_numbers_give_a_number(name: str, arguments: list[int | Fraction | float]) -> None:
    from globstar.dialplan.longdouble import from_float, rounded

    numbers = [from_float(value) if isinstance(value, float) else rounded(Fraction(value)) for value in arguments]
    count, function = FUNCTIONS[name]
    assert format_number(function(*numbers[:count]))
