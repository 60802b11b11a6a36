"""LOG_GROUP() and logger filter ...: only the details of some calls are logged."""

from __future__ import annotations

from dataclasses import dataclass, field

from globstar.base.log import Logger, Record, hub
from globstar.core import events
from globstar.core.channel import Channel
from globstar.core.cli import CliUsage, cli_command
from globstar.core.registry import write_function
from globstar.core.system import System

logger = Logger("logger")

_SERVICE = "log groups"


@dataclass(slots=True)
class LogGroups:
    """The log group of each call by its call id, and the groups that are on."""

    of_call: dict[str, str] = field(default_factory=dict)
    shown: set[str] = field(default_factory=set)

    def lets_through(self, record: Record) -> bool:
        """Whether a debug or verbose line belongs to a group that is on."""
        return self.of_call.get(record.call_id, "") in self.shown

    def forget(self, event: events.ChannelHungUp) -> None:
        """A channel is gone; the last one of a call takes its group along."""
        channel = event.channel
        if channel.call_id in self.of_call and not any(
            other.call_id == channel.call_id for other in channel.system.channels.values() if other is not channel
        ):
            del self.of_call[channel.call_id]


def load(system: System) -> None:
    """No call is in a group."""
    system.services[_SERVICE] = LogGroups()


def unload(system: System) -> None:
    """Log everything again."""
    groups: LogGroups = system.services.pop(_SERVICE)
    if groups.shown:
        hub.line_filter = None


@write_function("LOG_GROUP", syntax="LOG_GROUP([group])")
def log_group(channel: Channel | None, args: str, value: str) -> None:
    """Put the call into a log group (``Set(LOG_GROUP()=name)``), or out of it with an empty name.

    While a group is on (``logger filter changroup name on``), debug and verbose lines of other calls are not logged.
    """
    if channel is None:
        logger.warning("LOG_GROUP needs a channel")
        return
    system = channel.system
    groups: LogGroups = system.services[_SERVICE]
    if not value:
        groups.of_call.pop(channel.call_id, None)
        return
    if not groups.of_call and groups.forget not in system.bus.listeners(events.ChannelHungUp):
        system.bus.subscribe(events.ChannelHungUp, groups.forget)
    groups.of_call[channel.call_id] = value


def _show(groups: LogGroups) -> None:
    hub.line_filter = groups.lets_through if groups.shown else None


def _words(system: System, args: list[str]) -> list[str]:
    groups: LogGroups = system.services[_SERVICE]
    if len(args) <= 1:
        return sorted(set(groups.of_call.values()) | groups.shown)
    return ["on", "off"] if len(args) == 2 else []


@cli_command("logger filter changroup", usage="logger filter changroup <group> {on|off}", complete=_words)
def filter_group(system: System, args: list[str]) -> str:
    """Log the details of calls in a group and not those of others, or stop that."""
    if len(args) != 2 or args[1].lower() not in ("on", "off"):
        raise CliUsage
    groups: LogGroups = system.services[_SERVICE]
    (groups.shown.add if args[1].lower() == "on" else groups.shown.discard)(args[0])
    _show(groups)
    return f"Logging of channel group '{args[0]}' is {args[1].lower()}"


@cli_command("logger filter reset")
def filter_reset(system: System, args: list[str]) -> str:
    """Log the details of all calls again."""
    if args:
        raise CliUsage
    groups: LogGroups = system.services[_SERVICE]
    groups.shown.clear()
    _show(groups)
    return "Log filtering is off"


@cli_command("logger filter show")
def filter_show(system: System, args: list[str]) -> str:
    """Show whose details are logged."""
    if args:
        raise CliUsage
    groups: LogGroups = system.services[_SERVICE]
    if not groups.shown:
        return "Log filtering is off"
    calls = {group: sorted(call for call, of in groups.of_call.items() if of == group) for group in sorted(groups.shown)}
    return "\n".join(f"Channel group '{group}' is on: {', '.join(names) or 'no calls'}" for group, names in calls.items())
