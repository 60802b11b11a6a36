"""extensions.lua in the dialplan: its contexts, the application that runs an extension's function, the switch."""

from __future__ import annotations

import inspect
from typing import Any

from globstar.base.log import Logger
from globstar.core import events
from globstar.core.applications import run_application
from globstar.core.cause import Cause
from globstar.core.channel import Channel, ChannelGone
from globstar.core.functions import FunctionError
from globstar.core.registry import application
from globstar.core.switches import SwitchSpec
from globstar.core.system import System
from globstar.dialplan.context import HINT, Include, PriorityInUse, Step
from globstar.dialplan.plan import Dialplan, Mode, SwitchQuery
from globstar.modules.pbx.lua.runtime import LuaFault, LuaRun, LuaState

logger = Logger("pbx_lua")

REGISTRAR = "pbx_lua"
SERVICE = "lua dialplan"
FILE = "extensions.lua"
APPLICATION = "LuaExtension"
#: So many versions of the file are kept for calls that began with them.
_KEPT = 8


class LuaDialplan:
    """The file as it is in force, and as it was for calls that began earlier."""

    def __init__(self, system: System) -> None:
        self.system = system
        self.texts: dict[int, str] = {}
        self.generation = 0
        #: its extensions alone, for ``switch => Lua``
        self.plan: Dialplan = system.new_plan()

    def read(self) -> None:
        """Read the file and put it in force. Raises LuaFault for a mistake in it, and changes nothing."""
        text = self.system.configuration.source.read(FILE)
        tables = LuaState(text, FILE, _told).tables()
        generation = self.generation + 1
        own = self.system.new_plan()
        for context, names in tables.extensions.items():
            own.add_context(context, REGISTRAR)
            for name in names:
                extension, slash, caller = name.partition("/")
                step = Step(
                    context, extension, 1, APPLICATION, f"{generation},{context},{name}", caller_id=caller if slash else None,
                    registrar=REGISTRAR, file=FILE,
                )  # fmt: skip
                _add(own, step)
            for included in tables.includes.get(context, ()):
                own.add_include(context, Include(included, None, included, REGISTRAR))
        for context, hints in tables.hints.items():
            for extension, device in hints:
                _add(own, Step(context, extension, HINT, device, registrar=REGISTRAR, file=FILE))
        self.generation = generation
        self.texts[generation] = text
        while len(self.texts) > _KEPT:
            del self.texts[min(self.texts)]
        self.plan = own
        plan = self.system.new_plan()
        plan.adopt(self.system.plan, (REGISTRAR,))
        for refused in plan.adopt(own, ()):
            logger.warning(str(refused))
        self.system.plan = plan
        self.system.bus.publish(events.DialplanReplaced())

    def state_of(self, channel: Channel, generation: int) -> LuaState:
        """The channel's own Lua state, made at its first extension in Lua; its globals last as long as the call."""
        states: dict[int, LuaState] = channel.data.setdefault(SERVICE, {})
        state = states.get(generation)
        if state is None:
            text = self.texts.get(generation)
            if text is None:
                raise LuaFault(f"{FILE} was read anew too often since this call began")
            state = states[generation] = LuaState(text, FILE, _told)
        return state


def _add(plan: Dialplan, step: Step) -> None:
    try:
        plan.add_step(step)
    except PriorityInUse:
        logger.warning(f"{FILE}: extension '{step.extension}' of context '{step.context}' is there twice")


def _told(text: str) -> None:
    logger.verbose(1, text)


@application(APPLICATION, syntax=f"{APPLICATION}(generation,context,extension)")
async def lua_extension(channel: Channel, data: str) -> int | str | None:
    """Run the function of an extension of extensions.lua; the dialplan itself calls this."""
    number, _, place = data.partition(",")
    context, _, name = place.partition(",")
    lua = channel.system.services.get(SERVICE)
    if lua is None or not number.isdecimal() or not name:
        logger.warning(f"{APPLICATION} needs an extension of {FILE}, not '{data}'")
        return -1
    try:
        run = lua.state_of(channel, int(number)).begin(context, name, (channel.context, channel.extension))
        return await _drive(channel, run)
    except LuaFault as fault:
        logger.error(f"extension '{name}' of context '{context}' failed on {channel.name}: {fault}")
        channel.hangup_cause = Cause.FAILURE
        return -1


async def _drive(channel: Channel, run: LuaRun) -> int | str | None:
    """Do what the function asks, until its end or that of the call."""
    answer: tuple[object, ...] = ()
    while (asked := run.go_on(*answer)) is not None:
        kind = asked[0]
        try:
            if kind == "app":
                result = await _run(channel, asked[1], asked[2])
                if channel.goto_target is not None or result == -1:
                    return None if channel.goto_target is not None else -1
                if channel.soft_hangup:
                    raise ChannelGone(channel.name)
                answer = ("ok", result if isinstance(result, str) else None)
            elif kind == "get":
                answer = ("ok", await _get(channel, asked[1]))
            elif kind == "set":
                await _set(channel, asked[1], asked[2])
                answer = ("ok",)
            else:
                answer = ("ok", bool(channel.soft_hangup))
        except (FunctionError, LookupError) as error:
            answer = ("error", str(error))
    return None


async def _run(channel: Channel, name: str, data: str) -> Any:
    if channel.system.applications.get(name) is None:
        near = channel.system.applications.nearest(name)
        raise LookupError(f"there is no application '{name}'" + (f"; did you mean {near}?" if near else ""))
    result = run_application(channel, name, data)
    return await result if inspect.isawaitable(result) else result


async def _get(channel: Channel, expression: str) -> str | None:
    name, parenthesis, rest = expression.partition("(")
    if not parenthesis:
        return channel.get_variable(name)
    return await channel.system.functions.read_async(channel, name, rest.removesuffix(")"))


async def _set(channel: Channel, expression: str, value: str) -> None:
    name, parenthesis, rest = expression.partition("(")
    if not parenthesis:
        channel.set_variable(name, value)
        return
    waiting = channel.system.functions.write(channel, name, rest.removesuffix(")"), value)
    if waiting is not None:
        await waiting


def _find(system: System, data: str, query: SwitchQuery) -> Step | None:
    """``switch => Lua[/context]``: the extension of that context of extensions.lua, or of the context that is searched."""
    lua: LuaDialplan | None = system.services.get(SERVICE)
    if lua is None:
        return None
    context = data or query.context
    if query.mode is Mode.MATCH:
        return lua.plan.find(context, query.exten, query.priority, query.caller_number)
    matches = lua.plan.can_match if query.mode is Mode.CAN_MATCH else lua.plan.match_more
    return Step(context, query.exten, 1, "NoOp") if matches(context, query.exten, query.caller_number) else None


lua_switch = SwitchSpec(name="Lua", find=_find, description="Lua PBX Switch")
