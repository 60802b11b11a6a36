"""Dialplan mutexes."""

from __future__ import annotations

import asyncio
from collections import deque
from dataclasses import dataclass, field

from globstar.core import events
from globstar.core.channel import Channel, ChannelGone
from globstar.core.cli import CliUsage, cli_command, plural
from globstar.core.functions import FunctionError
from globstar.core.registry import function
from globstar.core.system import System

_SERVICE = "dialplan locks"
_UNDO = "dialplan locks undo"
#: How long a channel that has a lock waits for another one, seconds: two that wait for each other must not do so for ever.
_PATIENCE = 3.0


@dataclass(slots=True)
class _Lock:
    """Who holds a lock, how often it took it, and who waits, the first one first."""

    owner: Channel | None = None
    depth: int = 0
    waiting: deque[tuple[Channel, asyncio.Future[None]]] = field(default_factory=deque)


class Locks:
    """The locks of one system, by name. A lock that nobody holds or waits for does not exist."""

    def __init__(self, system: System) -> None:
        self.system = system
        self.by_name: dict[str, _Lock] = {}

    def take(self, channel: Channel, name: str) -> bool:
        """Take a lock that is free, or once more one that the channel has; False if another channel has it."""
        lock = self.by_name.setdefault(name, _Lock())
        if lock.owner is not None and lock.owner is not channel:
            return False
        lock.owner = channel
        lock.depth += 1
        return True

    async def wait(self, channel: Channel, name: str) -> bool:
        """Take a lock, waiting for it; False if that takes too long or the channel is to hang up meanwhile."""
        if self.take(channel, name):
            return True
        lock = self.by_name[name]
        future: asyncio.Future[None] = self.system.loop.create_future()
        entry = (channel, future)
        lock.waiting.append(entry)
        timer = self.system.loop.call_later(_PATIENCE, future.cancel) if self.owns_any(channel) else None
        undo = channel.on_hangup(lambda _: _give_up(future))
        try:
            await asyncio.wait([future])
            return not future.cancelled()
        finally:
            undo()
            if timer is not None:
                timer.cancel()
            if entry in lock.waiting:
                lock.waiting.remove(entry)
            if future.cancelled():
                self._drop_if_unused(name)

    def owns_any(self, channel: Channel) -> bool:
        """Whether the channel has any lock."""
        return any(lock.owner is channel for lock in self.by_name.values())

    def release(self, channel: Channel, name: str) -> bool:
        """Give a lock back as often as it was taken; False if the channel does not have it."""
        lock = self.by_name.get(name)
        if lock is None or lock.owner is not channel:
            return False
        lock.depth -= 1
        if not lock.depth:
            self._hand_over(name, lock)
        return True

    def hung_up(self, event: events.ChannelHungUp) -> None:
        """A channel is gone: it gives back all that it has."""
        for name, lock in list(self.by_name.items()):
            if lock.owner is event.channel:
                self._hand_over(name, lock)

    def _hand_over(self, name: str, lock: _Lock) -> None:
        lock.owner, lock.depth = None, 0
        while lock.waiting:
            channel, future = lock.waiting.popleft()
            if not future.done() and not channel.is_hung_up:
                lock.owner, lock.depth = channel, 1
                future.set_result(None)
                return
        self._drop_if_unused(name)

    def _drop_if_unused(self, name: str) -> None:
        lock = self.by_name.get(name)
        if lock is not None and lock.owner is None and not lock.waiting:
            del self.by_name[name]


def _give_up(future: asyncio.Future[None]) -> None:
    future.cancel()


def load(system: System) -> None:
    """Offer the locks."""
    locks = system.services[_SERVICE] = Locks(system)
    system.services[_UNDO] = system.bus.subscribe(events.ChannelHungUp, locks.hung_up)


def unload(system: System) -> None:
    """Take them back."""
    del system.services[_SERVICE]
    system.services.pop(_UNDO)()


def _locks(channel: Channel | None) -> tuple[Channel, Locks]:
    if channel is None:
        raise FunctionError("a lock needs a channel")
    locks: Locks = channel.system.services[_SERVICE]
    return channel, locks


@function("LOCK", syntax="LOCK(lockname)")
async def lock(channel: Channel | None, args: str) -> str:
    """Take a lock of that name, which one channel only can have, waiting until it is free. 1 if it was had, 0 if not.

    A channel that has a lock already waits three seconds at the most for another one. Locks are given back by UNLOCK(), or when
    the channel hangs up.
    """
    channel, locks = _locks(channel)
    try:
        return "1" if await locks.wait(channel, args) else "0"
    except ChannelGone:
        return "0"


@function("TRYLOCK", syntax="TRYLOCK(lockname)")
def try_lock(channel: Channel | None, args: str) -> str:
    """Take a lock of that name if it is free. 1 if it was had, 0 if not."""
    channel, locks = _locks(channel)
    return "1" if locks.take(channel, args) else "0"


@function("UNLOCK", syntax="UNLOCK(lockname)")
def unlock(channel: Channel | None, args: str) -> str:
    """Give a lock back. 1 if the channel had it, 0 if not."""
    channel, locks = _locks(channel)
    if locks.release(channel, args):
        return "1"
    channel.warn("WARNING", f"{channel.name} does not have the lock '{args}'")
    return "0"


@cli_command("dialplan locks show")
def show_locks(system: System, args: list[str]) -> str:
    """List the locks that channels have, and how many channels wait for each."""
    if args:
        raise CliUsage
    locks: Locks = system.services[_SERVICE]
    lines = [f"{'Name':<40} {'Requests':>8} {'Waiting':>8} Owner"]
    for name, lock in sorted(locks.by_name.items()):
        owner = lock.owner.name if lock.owner is not None else "(unlocked)"
        lines.append(f"{name:<40} {lock.depth + len(lock.waiting):>8} {len(lock.waiting):>8} {owner}")
    return "\n".join([*lines, plural(len(locks.by_name), "lock")])
