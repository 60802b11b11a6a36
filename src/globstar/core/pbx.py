"""The PBX task: runs the dialplan on a channel and owns the channel until hang-up."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from globstar.base.log import Logger, call_id
from globstar.core import events
from globstar.core.cause import Cause
from globstar.core.channel import Channel, ChannelGone, ChannelState, SoftHangup
from globstar.core.frame import Control
from globstar.core.registry import ApplicationSpec
from globstar.core.stack import StackFrame, pop_frame, set_local
from globstar.dialplan.plan import Dialplan, Step

if TYPE_CHECKING:
    from globstar.core.loader import LoadedModule

logger = Logger("pbx")

#: After this many priorities without waiting, other tasks get their turn.
YIELD_EVERY = 500
#: What an application returns when the dialled digits are not enough (Incomplete).
INCOMPLETE = "incomplete"


@dataclass(slots=True)
class Binding:
    """The application of a step, looked up once per registry generation."""

    generation: int
    spec: ApplicationSpec | None
    module: LoadedModule | None
    has_functions: bool


def _bind(channel: Channel, step: Step) -> Binding:
    system = channel.system
    spec = system.applications.get(step.app_name)
    module = system.loader.modules.get(spec.module) if spec is not None else None
    step.binding = Binding(system.applications.generation, spec, module, "(" in step.data)
    return step.binding


def _caller_number(channel: Channel) -> str:
    number = channel.caller.id.number
    return number.text if number.valid else ""


def plan_of(channel: Channel) -> Dialplan:
    """The dialplan that ``channel`` runs on: the one in force when it entered, kept over reloads."""
    return channel.plan if channel.plan is not None else channel.system.plan


def exists(channel: Channel, context: str, extension: str, priority: int = 1) -> bool:
    """Whether the channel's dialplan has that place."""
    return plan_of(channel).find(context, extension, priority, _caller_number(channel)) is not None


async def run_pbx(channel: Channel) -> None:
    """Run the dialplan from the channel's place to its end, then the h extension, then hang up."""
    call_id.set(channel.call_id)
    channel.plan = channel.system.plan
    channel.data["pbx"] = asyncio.current_task()
    try:
        await _run_dialplan(channel)
        if not channel.is_hung_up:
            channel.request_hangup(SoftHangup.APP_UNLOAD, channel.hangup_cause)
            await run_hangup_handlers(channel)
    except asyncio.CancelledError:
        channel.hangup()
        raise
    finally:
        channel.data.pop("pbx", None)
        channel.hangup()


async def _run_dialplan(channel: Channel) -> None:
    """Asterisk's order of events: priorities, then whatever the lack of a priority leads to (i, t, e, fallthrough)."""
    if channel.goto_target is not None:
        _take_target(channel)
    if not exists(channel, channel.context, channel.extension, channel.priority) and exists(
        channel, channel.context, "s"
    ):
        logger.verbose(
            2, f"Starting {channel.name} at {channel.context},s,1 since '{channel.extension}' does not exist"
        )
        channel.extension, channel.priority = "s", 1
    while True:
        found, result = await run_steps(channel)
        if channel.is_hung_up:
            return
        if result is not None and not isinstance(result, str):
            if channel.soft_hangup & SoftHangup.ASYNC_GOTO:
                channel.clear_soft_hangup(SoftHangup.ASYNC_GOTO)
                _take_target(channel)
                continue
            if channel.soft_hangup & SoftHangup.TIMEOUT and exists(channel, channel.context, "T"):
                channel.clear_soft_hangup(SoftHangup.TIMEOUT)
                channel.set_absolute_timeout(None)
                channel.extension, channel.priority = "T", 1
                continue
            return
        if not await _find_more(channel, found, result):
            return


def _take_target(channel: Channel) -> None:
    if channel.goto_target is not None:
        channel.context, channel.extension, channel.priority = channel.goto_target
        channel.goto_target = None


