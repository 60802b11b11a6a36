"""group show channels, local show channels, core show hanguphandlers."""

from __future__ import annotations

import fnmatch

from globstar.core.channel import Channel
from globstar.core.cli import CliFailure, CliUsage, cli_command, plural
from globstar.core.cli_data import CliText, table
from globstar.core.groups import ChannelGroups
from globstar.core.local import LocalTech
from globstar.core.system import System


@cli_command("group show channels", usage="group show channels [pattern]")
def group_show_channels(system: System, args: list[str]) -> str:
    """List the channels that are in a group of GROUP().

    A pattern such as ``sales*`` keeps the groups that it fits.
    """
    if len(args) > 1:
        raise CliUsage
    groups = system.service("groups", ChannelGroups)
    rows = [
        (channel.name, group, category)
        for channel, group, category in groups or ()
        if not args or fnmatch.fnmatchcase(group, args[0])
    ]
    rows = [(name, f" {group}", f" {category or '(default)'}") for name, group, category in rows]
    shown = table(
        (("Channel", "<25"), (" Group", "<21"), (" Category", "<21")), rows, after=f"{plural(len(rows), 'active channel')}"
    )
    data = [{name: str(value).strip() for name, value in row.items()} for row in shown.data]
    return CliText(str(shown), data)


@cli_command("local show channels")
def local_show_channels(system: System, args: list[str]) -> str:
    """List the Local channels and where they lead."""
    if args:
        raise CliUsage
    owners = [c for c in system.channels.values() if isinstance(c.tech, LocalTech) and c.name.endswith(";1")]
    if not owners:
        return CliText("No local channels in use", [])
    lines, data = [], []
    for owner in owners:
        second = system.channels.get(f"{owner.name[:-1]}2")
        place = f"{second.extension}@{second.context}" if second is not None else "(gone)"
        lines.append(f"{owner.name} -- {place}")
        data.append({"channel": owner.name, "destination": place})
    return CliText("\n".join(lines), data)


def _handlers(channels: list[Channel]) -> str:
    rows = [
        (channel.name if number == 0 else "", str(handler))
        for channel in channels
        for number, handler in enumerate(reversed(channel.hangup_handlers))
    ]
    return table((("Channel", "<30"), ("Handler", "")), rows)


@cli_command("core show hanguphandlers all")
def show_all_handlers(system: System, args: list[str]) -> str:
    """List the hangup handlers of all channels."""
    if args:
        raise CliUsage
    return _handlers(list(system.channels.values()))


@cli_command(
    "core show hanguphandlers", usage="core show hanguphandlers <channel>", complete=lambda system, args: list(system.channels)
)
def show_handlers(system: System, args: list[str]) -> str:
    """List the hangup handlers of a channel, the one that runs first on top."""
    if len(args) != 1:
        raise CliUsage
    channel = system.find_channel(args[0])
    if channel is None:
        raise CliFailure(f"Channel does not exist: {args[0]}")
    return _handlers([channel])
