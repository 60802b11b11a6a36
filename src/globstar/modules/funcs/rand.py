"""Random number dialplan function."""

from __future__ import annotations

import random

from globstar.core.channel import Channel
from globstar.core.numbers import leading_integer
from globstar.core.registry import function
from globstar.dialplan.arguments import argument, split_arguments

_GREATEST = 0x7FFFFFFF


@function("RAND", syntax="RAND([min][,max])")
def rand(channel: Channel | None, args: str) -> str:
    """A whole number taken at random between two numbers, both included; from 0 to 2147483647 if they are not given."""
    arguments = split_arguments(args)
    low = leading_integer(argument(arguments, 0, "0"))
    high = leading_integer(argument(arguments, 1, str(_GREATEST)), _GREATEST)
    return str(random.randint(min(low, high), max(low, high)))
