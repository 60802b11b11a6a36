"""The PBX task: runs the dialplan on a channel and owns the channel until hang-up."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterable
from typing import TYPE_CHECKING, Any

from globstar.base.log import Level, Logger, call_id, hub
from globstar.core import events
from globstar.core.cause import Cause
from globstar.core.channel import Channel, ChannelGone, ChannelState, SoftHangup
from globstar.core.frame import Control
from globstar.core.registry import ApplicationSpec
from globstar.core.stack import StackFrame, pop_frame, push_frame
from globstar.core.switches import SwitchWaits, asking, settled
from globstar.dialplan.arguments import split_raw
from globstar.dialplan.context import Step
from globstar.dialplan.plan import Dialplan

if TYPE_CHECKING:
    from globstar.core.loader import LoadedModule

logger = Logger("pbx")

#: After this many priorities without waiting, other tasks get their turn.
YIELD_EVERY = 500
#: Key in ``channel.data`` of a coroutine function that a redirected channel runs before it goes on.
INTERLUDE = "interlude"
#: What an application returns when the dialled digits are not enough (Incomplete).
INCOMPLETE = "incomplete"

#: How long the busy or congestion tone of a call that ran out of priorities lasts, seconds.
FALL_THROUGH_WAIT = 10.0
_CONGESTED = ("CONGESTION", "CHANUNAVAIL")

_VERBOSE = int(Level.VERBOSE)
_ALIVE = SoftHangup.NONE
#: Reasons after which the dialplan does not go on, as a number: flags are combined in Python, numbers are not.
_FINAL = int(~(SoftHangup.ASYNC_GOTO | SoftHangup.TIMEOUT))


class Binding:
    """The application of a step, looked up once per generation of the registries, and how its data is rendered."""

    __slots__ = ("function_generation", "generation", "may_wait", "module", "spec")

    def __init__(self, channel: Channel, step: Step) -> None:
        system = channel.system
        self.generation = system.applications.generation
        self.spec: ApplicationSpec | None = system.applications.get(step.app_name)
        self.module: LoadedModule | None = system.loader.modules.get(self.spec.module) if self.spec is not None else None
        self.function_generation = system.function_registry.generation
        self.may_wait = system.functions.may_wait(step.data)


def caller_number(channel: Channel) -> str:
    """The number that extensions for certain callers are matched with."""
    number = channel.caller.id.number
    return number.text if number.valid else ""


def plan_of(channel: Channel) -> Dialplan:
    """The dialplan that ``channel`` runs on: the one in force when it entered, kept over reloads."""
    return channel.plan if channel.plan is not None else channel.system.plan


def exists(channel: Channel, context: str, extension: str, priority: int = 1) -> bool:
    """Whether the channel's dialplan has that place, as far as its switches know at once; see :func:`leads`."""
    return plan_of(channel).find(context, extension, priority, caller_number(channel)) is not None


def leads_at_once(channel: Channel, context: str, extension: str, priority: int = 1) -> bool | None:
    """Whether the channel's dialplan has that place; None where a switch has to ask elsewhere first: :func:`leads` waits."""
    plan, number = plan_of(channel), caller_number(channel)
    route = plan.route(context, extension, number)
    if priority in route.steps:
        return True
    if route.is_complete and not route.is_cut:
        return False
    try:
        return asking(lambda: plan.find(context, extension, priority, number)) is not None
    except SwitchWaits:
        return None


async def leads(channel: Channel, context: str, extension: str, priority: int = 1) -> bool:
    """Whether the channel's dialplan has that place, also by a switch that has to ask elsewhere."""
    found = leads_at_once(channel, context, extension, priority)
    return await settled(lambda: exists(channel, context, extension, priority)) if found is None else found


async def learn(channel: Channel, context: str, extensions: Iterable[str]) -> None:
    """Let switches find out about extensions of a context, for somebody who asks :func:`exists` soon and cannot wait."""
    for extension in extensions:
        await leads(channel, context, extension)


def when_known(channel: Channel, context: str, extension: str, then: Callable[[bool], None]) -> None:
    """Call ``then`` with whether the extension is there: now, or from a task of the call once the switches have answered."""
    found = leads_at_once(channel, context, extension)
    if found is not None:
        then(found)
        return

    async def wait() -> None:
        then(await leads(channel, context, extension))

    channel.system.start_call_task(channel, wait(), "look-up")


