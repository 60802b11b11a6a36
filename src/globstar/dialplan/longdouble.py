"""Numbers of `$[...]`: 80-bit extended floating point (64-bit mantissa), printed with 18 significant digits.

A value is an `int`, a `Fraction` that a 64-bit mantissa can hold, or a `float` for what neither can say: negative
zero, infinities and not-a-number. Every operation computes exactly and rounds once, so results do not depend on the machine.
"""

from __future__ import annotations

import math
import sys
from decimal import ROUND_HALF_EVEN, Context, Decimal
from fractions import Fraction

Number = int | Fraction | float

MANTISSA_BITS = 64
_MAX_EXPONENT = 16384
_MIN_EXPONENT = -16445
# A number with more digits before the point is infinite; more digits behind it change nothing.
MAX_DIGITS = 5000
_EXACT_INT = 1 << MANTISSA_BITS

NEGATIVE_ZERO = -0.0
INFINITY = math.inf
NAN = math.nan

_DIGITS_18 = Context(prec=18, rounding=ROUND_HALF_EVEN, Emin=-99999, Emax=99999)
# Enough to round a transcendental function's value correctly to 64 bits.
_WIDE = Context(prec=60, rounding=ROUND_HALF_EVEN, Emin=-999999, Emax=999999)


def rounded(value: Fraction) -> Number:
    """Round an exact value to a 64-bit mantissa, ties to even."""
    if value.denominator == 1 and -_EXACT_INT <= value.numerator <= _EXACT_INT:
        return value.numerator
    numerator, denominator = abs(value.numerator), value.denominator
    exponent = numerator.bit_length() - denominator.bit_length() - MANTISSA_BITS
    mantissa, remainder, divisor = _scaled(numerator, denominator, exponent)
    if mantissa.bit_length() > MANTISSA_BITS:
        exponent += 1
        mantissa, remainder, divisor = _scaled(numerator, denominator, exponent)
    if 2 * remainder > divisor or (2 * remainder == divisor and mantissa & 1):
        mantissa += 1
    if mantissa.bit_length() + exponent > _MAX_EXPONENT:
        return -INFINITY if value < 0 else INFINITY
    if exponent < _MIN_EXPONENT:
        return NEGATIVE_ZERO if value < 0 else 0
    signed = -mantissa if value < 0 else mantissa
    result = Fraction(signed << exponent) if exponent >= 0 else Fraction(signed, 1 << -exponent)
    return simplified(result)


def _scaled(numerator: int, denominator: int, exponent: int) -> tuple[int, int, int]:
    if exponent >= 0:
        denominator <<= exponent
    else:
        numerator <<= -exponent
    return *divmod(numerator, denominator), denominator


def simplified(value: Fraction) -> int | Fraction:
    """Return whole fractions as int."""
    return value.numerator if value.denominator == 1 else value


def parse_number(text: str) -> Number:
    """Read digits with an optional point and minus sign."""
    if len(text) < 18 and text.isdecimal():
        return int(text)
    negative = text.startswith("-")
    digits = text[1:] if negative else text
    if len(digits) > MAX_DIGITS:
        whole, point, part = digits.partition(".")
        whole = whole.lstrip("0")
        if len(whole) > MAX_DIGITS:
            return -INFINITY if negative else INFINITY
        digits = whole + point + part[:MAX_DIGITS]
    value = rounded(Fraction(Decimal(digits)))
    return negate(value) if negative else value


def negate(value: Number) -> Number:
    """Change the sign, of zero too."""
    if isinstance(value, float):
        return 0 if value == 0 else -value
    return -value if value else NEGATIVE_ZERO


def add(left: Number, right: Number) -> Number:
    if isinstance(left, int) and isinstance(right, int):
        total = left + right
        return total if -_EXACT_INT < total < _EXACT_INT else rounded(Fraction(total))
    if is_finite(left) and is_finite(right):
        result = rounded(Fraction(left) + Fraction(right))
        return NEGATIVE_ZERO if result == 0 and is_negative(left) and is_negative(right) else result
    return from_float(to_float(left) + to_float(right))


