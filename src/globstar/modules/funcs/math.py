"""Mathematical dialplan function."""

from __future__ import annotations

import math
import re
from collections.abc import Callable

from globstar.base.log import Logger
from globstar.core.channel import Channel
from globstar.core.functions import FunctionError
from globstar.core.numbers import leading_float
from globstar.core.references import store, value_of
from globstar.core.registry import function
from globstar.dialplan.arguments import argument, split_arguments

logger = Logger("func_math")

_NUMBER = r"[+-]?(?:\d+\.?\d*|\.\d+)(?:[eE][+-]?\d+)?"
#: number operator number; what follows the second number is passed over.
_OPERATION = re.compile(rf"\s*({_NUMBER})\s*(AND|XOR|OR|<<|>>|<=|>=|==|!=|[-+*/%^<>])\s*({_NUMBER})", re.ASCII)
_INTEGER = re.compile(r"\s*[+-]?\d{1,18}$", re.ASCII)
_MOST_BITS = 63


def _divide(left: float, right: float) -> float:
    return left / right if right else 0.0


def _remainder(left: float, right: float) -> float:
    """C's remainder of the whole parts: it has the sign of the left number."""
    return math.fmod(math.trunc(left), math.trunc(right)) if math.trunc(right) else 0.0


def _power(left: float, right: float) -> float:
    try:
        return math.pow(left, right)
    except OverflowError:
        return math.inf
    except ValueError:
        return math.nan


def _shift_left(left: float, right: float) -> float:
    return float(_wrapped(int(left) << (int(right) & 31)))


def _wrapped(number: int) -> int:
    """A whole number as a signed one of 32 bits."""
    return (number + 0x80000000 & 0xFFFFFFFF) - 0x80000000


_ARITHMETIC: dict[str, Callable[[float, float], float]] = {
    "+": lambda left, right: left + right,
    "-": lambda left, right: left - right,
    "*": lambda left, right: left * right,
    "/": _divide,
    "%": _remainder,
    "^": _power,
    "<<": _shift_left,
    ">>": lambda left, right: float(int(left) >> (int(right) & 31)),
    "AND": lambda left, right: float(int(left) & int(right)),
    "OR": lambda left, right: float(int(left) | int(right)),
    "XOR": lambda left, right: float(int(left) ^ int(right)),
}
_COMPARISONS: dict[str, Callable[[float, float], bool]] = {
    "<": lambda left, right: left < right,
    ">": lambda left, right: left > right,
    "<=": lambda left, right: left <= right,
    ">=": lambda left, right: left >= right,
    "==": lambda left, right: left == right,
    "!=": lambda left, right: left != right,
}
_TYPES = {
    "": "f", "f": "f", "float": "f", "i": "i", "int": "i", "integer": "i", "h": "h", "hex": "h", "c": "c", "char": "c",
}  # fmt: skip


@function("MATH", syntax="MATH(expression[,type])")
def calculate(channel: Channel | None, args: str) -> str:
    """The result of one arithmetic operation on two numbers.

    Operators are + - * / % ^ << >> AND OR XOR, and < > <= >= == != which give TRUE or FALSE. ``type`` says how the result is
    written: float (six decimals, if not given), int, hex or char. A division by zero gives zero.
    """
    arguments = split_arguments(args, 2)
    found = _OPERATION.match(argument(arguments, 0))
    if found is None:
        raise FunctionError(f"MATH needs number operator number, not '{args}'")
    kind = _TYPES.get(argument(arguments, 1).strip().lower())
    if kind is None:
        raise FunctionError(f"MATH knows no type '{arguments[1]}'")
    left, operator, right = float(found[1]), found[2], float(found[3])
    compare = _COMPARISONS.get(operator)
    if compare is not None:
        return "TRUE" if compare(left, right) else "FALSE"
    try:
        result = _ARITHMETIC[operator](left, right)
    except OverflowError as error:
        raise FunctionError(f"MATH cannot calculate '{args}'") from error
    if kind == "f":
        return f"{result:f}"
    if not math.isfinite(result) or abs(result) >= 1 << _MOST_BITS:
        logger.warning(f"The result of '{args}' is no number of {_MOST_BITS + 1} bits")
        return "0" if not math.isfinite(result) else str(int(result))
    whole = int(result)
    if kind == "i":
        return str(whole)
    if kind == "h":
        return f"{whole & 0xFFFFFFFF if abs(whole) < 1 << 32 else whole & 0xFFFFFFFFFFFFFFFF:x}"
    return bytes([whole & 0xFF]).decode("utf-8", "surrogateescape") if whole & 0xFF else ""


def _changed(channel: Channel | None, name: str, by: int) -> str | None:
    """Add to the whole number that a variable holds; None, with a notice, if it holds none."""
    if not name:
        raise FunctionError("INC and DEC need a variable")
    value = value_of(channel, name)
    if not _INTEGER.match(value):
        logger.notice(f"Variable '{name}' holds '{value}', which is no whole number")
        return None
    result = str(_wrapped(int(value) + by))
    store(channel, name, result)
    return result


@function("INC", syntax="INC(variable)")
def increment(channel: Channel | None, args: str) -> str | None:
    """Add one to the whole number that a variable holds, and give the result."""
    return _changed(channel, args, 1)


@function("DEC", syntax="DEC(variable)")
def decrement(channel: Channel | None, args: str) -> str | None:
    """Take one from the whole number that a variable holds, and give the result."""
    return _changed(channel, args, -1)


def _number(text: str) -> float:
    number = leading_float(text)
    if number != number:
        raise FunctionError(f"'{text}' is no number")
    return number


def _written(number: float) -> str:
    return str(int(number)) if number.is_integer() else f"{number:f}"


def _two(name: str, args: str) -> list[float]:
    numbers = [_number(text) for text in split_arguments(args, 2) if text.strip()]
    if not numbers:
        raise FunctionError(f"{name} needs numbers")
    return numbers


@function("MIN", syntax="MIN([num1][,num2])")
def minimum(channel: Channel | None, args: str) -> str:
    """The lesser of two numbers."""
    return _written(min(_two("MIN", args)))


@function("MAX", syntax="MAX([num1][,num2])")
def maximum(channel: Channel | None, args: str) -> str:
    """The greater of two numbers."""
    return _written(max(_two("MAX", args)))


@function("ABS", syntax="ABS([num])")
def absolute(channel: Channel | None, args: str) -> str:
    """A number without its sign."""
    return _written(abs(_number(args)))


@function("DIGIT_SUM", syntax="DIGIT_SUM([num])")
def digit_sum(channel: Channel | None, args: str) -> str:
    """The sum of the digits of a number."""
    digits = [int(character) for character in args if character in "0123456789"]
    if not digits:
        raise FunctionError(f"'{args}' is no number")
    return str(sum(digits))
