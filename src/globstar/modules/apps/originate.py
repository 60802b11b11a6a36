"""Originate call."""

from __future__ import annotations

import re

from globstar.base.log import Logger
from globstar.core.channel import Channel
from globstar.core.dialing import CallStatus, OriginateResult, Origination, originate
from globstar.core.format import FormatCapabilities, find_format
from globstar.core.frame import Control
from globstar.core.party import format_caller_id
from globstar.core.pbx import parse_subroutine, resolve_priority, run_subroutine
from globstar.core.registry import application
from globstar.core.testevents import tell_state
from globstar.dialplan.arguments import ParsedOptions, argument, bar_to_comma, parse_options, split_arguments

logger = Logger("app_originate")

_OPTIONS = {"a": False, "b": True, "B": True, "C": True, "c": True, "n": True, "v": True}
_DEFAULT_TIMEOUT = 30.0

_STATUS_OF_REASON: dict[int, str] = {Control.BUSY: "BUSY", Control.CONGESTION: "CONGESTION", Control.RINGING: "RINGING"}


@application("Originate", syntax="Originate(tech_data,type,arg1[,arg2][,arg3][,timeout][,options])")
async def originate_application(channel: Channel, data: str) -> int:
    """Call a device and let it go on by itself when it answers.

    ``type`` is app or exten: arg1 and arg2 are an application and its arguments, or context, extension and (arg3) priority.
    The device has ``timeout`` seconds (30) to answer. ORIGINATE_STATUS is SUCCESS, BUSY, CONGESTION, RINGING, HANGUP, FAILED or
    UNKNOWN.

    a: do not wait for the answer.
    b(place), B(place): run a subroutine on the new channel, on this one, before the call.
    C(codecs): the codecs to offer.
    c(number), n(name): the caller id of the new channel instead of this channel's.
    v(name=value[^...]): set variables on the new channel.
    """
    arguments = split_arguments(data)
    what = _read(channel, arguments)
    if what is None:
        channel.set_variable("ORIGINATE_STATUS", "FAILED")
        return -1
    options = parse_options(argument(arguments, 6), _OPTIONS, lambda problem: logger.warning(f"Originate: {problem}"))
    _apply(channel, what, options)
    if "B" in options:
        place = parse_subroutine(channel, bar_to_comma(options.get("B")))
        if place is not None:
            await run_subroutine(channel, *place)
    task = channel.system.tasks.start(originate(channel.system, what), name=f"originate {what.dial_string}")
    if "a" in options:
        channel.set_variable("ORIGINATE_STATUS", "SUCCESS")
        return 0
    result: OriginateResult = await channel.wait_for(task)
    channel.set_variable("ORIGINATE_STATUS", _status(result))
    if result.channel is None:
        tell_state(channel.system, "HANGUP", channel, Message=what.dial_string)
    return 0


def _read(channel: Channel, arguments: list[str]) -> Origination | None:
    """What is to be called and then done; None, with an error, if the arguments are wrong."""
    kind = argument(arguments, 1).lower()
    if len(arguments) < 3 or not arguments[0] or not kind:
        logger.error("Originate requires at least a device, a type and an argument of that type")
        return None
    what = Origination(dial_string=arguments[0], timeout=_timeout(argument(arguments, 5)))
    if kind == "app":
        what.application, what.data = arguments[2], argument(arguments, 3)
    elif kind == "exten":
        what.context, what.extension = arguments[2], argument(arguments, 3, "s")
        priority = argument(arguments, 4, "1")
        resolved = resolve_priority(channel, what.context, what.extension, priority)
        if resolved is None:
            logger.error(f"Originate: '{priority}' is no priority of {what.context},{what.extension}")
            return None
        what.priority = resolved
    else:
        logger.error(f"Originate: '{kind}' is no type; it must be app or exten")
        return None
    return what


def _timeout(text: str) -> float:
    found = re.match(r"\s*([0-9]+(?:\.[0-9]+)?)", text)
    if text and not found:
        logger.warning(f"Originate: '{text}' is no timeout in seconds")
    return float(found[1]) if found and float(found[1]) > 0 else _DEFAULT_TIMEOUT


def _apply(channel: Channel, what: Origination, options: ParsedOptions) -> None:
    caller = channel.caller.id
    number = options.get("c") or (caller.number.text if caller.number.valid else "")
    name = options.get("n") or (caller.name.text if caller.name.valid else "")
    what.caller_id = format_caller_id(name, number) if number or name else ""
    if name and not number:
        what.caller_id = f'"{name}" <>'
    if "b" in options:
        what.predial = bar_to_comma(options.get("b"))
    for pair in re.split(r"[,^]", options.get("v")):
        variable, equals, value = pair.partition("=")
        if equals and variable:
            what.variables.append((variable.strip(), value))
    formats = [find_format(codec.strip()) for codec in options.get("C").split(",") if codec.strip()]
    if None in formats:
        logger.warning(f"Originate: unknown codec in '{options.get('C')}'")
    what.capabilities = FormatCapabilities([format for format in formats if format is not None])


def _status(result: OriginateResult) -> str:
    if result.channel is not None:
        return "SUCCESS"
    if result.reason in _STATUS_OF_REASON:
        return _STATUS_OF_REASON[result.reason]
    if result.status in (CallStatus.BUSY, CallStatus.CONGESTION):
        return str(result.status.value)
    if result.status is CallStatus.CHANUNAVAIL:
        return "FAILED"
    return "UNKNOWN" if result.status is CallStatus.NOANSWER and not result.cause else "HANGUP"
