"""Simple dialplan execution from the CLI."""

from __future__ import annotations

import asyncio
from typing import Any

from globstar.core.channel import Channel, ChannelGone, ChannelState
from globstar.core.cli import CliFailure, CliUsage, cli_command
from globstar.core.system import System
from globstar.core.tech import ChannelTech
from globstar.dialplan.substitute import substitute


class _ConsoleTech(ChannelTech):
    """The channel that an application runs on: there is nobody at its other end."""

    name = "CLIExec"
    description = "Applications run by the CLI"
    is_internal = True

    def indicate(self, channel: Channel, condition: Any, data: Any = b"") -> bool:
        """There is nobody to hear it."""
        return True

    def send_digit_begin(self, channel: Channel, digit: str) -> bool:
        """There is nobody to hear it."""
        return True

    def send_digit_end(self, channel: Channel, digit: str, duration_ms: int) -> bool:
        """There is nobody to hear it."""
        return True


def _applications(system: System, args: list[str]) -> list[str]:
    return [spec.name for spec in system.applications] if len(args) == 1 else []


@cli_command(
    "dialplan exec application", usage="dialplan exec application <appname> [<args>]", complete=_applications
)  # fmt: skip
async def execute(system: System, args: list[str]) -> str:
    """Run one application on a channel that nobody is at the other end of, and wait for its end.

    Variables and functions in the arguments are put in. It is for what changes something outside of calls: Log, Set, System.
    """
    if len(args) not in (1, 2):
        raise CliUsage
    spec = system.applications.get(args[0])
    if spec is None:
        near = system.applications.nearest(args[0])
        raise CliFailure(f"No such application: {args[0]}" + (f" (did you mean {near}?)" if near else ""))
    channel = Channel(system, _ConsoleTech(), system.next_channel_name("CLIExec/console"), state=ChannelState.UP)
    channel.call_id = system.next_call_id()
    try:
        data = substitute(args[1], channel.variables) if args[1:] else ""
        # The channel owns the task: ``channel request hangup`` ends what takes too long.
        result = await channel.tasks.start(_run(spec.run, channel, data), name=f"exec {spec.name}")
    except asyncio.CancelledError as cancelled:
        if not channel.is_hung_up:
            raise
        raise CliFailure(f"{spec.name} was ended") from cancelled
    finally:
        channel.hangup()
    return f"{spec.name} ended and asked for the end of the call" if result else f"{spec.name} ended"


async def _run(run: Any, channel: Channel, data: str) -> bool:
    """Whether the application wanted the call to end."""
    try:
        result = run(channel, data)
        if asyncio.iscoroutine(result):
            result = await result
    except ChannelGone:
        return True
    return bool(result == -1)
