"""Realtime Switch."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Any

from globstar.base.log import Logger
from globstar.core.realtime.engine import Criteria, RealtimeFault, Row
from globstar.core.registry import FunctionSpec
from globstar.core.switches import SwitchSpec, SwitchWaits, can_wait, settled
from globstar.core.system import System
from globstar.dialplan.context import HINT, PriorityInUse, Step
from globstar.dialplan.plan import Dialplan, Mode, SwitchQuery

logger = Logger("pbx_realtime")

SUPPORT_LEVEL = "extended"
SERVICE = "realtime switch"
REGISTRAR = "Realtime"
#: the family where the switch names none
FAMILY = "extensions"
#: How long rows count, seconds: the steps of one extension are read once, not one by one.
LIFE = 1.0
#: Answers that are kept; the oldest go.
MAX_KEPT = 2048
#: A backslash before the underscore: it is no wildcard.
_PATTERNS = ("exten LIKE", "\\_%")

#: What was asked: family, context, and the extension, the digits that one begins with, or all patterns.
Key = tuple[str, str, str, str]
EXACT, PREFIX, PATTERNS = "exact", "prefix", "patterns"


@dataclass(slots=True)
class _Kept:
    """What is known of a question, since when, and whether it is being asked again."""

    steps: list[Step] = field(default_factory=list)
    since: float = -1e9
    asking: asyncio.Future[None] | None = None


class RealtimeSwitch:
    """The rows of one system's realtime extensions.

    Who can wait gets rows that are at most a second old; who cannot gets what was read last, which is then read again.
    """

    def __init__(self, system: System) -> None:
        self.system = system
        self._kept: dict[Key, _Kept] = {}
        self._plans: dict[tuple[Key, ...], tuple[tuple[int, ...], Dialplan]] = {}
        self._undo: tuple[FunctionSpec, Callable[[Any, str], Any]] | None = None

    def find(self, data: str, query: SwitchQuery) -> Step | None:
        """Answer for ``[[context@]family][/options]``; with option p there are no patterns to be looked for."""
        if query.priority == HINT or not query.exten:
            return None
        place, _, options = data.partition("/")
        context, _, family = place.rpartition("@")
        context, family = context or query.context, family or FAMILY
        if query.mode is Mode.MATCH:
            keys: list[Key] = [(family, context, EXACT, query.exten)]
        else:
            keys = [(family, context, PREFIX, query.exten)]
        if "p" not in options:
            keys.append((family, context, PATTERNS, ""))
        plan = self._plan(keys)
        if query.mode is Mode.MATCH:
            return plan.find(context, query.exten, query.priority, query.caller_number)
        matches = plan.can_match if query.mode is Mode.CAN_MATCH else plan.match_more
        return Step(context, query.exten, 1, "NoOp") if matches(context, query.exten, query.caller_number) else None

    def _plan(self, keys: Sequence[Key]) -> Dialplan:
        """The rows of some questions as a dialplan of their own. Raises SwitchWaits when they must be asked first."""
        now = self.system.now()
        old: list[Key] = []
        for key in keys:
            kept = self._kept.get(key)
            if kept is None:
                while len(self._kept) >= MAX_KEPT:
                    del self._kept[next(iter(self._kept))]
                kept = self._kept[key] = _Kept()
            if now - kept.since >= LIFE:
                old.append(key)
        if old:
            if can_wait():
                raise SwitchWaits(lambda: self._fetch(old))
            self.system.tasks.start(self._fetch(old), name="realtime extensions")
        versions = tuple(id(self._kept[key].steps) for key in keys)
        held = self._plans.get(tuple(keys))
        if held is not None and held[0] == versions:
            return held[1]
        plan = Dialplan(self.system.local_time)
        for key in keys:
            for step in self._kept[key].steps:
                try:
                    plan.add_step(step)
                except PriorityInUse:
                    logger.debug(1, f"{step.context},{step.extension},{step.priority} is there twice")
        if len(self._plans) >= MAX_KEPT:
            self._plans.clear()
        self._plans[tuple(keys)] = (versions, plan)
        return plan

    async def _fetch(self, keys: Sequence[Key]) -> None:
        await asyncio.gather(*(self._ask(key) for key in keys))

    async def _ask(self, key: Key) -> None:
        """Ask the database; several who wait for the same share the answer."""
        kept = self._kept.setdefault(key, _Kept())
        if kept.asking is not None:
            await asyncio.shield(kept.asking)
            return
        kept.asking = self.system.loop.create_future()
        try:
            steps = _steps(key, await self.system.realtime.load_multi(key[0], _criteria(key)))
            if [_shape(step) for step in steps] != [_shape(step) for step in kept.steps]:
                kept.steps = steps
        except RealtimeFault as fault:
            # told once by realtime; what was read before counts
            logger.debug(1, f"{key[1]}: {fault}")
        finally:
            kept.since = self.system.now()
            kept.asking.set_result(None)
            kept.asking = None

    # -- functions ---------------------------------------------------------------------------------------------------

    def attach(self) -> None:
        """Let DIALPLAN_EXISTS() wait for answers, where extensions are in realtime at all."""
        spec = self.system.function_registry.get("DIALPLAN_EXISTS")
        if spec is None or spec.read is None or spec.is_blocking or not self.system.realtime.has(FAMILY):
            return
        read = spec.read

        async def reading(channel: object, args: str) -> object:
            return await settled(lambda: read(channel, args))

        spec.read, spec.is_blocking = reading, True
        self._undo = (spec, read)
        self.system.function_registry.generation += 1

    def detach(self) -> None:
        """Undo that."""
        if self._undo is not None:
            spec, read = self._undo
            spec.read, spec.is_blocking = read, False
            self._undo = None
            self.system.function_registry.generation += 1


def _criteria(key: Key) -> Criteria:
    _, context, what, text = key
    wanted = {
        EXACT: ("exten", text),
        PREFIX: ("exten LIKE", _escaped(text) + "%"),
        PATTERNS: _PATTERNS,
    }[what]
    return [wanted, ("context", context)]


def _escaped(text: str) -> str:
    return text.replace("\\", "\\\\").replace("%", "\\%").replace("_", "\\_")


def _shape(step: Step) -> tuple[str, int, str, str]:
    return step.extension, step.priority, step.app_name, step.data


def _steps(key: Key, rows: list[Row]) -> list[Step]:
    """Rows as steps; those without an application or with a strange priority are told of and left out."""
    found: list[Step] = []
    for row in rows:
        values: dict[str, str] = {}
        for name, value in row:
            # a semicolon in appdata made several values of it
            values[name.lower()] = f"{values[name.lower()]};{value}" if name.lower() in values else value
        exten, app, priority = values.get("exten", ""), values.get("app", ""), values.get("priority", "")
        if not exten or not app or not priority.isdecimal():
            logger.debug(1, f"a row of {key[0]} in context {key[1]} has no extension, application or priority: {row}")
            continue
        if key[2] == EXACT and exten.startswith("_"):
            continue
        found.append(Step(key[1], exten, int(priority), app, values.get("appdata", ""), registrar=REGISTRAR))
    return found


def find(system: System, data: str, query: SwitchQuery) -> Step | None:
    """``switch => Realtime/[[context@]family][/options]``."""
    switch = system.service(SERVICE, RealtimeSwitch)
    return switch.find(data, query) if switch is not None else None


realtime = SwitchSpec(name="Realtime", find=find, description="Realtime Dialplan Switch")


def load(system: System) -> None:
    """Offer the switch."""
    switch = system.services[SERVICE] = RealtimeSwitch(system)
    switch.attach()


def unload(system: System) -> None:
    """It is gone."""
    system.services.pop(SERVICE).detach()
