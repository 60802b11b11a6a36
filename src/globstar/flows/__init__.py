"""Call flows in Python: an async function is an application, a typed function a dialplan function.

::

    from globstar import Channel, application

    @application
    async def lottery(channel: Channel, tickets: int = 1) -> None:
        \"\"\"Sell tickets to the caller.\"\"\"
        await channel.answer()
        await channel.say_number(tickets)

A file with this in ``astmoddir`` makes ``Lottery([tickets])`` an application; nothing else registers it.
"""

from __future__ import annotations

from globstar.flows.arguments import Options, flag, value
from globstar.flows.channel import CallFailed, Channel, DialResult, HungUp, Recording, SoundMissing
from globstar.flows.decorators import application, function

__all__ = [
    "CallFailed",
    "Channel",
    "DialResult",
    "HungUp",
    "Options",
    "Recording",
    "SoundMissing",
    "application",
    "flag",
    "function",
    "value",
]
