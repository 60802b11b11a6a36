"""The mathematical functions of `$[...]`: SIN, POW, ROUND and their like, to 64 bits of precision."""

from __future__ import annotations

import math
from collections.abc import Callable
from decimal import ROUND_HALF_EVEN, Context, Decimal, Overflow, Underflow, getcontext, localcontext
from fractions import Fraction
from functools import lru_cache

from globstar.dialplan.longdouble import (
    INFINITY,
    NAN,
    NEGATIVE_ZERO,
    Number,
    from_decimal,
    from_float,
    is_finite,
    is_negative,
    is_zero,
    negate,
    rounded,
    simplified,
    to_decimal,
    to_float,
)

_PRECISION = 60
# Terms of a series below this change nothing (the least result is that of a 64-bit number next to a multiple of pi).
_SMALL = Decimal("1e-75")
_TENTH = Decimal("0.1")
PI = Decimal("3.14159265358979323846264338327950288419716939937510582097494459230781640628620899862803482534211706798")


def _context(extra: int = 0) -> Context:
    context = Context(prec=_PRECISION + extra, rounding=ROUND_HALF_EVEN, Emin=-999999, Emax=999999)
    context.traps[Overflow] = False
    context.traps[Underflow] = False
    return context


_C = _context()


# Rounding


def _whole(value: Number, toward: Callable[[Fraction], int]) -> Number:
    if not is_finite(value):
        return value
    result = toward(Fraction(value))
    return NEGATIVE_ZERO if result == 0 and is_negative(value) else result


def floor(value: Number) -> Number:
    return _whole(value, math.floor)


def ceil(value: Number) -> Number:
    return _whole(value, math.ceil)


def trunc(value: Number) -> Number:
    return _whole(value, math.trunc)


def round_half_away(value: Number) -> Number:
    return _whole(value, lambda exact: (math.floor(abs(exact) + Fraction(1, 2))) * (-1 if exact < 0 else 1))


def rint(value: Number) -> Number:
    return _whole(value, round)


def remainder(left: Number, right: Number) -> Number:
    """Return the IEEE remainder: left minus right times the nearest whole quotient, ties to even."""
    if not is_finite(left) or is_zero(right) or right != right:
        return NAN
    if not is_finite(right):
        return left
    a, b = Fraction(left), Fraction(right)
    rest = a - b * round(a / b)
    return NEGATIVE_ZERO if rest == 0 and is_negative(left) else simplified(rest)


# Powers and logarithms


def sqrt(value: Number) -> Number:
    if is_zero(value) or value == INFINITY:
        return value
    return from_decimal(_C.sqrt(to_decimal(value))) if value > 0 else NAN


def exp(value: Number) -> Number:
    return _exponential(value, Decimal(1))


def exp2(value: Number) -> Number:
    return _power_of(2, value)


def exp10(value: Number) -> Number:
    return _power_of(10, value)


def _power_of(base: int, value: Number) -> Number:
    if isinstance(value, int):
        return power(base, value)
    return _exponential(value, _C.ln(Decimal(base)))


def _exponential(value: Number, factor: Decimal) -> Number:
    if not is_finite(value):
        return NAN if value != value else INFINITY if value > 0 else 0
    exponent = _C.multiply(to_decimal(value), factor)
    if abs(exponent) > 12000:
        return INFINITY if exponent > 0 else 0
    return from_decimal(_C.exp(exponent))


def log(value: Number) -> Number:
    return _logarithm(value, _C.ln)


def log2(value: Number) -> Number:
    if isinstance(value, int) and value > 0 and value & (value - 1) == 0:
        return value.bit_length() - 1
    return _logarithm(value, lambda number: _C.divide(_C.ln(number), _C.ln(Decimal(2))))


def log10(value: Number) -> Number:
    return _logarithm(value, _C.log10)


def _logarithm(value: Number, compute: Callable[[Decimal], Decimal]) -> Number:
    if is_zero(value):
        return -INFINITY
    if not is_finite(value):
        return INFINITY if value == INFINITY else NAN
    return NAN if value < 0 else from_decimal(compute(to_decimal(value)))


def power(base: Number, exponent: Number) -> Number:
    """Return base to the power of exponent as C's powl."""
    if is_zero(exponent) or base == 1:
        return 1
    if not (is_finite(base) and is_finite(exponent)):
        return from_float(to_float(base) ** to_float(exponent)) if base >= 0 else NAN
    if is_zero(base):
        is_odd = isinstance(exponent, int) and exponent % 2 == 1
        if exponent > 0:
            return base if is_odd else 0
        return -INFINITY if is_odd and is_negative(base) else INFINITY
    if isinstance(exponent, int):
        magnitude = _exponential(exponent, _C.ln(abs(to_decimal(base))))
        exact = _small_power(base, exponent)
        result_number = magnitude if exact is None else exact
        return negate(result_number) if base < 0 and exponent % 2 else result_number
    return NAN if base < 0 else _exponential(exponent, _C.ln(to_decimal(base)))


def _small_power(base: Number, exponent: int) -> Number | None:
    """Return |base| ** exponent computed exactly, or None when that takes too many digits."""
    exact = abs(Fraction(base))
    if (exact.numerator.bit_length() + exact.denominator.bit_length()) * abs(exponent) > 40000:
        return None
    return rounded(exact**exponent)


