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


#: where a channel keeps how it was last shown, in which place with which application, and what it runs besides priorities
_SHOWN, _PLACE, _BESIDES = "manager snapshot", "manager place", "manager application"
#: where it keeps the number and name of NewConnectedLine
_CONNECTED = "manager connected line"


def shown_fields(channel: Channel) -> list[tuple[str, str | None]]:
    """The channel as the last event showed it that told of a change of it: setting a variable is none."""
    kept = channel.data.get(_SHOWN)
    return list(kept) if kept is not None else channel_fields(channel)


def show_fields(channel: Channel) -> list[tuple[str, str | None]]:
    """The channel as it is, kept for :func:`shown_fields`."""
    fields = channel_fields(channel)
    channel.data[_SHOWN] = tuple(fields)
    return fields


def _newexten(channel: Channel, application: str, data: str) -> Iterator[ManagerEvent]:
    """Newexten, if the channel came to another place or had no application there until now."""
    place = (channel.context, channel.extension, channel.priority, bool(application))
    is_told = bool(application) and channel.data.get(_PLACE) != place
    channel.data[_PLACE] = place
    fields = show_fields(channel)
    if is_told:
        fields += [("Extension", channel.extension), ("Application", application), ("AppData", data)]
        yield ManagerEvent("Newexten", DIALPLAN, fields)


def _moved(channel: Channel) -> Iterator[ManagerEvent]:
    """Newexten, if the channel came to another place since it was last told of and runs no priority there: a called channel
    whose subroutine or h extension ended shows AppDial there.
    """
    place = channel.data.get(_PLACE)
    if place is not None and place[:3] != (channel.context, channel.extension, channel.priority):
        yield from _newexten(channel, *channel.data.get(_BESIDES, ("", "")))


@manager_event(events.ChannelCreated)
def newchannel(event: events.ChannelCreated) -> Iterator[ManagerEvent]:
    yield ManagerEvent("Newchannel", CALL, show_fields(event.channel))


@manager_event(events.ChannelStateChanged)
def newstate(event: events.ChannelStateChanged) -> Iterator[ManagerEvent]:
    yield ManagerEvent("Newstate", CALL, show_fields(event.channel))
    yield from _moved(event.channel)


@manager_event(events.ApplicationStarted)
def newexten(event: events.ApplicationStarted) -> Iterator[ManagerEvent]:
    yield from _newexten(event.channel, event.application, event.data)


@manager_event(events.ApplicationChanged)
def newexten_of_changed(event: events.ApplicationChanged) -> Iterator[ManagerEvent]:
    event.channel.data[_BESIDES] = (event.application, event.data)
    yield from _newexten(event.channel, event.application, event.data)


@manager_event(events.ChannelSentElsewhere)
def newexten_of_sent(event: events.ChannelSentElsewhere) -> Iterator[ManagerEvent]:
    """The application that it leaves is told, with the place where it goes."""
    channel = event.channel
    besides = channel.data.get(_BESIDES)
    if channel.application or besides is None:
        yield from _newexten(channel, channel.application, channel.application_data)
    else:
        yield from _newexten(channel, *besides)


@manager_event(events.VariableSet)
def varset(event: events.VariableSet) -> Iterator[ManagerEvent]:
    channel = event.channel
    fields = shown_fields(channel) if channel is not None else [("Channel", "none"), ("Uniqueid", "none")]
    fields += [("Variable", event.name), ("Value", event.value.translate(_ESCAPES))]
    yield ManagerEvent("VarSet", DIALPLAN, fields)


@manager_event(events.CallerIdChanged)
def newcallerid(event: events.CallerIdChanged) -> Iterator[ManagerEvent]:
    presentation = event.channel.caller.id.presentation
    text = PRESENTATION_TEXTS.get(presentation, PRESENTATION_TEXTS[UNAVAILABLE])
    yield from _moved(event.channel)
    fields = [*show_fields(event.channel), ("CID-CallingPres", f"{presentation} ({text})")]
    yield ManagerEvent("NewCallerid", CALL, fields)


