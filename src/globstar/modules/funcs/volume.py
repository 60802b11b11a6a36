"""Technology independent volume control."""

from __future__ import annotations

from collections.abc import Callable

from globstar.base.log import Logger
from globstar.config.values import floating
from globstar.core import events
from globstar.core.audiofilter import AudioFilter
from globstar.core.callsown import CallsOwn
from globstar.core.channel import Channel
from globstar.core.functions import FunctionError
from globstar.core.registry import function
from globstar.dialplan.arguments import argument, parse_options, split_arguments
from globstar.dsp.level import adjust_volume

logger = Logger("func_volume")

_KEY = "volume"
_OPTIONS = {"p": False}
#: Beyond this a step makes nothing but noise or silence.
_LIMIT = 100


class Direction:
    """The volume of one direction of a channel: 0 leaves the audio alone, 3 makes it three times as loud, -3 a third."""

    def __init__(self, channel: Channel, *, is_heard: bool) -> None:
        self._volume = 0.0
        self.filter = AudioFilter(channel, lambda data, _: adjust_volume(data, self._volume), is_heard=is_heard)
        self.filter.is_idle = True

    @property
    def volume(self) -> float:
        """Steps."""
        return self._volume

    @volume.setter
    def volume(self, volume: float) -> None:
        self._volume = volume
        self.filter.is_idle = volume in (0, 1, -1)


class Volume(CallsOwn):
    """Both directions of a channel, and the keys that change them where option p was given."""

    def __init__(self, channel: Channel) -> None:
        self.channel = channel
        #: those that were set, each with its place among the other hooks of the channel
        self.directions: dict[str, Direction] = {}
        self.keys: set[str] = set()
        bus = channel.system.bus
        self._undo: Callable[[], None] | None = bus.subscribe(events.DigitEnded, self._digit)

    def _digit(self, event: events.DigitEnded) -> None:
        if event.channel is self.channel and event.direction == "Received" and event.digit in ("*", "#"):
            for name in self.keys:
                self.change(name, self.directions[name].volume + (1 if event.digit == "*" else -1))

    def ended(self) -> None:
        """See CallsOwn."""
        if self._undo is not None:
            self._undo()
            self._undo = None
        for direction in self.directions.values():
            direction.filter.end()

    def change(self, name: str, volume: float) -> None:
        """Set the volume of a direction; 0 leaves the sound to itself again, so that packets may be relayed."""
        if not volume and name not in self.keys:
            direction = self.directions.pop(name, None)
            if direction is not None:
                self.channel.remove_hook(direction.filter.take)
            return
        direction = self.directions.get(name)
        if direction is None:
            direction = self.directions[name] = Direction(self.channel, is_heard=name != "rx")
            add = self.channel.add_read_hook if name == "rx" else self.channel.add_write_hook
            add(direction.filter.take)
        direction.volume = max(-_LIMIT, min(_LIMIT, volume))


@function("VOLUME", syntax="VOLUME(direction[,options])")
def volume(channel: Channel | None, args: str) -> str:
    """The volume of a channel, empty until it is set.

    ``Set(VOLUME(TX)=3)`` makes what the channel hears three times as loud, -3 a third; RX is what it says. Decimals count: 1.41
    is 3 dB. With option p the channel's keys * and # change it by one step up and down, until it is set without that.
    """
    kept = channel.data.get(_KEY) if channel is not None else None
    if not isinstance(kept, Volume):
        return ""
    name = argument(split_arguments(args, 2), 0).strip().lower()
    if name not in ("tx", "rx"):
        raise FunctionError(f"VOLUME knows TX and RX, not '{args}'")
    direction = kept.directions.get(name)
    return f"{direction.volume:g}" if direction is not None else "0"


@volume.writer
def _write(channel: Channel | None, args: str, value: str) -> None:
    if channel is None:
        raise FunctionError("VOLUME needs a channel")
    arguments = split_arguments(args, 2)
    name = argument(arguments, 0).strip().lower()
    options = parse_options(argument(arguments, 1), _OPTIONS, logger.warning)
    try:
        steps = floating()(value.strip())
    except ValueError as error:
        raise FunctionError(f"'{value}' is no volume") from error
    if name not in ("tx", "rx"):
        raise FunctionError(f"VOLUME knows TX and RX, not '{args}'")
    kept = channel.data.get(_KEY)
    if not isinstance(kept, Volume):
        kept = channel.data[_KEY] = Volume(channel)
    if "p" in options:
        kept.keys.add(name)
    else:
        kept.keys.discard(name)
    kept.change(name, steps)
