"""stasis ...: the event bus. Its topics are the types of events; who listens to one is a subscription."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from globstar.core.cli import CliFailure, CliUsage, cli_command
from globstar.core.cli_data import CliText, table
from globstar.core.system import System


def _topics(system: System) -> dict[str, tuple[type, list[Callable[[Any], None]]]]:
    return {kind.__name__: (kind, listeners) for kind, listeners in system.bus.topics().items()}


def _who(listener: Callable[[Any], None]) -> str:
    """Module and name of a listener."""
    place = getattr(listener, "__module__", "") or type(listener).__module__
    return f"{place.removeprefix('globstar.')}.{getattr(listener, '__qualname__', type(listener).__qualname__)}"


def _topic_names(system: System, args: list[str]) -> list[str]:
    return list(_topics(system)) if len(args) <= 1 else []


def _named_topic(system: System, args: list[str]) -> tuple[type, list[Callable[[Any], None]]]:
    """The one type of event that a command names, and who listens."""
    if len(args) != 1:
        raise CliUsage
    found = _topics(system).get(args[0])
    if found is None:
        raise CliFailure(f"Specified topic '{args[0]}' does not exist")
    return found


@cli_command("stasis show topics")
def show_topics(system: System, args: list[str]) -> str:
    """List the types of events, with how many listen to each."""
    if args:
        raise CliUsage
    rows = [(name, len(listeners)) for name, (_, listeners) in sorted(_topics(system).items())]
    return table((("Name", "<40"), ("Subscribers", ">11")), rows, after=f"{len(rows)} Total topics")


@cli_command("stasis show topic", usage="stasis show topic <name>", complete=_topic_names)
def show_topic(system: System, args: list[str]) -> str:
    """Show one type of event and who listens to it."""
    kind, listeners = _named_topic(system, args)
    lines = [f"Name: {kind.__name__}", f"Detail: {(kind.__doc__ or '').strip().partition(chr(10))[0]}"]
    lines += [f"Number of subscribers: {len(listeners)}", *(f"\tSubscriber: {_who(listener)}" for listener in listeners)]
    return "\n".join(lines)


@cli_command("stasis statistics show topics")
def statistics_topics(system: System, args: list[str]) -> str:
    """Count the events that were delivered, by type, and those who listen."""
    if args:
        raise CliUsage
    counts = system.bus.counts
    rows = [(name, len(listeners), counts.get(kind, 0)) for name, (kind, listeners) in sorted(_topics(system).items())]
    columns = (("Topic", "<40"), ("Subscribers", ">11"), ("Published", ">12"))
    return table(columns, rows, after=f"{system.bus.published} events in all")


@cli_command("stasis statistics show topic", usage="stasis statistics show topic <name>", complete=_topic_names)
def statistics_topic(system: System, args: list[str]) -> str:
    """Show how many events of a type were delivered, and to whom."""
    kind, listeners = _named_topic(system, args)
    lines = [f"Topic: {args[0]}", f"Number of messages published: {system.bus.counts.get(kind, 0)}"]
    return "\n".join([*lines, f"Number of subscribers: {len(listeners)}", *(f"\t{_who(one)}" for one in listeners)])


@cli_command("stasis statistics show messages")
def statistics_messages(system: System, args: list[str]) -> str:
    """Count the events that were delivered, the most frequent first."""
    if args:
        raise CliUsage
    rows = sorted(((kind.__name__, count) for kind, count in system.bus.counts.items()), key=lambda row: -row[1])
    return table((("Message Type", "<40"), ("Published", ">12")), rows)


def _who_listens(system: System, args: list[str]) -> list[str]:
    return sorted({_who(one) for _, listeners in _topics(system).values() for one in listeners}) if len(args) <= 1 else []


@cli_command("stasis statistics show subscription", usage="stasis statistics show subscription <uniqueid>", complete=_who_listens)
def statistics_subscription(system: System, args: list[str]) -> str:
    """Show to which types of events somebody listens, and how many were delivered."""
    if len(args) != 1:
        raise CliUsage
    heard = {
        name: system.bus.counts.get(kind, 0)
        for name, (kind, listeners) in sorted(_topics(system).items())
        if any(_who(listener) == args[0] for listener in listeners)
    }
    if not heard:
        raise CliFailure(f"Specified subscription '{args[0]}' does not exist")
    lines = [f"Subscription: {args[0]}", f"Number of messages: {sum(heard.values())}"]
    lines += [f"\t{name}: {count}" for name, count in heard.items()]
    return CliText("\n".join(lines), {"subscription": args[0], "topics": heard})


@cli_command("stasis statistics show subscriptions")
def statistics_subscriptions(system: System, args: list[str]) -> str:
    """List who listens to events, and to how many types."""
    if args:
        raise CliUsage
    heard: dict[str, int] = {}
    for _, listeners in _topics(system).values():
        for listener in listeners:
            heard[_who(listener)] = heard.get(_who(listener), 0) + 1
    return table((("Subscription", "<70"), ("Topics", ">6")), sorted(heard.items()), after=f"{len(heard)} Total subscribers")