async def run_pbx(channel: Channel) -> None:
    """Run the dialplan from the channel's place to its end, then the h extension, then hang up."""
    call_id.set(channel.call_id)
    channel.plan = channel.system.plan
    channel.data["pbx"] = asyncio.current_task()
    try:
        await _run_dialplan(channel)
        if not channel.is_hung_up:
            channel.request_hangup(SoftHangup.APP_UNLOAD)
            await run_hangup_handlers(channel)
    except asyncio.CancelledError:
        channel.hangup()
        raise
    finally:
        channel.hangup()
        channel.data.pop("pbx", None)


async def _run_dialplan(channel: Channel) -> None:
    """Asterisk's order of events: priorities, then whatever the lack of a priority leads to (i, t, e, fallthrough)."""
    if channel.goto_target is not None:
        _take_target(channel)
    if not await leads(channel, channel.context, channel.extension, channel.priority) and await leads(
        channel, channel.context, "s"
    ):
        logger.verbose(2, f"Starting {channel.name} at {channel.context},s,1 since '{channel.extension}' does not exist")
        channel.extension, channel.priority = "s", 1
    while True:
        _, result = await run_steps(channel)
        if channel.is_hung_up:
            return
        if result is not None and not isinstance(result, str):
            if not await _goes_on_after_interruption(channel):
                return
            if INTERLUDE in channel.data and not await _interlude(channel):
                return
        elif not await _find_more(channel, result):
            return


async def _interlude(channel: Channel) -> bool:
    """Do what somebody asked this channel to do before it goes on where it was sent; False if it cannot go on."""
    try:
        await channel.data.pop(INTERLUDE)(channel)
    except ChannelGone:
        return await _goes_on_after_interruption(channel)
    return not channel.soft_hangup or await _goes_on_after_interruption(channel)


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
    bus = system.bus
    applications = system.applications
    functions = system.functions
    function_registry = system.function_registry
    variables = channel.variables
    on_started = system.heard.application_started
    on_ended = system.heard.application_ended
    plan = plan_of(channel)
    found = False
    count = 0
    while True:
        context, extension = channel.context, channel.extension
        if context != channel.run_context:
            channel.last_context, channel.run_context = channel.run_context, context
        if extension != channel.run_extension:
            channel.last_extension, channel.run_extension = channel.run_extension, extension
        number = caller_number(channel)
        route = plan.route(context, extension, number)
        generation = plan.generation
        steps = route.steps
        while True:
            if plan.generation != generation or (plan.has_callers and caller_number(channel) != number):
                break
            priority = channel.priority
            step = steps.get(priority)
            if step is None and not route.is_complete:
                step = await _find(plan, context, extension, priority, number)
            if step is None:
                return found, None
            found = True
            binding: Binding | None = step.binding
            if (
                binding is None
                or binding.generation != applications.generation
                or binding.function_generation != function_registry.generation
            ):
                binding = step.binding = Binding(channel, step)
            spec = binding.spec
            if spec is None:
                near = applications.nearest(step.app_name)
                logger.warning(
                    f"No application '{step.app_name}' for extension ({context}, {extension}, {priority})"
                    + (f"; did you mean {near}?" if near else "")
                )
                return found, -1
            data = ""
            try:
                template = step.template
                if template.is_literal:
                    data = template.text
                elif binding.may_wait:
                    rendered = functions.render(channel, template)
                    data = rendered if isinstance(rendered, str) else await rendered
                else:
                    data = template.render(variables)
                channel.application = spec.name
                channel.application_data = data
                channel.step_cause = channel.hangup_cause
                if on_started:
                    bus.publish(events.ApplicationStarted(channel, spec.name, data))
                if hub.mask & _VERBOSE and hub.verbose_limit >= 3:
                    place = f"{extension}@{context}:{priority}"
                    logger.verbose(3, f'Executing [{place}] {spec.name}("{channel.name}", "{data}") in new stack')
                result = spec.run(channel, data)
                if result is not None and result.__class__ is not int and result.__class__ is not str:
                    module = binding.module
                    if module is None:
                        result = await result
                    else:  # it is in use meanwhile
                        module.use_count += 1
                        try:
                            result = await result
                        finally:
                            module.use_count -= 1
            except ChannelGone:
                result = -1
            except Exception as error:
                logger.error(f"{spec.name} on {channel.name} at {context},{extension},{priority} failed", exception=error)
                channel.hangup_cause = Cause.FAILURE
                result = -1
            if on_ended:
                bus.publish(events.ApplicationEnded(channel, spec.name, data))
            if channel.soft_hangup is not _ALIVE and channel.soft_hangup and not in_hangup:
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


async def _find(plan: Dialplan, context: str, extension: str, priority: int, number: str) -> Step | None:
    """A step that the route does not tell of: behind a time condition or a switch."""
    return await settled(lambda: plan.find(context, extension, priority, number))