async def run_steps(channel: Channel, *, depth: int | None = None, in_hangup: bool = False) -> tuple[bool, Any]:
    """Run priorities from the channel's place on.

    Returns whether any was found, and why it stopped: None (no such priority), -1 (end the call, or leave for an
    asynchronous goto), or a digit or :data:`INCOMPLETE` that asks for another extension. With ``depth`` it also stops,
    with 0, as soon as the Gosub stack is shorter than that. ``in_hangup`` goes on although the channel is hung up.
    """
    system = channel.system
    applications = system.applications
    variables = channel.variables
    functions = system.functions
    on_started = system.bus.listeners(events.ApplicationStarted)
    on_ended = system.bus.listeners(events.ApplicationEnded)
    plan = plan_of(channel)
    found = False
    count = 0
    while True:
        context, extension = channel.context, channel.extension
        number = _caller_number(channel)
        route = plan.route(context, extension, number)
        while True:
            priority = channel.priority
            step = route.steps.get(priority) if route is not None else plan.find(context, extension, priority, number)
            if step is None:
                return found, None
            found = True
            binding: Binding = step.binding
            if binding is None or binding.generation != applications.generation:
                binding = _bind(channel, step)
            template = step.template
            if template.is_literal:
                data = template.text
            elif binding.has_functions:
                rendered = functions.render(channel, template)
                data = rendered if type(rendered) is str else await rendered
            else:
                data = template.render(variables)
            spec = binding.spec
            if spec is None:
                near = applications.nearest(step.app_name)
                logger.warning(
                    f"No application '{step.app_name}' for extension ({context}, {extension}, {priority})"
                    + (f"; did you mean {near}?" if near else "")
                )
                return found, -1
            channel.application = spec.name
            channel.application_data = data
            if on_started:
                system.bus.publish(events.ApplicationStarted(channel, spec.name, data))
            if logger.is_verbose(3):
                logger.verbose(
                    3,
                    f'Executing [{extension}@{context}:{priority}] {spec.name}("{channel.name}", "{data}") in new stack',
                )
            try:
                result = spec.run(channel, data)
                if result is not None and not isinstance(result, (int, str)):
                    module = binding.module
                    if module is not None:
                        module.use_count += 1
                    try:
                        result = await result
                    finally:
                        if module is not None:
                            module.use_count -= 1
            except ChannelGone:
                result = -1
            except Exception as error:
                logger.error(
                    f"{spec.name} on {channel.name} at {context},{extension},{priority} failed", exception=error
                )
                channel.hangup_cause = Cause.FAILURE
                result = -1
            if on_ended:
                system.bus.publish(events.ApplicationEnded(channel, spec.name, data))
            if channel.soft_hangup and not in_hangup:
                if result is None or result == 0:
                    _advance(channel)
                return found, -1
            if result is not None and result != 0:
                return found, result
            count += 1
            if count % YIELD_EVERY == 0:
                await asyncio.sleep(0)
            target = channel.goto_target
            if target is None:
                channel.priority = priority + 1
                continue
            channel.goto_target = None
            channel.context, channel.extension, channel.priority = target
            if depth is not None and len(channel.stack) < depth:
                return found, 0
            if channel.context != context or channel.extension != extension:
                break


def _advance(channel: Channel) -> None:
    """The application is done although the channel must be given up: where it would go on."""
    if channel.soft_hangup & SoftHangup.ASYNC_GOTO:
        return
    if channel.goto_target is not None:
        _take_target(channel)
    else:
        channel.priority += 1


async def _find_more(channel: Channel, found: bool, result: str | None) -> bool:
    """There is no such priority, or a digit asks for another extension: where to go on. False ends the dialplan."""
    digits = ""
    is_invalid = False
    if result == INCOMPLETE:
        if plan_of(channel).match_more(channel.context, channel.extension, _caller_number(channel)):
            digits = channel.extension
        else:
            is_invalid = True
    elif result:
        digits = result
    if is_invalid or (not digits and not exists(channel, channel.context, channel.extension)):
        return _go_to_invalid(channel, channel.extension, found)
    if channel.soft_hangup & SoftHangup.TIMEOUT:
        channel.clear_soft_hangup(SoftHangup.TIMEOUT)
        return True
    if digits:
        wait = channel.response_timeout if result == INCOMPLETE else channel.digit_timeout
    else:
        wait = 0.0 if channel.system.dialplan_options.autofallthrough else channel.response_timeout
    if not wait:
        await _fall_through(channel)
        return False
    try:
        collected = await collect_digits(channel, wait, digits)
    except ChannelGone:
        return bool(channel.soft_hangup & (SoftHangup.ASYNC_GOTO | SoftHangup.TIMEOUT)) and await _after_interruption(
            channel
        )
    timed_out = result == INCOMPLETE and collected == digits
    if not timed_out and collected and exists(channel, channel.context, collected):
        channel.extension, channel.priority = collected, 1
        return True
    if not timed_out and collected:
        return _go_to_invalid(channel, collected, True)
    return _go_to_timeout(channel)


