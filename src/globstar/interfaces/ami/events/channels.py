"""Events about one channel."""

from __future__ import annotations

from collections.abc import Iterator

from globstar.core import events
from globstar.core.cause import cause_text
from globstar.core.channel import Channel
from globstar.core.manager import ManagerEvent, Permission, channel_fields, manager_event
from globstar.core.party import PRESENTATION_TEXTS, UNAVAILABLE

CALL, DIALPLAN, DTMF, USER = Permission.CALL, Permission.DIALPLAN, Permission.DTMF, Permission.USER

#: Characters that values of variables are written with an escape for, as in C.
_ESCAPES = str.maketrans({
    "\a": "\\a", "\b": "\\b", "\f": "\\f", "\n": "\\n", "\r": "\\r", "\t": "\\t", "\v": "\\v", "\\": "\\\\",
})  # fmt: skip


#: where a channel keeps how it was last shown
_SHOWN = "manager snapshot"


def _shown(channel: Channel) -> list[tuple[str, str | None]]:
    """The channel as the last event showed it that told of a change of it: setting a variable is none."""
    kept = channel.data.get(_SHOWN)
    return list(kept) if kept is not None else channel_fields(channel)


def _show(channel: Channel) -> list[tuple[str, str | None]]:
    """The channel as it is, kept for :func:`_shown`."""
    fields = channel_fields(channel)
    channel.data[_SHOWN] = tuple(fields)
    return fields


@manager_event(events.ChannelCreated)
def newchannel(event: events.ChannelCreated) -> Iterator[ManagerEvent]:
    yield ManagerEvent("Newchannel", CALL, _show(event.channel))


@manager_event(events.ChannelStateChanged)
def newstate(event: events.ChannelStateChanged) -> Iterator[ManagerEvent]:
    yield ManagerEvent("Newstate", CALL, _show(event.channel))


@manager_event(events.ApplicationStarted)
def newexten(event: events.ApplicationStarted) -> Iterator[ManagerEvent]:
    yield _newexten(event)


@manager_event(events.ApplicationChanged)
def newexten_of_changed(event: events.ApplicationChanged) -> Iterator[ManagerEvent]:
    if event.channel.application:
        yield _newexten(event)


def _newexten(event: events.ApplicationStarted | events.ApplicationChanged) -> ManagerEvent:
    channel = event.channel
    fields = _show(channel)
    fields += [("Extension", channel.extension), ("Application", event.application), ("AppData", event.data)]
    return ManagerEvent("Newexten", DIALPLAN, fields)


@manager_event(events.VariableSet)
def varset(event: events.VariableSet) -> Iterator[ManagerEvent]:
    channel = event.channel
    fields = _shown(channel) if channel is not None else [("Channel", "none"), ("Uniqueid", "none")]
    fields += [("Variable", event.name), ("Value", event.value.translate(_ESCAPES))]
    yield ManagerEvent("VarSet", DIALPLAN, fields)


@manager_event(events.CallerIdChanged)
def newcallerid(event: events.CallerIdChanged) -> Iterator[ManagerEvent]:
    presentation = event.channel.caller.id.presentation
    text = PRESENTATION_TEXTS.get(presentation, PRESENTATION_TEXTS[UNAVAILABLE])
    fields = [*_show(event.channel), ("CID-CallingPres", f"{presentation} ({text})")]
    yield ManagerEvent("NewCallerid", CALL, fields)


@manager_event(events.ConnectedLineChanged)
def newconnectedline(event: events.ConnectedLineChanged) -> Iterator[ManagerEvent]:
    yield ManagerEvent("NewConnectedLine", CALL, _show(event.channel))


@manager_event(events.AccountCodeChanged)
def newaccountcode(event: events.AccountCodeChanged) -> Iterator[ManagerEvent]:
    yield ManagerEvent("NewAccountCode", CALL, [*_show(event.channel), ("OldAccountCode", event.old)])