def _advance(channel: Channel) -> None:
    """The application is done although the channel must be given up: where it would go on."""
    if channel.soft_hangup & SoftHangup.ASYNC_GOTO:
        return
    if channel.goto_target is not None:
        _take_target(channel)
    else:
        channel.priority += 1


async def _find_more(channel: Channel, result: str | None) -> bool:
    """There is no such priority, or a digit asks for another extension: where to go on. False ends the dialplan."""
    digits = ""
    is_invalid = False
    if result == INCOMPLETE:
        if await settled(lambda: plan_of(channel).match_more(channel.context, channel.extension, caller_number(channel))):
            digits = channel.extension
        else:
            is_invalid = True
    elif result:
        digits = result
    if is_invalid or (not digits and not await leads(channel, channel.context, channel.extension)):
        return await _go_to_invalid(channel, channel.extension)
    if channel.soft_hangup:
        return await _goes_on_after_interruption(channel)
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
        return await _goes_on_after_interruption(channel)
    timed_out = result == INCOMPLETE and collected == digits
    if not timed_out and collected and await leads(channel, channel.context, collected):
        channel.extension, channel.priority = collected, 1
        return True
    if not timed_out and collected:
        return await _go_to_invalid(channel, collected)
    return await _go_to_timeout(channel)


async def _goes_on_after_interruption(channel: Channel) -> bool:
    """Somebody sent the channel elsewhere, or its absolute timeout passed: where to go on. False ends the dialplan."""
    reasons = channel.soft_hangup
    if int(reasons) & _FINAL:
        return False
    if reasons & SoftHangup.ASYNC_GOTO:
        channel.clear_soft_hangup(SoftHangup.ASYNC_GOTO)
        _take_target(channel)
        return True
    if not reasons & SoftHangup.TIMEOUT:
        return False
    if await leads(channel, channel.context, "T"):
        channel.extension, channel.priority = "T", 1
    elif await leads(channel, channel.context, "e"):
        raise_exception(channel, "ABSOLUTETIMEOUT")
    else:
        return False
    channel.goto_target = None
    channel.clear_soft_hangup(SoftHangup.TIMEOUT)
    channel.set_absolute_timeout(None)
    return True


async def _go_to_invalid(channel: Channel, extension: str) -> bool:
    if await leads(channel, channel.context, "i"):
        logger.verbose(3, f"Sent {channel.name} to the invalid extension handler: '{extension}' in '{channel.context}'")
        channel.set_variable("INVALID_EXTEN", extension)
        channel.extension, channel.priority = "i", 1
        return True
    if await leads(channel, channel.context, "e"):
        raise_exception(channel, "INVALID")
        return True
    logger.warning(
        f"Channel '{channel.name}' sent to invalid extension but no invalid handler: context,exten,priority="
        f"{channel.context},{extension},{channel.priority}"
    )
    return False


async def _go_to_timeout(channel: Channel) -> bool:
    if await leads(channel, channel.context, "t"):
        logger.verbose(3, f"Timeout on {channel.name}, going to 't'")
        channel.extension, channel.priority = "t", 1
        return True
    if await leads(channel, channel.context, "e"):
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
    condition = Control.BUSY if status == "BUSY" else Control.CONGESTION if status in _CONGESTED else None
    if condition is not None:
        try:
            await indicate_and_wait(channel, condition, FALL_THROUGH_WAIT)
        except ChannelGone:
            return


async def indicate_and_wait(channel: Channel, condition: Control, seconds: float | None) -> int:
    """Busy() and Congestion(): tell the caller, wait ``seconds`` (None: until hang-up), end the call (-1)."""
    channel.indicate(condition)
    if channel.state is not ChannelState.UP:
        channel.hangup_cause = Cause.USER_BUSY if condition is Control.BUSY else Cause.NORMAL_CIRCUIT_CONGESTION
        channel.set_state(ChannelState.BUSY)
    await channel.wait(None, seconds)
    return -1


async def collect_digits(channel: Channel, timeout: float, digits: str = "") -> str:
    """Read digits for as long as more could make a longer extension; each one extends the time by the digit timeout."""
    plan = plan_of(channel)
    number = caller_number(channel)
    wait = timeout
    while await may_go_on(plan, channel.context, digits, number):
        digit = await channel.wait_for_digit(wait)
        if digit is None:
            break
        digits += digit
        wait = channel.digit_timeout
    return digits


async def may_go_on(plan: Dialplan, context: str, digits: str, number: str) -> bool:
    """Whether more digits may lead to an extension, also one of a switch that has to ask elsewhere."""
    return await settled(lambda: plan.match_more(context, digits, number))


