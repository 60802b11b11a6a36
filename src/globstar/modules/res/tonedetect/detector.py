"""TONE_DETECT(): a detector that stays with a channel."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from globstar.base.log import Logger
from globstar.core.audiofilter import AudioFilter
from globstar.core.audiotap import AudioTap
from globstar.core.channel import Channel
from globstar.core.functions import FunctionError
from globstar.core.numbers import leading_float, leading_integer
from globstar.core.pbx import parse_goto
from globstar.core.registry import function
from globstar.dialplan.arguments import argument, parse_options, split_arguments
from globstar.dsp.callprogress import Progress, ProgressDetector, tone_basis, tone_share
from globstar.dsp.tones import TonePart
from globstar.modules.res.tonedetect.apps import DEFAULT_DECIBELS, DEFAULT_MS, FLOOR, zone_tones

logger = Logger("res_tonedetect")

#: In a channel's data.
_KEY = "tone detector"
_OPTIONS = {
    "a": False, "b": False, "c": False, "d": True, "e": False, "g": True, "h": True, "n": True, "p": False, "r": False,
    "s": False, "t": False, "x": False,
}  # fmt: skip
_SIGNALS = {"a": Progress.SIT, "b": Progress.BUSY, "c": Progress.DIALTONE, "p": Progress.RINGING}


@dataclass(frozen=True, slots=True)
class Wanted:
    """What to find: a tone (0 Hz for none) of a length, how far above all else, how often; and signals of a zone."""

    hertz: float
    duration_ms: int
    decibels: float
    times: int
    signals: frozenset[Progress]
    tones: dict[str, tuple[TonePart, ...]]

    def is_tone(self, sound: bytes, sample_rate: int) -> bool:
        """Whether a block of signed linear is the tone."""
        samples = np.frombuffer(sound, "<i2").astype(np.float64)
        if not self.hertz or float(samples @ samples) < FLOOR * len(samples):
            return False
        ratio = 10 ** (self.decibels / 10)
        return tone_share(samples, tone_basis((self.hertz,), len(samples), sample_rate)) >= ratio / (1 + ratio)


class Direction:
    """One direction of a channel's audio, in blocks of 20 ms at 8 kHz."""

    def __init__(self, wanted: Wanted, on_match: Callable[[], None]) -> None:
        self._wanted = wanted
        self._on_match = on_match
        self._length_ms = 0
        self._progress = self._new_progress()
        #: how often something was found
        self.count = 0

    def _new_progress(self) -> ProgressDetector | None:
        return ProgressDetector(self._wanted.tones) if self._wanted.signals else None

    def hear(self, block: bytes) -> None:
        """Take in a block."""
        wanted = self._wanted
        if self._progress is not None:
            found = self._progress.receive(block)
            if found is not None:
                self._progress = self._new_progress()
                if found in wanted.signals:
                    self._match(wanted.times)
        if not wanted.is_tone(block, 8000):
            self._length_ms = 0
            return
        before, self._length_ms = self._length_ms, self._length_ms + 20
        if before < wanted.duration_ms <= self._length_ms:
            self._match(1)

    def _match(self, worth: int) -> None:
        """A signal is enough at once; a tone has to come as often as it is asked for."""
        self.count += 1
        if worth >= self._wanted.times or self.count % self._wanted.times == 0:
            self._on_match()


class Detector:
    """Both directions of one channel, and where the channel goes."""

    def __init__(self, channel: Channel, wanted: Wanted, letters: set[str], places: dict[str, str]) -> None:
        self._channel = channel
        self._ends = "e" in letters
        self._places = places
        self.received = Direction(wanted, lambda: self._go("g"))
        self.sent = Direction(wanted, lambda: self._go("h"))
        self._hears_received, self._hears_sent = "t" not in letters or "r" in letters, "r" not in letters or "t" in letters
        self._tap = AudioTap(channel, self._take)
        self._tap.start()
        self._mutes: list[AudioFilter] = []
        if "s" in letters:

            def silence(sound: bytes, rate: int) -> bytes:
                return bytes(len(sound)) if wanted.is_tone(sound, rate) else sound

            if self._hears_received:
                self._mutes.append(AudioFilter(channel, silence))
                channel.add_read_hook(self._mutes[-1].take)
            if self._hears_sent:
                self._mutes.append(AudioFilter(channel, silence, is_heard=True))
                channel.add_write_hook(self._mutes[-1].take)

    def _take(self, said: bytes | None, heard: bytes | None) -> None:
        if said is not None and self._hears_received:
            self.received.hear(said)
        if heard is not None and self._hears_sent and self._tap.is_running:
            self.sent.hear(heard)

    def _go(self, letter: str) -> None:
        if self._ends:
            self.stop()
        text = self._places.get(letter, "")
        place = parse_goto(self._channel, text) if text else None
        if place is not None:
            self._channel.redirect(*place)
        elif text:
            logger.warning(f"TONE_DETECT on {self._channel.name}: there is no '{text}' to go to")

    def stop(self) -> None:
        """Listen no more; a second call does nothing."""
        self._tap.stop()
        for mute in self._mutes:
            self._channel.remove_hook(mute.take)
        self._mutes.clear()


@function("TONE_DETECT", syntax="TONE_DETECT(freq[,duration_ms[,options]])")
def tone_detect(channel: Channel | None, args: str) -> str:
    """Find a tone on this channel while it goes on with whatever it does; read, it gives how often it was found.

    Read with ``rx`` (from the endpoint) or ``tx`` (to it). Written (the value does not matter), it begins: ``freq`` in Hz, 0
    for signals alone; ``duration_ms`` is how long the tone must sound (500). Options: a, b, c, p match special information
    tones, busy, dial tone and ringback at once; d(decibels) above all else (16); g(context,exten,priority) and h(...) are where
    the channel goes when the tone is received or sent; n(times) how often it must come before that; e ends the detector then;
    r and t hear one direction only; s silences the tone; x takes the detector away.
    """
    if channel is None or args.strip().lower() not in ("rx", "tx"):
        raise FunctionError("TONE_DETECT is read with rx or tx")
    detector: Detector | None = channel.data.get(_KEY)
    if detector is None:
        return "0"
    return str(detector.received.count if args.strip().lower() == "rx" else detector.sent.count)


@tone_detect.writer
def set_tone_detect(channel: Channel | None, args: str, value: str) -> None:
    """Begin, begin anew or end."""
    if channel is None:
        raise FunctionError("TONE_DETECT needs a channel")
    arguments = split_arguments(args)
    hertz = leading_float(argument(arguments, 0))
    duration_ms = leading_integer(argument(arguments, 1), DEFAULT_MS)
    options = parse_options(argument(arguments, 2), _OPTIONS, logger.warning)
    held: Detector | None = channel.data.pop(_KEY, None)
    if held is not None:
        held.stop()
    if "x" in options:
        return
    signals = frozenset(signal for letter, signal in _SIGNALS.items() if letter in options)
    decibels = leading_float(options.get("d")) if "d" in options else DEFAULT_DECIBELS
    times = leading_integer(options.get("n"), 1) if "n" in options else 1
    if not 0 <= hertz < 4000 or (not hertz and not signals) or duration_ms <= 0 or times <= 0 or not decibels > 0:
        raise FunctionError(f"TONE_DETECT: '{args}' is nothing to find")
    tones = zone_tones(channel.system, channel.tone_zone) if signals else {}
    places = {letter: options.get(letter) for letter in ("g", "h") if letter in options}
    channel.data[_KEY] = Detector(channel, Wanted(hertz, duration_ms, decibels, times, signals, tones), options.letters, places)