async def _after_interruption(channel: Channel) -> bool:
    if channel.soft_hangup & SoftHangup.ASYNC_GOTO:
        channel.clear_soft_hangup(SoftHangup.ASYNC_GOTO)
        _take_target(channel)
        return True
    channel.clear_soft_hangup(SoftHangup.TIMEOUT)
    channel.set_absolute_timeout(None)
    if exists(channel, channel.context, "T"):
        channel.extension, channel.priority = "T", 1
        return True
    return False


def _go_to_invalid(channel: Channel, extension: str, found: bool) -> bool:
    if exists(channel, channel.context, "i"):
        logger.verbose(3, f"Sent {channel.name} to the invalid extension handler: '{extension}' in '{channel.context}'")
        channel.set_variable("INVALID_EXTEN", extension)
        channel.extension, channel.priority = "i", 1
        return True
    if exists(channel, channel.context, "e"):
        raise_exception(channel, "INVALID")
        return True
    logger.warning(
        f"Channel '{channel.name}' sent to invalid extension but no invalid handler: context,exten,priority="
        f"{channel.context},{extension},{channel.priority}"
    )
    return False


def _go_to_timeout(channel: Channel) -> bool:
    if exists(channel, channel.context, "t"):
        logger.verbose(3, f"Timeout on {channel.name}, going to 't'")
        channel.extension, channel.priority = "t", 1
        return True
    if exists(channel, channel.context, "e"):
        raise_exception(channel, "RESPONSETIMEOUT")
        return True
    logger.warning(f"Timeout, but no rule 't' or 'e' in context '{channel.context}'")
    return False


def raise_exception(channel: Channel, reason: str) -> None:
    """Go to the e extension; EXCEPTION() tells it ``reason`` and where it happened."""
    channel.data["exception"] = {
        "reason": reason,
        "context": channel.context,
        "exten": channel.extension,
        "priority": str(channel.priority),
    }
    channel.extension, channel.priority = "e", 1


async def _fall_through(channel: Channel) -> None:
    status = channel.variables.own("DIALSTATUS") or "UNKNOWN"
    logger.verbose(3, f"Auto fallthrough, channel '{channel.name}' status is '{status}'")
    if status == "BUSY":
        await indicate_and_wait(channel, Control.BUSY, 10)
    elif status in ("CONGESTION", "CHANUNAVAIL"):
        await indicate_and_wait(channel, Control.CONGESTION, 10)


async def indicate_and_wait(channel: Channel, condition: Control, seconds: float | None) -> int:
    """Busy() and Congestion(): tell the caller, wait ``seconds`` (None: until hang-up), end the call (-1)."""
    channel.indicate(condition)
    if channel.state is not ChannelState.UP:
        channel.hangup_cause = Cause.USER_BUSY if condition is Control.BUSY else Cause.NORMAL_CIRCUIT_CONGESTION
        channel.set_state(ChannelState.BUSY) if condition is Control.BUSY else None
    try:
        await channel.pause(seconds) if seconds is not None else await channel.wait()
    except ChannelGone:
        return -1
    return -1


async def collect_digits(channel: Channel, timeout: float, digits: str = "") -> str:
    """Read digits for as long as more could make a longer extension; each one extends the time by the digit timeout."""
    plan = plan_of(channel)
    number = _caller_number(channel)
    wait = timeout
    while plan.match_more(channel.context, digits, number):
        digit = await channel.wait_for_digit(wait)
        if digit is None:
            break
        digits += digit
        wait = channel.digit_timeout
    return digits


