"""StatsD Dialplan Application."""

from __future__ import annotations

import math
import re

from globstar.base.log import Logger
from globstar.core.channel import Channel
from globstar.core.numbers import leading_float
from globstar.core.registry import application
from globstar.core.services import STATISTICS, Statistics
from globstar.dialplan.arguments import argument, split_arguments

logger = Logger("app_statsd")

_VALUE = re.compile(r"[+-]?\d+(\.\d+)?", re.ASCII)
#: Types whose value may have a sign: a gauge is changed by it.
_SIGNED = ("g", "c")


@application("StatsD", syntax="StatsD(metric_type,statistic_name,value[,sample_rate])")
def statsd(channel: Channel, data: str) -> int:
    """Send a statistic to the StatsD server of statsd.conf.

    metric_type is g (gauge), c (counter), ms (timer) or s (set). The value is a number; one with + or - in front changes a gauge
    by it; a set takes any text. sample_rate is the part of the times that it is sent, from 0 to 1.
    """
    arguments = split_arguments(data)
    kind, name, value = (argument(arguments, index).strip() for index in range(3))
    problem = _problem(kind, name, value)
    rate = 1.0
    if argument(arguments, 3).strip():
        rate = leading_float(arguments[3])
        if math.isnan(rate):
            problem = problem or f"'{arguments[3]}' is no sample rate"
    if problem:
        logger.error(f"StatsD: {problem}")
        return -1 if not (kind and name and value) else 0
    client = channel.system.service(STATISTICS, Statistics)  # type: ignore[type-abstract]
    if client is not None:
        client.send(kind, name, value, rate)
    return 0


def _problem(kind: str, name: str, value: str) -> str:
    """What is wrong with the arguments; nothing if they are right."""
    if not kind or not name or not value:
        return "a metric type, a name and a value are needed"
    if kind not in ("g", "c", "ms", "s"):
        return f"'{kind}' is none of g, c, ms and s"
    if any(character in ":|@\n\r" for character in name + value):
        return f"'{name}' or '{value}' holds a colon, a bar or an at sign"
    if kind != "s" and _VALUE.fullmatch(value) is None:
        return f"'{value}' is no number"
    if value[0] in "+-" and kind not in _SIGNED and kind != "s":
        return f"the value of a timer has no sign: '{value}'"
    return ""