# Angles. The series below run inside a decimal context that has the digits they need.


def _finite(compute: Callable[[Decimal], Decimal]) -> Callable[[Number], Number]:
    """Make a function of numbers out of one of finite decimals; zero gives zero of the same sign."""

    def function(value: Number) -> Number:
        if is_zero(value):
            return value
        return _computed(compute, value) if is_finite(value) else NAN

    return function


def _computed(compute: Callable[[Decimal], Decimal], value: Number) -> Number:
    angle = to_decimal(value)
    with localcontext(_context(max(0, angle.adjusted()) + 20)):
        return from_decimal(compute(angle))


def _pi() -> Decimal:
    """Return pi to the precision of the context in force."""
    digits = getcontext().prec
    return +PI if digits < 100 else _computed_pi(digits)


@lru_cache(maxsize=4)
def _computed_pi(digits: int) -> Decimal:
    """Compute pi by Machin's formula, in whole numbers."""
    unit: int = 10 ** (digits + 10)
    return Decimal(16 * _inverse_arctangent(5, unit) - 4 * _inverse_arctangent(239, unit)) / unit


def _inverse_arctangent(inverse: int, unit: int) -> int:
    """Return the arc tangent of 1 / inverse, times unit."""
    power_term = unit // inverse
    total = 0
    index = 0
    while power_term:
        total += (-power_term if index % 2 else power_term) // (2 * index + 1)
        power_term //= inverse * inverse
        index += 1
    return total


def _sine(angle: Decimal) -> Decimal:
    """Sum the series of the sine after bringing the angle near zero."""
    turn = 2 * _pi()
    angle -= turn * (angle / turn).to_integral_value()
    term = total = angle
    square = angle * angle
    index = 1
    while abs(term) > _SMALL:
        index += 2
        term = -term * square / (index * (index - 1))
        total += term
    return total


def _cosine(angle: Decimal) -> Decimal:
    return _sine(angle + _pi() / 2)


def _tangent(angle: Decimal) -> Decimal:
    return _sine(angle) / _cosine(angle)


def _arctangent(value: Decimal) -> Decimal:
    """Halve the argument until the series converges quickly."""
    if value.is_signed():
        return -_arctangent(-value)
    if value > 1:
        return _pi() / 2 - _arctangent(1 / value)
    halvings = 0
    while value > _TENTH:
        value /= 1 + (1 + value * value).sqrt()
        halvings += 1
    square = value * value
    term = total = value
    index = 1
    while abs(term) > _SMALL:
        index += 2
        term = -term * square
        total += term / index
    return total * (1 << halvings)


def _arcsine(value: Decimal) -> Decimal:
    if abs(value) == 1:
        return (_pi() / 2).copy_sign(value)
    return _arctangent(value / (1 - value * value).sqrt())


def _arccosine(value: Decimal) -> Decimal:
    return _pi() / 2 - _arcsine(value)


sin = _finite(_sine)
tan = _finite(_tangent)


def cos(value: Number) -> Number:
    if is_zero(value):
        return 1
    return _computed(_cosine, value) if is_finite(value) else NAN


def asin(value: Number) -> Number:
    return _finite(_arcsine)(value) if -1 <= value <= 1 else NAN


def acos(value: Number) -> Number:
    return _computed(_arccosine, value) if -1 <= value <= 1 else NAN


def atan(value: Number) -> Number:
    if value in (INFINITY, -INFINITY):
        return atan2(1 if value > 0 else -1, 0)
    return _finite(_arctangent)(value)


def atan2(y: Number, x: Number) -> Number:
    """Return the angle of the point (x, y)."""
    if not (is_finite(y) and is_finite(x)) or is_zero(y) or is_zero(x):
        return _exact_quarters(math.atan2(to_float(y), to_float(x)))
    with localcontext(_context(20)):
        angle = _arctangent(abs(to_decimal(y)) / abs(to_decimal(x)))
        if x < 0:
            angle = _pi() - angle
        return from_decimal(-angle if y < 0 else angle)


def _exact_quarters(angle: float) -> Number:
    """Replace a float multiple of a quarter of pi by its long double."""
    if angle != angle:
        return NAN
    if angle == 0:
        return NEGATIVE_ZERO if math.copysign(1, angle) < 0 else 0
    with localcontext(_context()):
        return from_decimal(_pi() * round(angle / (math.pi / 4)) / 4)


FUNCTIONS: dict[str, tuple[int, Callable[..., Number]]] = {
    "COS": (1, cos),
    "SIN": (1, sin),
    "TAN": (1, tan),
    "ACOS": (1, acos),
    "ASIN": (1, asin),
    "ATAN": (1, atan),
    "ATAN2": (2, atan2),
    "POW": (2, power),
    "SQRT": (1, sqrt),
    "FLOOR": (1, floor),
    "CEIL": (1, ceil),
    "ROUND": (1, round_half_away),
    "RINT": (1, rint),
    "TRUNC": (1, trunc),
    "EXP": (1, exp),
    "EXP2": (1, exp2),
    "EXP10": (1, exp10),
    "LOG": (1, log),
    "LOG2": (1, log2),
    "LOG10": (1, log10),
    "REMAINDER": (2, remainder),
}
"""Name: (number of arguments, function)."""