async def run_subroutine(
    channel: Channel, context: str, extension: str, priority: int, arguments: list[str], *, in_hangup: bool = False
) -> bool:
    """Run a Gosub to its Return on ``channel`` from outside its dialplan; True if it returned.

    The channel's place is put back afterwards. False: it hung up, or left the dialplan without Return.
    """
    place = (channel.context, channel.extension, channel.priority)
    frame = StackFrame(*place, argument_count=len(arguments), is_special=True)
    channel.stack.append(frame)
    depth = len(channel.stack)
    for index, argument in enumerate(arguments, 1):
        set_local(channel, frame, f"ARG{index}", argument)
    set_local(channel, frame, "ARGC", str(len(arguments)))
    channel.context, channel.extension, channel.priority = context, extension, priority
    channel.goto_target = None
    if channel.plan is None:
        channel.plan = channel.system.plan
    try:
        found, result = await run_steps(channel, depth=depth, in_hangup=in_hangup)
    finally:
        while len(channel.stack) >= depth:
            pop_frame(channel)
        if not channel.soft_hangup & SoftHangup.ASYNC_GOTO:
            channel.goto_target = None
        channel.context, channel.extension, channel.priority = place
    if not found:
        logger.warning(f"{channel.name}: there is no {context},{extension},{priority} to Gosub to")
    return found and result == 0


async def run_hangup_handlers(channel: Channel) -> None:
    """Run the h extension of the channel's context, then the hangup handlers pushed on it, the newest first."""
    channel.soft_hangup |= SoftHangup.HANGUP_EXEC
    if channel.data.get("skip_h") is None and exists(channel, channel.context, "h"):
        channel.extension, channel.priority = "h", 1
        channel.goto_target = None
        await run_steps(channel, in_hangup=True)
        channel.goto_target = None
    while channel.hangup_handlers and not channel.is_hung_up:
        handler = channel.hangup_handlers.pop()
        place = parse_subroutine(channel, handler)
        if place is not None:
            context, extension, priority, arguments = place
            await run_subroutine(channel, context, extension, priority, arguments, in_hangup=True)
    channel.system.bus.publish(events.HangupHandlersFinished(channel))


def parse_subroutine(channel: Channel, text: str) -> tuple[str, str, int, list[str]] | None:
    """``[[context,]exten,]priority[(arg1[,...])]`` as place and arguments; None, with a warning, if there is none."""
    from globstar.dialplan.arguments import split_arguments

    place, parenthesis, rest = text.partition("(")
    arguments = split_arguments(rest.rpartition(")")[0]) if parenthesis else []
    target = parse_goto(channel, place)
    return (*target, arguments) if target is not None else None


def parse_goto(channel: Channel, text: str) -> tuple[str, str, int] | None:
    """``[[context,]exten,]priority|label`` as a place in the channel's dialplan; None, with a warning, if it is wrong."""
    parts = [part.strip() for part in text.split(",")]
    if not text.strip() or len(parts) > 3:
        logger.warning(f"'{text}' is not [[context,]exten,]priority")
        return None
    context, extension = channel.context, channel.extension
    if len(parts) == 3:
        context = parts[0] or context
    if len(parts) >= 2:
        extension = parts[-2] or extension
    label = parts[-1]
    priority = resolve_priority(channel, context, extension, label)
    if priority is None:
        logger.warning(f"Priority '{label}' must be a number > 0, or a valid label of {context},{extension}")
        return None
    return context, extension, priority


def resolve_priority(channel: Channel, context: str, extension: str, label: str) -> int | None:
    """A priority given by number, ``+n``, ``-n`` or label."""
    if label[:1] in "+-" and label[1:].isdigit():
        return channel.priority + int(label)
    if label.isdigit():
        return int(label) or None
    return plan_of(channel).find_label(context, extension, label, _caller_number(channel))


def redirect_channel(channel: Channel, context: str, extension: str, priority: int) -> None:
    """Send a channel elsewhere, whatever it does; see :meth:`Channel.redirect`."""
    channel.goto_target = (context, extension, priority)
    channel._raise_soft_hangup(SoftHangup.ASYNC_GOTO)


def continue_in_dialplan(channel: Channel) -> bool:
    """Start the dialplan on a channel whose owner is done with it and that was sent elsewhere meanwhile.

    False if nobody sent it anywhere: then its owner hangs it up.
    """
    if channel.is_hung_up or channel.goto_target is None:
        return False
    channel.clear_soft_hangup(SoftHangup.ASYNC_GOTO)
    if channel.soft_hangup:
        return False
    _take_target(channel)
    channel.system.start_pbx(channel)
    return True
