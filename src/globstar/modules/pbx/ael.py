"""Asterisk Extension Language Compiler."""

from __future__ import annotations

from collections.abc import Callable

from globstar.base.log import Logger
from globstar.core import events
from globstar.core.applications import run_application
from globstar.core.channel import Channel
from globstar.core.cli import CliUsage, cli_command
from globstar.core.functions import FunctionError
from globstar.core.loader import ModuleDeclined
from globstar.core.registry import application, function
from globstar.core.system import System
from globstar.dialplan.ael import REGISTRAR, LoadedAel, compile_ael, parse_ael
from globstar.dialplan.pattern import canonical, compile_pattern

logger = Logger("pbx_ael")

FILE = "extensions.ael"
_DEBUG = "ael debug"
_KINDS = ("read", "tokens", "contexts", "off")


def _trace(system: System) -> Callable[[str, str], None]:
    wanted: set[str] = system.services.setdefault(_DEBUG, set())

    def trace(kind: str, text: str) -> None:
        if kind in wanted:
            logger.notice(f"{kind}: {text}")

    return trace


def _read(system: System) -> LoadedAel | None:
    """What the file holds; None if there is none. Raises AelFault."""
    source = system.configuration.source
    if not source.glob(FILE):
        return None
    trace = _trace(system)
    loaded = compile_ael(parse_ael(FILE, source, trace))
    for context in loaded.plan.contexts.values():
        steps = sum(len(extension.steps) for extension in context.extensions)
        trace("contexts", f"{context.name}: {len(context.extensions)} extensions, {steps} priorities")
    return loaded


def _install(system: System, loaded: LoadedAel) -> None:
    """Put it in force beside what other modules made; calls that run keep the dialplan that they began with."""
    for place, message in loaded.warnings:
        logger.warning(f"{place.file}:{place.line}: {message}")
    plan = system.new_plan()
    plan.adopt(system.plan, (REGISTRAR,))
    for refused in plan.adopt(loaded.plan, ()):
        logger.warning(str(refused))
    for name, value in loaded.globals.items():
        system.globals.set(name, value)
    system.plan = plan
    system.bus.publish(events.DialplanReplaced())


def load(system: System) -> None:
    """Read extensions.ael. Declines if there is none."""
    loaded = _read(system)
    if loaded is None:
        raise ModuleDeclined(f"there is no {FILE}")
    _install(system, loaded)


def reload(system: System) -> None:
    """Read extensions.ael again; one that cannot be understood leaves the dialplan as it is."""
    loaded = _read(system)
    if loaded is None:
        logger.error(f"there is no {FILE}; the dialplan stays as it is")
        return
    _install(system, loaded)


def unload(system: System) -> None:
    """Take its contexts out."""
    plan = system.new_plan()
    plan.adopt(system.plan, (REGISTRAR,))
    system.plan = plan
    system.services.pop(_DEBUG, None)
    system.bus.publish(events.DialplanReplaced())


@application("AELSub", syntax="AELSub(routine[,args])")
def ael_sub(channel: Channel, data: str) -> object:
    """Run a macro of extensions.ael from extensions.conf.

    ``routine`` is the macro's name, the arguments are its own. It comes back when the macro returns.
    """
    routine, _, arguments = data.partition(",")
    if not routine.strip():
        logger.warning("AELSub needs the name of a macro")
        return -1
    return run_application(channel, "Gosub", f"{routine.strip()},~~s~~,1({arguments})")


@function("AEL_MATCH", syntax="AEL_MATCH(text,variable)")
def ael_match(channel: Channel | None, args: str) -> str:
    """1 if the value of a variable is a text, or matches it as a pattern where it begins with an underscore; else 0.

    The cases of a switch in extensions.ael are decided by it.
    """
    text, comma, name = args.rpartition(",")
    if channel is None or not comma:
        raise FunctionError("needs a channel, a text and the name of a variable")
    value = channel.get_variable(name.strip()) or ""
    if text.startswith("_"):
        return "1" if compile_pattern(text).matches(canonical(value)) else "0"
    return "1" if text == value else "0"


@cli_command("ael reload")
async def ael_reload(system: System, args: list[str]) -> str:
    """Read extensions.ael again."""
    if args:
        raise CliUsage
    await system.loader.reload("pbx_ael")
    return "AEL dialplan reloaded."


@cli_command(
    "ael set debug", usage="ael set debug {read|tokens|contexts|off}", complete=lambda system, args: list(_KINDS)
)  # fmt: skip
def ael_set_debug(system: System, args: list[str]) -> str:
    """Tell at the next reload which files are read, which statements are found, or which contexts are made."""
    if len(args) != 1 or args[0] not in _KINDS:
        raise CliUsage
    wanted: set[str] = system.services.setdefault(_DEBUG, set())
    if args[0] == "off":
        wanted.clear()
        return "AEL debugging is off."
    wanted.add(args[0])
    return f"AEL debugging of {args[0]} is on."
