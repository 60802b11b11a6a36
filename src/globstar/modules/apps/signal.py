"""Channel signaling applications."""

from __future__ import annotations

import asyncio

from globstar.base.log import Logger
from globstar.core.channel import Channel, ChannelGone
from globstar.core.numbers import seconds
from globstar.core.registry import application
from globstar.core.system import System
from globstar.dialplan.arguments import argument, split_arguments

logger = Logger("app_signal")

_Waiting = dict[str, list["asyncio.Future[str]"]]


def load(system: System) -> None:
    """Nobody waits yet."""
    system.services["signals"] = _Waiting()


def unload(system: System) -> None:
    """Forget the service; who waits is told by the end of its call."""
    del system.services["signals"]


@application("Signal", syntax="Signal(signalname[,payload])")
def signal(channel: Channel, data: str) -> None:
    """Let all channels go on that wait for a signal.

    ``payload`` is given to them. SIGNALSTATUS tells: SUCCESS, FAILURE (nobody waits).
    """
    arguments = split_arguments(data, 2)
    name = argument(arguments, 0)
    if not name:
        logger.warning("Signal needs the name of a signal")
        channel.set_variable("SIGNALSTATUS", "FAILURE")
        return
    waiting: _Waiting = channel.system.services["signals"]
    futures = waiting.pop(name, [])
    for future in futures:
        if not future.done():
            future.set_result(argument(arguments, 1))
    channel.set_variable("SIGNALSTATUS", "SUCCESS" if futures else "FAILURE")


@application("WaitForSignal", syntax="WaitForSignal(signalname[,signaltimeout])")
async def wait_for_signal(channel: Channel, data: str) -> int:
    """Wait until another channel sends a signal.

    ``signaltimeout`` is how long at the most, in seconds; without it for ever.

    WAITFORSIGNALSTATUS tells: SIGNALED (WAITFORSIGNALPAYLOAD is what came with it), TIMEOUT, HANGUP.
    """
    arguments = split_arguments(data)
    name = argument(arguments, 0)
    if not name:
        logger.warning("WaitForSignal needs the name of a signal")
        return -1
    timeout = seconds(argument(arguments, 1))
    waiting: _Waiting = channel.system.services["signals"]
    loop = channel.system.loop
    future: asyncio.Future[str] = loop.create_future()
    waiting.setdefault(name, []).append(future)
    timer = loop.call_later(timeout, future.cancel) if timeout else None
    try:
        payload = await channel.wait_for(future)
    except asyncio.CancelledError:
        if not future.cancelled():
            raise
        channel.set_variable("WAITFORSIGNALSTATUS", "TIMEOUT")
        return 0
    except ChannelGone:
        channel.set_variable("WAITFORSIGNALSTATUS", "HANGUP")
        raise
    finally:
        if timer is not None:
            timer.cancel()
        if future in waiting.get(name, ()):
            waiting[name].remove(future)
            if not waiting[name]:
                del waiting[name]
    channel.set_variable("WAITFORSIGNALPAYLOAD", payload)
    channel.set_variable("WAITFORSIGNALSTATUS", "SIGNALED")
    return 0
