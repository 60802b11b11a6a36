"""Reading and writing dialplan functions, and rendering templates whose functions must wait."""

from __future__ import annotations

import inspect
import re
from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from typing import TYPE_CHECKING, Any

from globstar.base.errors import GlobstarError
from globstar.base.log import Logger
from globstar.core.registry import FunctionSpec, Registry

if TYPE_CHECKING:
    from globstar.core.channel import Channel
    from globstar.dialplan.substitute import Scope, Template

logger = Logger("pbx")

_CALL = re.compile(r"([A-Za-z0-9_]*)\s*\(")
_is_confined: ContextVar[bool] = ContextVar("functions that reach outside are refused", default=False)


@contextmanager
def confined() -> Iterator[None]:
    """Refuse functions that reach outside (files, shell, environment) to whatever runs within, however deep they are called.

    For what asks from outside the dialplan; EVAL, IMPORT and others would else call them for it.
    """
    token = _is_confined.set(True)
    try:
        yield
    finally:
        _is_confined.reset(token)


def _refused(spec: FunctionSpec, way: str) -> bool:
    is_outside = spec.is_dangerous or (way == "write" and spec.is_dangerous_to_write)
    if is_outside and _is_confined.get():
        logger.error(f"Dangerous function {spec.name} {way} blocked")
        return True
    return False


class FunctionError(GlobstarError):
    """A dialplan function cannot give or take a value; the message is logged as a warning."""


class NeedsWaiting(GlobstarError):
    """Raised out of a rendering when a function must be awaited first; never seen by users."""

    def __init__(self, name: str, awaitable: Any) -> None:
        super().__init__(name)
        self.name = name
        self.awaitable = awaitable


class _Replay:
    """The results of the functions called so far while one template is rendered again and again."""

    __slots__ = ("index", "results")

    def __init__(self) -> None:
        self.index = 0
        self.results: list[str] = []


class FunctionTable:
    """The dialplan functions of one system."""

    __slots__ = ("_replay", "registry")

    def __init__(self, registry: Registry[FunctionSpec]) -> None:
        self.registry = registry
        self._replay: _Replay | None = None

    def read(self, channel: Channel | None, name: str, args: str) -> str:
        """The value of ``${name(args)}``; "" with an error logged where there is none.

        A blocking function called while :meth:`render` works makes the rendering wait; anywhere else it is refused
        with a warning, since nothing may hold the loop.
        """
        replay = self._replay
        if replay is None:
            return self._read_now(channel, name, args)
        if replay.index < len(replay.results):
            result = replay.results[replay.index]
            replay.index += 1
            return result
        spec = self.registry.get(name)
        if spec is not None and spec.is_blocking and spec.read is not None and not _refused(spec, "read"):
            raise NeedsWaiting(name, spec.read(channel, args))
        # Functions that this one reads in turn are part of its result, not of the record.
        self._replay = None
        try:
            result = self._read_now(channel, name, args)
        finally:
            self._replay = replay
        replay.results.append(result)
        replay.index += 1
        return result

    def _read_now(self, channel: Channel | None, name: str, args: str) -> str:
        spec = self.registry.get(name)
        if spec is None:
            near = self.registry.nearest(name)
            logger.error(f"Function {name} is not registered" + (f"; did you mean {near}?" if near else ""))
            return ""
        if spec.read is None:
            logger.error(f"Function {name} cannot be read")
            return ""
        if _refused(spec, "read"):
            return ""
        if spec.is_blocking:
            logger.warning(f"Function {name} has to wait and cannot be read here")
            return ""
        try:
            value = spec.read(channel, args)
        except FunctionError as error:
            logger.warning(f"{name}: {error}")
            return ""
        return "" if value is None else str(value)

    async def read_async(self, channel: Channel | None, name: str, args: str) -> str:
        """Like :meth:`read`, also for functions that must wait."""
        spec = self.registry.get(name)
        if spec is None or not spec.is_blocking or spec.read is None:
            return self.read(channel, name, args)
        if _refused(spec, "read"):
            return ""
        return await _settle(name, spec.read(channel, args))

    def write(self, channel: Channel | None, name: str, args: str, value: str) -> Any:
        """Do ``Set(name(args)=value)``. An awaitable comes back if it must wait, else None.

        Raises :class:`FunctionError` if the function is unknown or cannot be written.
        """
        spec = self.registry.get(name)
        if spec is None:
            near = self.registry.nearest(name)
            raise FunctionError(f"Function {name} is not registered" + (f"; did you mean {near}?" if near else ""))
        if spec.write is None:
            raise FunctionError(f"Function {name} cannot be written to")
        if _refused(spec, "write"):
            raise FunctionError(f"Function {name} reaches outside and may not be written to from here")
        result = spec.write(channel, args, value)
        return result if inspect.isawaitable(result) else None

    def may_wait(self, text: str) -> bool:
        """Whether rendering ``text`` may call a function that must wait: one named in it, or one whose name is computed."""
        if "(" not in text:
            return False
        for match in _CALL.finditer(text):
            spec = self.registry.get(match[1])
            if (spec is not None and spec.is_blocking) or (not match[1] and match.start() and text[match.start() - 1] in "}]"):
                return True
        return False

    def render(self, channel: Channel, template: Template) -> str | Any:
        """Render ``template`` for ``channel``; a coroutine that gives the text comes back if a function must wait."""
        return self.render_in(channel.variables, template)

    def render_in(self, scope: Scope, template: Template) -> str | Any:
        """Render ``template`` with the values of ``scope``; see :meth:`render`."""
        replay = self._replay = _Replay()
        try:
            return template.render(scope)
        except NeedsWaiting as waiting:
            return self._render_waiting(scope, template, replay, waiting)
        finally:
            self._replay = None

    async def _render_waiting(self, scope: Scope, template: Template, replay: _Replay, waiting: NeedsWaiting) -> str:
        while True:
            replay.results.append(await _settle(waiting.name, waiting.awaitable))
            replay.index = 0
            self._replay = replay
            try:
                return template.render(scope)
            except NeedsWaiting as again:
                waiting = again
            finally:
                self._replay = None


def assign(channel: Channel, name: str, value: str) -> None:
    """Set a variable, or write a function where ``name`` is one with its arguments; a failure is logged."""
    function, parenthesis, args = name.partition("(")
    if not parenthesis or not args.endswith(")"):
        channel.set_variable(name, value)
        return
    try:
        waiting = channel.system.functions.write(channel, function, args[:-1], value)
    except FunctionError as error:
        logger.warning(f"{channel.name}: {error}")
        return
    if waiting is not None:
        channel.tasks.start(_settle(function, waiting), name=f"writing {function}")


async def _settle(name: str, awaitable: Any) -> str:
    try:
        value = await awaitable
    except FunctionError as error:
        logger.warning(f"{name}: {error}")
        return ""
    return "" if value is None else str(value)
