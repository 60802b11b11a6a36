"""Dialplan subroutines (Gosub, Return, etc)."""

from __future__ import annotations

from collections.abc import Awaitable

from globstar.base.log import Logger
from globstar.core.agi import AgiDialogue, AgiFailed, agi_command
from globstar.core.channel import Channel
from globstar.core.conditions import is_true
from globstar.core.functions import FunctionError
from globstar.core.pbx import leads, leads_at_once, parse_subroutine, resolve_priority, run_subroutine
from globstar.core.registry import application, function
from globstar.core.stack import StackFrame, peek_local, pop_frame, push_frame, set_local
from globstar.dialplan.arguments import argument, split_arguments, split_raw

logger = Logger("app_stack")


@application("Gosub", syntax="Gosub([[context,]extension,]priority[(arg1[,...])])")
def gosub(channel: Channel, data: str) -> int | Awaitable[int]:
    """Run a subroutine of the dialplan, up to its Return.

    Its arguments are the variables ARG1, ARG2 ..., their number is ARGC; they are gone after the Return, as are all
    that LOCAL() set. The value that Return gives is in GOSUB_RETVAL.
    """
    if not data:
        logger.error("Gosub needs [[context,]extension,]priority[(arguments)]")
        return -1
    target = parse_subroutine(channel, data)
    if target is None:
        return -1
    context, extension, priority, arguments = target
    is_there = leads_at_once(channel, context, extension, priority)
    if is_there is None:
        return _find_and_go_down(channel, context, extension, priority, arguments)
    return _go_down(channel, context, extension, priority, arguments) if is_there else _missing(context, extension, priority)


def _go_down(channel: Channel, context: str, extension: str, priority: int, arguments: list[str]) -> int:
    push_frame(channel, StackFrame(channel.context, channel.extension, channel.priority + 1), arguments)
    channel.goto_target = (context, extension, priority)
    return 0


def _missing(context: str, extension: str, priority: int) -> int:
    logger.error(f"There is no {context},{extension},{priority} to Gosub to")
    return -1


async def _find_and_go_down(channel: Channel, context: str, extension: str, priority: int, arguments: list[str]) -> int:
    """A switch has to ask elsewhere first."""
    if await leads(channel, context, extension, priority):
        return _go_down(channel, context, extension, priority, arguments)
    return _missing(context, extension, priority)


@application("GosubIf", syntax="GosubIf(condition?[place if true[(args)]][:place if false[(args)]])")
def gosub_if(channel: Channel, data: str) -> int | Awaitable[int]:
    """Run a subroutine if a condition holds, or another one if not.

    The condition is that of GotoIf, the subroutine is written as for Gosub.
    """
    if not data:
        logger.warning("GosubIf needs condition?place:place")
        return 0
    condition, _, places = data.partition("?")
    if_true, if_false = _split_places(places)
    place = if_true if is_true(condition) else if_false
    return gosub(channel, place) if place else 0


def _split_places(text: str) -> tuple[str, str]:
    """Split at the first colon that is not within the parentheses of arguments or in quotes."""
    depth = 0
    quoted = False
    for index, character in enumerate(text):
        if character == '"':
            quoted = not quoted
        elif quoted:
            continue
        elif character == "(":
            depth += 1
        elif character == ")":
            depth -= 1
        elif character == ":" and depth <= 0:
            return text[:index], text[index + 1 :]
    return text, ""


@application("Return", syntax="Return([value])")
def return_(channel: Channel, data: str) -> int:
    """Go back to behind the Gosub that led here.

    ``value`` becomes GOSUB_RETVAL.
    """
    frame = pop_frame(channel)
    if frame is None:
        logger.error("Return without Gosub: the stack is empty")
        return -1
    channel.set_variable("GOSUB_RETVAL", data)
    channel.goto_target = (frame.context, frame.extension, frame.priority)
    return 0


@application("StackPop", syntax="StackPop()")
def stack_pop(channel: Channel) -> None:
    """Forget the innermost Gosub: what follows is no longer its subroutine."""
    if pop_frame(channel) is None:
        logger.warning("StackPop on an empty stack")


@function("LOCAL", syntax="LOCAL(varname)")
def local(channel: Channel | None, args: str) -> str:
    """A variable that is local to the subroutine.

    Writing makes it so: when the subroutine returns, the variable has the value again that it had before. Reading
    gives the variable.
    """
    if channel is None or not channel.stack:
        return ""
    return channel.variables.own(args) or ""


@local.writer
def _set_local(channel: Channel | None, args: str, value: str) -> None:
    if channel is None or not channel.stack:
        raise FunctionError("LOCAL can be set within a Gosub only")
    set_local(channel, channel.stack[-1], args, value)


@function("LOCAL_PEEK", syntax="LOCAL_PEEK(n,varname)")
def local_peek(channel: Channel | None, args: str) -> str:
    """The value that a variable has ``n`` levels of Gosub further out."""
    levels, comma, name = args.partition(",")
    if channel is None or not comma or not levels.strip().isdecimal():
        raise FunctionError("LOCAL_PEEK needs a number of levels and a variable")
    return peek_local(channel, int(levels), name)


@function("STACK_PEEK", syntax="STACK_PEEK(n,which[,suppress])")
def stack_peek(channel: Channel | None, args: str) -> str:
    """Where a subroutine was called from.

    ``n`` is the level, 1 the innermost. ``which`` says what to give: l the whole place (context,extension,priority),
    c the context, e the extension, p the priority. With ``suppress`` a level that does not exist is no matter for the
    log.
    """
    if channel is None:
        raise FunctionError("STACK_PEEK needs a channel")
    arguments = split_arguments(args)
    which = argument(arguments, 1)
    level = argument(arguments, 0).strip()
    if not which:
        raise FunctionError("STACK_PEEK needs a level and l, c, e or p")
    stack = channel.stack
    if not level.isdecimal() or not 0 < int(level) <= len(stack):
        if argument(arguments, 2):
            return ""
        raise FunctionError(f"the stack has no level {level}")
    frame = stack[-int(level)]
    match which[0]:
        case "l":
            return f"{frame.context},{frame.extension},{frame.priority - 1}"
        case "c":
            return frame.context
        case "e":
            return frame.extension
        case "p":
            return str(frame.priority - 1)
        case _:
            raise FunctionError(f"'{which}' is not l, c, e or p")


@agi_command(
    "GOSUB", syntax="<context> <extension> <priority> [<optional-argument>]", least=3, most=4, runs_dead=False
)  # fmt: skip
async def agi_gosub(agi: AgiDialogue, words: list[str]) -> str:
    """Run a subroutine of the dialplan.

    To its Return. Arguments stand in one word with commas between them. Two lines answer: one when it begins, one when it ends.
    """
    channel = agi.channel
    context, extension, label = words[:3]
    priority = resolve_priority(channel, context, extension, label)
    if priority is None or not await leads(channel, context, extension, priority):
        raise AgiFailed("200 result=-1 Gosub label not found")
    agi.send("100 result=0 Trying...")
    arguments = split_raw(words[3]) if len(words) > 3 else []
    if not await run_subroutine(channel, context, extension, priority, arguments):
        raise AgiFailed("200 result=-1 Gosub failed")
    return "200 result=0 Gosub complete"
