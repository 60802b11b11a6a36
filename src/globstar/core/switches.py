"""Alternative switches: programs that answer for extensions which the dialplan does not have (``switch =>``)."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING, TypeVar

from globstar.base.errors import GlobstarError
from globstar.base.log import Logger
from globstar.core.registry import Spec
from globstar.dialplan.context import Step, Switch
from globstar.dialplan.plan import SwitchQuery
from globstar.dialplan.substitute import substitute

if TYPE_CHECKING:
    from globstar.core.system import System

logger = Logger("pbx")
T = TypeVar("T")


class SwitchWaits(GlobstarError):
    """A switch must ask elsewhere before it can answer: await ``fetch()`` and ask again. See :func:`settled`."""

    def __init__(self, fetch: Callable[[], Awaitable[None]]) -> None:
        super().__init__("a switch has to wait")
        self.fetch = fetch


class _Asker:
    """Whether whoever asks the dialplan now can wait."""

    can_wait = False


async def settled(ask: Callable[[], T]) -> T:
    """Give what ``ask()`` finds in the dialplan, after the switches that have to wait for their answers."""
    while True:
        try:
            return asking(ask)
        except SwitchWaits as waits:
            fetch = waits.fetch
        await fetch()


def asking(ask: Callable[[], T]) -> T:
    """Give what ``ask()`` finds in the dialplan; raises SwitchWaits when that takes a while."""
    before, _Asker.can_wait = _Asker.can_wait, True
    try:
        return ask()
    finally:
        _Asker.can_wait = before


async def settled_quietly(ask: Callable[[], object]) -> None:
    """Let switches learn what ``ask()`` asks, for somebody who asks it later and cannot wait."""
    await settled(ask)


def can_wait() -> bool:
    """Whether a switch may raise :class:`SwitchWaits` now; it must answer with what it knows otherwise."""
    return _Asker.can_wait


@dataclass(slots=True, kw_only=True)
class SwitchSpec(Spec):
    """A switch: ``find(system, data, query)`` gives the step to run, or None. It must not wait, but may raise SwitchWaits
    where :func:`can_wait`.
    """

    find: Callable[[System, str, SwitchQuery], Step | None]
    description: str = ""


class _SwitchScope:
    """What ``eswitch`` data and switches themselves may refer to: the place asked for, and global variables."""

    def __init__(self, system: System, query: SwitchQuery) -> None:
        self.system = system
        self.place = {"EXTEN": query.exten, "CONTEXT": query.context, "PRIORITY": str(query.priority)}

    def get_variable(self, name: str) -> str | None:
        """A part of the place, or a global variable."""
        value = self.place.get(name)
        return value if value is not None else self.system.globals.get(name)

    def call_function(self, name: str, args: str) -> str:
        """A function read without a channel."""
        return self.system.functions.read(None, name, args)

    def warn(self, level: str, message: str) -> None:
        """A complaint of substitution."""
        logger.log(level, message)


def substitute_place(system: System, text: str, query: SwitchQuery) -> str:
    """``text`` with ${EXTEN}, ${CONTEXT}, ${PRIORITY} and global variables put in."""
    return substitute(text, _SwitchScope(system, query))


def ask_switch(system: System, switch: Switch, query: SwitchQuery) -> Step | None:
    """Ask the switch called ``switch.name``; None, with a warning, if it is not registered or fails."""
    spec = system.registry("switch").get(switch.name)
    if spec is None:
        logger.warning(f"context '{query.context}' asks switch '{switch.name}', which is not registered")
        return None
    data = substitute_place(system, switch.data, query) if switch.evaluates else switch.data
    try:
        found: Step | None = spec.find(system, data, query)
    except SwitchWaits:
        raise
    except Exception as error:  # a switch's bug must not end the search of every call
        logger.error(f"switch {switch.name} failed for {query.exten}@{query.context}", exception=error)
        return None
    return found
