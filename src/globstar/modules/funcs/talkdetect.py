"""Talk detection dialplan function."""

from __future__ import annotations

from typing import TYPE_CHECKING

from globstar.core import events
from globstar.core.callsown import CallsOwn
from globstar.core.channel import Channel
from globstar.core.ear import Ear
from globstar.core.functions import FunctionError
from globstar.core.registry import write_function
from globstar.dialplan.arguments import argument, split_arguments
from globstar.dsp.level import SilenceDetector

if TYPE_CHECKING:
    from collections.abc import Callable

_KEY = "talk detection"
_SILENCE_MS = 2500
_LEVEL = 256


class TalkDetection(CallsOwn):
    """Tells when a channel begins to talk and when it has been silent again."""

    def __init__(self, channel: Channel) -> None:
        self.channel = channel
        self.silence_ms = _SILENCE_MS
        self._detector = SilenceDetector(_LEVEL)
        self._talks_since: float | None = None
        self._ear: Ear | None = None
        self._undo: Callable[[], None] | None = None

    def change(self, silence_ms: int, level: int) -> None:
        """Other thresholds from now on."""
        self.silence_ms = silence_ms
        self._detector.threshold = level

    def start(self) -> None:
        """Begin to listen."""
        self._ear = Ear(self.channel, self._hear)
        self._ear.start()
        self._undo = self.channel.system.bus.subscribe(events.ChannelHungUp, self._hung_up)

    def stop(self) -> None:
        """End it; who still talks is told to have stopped."""
        if self._ear is not None:
            self._ear.stop()
            self._ear = None
        if self._undo is not None:
            self._undo()
            self._undo = None
        self._end_talk()

    def _hear(self, sound: bytes) -> None:
        if not self._detector.receive(sound):
            if self._talks_since is None:
                self._talks_since = self.channel.system.now()
                self.channel.system.bus.publish(events.ChannelTalkingStarted(self.channel))
        elif self._detector.silence_ms >= self.silence_ms:
            self._end_talk()

    def _end_talk(self) -> None:
        if self._talks_since is None:
            return
        duration_ms = round((self.channel.system.now() - self._talks_since) * 1000)
        self._talks_since = None
        self.channel.system.bus.publish(events.ChannelTalkingStopped(self.channel, duration_ms))

    def _hung_up(self, event: events.ChannelHungUp) -> None:
        if event.channel is self.channel:
            self.stop()


@write_function("TALK_DETECT", syntax="TALK_DETECT(action)")
def talk_detect(channel: Channel | None, args: str, value: str) -> None:
    """Tell by events when a channel talks and when it stops.

    ``Set(TALK_DETECT(set)=silence,level)`` begins, or changes the thresholds: silence is how many ms of silence end talk
    (2500), level the mean level above which a channel talks (256). ``Set(TALK_DETECT(remove)=)`` ends it. The events are
    ChannelTalkingStart and ChannelTalkingStop.
    """
    if channel is None:
        raise FunctionError("TALK_DETECT needs a channel")
    action = args.strip().lower()
    running = channel.data.get(_KEY)
    if action == "remove":
        if not isinstance(running, TalkDetection):
            raise FunctionError(f"there is no talk detection on {channel.name}")
        running.stop()
        del channel.data[_KEY]
        return
    if action != "set":
        raise FunctionError(f"TALK_DETECT knows set and remove, not '{args}'")
    arguments = split_arguments(value)
    silence_ms = _number(argument(arguments, 0), "silence", _SILENCE_MS)
    level = _number(argument(arguments, 1), "level", _LEVEL)
    if not isinstance(running, TalkDetection):
        running = channel.data[_KEY] = TalkDetection(channel)
        running.start()
    running.change(silence_ms, level)


def _number(text: str, name: str, default: int) -> int:
    text = text.strip()
    if not text:
        return default
    if not text.isdecimal() or not 1 <= int(text) <= 2**31:
        raise FunctionError(f"TALK_DETECT: '{text}' is no {name}")
    return int(text)
