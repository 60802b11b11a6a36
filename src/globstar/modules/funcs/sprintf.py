"""SPRINTF dialplan function."""

from __future__ import annotations

import re

from globstar.base.bytetext import byte_view, from_byte_view
from globstar.core.channel import Channel
from globstar.core.functions import FunctionError
from globstar.core.numbers import leading_float
from globstar.core.registry import function
from globstar.dialplan.arguments import argument, split_arguments

_CONVERSION = re.compile(r"%([-+ #0']*)(\d{0,4})(?:\.(\d{0,4}))?(?:hh|h|ll|l|L|q|j|z|t)?([\s\S]?)", re.ASCII)
_INTEGER = re.compile(r"\s*([+-]?\d{1,30})", re.ASCII)


@function("SPRINTF", syntax="SPRINTF(format,arg1[,arg2...][,argN])")
def sprintf(channel: Channel | None, args: str) -> str:
    """Arguments written by a format like that of C's sprintf.

    Known are %d %i %o %u %x %X %c (whole numbers of 32 bits), %e %E %f %F %g %G %a %A, %s and %%, with flags, width and
    precision.
    """
    arguments = split_arguments(args)
    form = argument(arguments, 0)
    if not form:
        raise FunctionError("SPRINTF needs a format")
    values = iter(arguments[1:])

    def convert(found: re.Match[str]) -> str:
        letter = found[4]
        if letter == "%":
            return "%"
        if not letter or letter not in "diouxXceEfFgGaAs":
            raise FunctionError(f"SPRINTF knows no '{found[0]}'")
        value = next(values, None)
        if value is None:
            raise FunctionError("SPRINTF needs more arguments")
        return _written(found[1].replace("'", ""), found[2], found[3], letter, value)

    return from_byte_view(_CONVERSION.sub(convert, byte_view(form)))


def _written(flags: str, width: str, precision: str | None, letter: str, value: str) -> str:
    fraction = "" if precision is None else f".{precision}"
    if letter == "s":
        return f"%{flags.replace('0', '')}{width}{fraction}s" % byte_view(value)
    if letter in "diouxXc":
        found = _INTEGER.match(value)
        if found is None:
            raise FunctionError(f"'{value}' is no whole number")
        number = (int(found[1]) + 0x80000000 & 0xFFFFFFFF) - 0x80000000
        if letter == "c":
            return f"%{flags.replace('0', '')}{width}s" % chr(number & 0xFF)
        if letter in "ouxX":
            number &= 0xFFFFFFFF
        if letter == "o" and "#" in flags:  # C writes 017, Python 0o17
            return _padded(flags, width, f"0{number:o}" if number else "0")
        if precision is not None:  # a precision takes the flag 0 out of force
            flags = flags.replace("0", "")
        if precision in ("", "0") and number == 0:
            return _padded(flags, width, "")
        return f"%{flags}{width}{fraction}{'d' if letter in 'iu' else letter}" % number
    real = leading_float(value)
    if real != real:
        raise FunctionError(f"'{value}' is no number")
    if letter in "aA":
        text = re.sub(r"\.?0*p", "p", real.hex())
        return _padded(flags, width, text.upper() if letter == "A" else text)
    return f"%{flags}{width}{fraction}{letter}" % real


def _padded(flags: str, width: str, text: str) -> str:
    return text.ljust(int(width or 0)) if "-" in flags else text.rjust(int(width or 0))
