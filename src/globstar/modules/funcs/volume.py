"""Technology independent volume control."""

from __future__ import annotations

from globstar.base.log import Logger
from globstar.core import events
from globstar.core.channel import Channel
from globstar.core.format import Format, slin_for_rate
from globstar.core.frame import Frame, voice
from globstar.core.functions import FunctionError
from globstar.core.registry import function
from globstar.core.translate import TranslationPath
from globstar.dialplan.arguments import argument, parse_options, split_arguments
from globstar.dsp.level import adjust_volume

logger = Logger("func_volume")

_KEY = "volume"
_OPTIONS = {"p": False}
#: Beyond this a step makes nothing but noise or silence.
_LIMIT = 100


class Direction:
    """The volume of one direction of a channel: 0 leaves the audio alone, 3 makes it three times as loud, -3 a third."""

    def __init__(self, channel: Channel) -> None:
        self.channel = channel
        self.volume = 0
        self._format: Format | None = None
        self._to_linear: TranslationPath | None = None
        self._from_linear: TranslationPath | None = None

    def adjust(self, frame: Frame) -> Frame | None:
        """A voice frame made louder or lower; None while a codec gathers a whole frame."""
        format_ = frame.format
        if format_ is None or self.volume in (0, 1, -1):
            return frame
        if format_ is not self._format:
            self._build(format_)
        if self._to_linear is None or self._from_linear is None:
            if not format_.is_slin:
                return frame
            return self._with(frame, adjust_volume(frame.data, self.volume))
        linear = self._to_linear.translate(frame)
        if linear is None:
            return None
        louder = self._from_linear.translate(self._with(linear, adjust_volume(linear.data, self.volume)))
        return louder

    @staticmethod
    def _with(frame: Frame, data: bytes) -> Frame:
        changed = voice(frame.format, data, frame.samples) if frame.format is not None else frame
        changed.rtp_time, changed.seq, changed.marker = frame.rtp_time, frame.seq, frame.marker
        return changed

    def _build(self, format_: Format) -> None:
        """Translators to and from signed linear, once for each format."""
        self._format = format_
        self._to_linear = self._from_linear = None
        if format_.is_slin:
            return
        linear = slin_for_rate(format_.codec.sample_rate)
        translation = self.channel.system.translation
        self._to_linear = translation.build_path(format_, linear)
        self._from_linear = translation.build_path(linear, format_)
        if self._to_linear is None or self._from_linear is None:
            logger.warning(f"{self.channel.name}: the volume of {format_} cannot be changed, since it cannot be translated")


class Volume:
    """Both directions of a channel, and the keys that change them where option p was given."""

    def __init__(self, channel: Channel) -> None:
        self.channel = channel
        self.directions = {"tx": Direction(channel), "rx": Direction(channel)}
        self.keys: set[str] = set()
        channel.add_read_hook(self.directions["rx"].adjust)
        channel.add_write_hook(self.directions["tx"].adjust)
        bus = channel.system.bus
        self._undo = [bus.subscribe(events.DigitEnded, self._digit), bus.subscribe(events.ChannelHungUp, self._hung_up)]

    def _digit(self, event: events.DigitEnded) -> None:
        if event.channel is self.channel and event.direction == "Received" and event.digit in ("*", "#"):
            for name in self.keys:
                self.change(name, self.directions[name].volume + (1 if event.digit == "*" else -1))

    def _hung_up(self, event: events.ChannelHungUp) -> None:
        if event.channel is self.channel:
            for undo in self._undo:
                undo()

    def change(self, name: str, volume: int) -> None:
        """Set the volume of a direction."""
        self.directions[name].volume = max(-_LIMIT, min(_LIMIT, volume))


@function("VOLUME", syntax="VOLUME(direction[,options])")
def volume(channel: Channel | None, args: str) -> str:
    """The volume of a channel, to be written.

    ``Set(VOLUME(TX)=3)`` makes what the channel hears three times as loud, -3 a third; RX is what it says. With option p the
    channel's keys * and # change it by one step up and down.
    """
    return ""


@volume.writer
def _write(channel: Channel | None, args: str, value: str) -> None:
    if channel is None:
        raise FunctionError("VOLUME needs a channel")
    arguments = split_arguments(args, 2)
    name = argument(arguments, 0).strip().lower()
    options = parse_options(argument(arguments, 1), _OPTIONS, logger.warning)
    try:
        steps = int(value)
    except ValueError as error:
        raise FunctionError(f"'{value}' is no volume") from error
    if name not in ("tx", "rx"):
        raise FunctionError(f"VOLUME knows TX and RX, not '{args}'")
    kept = channel.data.get(_KEY)
    if not isinstance(kept, Volume):
        kept = channel.data[_KEY] = Volume(channel)
    if "p" in options:
        kept.keys.add(name)
    kept.change(name, steps)
