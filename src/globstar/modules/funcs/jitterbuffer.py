"""Jitter buffer for read side of channel."""

from __future__ import annotations

import math

from globstar.config.values import boolean
from globstar.core.channel import Channel
from globstar.core.dejitter import even_out
from globstar.core.frame import Frame
from globstar.core.functions import FunctionError
from globstar.core.registry import write_function
from globstar.dialplan.arguments import argument, split_arguments
from globstar.dsp.jitterbuffer import AdaptiveJitterBuffer, JitterBuffer

_MAXIMUM_MS, _RESYNC_MS, _EXTRA_MS = 200, 1000, 40


@write_function("JITTERBUFFER", syntax="JITTERBUFFER(jitterbuffer type)")
def jitterbuffer(channel: Channel | None, args: str, value: str) -> None:
    """Even out what a channel says before anything else gets it.

    ``Set(JITTERBUFFER(fixed)=200,1000)`` makes all late by 200 ms; a time of the sender that is more than 1000 ms off
    is another one (with -1 none is).
    ``Set(JITTERBUFFER(adaptive)=200,1000,40)`` waits as long as the jitter asks for and 40 ms more, up to 200 ms.
    What is left out, or ``default``, is as in these examples. With yes as the fourth value pictures are as late as the sound.
    ``Set(JITTERBUFFER(disabled)=)`` ends it.
    """
    if channel is None:
        raise FunctionError("JITTERBUFFER needs a channel")
    kind = args.strip().lower()
    if kind not in ("fixed", "adaptive", "disabled"):
        raise FunctionError(f"JITTERBUFFER knows fixed, adaptive and disabled, not '{args}'")
    if kind == "disabled":
        even_out(channel, None)
        return
    arguments = [] if value.strip().lower() == "default" else split_arguments(value)
    maximum = _number(argument(arguments, 0), "max_size", _MAXIMUM_MS)
    never = argument(arguments, 1).strip() == "-1"
    resync = math.inf if never else _number(argument(arguments, 1), "resync_threshold", _RESYNC_MS)
    extra = _number(argument(arguments, 2), "target_extra", _EXTRA_MS)
    delays_video = _is_true(argument(arguments, 3))
    buffer: JitterBuffer[Frame]
    buffer = JitterBuffer(maximum, resync) if kind == "fixed" else AdaptiveJitterBuffer(maximum, resync, extra)
    even_out(channel, buffer, delays_video=delays_video)


def _number(text: str, name: str, default: int) -> int:
    text = text.strip()
    if not text:
        return default
    if not text.isdecimal() or not int(text):
        raise FunctionError(f"JITTERBUFFER: '{text}' is no {name} in ms")
    return min(int(text), 60_000)


def _is_true(text: str) -> bool:
    try:
        return bool(text.strip()) and boolean(text.strip())
    except ValueError as error:
        raise FunctionError(f"JITTERBUFFER: '{text}' is neither yes nor no") from error
