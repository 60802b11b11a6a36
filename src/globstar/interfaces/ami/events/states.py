"""Events about devices, extensions, presence, registrations, mailboxes and the server itself."""

from __future__ import annotations

from collections.abc import Iterator

from globstar.core import events
from globstar.core.devicestate import EXTENSION_STATE_TEXT
from globstar.core.manager import ManagerEvent, Permission, channel_fields, manager_event
from globstar.core.testevents import TestEvent

CALL, SYSTEM, SECURITY = Permission.CALL, Permission.SYSTEM, Permission.SECURITY


@manager_event(events.DeviceStateChanged)
def device_state(event: events.DeviceStateChanged) -> Iterator[ManagerEvent]:
    yield ManagerEvent("DeviceStateChange", CALL, (("Device", event.device), ("State", event.state)))


@manager_event(events.ExtensionStateChanged)
def extension_status(event: events.ExtensionStateChanged) -> Iterator[ManagerEvent]:
    fields = (
        ("Exten", event.exten), ("Context", event.context), ("Hint", event.hint), ("Status", str(event.state)),
        ("StatusText", EXTENSION_STATE_TEXT.get(event.state, "Unknown")),
    )  # fmt: skip
    yield ManagerEvent("ExtensionStatus", CALL, fields)


@manager_event(events.PresenceStateChanged)
def presence_state(event: events.PresenceStateChanged) -> Iterator[ManagerEvent]:
    fields = (
        ("Presentity", event.presentity), ("Status", event.status), ("Subtype", event.subtype), ("Message", event.message),
    )  # fmt: skip
    yield ManagerEvent("PresenceStateChange", CALL, fields)


@manager_event(events.ExtensionPresenceChanged)
def presence_status(event: events.ExtensionPresenceChanged) -> Iterator[ManagerEvent]:
    fields = (
        ("Exten", event.exten), ("Context", event.context), ("Hint", event.hint), ("Status", event.status),
        ("Subtype", event.subtype), ("Message", event.message),
    )  # fmt: skip
    yield ManagerEvent("PresenceStatus", CALL, fields)


@manager_event(events.ContactStatusChanged)
def contact_status(event: events.ContactStatusChanged) -> Iterator[ManagerEvent]:
    yield ManagerEvent("ContactStatus", SYSTEM, tuple(event.fields.items()))


@manager_event(events.PeerStatusChanged)
def peer_status(event: events.PeerStatusChanged) -> Iterator[ManagerEvent]:
    fields = [("ChannelType", event.technology), ("Peer", event.peer), ("PeerStatus", event.status)]
    fields += [(name, value) for name, value in (("Cause", event.cause), ("Address", event.address)) if value]
    yield ManagerEvent("PeerStatus", SYSTEM, fields)


@manager_event(events.RegistryChanged)
def registry(event: events.RegistryChanged) -> Iterator[ManagerEvent]:
    fields = [
        ("ChannelType", event.technology), ("Username", event.username), ("Domain", event.domain), ("Status", event.status),
    ]  # fmt: skip
    if event.cause:
        fields.append(("Cause", event.cause))
    yield ManagerEvent("Registry", SYSTEM, fields)


@manager_event(events.MessageWaiting)
def message_waiting(event: events.MessageWaiting) -> Iterator[ManagerEvent]:
    fields = channel_fields(event.channel) if event.channel is not None else []
    waiting = event.new + event.urgent
    fields += [("Mailbox", event.mailbox), ("Waiting", str(int(waiting > 0)))]
    fields += [("New", str(waiting)), ("Old", str(event.old))]
    yield ManagerEvent("MessageWaiting", CALL, fields)


@manager_event(events.SecurityEvent)
def security(event: events.SecurityEvent) -> Iterator[ManagerEvent]:
    yield ManagerEvent(event.name, SECURITY, tuple((name, str(value)) for name, value in event.fields.items()))


@manager_event(events.Reloaded)
def reload(event: events.Reloaded) -> Iterator[ManagerEvent]:
    yield ManagerEvent("Reload", SYSTEM, (("Module", event.module), ("Status", event.status)))


@manager_event(events.ModuleChanged)
def module(event: events.ModuleChanged) -> Iterator[ManagerEvent]:
    fields = (("Module", event.module), ("Status", event.error or "Success"))
    yield ManagerEvent("Load" if event.is_loaded else "Unload", SYSTEM, fields)


@manager_event(events.LogChannelChanged)
def log_channel(event: events.LogChannelChanged) -> Iterator[ManagerEvent]:
    fields = [("Channel", event.name), ("Enabled", "Yes" if event.reason is None else "No")]
    if event.reason is not None:
        number, text = getattr(event.reason, "errno", None) or 0, getattr(event.reason, "strerror", None) or str(event.reason)
        fields.append(("Reason", f"{number} - {text}"))
    yield ManagerEvent("LogChannel", SYSTEM, fields)


@manager_event(events.FullyBooted)
def fully_booted(event: events.FullyBooted) -> Iterator[ManagerEvent]:
    seconds = str(int(event.uptime))
    fields = (("Uptime", seconds), ("LastReload", seconds), ("Status", "Fully Booted"))
    yield ManagerEvent("FullyBooted", SYSTEM, fields)


@manager_event(events.ShuttingDown)
def shutdown(event: events.ShuttingDown) -> Iterator[ManagerEvent]:
    fields = (("Shutdown", "Cleanly"), ("Restart", "True" if event.is_restart else "False"))
    yield ManagerEvent("Shutdown", SYSTEM, fields)


@manager_event(TestEvent)
def test_event(event: TestEvent) -> Iterator[ManagerEvent]:
    fields: list[tuple[str, str | None]] = [
        ("Type", event.kind), ("State", event.state), ("AppFile", event.file), ("AppFunction", event.function),
        ("AppLine", str(event.line)), *event.fields,
    ]  # fmt: skip
    yield ManagerEvent("TestEvent", Permission.REPORTING, fields)