@manager_event(events.HangupRequested)
def hangup_request(event: events.HangupRequested) -> Iterator[ManagerEvent]:
    fields = _shown(event.channel)
    if event.cause:
        fields.append(("Cause", str(int(event.cause))))
    if event.channel.tech_cause:
        fields.append(("TechCause", str(event.channel.tech_cause)))
    yield ManagerEvent("SoftHangupRequest" if event.is_soft else "HangupRequest", CALL, fields)


@manager_event(events.ChannelHungUp)
def hangup(event: events.ChannelHungUp) -> Iterator[ManagerEvent]:
    channel = event.channel
    fields = _show(channel)
    fields += [("Cause", str(int(channel.hangup_cause))), ("Cause-txt", cause_text(channel.hangup_cause))]
    if channel.tech_cause:
        fields.append(("TechCause", str(channel.tech_cause)))
    yield ManagerEvent("Hangup", CALL, fields)


@manager_event(events.ChannelHeld)
def hold(event: events.ChannelHeld) -> Iterator[ManagerEvent]:
    fields = channel_fields(event.channel)
    if event.music_class:
        fields.append(("MusicClass", event.music_class))
    yield ManagerEvent("Hold", CALL, fields)


@manager_event(events.ChannelUnheld)
def unhold(event: events.ChannelUnheld) -> Iterator[ManagerEvent]:
    yield ManagerEvent("Unhold", CALL, channel_fields(event.channel))


@manager_event(events.DigitBegan)
def dtmf_begin(event: events.DigitBegan) -> Iterator[ManagerEvent]:
    fields = [*channel_fields(event.channel), ("Digit", event.digit), ("Direction", event.direction)]
    yield ManagerEvent("DTMFBegin", DTMF, fields)


@manager_event(events.DigitEnded)
def dtmf_end(event: events.DigitEnded) -> Iterator[ManagerEvent]:
    fields = channel_fields(event.channel)
    fields += [("Digit", event.digit), ("DurationMs", str(event.duration_ms)), ("Direction", event.direction)]
    yield ManagerEvent("DTMFEnd", DTMF, fields)


@manager_event(events.UserEventRaised)
def user_event(event: events.UserEventRaised) -> Iterator[ManagerEvent]:
    fields = channel_fields(event.channel) if event.channel is not None else []
    yield ManagerEvent("UserEvent", USER, [*fields, ("UserEvent", event.name), *event.headers])


@manager_event(events.MusicOnHoldChanged)
def music_on_hold(event: events.MusicOnHoldChanged) -> Iterator[ManagerEvent]:
    fields = channel_fields(event.channel)
    if event.music_class is None:
        yield ManagerEvent("MusicOnHoldStop", CALL, fields)
    else:
        yield ManagerEvent("MusicOnHoldStart", CALL, [*fields, ("Class", event.music_class)])


@manager_event(events.MixMonitorStarted)
def mixmonitor_start(event: events.MixMonitorStarted) -> Iterator[ManagerEvent]:
    yield ManagerEvent("MixMonitorStart", CALL, channel_fields(event.channel))


@manager_event(events.MixMonitorStopped)
def mixmonitor_stop(event: events.MixMonitorStopped) -> Iterator[ManagerEvent]:
    yield ManagerEvent("MixMonitorStop", CALL, channel_fields(event.channel))


@manager_event(events.MixMonitorMuted)
def mixmonitor_mute(event: events.MixMonitorMuted) -> Iterator[ManagerEvent]:
    fields = [*channel_fields(event.channel), ("Direction", event.direction), ("State", str(int(event.is_muted)))]
    yield ManagerEvent("MixMonitorMute", CALL, fields)


@manager_event(events.CallPickedUp)
def pickup(event: events.CallPickedUp) -> Iterator[ManagerEvent]:
    yield ManagerEvent("Pickup", CALL, [*channel_fields(event.channel), *channel_fields(event.target, "Target")])
