"""ExecIfTime."""

from __future__ import annotations

from typing import Any

from globstar.base.log import Logger
from globstar.core.applications import run_application, split_call
from globstar.core.channel import Channel
from globstar.core.conditions import is_time
from globstar.core.registry import application

logger = Logger("pbx_builtins")


@application("ExecIfTime", syntax="ExecIfTime(times,weekdays,mdays,months[,timezone]?appname[(args)])")
def exec_if_time(channel: Channel, data: str) -> Any:
    """Run an application if the time fits.

    The time condition is that of GotoIfTime.
    """
    times, question, call = data.partition("?")
    if not question or not call:
        logger.warning("ExecIfTime needs times?application(arguments)")
        return -1
    if not is_time(channel, times):
        return 0
    name, arguments = split_call(call)
    return run_application(channel, name, arguments)