def subtract(left: Number, right: Number) -> Number:
    return add(left, negate(right))


def multiply(left: Number, right: Number) -> Number:
    if isinstance(left, int) and isinstance(right, int) and left and right:
        product = left * right
        return product if -_EXACT_INT < product < _EXACT_INT else rounded(Fraction(product))
    if is_finite(left) and is_finite(right):
        return _signed(rounded(Fraction(left) * Fraction(right)), left, right)
    return from_float(to_float(left) * to_float(right))


def divide(left: Number, right: Number) -> Number:
    """Divide; the divisor is not zero."""
    if is_finite(left) and is_finite(right):
        return _signed(rounded(Fraction(left) / Fraction(right)), left, right)
    return from_float(to_float(left) / to_float(right))


def modulo(left: Number, right: Number) -> Number:
    """Return the remainder with the sign of the dividend; the divisor is not zero."""
    if not is_finite(left) or right != right:
        return NAN
    if not is_finite(right):
        return left
    rest = abs(Fraction(left)) % abs(Fraction(right))
    if is_negative(left):
        return simplified(-rest) if rest else NEGATIVE_ZERO
    return simplified(rest)


def _signed(result: Number, left: Number, right: Number) -> Number:
    """Give a product or quotient of zero the sign of its operands."""
    return NEGATIVE_ZERO if result == 0 and is_negative(left) != is_negative(right) else result


def is_finite(value: Number) -> bool:
    """Tell whether the value is neither infinite nor not-a-number."""
    return not isinstance(value, float) or value == 0


def to_float(value: Number) -> float:
    """Return the nearest float; what is finite stays finite."""
    try:
        return float(value)
    except OverflowError:
        return -sys.float_info.max if value < 0 else sys.float_info.max


def from_float(value: float) -> Number:
    """Take over a float, keeping only negative zero, infinities and not-a-number as float."""
    if not math.isfinite(value) or (value == 0 and math.copysign(1, value) < 0):
        return value
    return simplified(Fraction(value))


def is_zero(value: Number) -> bool:
    return value == 0


def is_negative(value: Number) -> bool:
    """Tell whether the sign is a minus, of zero too."""
    return math.copysign(1, value) < 0 if isinstance(value, float) else value < 0


def to_decimal(value: Number) -> Decimal:
    """Return a finite value with 60 digits, for the functions."""
    exact = Fraction(value)
    return _WIDE.divide(Decimal(exact.numerator), Decimal(exact.denominator))


def from_decimal(value: Decimal) -> Number:
    """Round the value of a function to a 64-bit mantissa."""
    if not value.is_finite():
        return NAN if value.is_nan() else (-INFINITY if value < 0 else INFINITY)
    if value and value.adjusted() > 5000:
        return -INFINITY if value < 0 else INFINITY
    if value.is_zero() or value.adjusted() < -5000:
        return NEGATIVE_ZERO if value.is_signed() else 0
    return rounded(Fraction(value))


def format_number(value: Number) -> str:
    """Print as C's "%.18Lg" does."""
    if isinstance(value, int) and -(10**18) < value < 10**18:
        return str(value)
    if isinstance(value, float):
        if math.isnan(value):
            return "-nan"
        if math.isinf(value):
            return "inf" if value > 0 else "-inf"
        return "-0" if math.copysign(1, value) < 0 else "0"
    exact = Fraction(value)
    decimal = _DIGITS_18.divide(Decimal(exact.numerator), Decimal(exact.denominator))
    exponent = decimal.adjusted()
    if -4 <= exponent < 18:
        text = format(decimal, "f")
        return text.rstrip("0").rstrip(".") if "." in text else text
    sign = "-" if decimal.is_signed() else ""
    digits = "".join(map(str, decimal.as_tuple().digits)).rstrip("0")
    mantissa = digits[0] + ("." + digits[1:] if len(digits) > 1 else "")
    return f"{sign}{mantissa}e{'-' if exponent < 0 else '+'}{abs(exponent):02d}"