@manager_event(events.ConnectedLineChanged)
def newconnectedline(event: events.ConnectedLineChanged) -> Iterator[ManagerEvent]:
    """Only where number or name are others than those of the last one."""
    channel = event.channel
    yield from _moved(channel)
    fields = show_fields(channel)
    connected = tuple(value for name, value in fields if name.startswith("ConnectedLine"))
    if channel.data.get(_CONNECTED) != connected:
        channel.data[_CONNECTED] = connected
        yield ManagerEvent("NewConnectedLine", CALL, fields)


@manager_event(events.AccountCodeChanged)
def newaccountcode(event: events.AccountCodeChanged) -> Iterator[ManagerEvent]:
    yield from _moved(event.channel)
    yield ManagerEvent("NewAccountCode", CALL, [*show_fields(event.channel), ("OldAccountCode", event.old)])


@manager_event(events.LinkedIdChanged)
def linked_id_changed(event: events.LinkedIdChanged) -> Iterator[ManagerEvent]:
    """No event of its own, but what is told next shows it."""
    show_fields(event.channel)
    yield from ()


@manager_event(events.HangupRequested)
def hangup_request(event: events.HangupRequested) -> Iterator[ManagerEvent]:
    if not event.is_soft and "pbx" in event.channel.data:
        event.channel.data.pop(_BESIDES, None)  # nothing is told of it after that, as seen with Asterisk
    fields = shown_fields(event.channel)
    if event.cause:
        fields.append(("Cause", str(int(event.cause))))
    if event.channel.tech_cause:
        fields.append(("TechCause", str(event.channel.tech_cause)))
    yield ManagerEvent("SoftHangupRequest" if event.is_soft else "HangupRequest", CALL, fields)


@manager_event(events.ChannelHungUp)
def hangup(event: events.ChannelHungUp) -> Iterator[ManagerEvent]:
    channel = event.channel
    yield from _moved(channel)
    fields = show_fields(channel)
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


@manager_event(events.ChannelFlashed)
def flash(event: events.ChannelFlashed) -> Iterator[ManagerEvent]:
    yield ManagerEvent("Flash", CALL, channel_fields(event.channel))


@manager_event(events.ChannelWinked)
def wink(event: events.ChannelWinked) -> Iterator[ManagerEvent]:
    yield ManagerEvent("Wink", CALL, channel_fields(event.channel))


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


@manager_event(events.ChannelTalkingStarted)
def channel_talking_start(event: events.ChannelTalkingStarted) -> Iterator[ManagerEvent]:
    yield ManagerEvent("ChannelTalkingStart", CALL, channel_fields(event.channel))


@manager_event(events.ChannelTalkingStopped)
def channel_talking_stop(event: events.ChannelTalkingStopped) -> Iterator[ManagerEvent]:
    fields = [*channel_fields(event.channel), ("Duration", str(event.duration_ms))]
    yield ManagerEvent("ChannelTalkingStop", CALL, fields)


@manager_event(events.ChanSpyStarted)
def chanspy_start(event: events.ChanSpyStarted) -> Iterator[ManagerEvent]:
    yield ManagerEvent("ChanSpyStart", CALL, [*channel_fields(event.spyer, "Spyer"), *channel_fields(event.spied, "Spyee")])


@manager_event(events.ChanSpyStopped)
def chanspy_stop(event: events.ChanSpyStopped) -> Iterator[ManagerEvent]:
    yield ManagerEvent("ChanSpyStop", CALL, [*channel_fields(event.spyer, "Spyer"), *channel_fields(event.spied, "Spyee")])


@manager_event(events.HangupHandlerChanged)
def hangup_handler(event: events.HangupHandlerChanged) -> Iterator[ManagerEvent]:
    fields = [*channel_fields(event.channel), ("Handler", event.handler)]
    yield ManagerEvent(f"HangupHandler{event.kind}", DIALPLAN, fields)