async def run_subroutine(
    channel: Channel, context: str, extension: str, priority: int, arguments: list[str], *, in_hangup: bool = False
) -> bool:
    """Run a Gosub to its Return on ``channel`` from outside its dialplan; True if it returned.

    The channel's place is put back afterwards. False, with GOSUB_RETVAL empty: there is no such place, it hung up, or
    left the dialplan without Return.
    """
    if channel.plan is None:
        channel.plan = channel.system.plan
    if not await leads(channel, context, extension, priority):
        logger.error(f"{channel.name}: there is no {context},{extension},{priority} to Gosub to")
        return False
    place = (channel.context, channel.extension, channel.priority)
    shown = (channel.application, channel.application_data)
    push_frame(channel, StackFrame(*place, is_special=True), arguments)
    depth = len(channel.stack)
    channel.context, channel.extension, channel.priority = context, extension, priority
    channel.goto_target = None
    result: Any = None
    try:
        _, result = await run_steps(channel, depth=depth, in_hangup=in_hangup)
    finally:
        returned = bool(result == 0)
        while len(channel.stack) >= depth:
            pop_frame(channel)
        if not channel.soft_hangup & SoftHangup.ASYNC_GOTO:
            channel.goto_target = None
        channel.context, channel.extension, channel.priority = place
        channel.application, channel.application_data = shown
    if not returned:
        logger.warning(f"{channel.name}: the subroutine {context},{extension},{priority} ended without Return")
        channel.set_variable("GOSUB_RETVAL", "")
    return returned


async def run_hangup_handlers(channel: Channel) -> None:
    """Run the h extension of the channel's context, then the hangup handlers pushed on it, the newest first."""
    channel.soft_hangup |= SoftHangup.HANGUP_EXEC
    has_h = channel.data.get("skip_h") is None and await leads(channel, channel.context, "h")
    if has_h or channel.hangup_handlers:
        channel.system.bus.publish(events.HangupLogicStarted(channel))
    if has_h:
        channel.extension, channel.priority = "h", 1
        channel.goto_target = None
        await run_steps(channel, in_hangup=True)
        channel.goto_target = None
    while channel.hangup_handlers and not channel.is_hung_up:
        handler = channel.hangup_handlers.pop()
        channel.system.bus.publish(events.HangupHandlerChanged(channel, "Run", handler))
        place = parse_subroutine(channel, handler)
        if place is not None:
            context, extension, priority, arguments = place
            await run_subroutine(channel, context, extension, priority, arguments, in_hangup=True)
    if channel.system.heard.hangup_handlers_finished:
        channel.system.bus.publish(events.HangupHandlersFinished(channel))


def parse_subroutine(channel: Channel, text: str) -> tuple[str, str, int, list[str]] | None:
    """``[[context,]exten,]priority[(arg1[,...])]`` as place and arguments; None, with a warning, if there is none.

    Arguments keep their quotes and backslashes.
    """
    place, parenthesis, rest = text.partition("(")
    arguments = split_raw(rest.rpartition(")")[0] if ")" in rest else rest) if parenthesis else []
    target = parse_goto(channel, place)
    return (*target, arguments) if target is not None else None


def parse_goto(channel: Channel, text: str) -> tuple[str, str, int] | None:
    """``[[context,]exten,]priority|label`` as a place in the channel's dialplan; None, with a warning, if it is wrong."""
    context, extension, label = channel.context, channel.extension, text
    if "," in text:
        *front, label = text.split(",", 2)
        extension = front[-1]
        if len(front) == 2:
            context = front[0]
    elif not text:
        logger.warning("Goto needs [[context,]exten,]priority")
        return None
    priority = resolve_priority(channel, context, extension, label)
    if priority is None:
        logger.warning(f"Priority '{label}' must be a number > 0, or a valid label of {context},{extension}")
        return None
    return context, extension, priority


def resolve_priority(channel: Channel, context: str, extension: str, label: str) -> int | None:
    """A priority given by number, ``+n``, ``-n`` or label; a sign counts from the priority that runs."""
    label = label.strip()
    number = label[1:] if label[:1] in ("+", "-") else label
    if number.isascii() and number.isdigit():
        priority = int(number[:10]) if number is label else channel.priority + int(label[:11])
        return priority if priority > 0 else None
    return plan_of(channel).find_label(context, extension, label, caller_number(channel)) if label else None


def redirect_channel(channel: Channel, context: str, extension: str, priority: int) -> None:
    """Send a channel elsewhere, whatever it does; see :meth:`Channel.redirect`."""
    channel.goto_target = channel.context, channel.extension, channel.priority = context, extension, priority
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
