"""Periodic dialplan hooks."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

from globstar.base.log import Logger
from globstar.config.values import boolean
from globstar.core.callsown import CallsOwn
from globstar.core.channel import Channel
from globstar.core.dialing import Origination, originate
from globstar.core.functions import FunctionError
from globstar.core.registry import function
from globstar.core.testevents import tell_state
from globstar.dialplan.arguments import argument, split_arguments

if TYPE_CHECKING:
    from globstar.core.system import System

logger = Logger("func_periodic_hook")

_KEY = "periodic hooks"
_SPY = "ChanSpy"


class PeriodicHook:
    """Calls an extension every so many seconds, and lets the channel's call hear it."""

    def __init__(self, channel: Channel, identity: str, context: str, extension: str, seconds: int) -> None:
        self.channel = channel
        self.identity = identity
        self.context = context
        self.extension = extension
        self.seconds = seconds
        self._task: asyncio.Task[None] | None = None

    def switch(self, is_on: bool) -> None:
        """Begin or end it; the first call comes after the first period."""
        if is_on and self._task is None:
            self._task = self.channel.tasks.start(self._run(), name=f"periodic hook {self.identity}")
        elif not is_on and self._task is not None:
            self._task.cancel()
            self._task = None

    async def _run(self) -> None:
        system: System = self.channel.system
        while True:
            await asyncio.sleep(self.seconds)
            what = Origination(
                dial_string=f"Local/{self.extension}@{self.context}/n",
                application=_SPY,
                data=f"{self.channel.unique_id},uqBSE",
                timeout=float(self.seconds),
                variables=[("HOOK_CHANNEL", self.channel.name), ("HOOK_ID", self.identity)],
            )
            system.tasks.start(originate(system, what), name=f"periodic hook {self.identity} of {self.channel.name}")


class Hooks(dict[str, PeriodicHook], CallsOwn):
    """The hooks of a channel by their ids."""

    def ended(self) -> None:
        """See CallsOwn."""
        for hook in self.values():
            hook.switch(False)


@function("PERIODIC_HOOK", syntax="PERIODIC_HOOK(context,extension,interval,hook_id)")
def periodic_hook(channel: Channel | None, args: str) -> str:
    """Let a call hear what an extension plays, every so many seconds.

    ``Set(ID=${PERIODIC_HOOK(hooks,beep,180)})`` calls the extension beep of the context hooks every three minutes, on a
    channel of its own; what it plays both parties hear. ``Set(PERIODIC_HOOK(${ID})=off)`` ends it, ``on`` begins it again.
    The extension finds the channel in HOOK_CHANNEL and the id in HOOK_ID; it must answer.
    """
    if channel is None:
        raise FunctionError("PERIODIC_HOOK needs a channel")
    arguments = split_arguments(args)
    context, extension, interval = (argument(arguments, index).strip() for index in range(3))
    if not context or not extension or not interval.isdecimal() or not int(interval):
        raise FunctionError(f"PERIODIC_HOOK takes a context, an extension and whole seconds, not '{args}'")
    if channel.system.applications.get(_SPY) is None:
        raise FunctionError(f"PERIODIC_HOOK needs the application {_SPY}")
    hooks: Hooks = channel.data.setdefault(_KEY, Hooks())
    identity = str(len(hooks) + 1)
    hook = hooks[identity] = PeriodicHook(channel, identity, context, extension, int(interval))
    hook.switch(True)
    tell_state(channel.system, "PERIODIC_HOOK_ENABLED", channel, HookID=identity)
    return identity


@periodic_hook.writer
def _write(channel: Channel | None, args: str, value: str) -> None:
    if channel is None:
        raise FunctionError("PERIODIC_HOOK needs a channel")
    hook = channel.data.get(_KEY, {}).get(args.strip())
    if hook is None:
        raise FunctionError(f"{channel.name} has no periodic hook '{args}'")
    try:
        hook.switch(boolean(value.strip()))
    except ValueError as error:
        raise FunctionError(f"PERIODIC_HOOK takes on or off, not '{value}'") from error
