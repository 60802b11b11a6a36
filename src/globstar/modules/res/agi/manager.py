"""AGI on the manager interface: the events of scripts, the action that fills the queue of AGI(agi:async)."""

from __future__ import annotations

from collections.abc import Iterator
from urllib.parse import quote

from globstar.core import events
from globstar.core.manager import (
    ActionRequest,
    Answer,
    ManagerEvent,
    Permission,
    channel_fields,
    failure,
    manager_action,
    manager_event,
    success,
)
from globstar.modules.res.agi.service import service_of

AGI = Permission.AGI


@manager_action("AGI", AGI, synopsis="Add an AGI command to execute by Async AGI.")
def agi_action(request: ActionRequest) -> Answer:
    """Add a command to the queue of a channel in AGI(agi:async); CommandID comes back with the event of its answer."""
    name, command = request.get("Channel"), request.get("Command")
    if not name or not command:
        return failure("Both, Channel and Command are *required*")
    channel = request.system.find_channel(name)
    if channel is None:
        return failure(f"Channel {name} does not exist or is not in an Async AGI mode")
    if not service_of(request.system).enqueue(channel, command, request.get("CommandID")):
        return failure(f"Failed to add AGI command to channel {channel.name} queue")
    return success("Added AGI command to queue")


@manager_event(events.AgiExecStarted)
def agi_exec_start(event: events.AgiExecStarted) -> Iterator[ManagerEvent]:
    """AGIExecStart."""
    fields = [*channel_fields(event.channel), ("Command", event.command), ("CommandId", str(event.command_id))]
    yield ManagerEvent("AGIExecStart", AGI, fields)


@manager_event(events.AgiExecEnded)
def agi_exec_end(event: events.AgiExecEnded) -> Iterator[ManagerEvent]:
    """AGIExecEnd."""
    fields = [
        *channel_fields(event.channel), ("Command", event.command), ("CommandId", str(event.command_id)),
        ("ResultCode", str(event.result_code)), ("Result", event.result),
    ]  # fmt: skip
    yield ManagerEvent("AGIExecEnd", AGI, fields)


@manager_event(events.AsyncAgiStarted)
def async_agi_start(event: events.AsyncAgiStarted) -> Iterator[ManagerEvent]:
    """AsyncAGIStart; the environment is URI-encoded, as its lines have ends."""
    yield ManagerEvent("AsyncAGIStart", AGI, [*channel_fields(event.channel), ("Env", _encoded(event.environment))])


@manager_event(events.AsyncAgiExecuted)
def async_agi_exec(event: events.AsyncAgiExecuted) -> Iterator[ManagerEvent]:
    """AsyncAGIExec."""
    named = [("CommandID", event.command_id)] if event.command_id else []
    fields = [*channel_fields(event.channel), *named, ("Result", _encoded(event.result))]
    yield ManagerEvent("AsyncAGIExec", AGI, fields)


@manager_event(events.AsyncAgiEnded)
def async_agi_end(event: events.AsyncAgiEnded) -> Iterator[ManagerEvent]:
    """AsyncAGIEnd."""
    yield ManagerEvent("AsyncAGIEnd", AGI, channel_fields(event.channel))


def _encoded(text: str) -> str:
    return quote(text, safe="", errors="surrogateescape")
