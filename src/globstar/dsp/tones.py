"""Tones: Asterisk's tone language, and the sound of it.

``440+480/2000,0/4000`` is a list of parts ``frequencies/milliseconds``; ``+`` sounds two frequencies together, ``*``
modulates the first by the second, ``0`` is silence, ``!`` marks a part that is heard once and is left out when the list
repeats, a part without length never ends. ``M`` before a frequency (MIDI note) stands for that note's frequency.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np

from globstar.base.errors import RemoteFault
from globstar.dsp.level import PEAK_0DBM0, gain_factor

#: Level of each frequency of a tone in dBm0, in the range that ITU-T E.180 asks for.
DEFAULT_LEVEL_DBM0 = -10.0
#: Depth of ``*`` modulation.
MODULATION_DEPTH = 0.9


class ToneFault(RemoteFault):
    """A tone list that cannot be understood."""


@dataclass(frozen=True, slots=True)
class TonePart:
    """One part: up to two frequencies in Hz (0: none), its length (0: without end), once or each time."""

    first_hz: float = 0
    second_hz: float = 0
    duration_ms: int = 0
    is_modulated: bool = False
    is_once: bool = False

    def __str__(self) -> str:
        text = f"{self.first_hz:g}"
        if self.second_hz:
            text += f"{'*' if self.is_modulated else '+'}{self.second_hz:g}"
        if self.duration_ms:
            text += f"/{self.duration_ms}"
        return f"!{text}" if self.is_once else text


def _frequency(text: str, part: str) -> float:
    word = text.strip()
    is_note = word[:1] in ("M", "m")
    digits = word[1:] if is_note else word
    if not (digits.isascii() and digits.isdecimal() and len(digits) < 6):
        raise ToneFault(f"bad frequency '{word}' in tone '{part}'")
    value = int(digits)
    if is_note and value <= 127:
        return round(440 * 2 ** ((value - 69) / 12), 3)
    if is_note or value > 96000:
        raise ToneFault(f"frequency out of range in tone '{part}'")
    return float(value)


def parse_part(text: str) -> TonePart:
    """One part of a tone list."""
    body = text.strip()
    is_once = body.startswith("!")
    body = body.removeprefix("!")
    frequencies, slash, length = body.partition("/")
    duration = 0
    if slash:
        length = length.strip()
        if not (length.isascii() and length.isdecimal() and len(length) < 10):
            raise ToneFault(f"bad length in tone '{text}'")
        duration = int(length)
    for sign in "+*":
        first, found, second = frequencies.partition(sign)
        if found:
            first_hz, second_hz = _frequency(first, text), _frequency(second, text)
            # Modulation by nothing is no modulation.
            return TonePart(first_hz, second_hz, duration, sign == "*" and second_hz > 0, is_once)
    return TonePart(_frequency(frequencies, text), 0, duration, False, is_once)


def parse_tones(text: str) -> tuple[TonePart, ...]:
    """A tone list; ``|`` separates as ``,`` does. Raises :class:`ToneFault`."""
    parts = tuple(parse_part(item) for item in text.replace("|", ",").split(",") if item.strip())
    if not parts:
        raise ToneFault("an empty tone list")
    return parts


class ToneGenerator:
    """Produces a tone list as frames of 16 bit signed linear, phase-continuous within a part.

    Ends (:meth:`next_frame` gives None) only when every part is marked ``!``; otherwise it repeats the others.
    """

    __slots__ = ("_block", "_index", "_left", "_once_done", "_position", "amplitude", "parts", "sample_rate")

    def __init__(
        self,
        parts: tuple[TonePart, ...],
        sample_rate: int = 8000,
        level_dbm0: float = DEFAULT_LEVEL_DBM0,
    ) -> None:
        if not parts:
            raise ToneFault("an empty tone list")
        self.parts = parts
        self.sample_rate = sample_rate
        self.amplitude = PEAK_0DBM0 * gain_factor(level_dbm0)
        self._index = 0
        self._once_done = False
        self._position = 0
        self._left = self._length_of(0)

    def _length_of(self, index: int) -> int:
        duration = self.parts[index].duration_ms
        return duration * self.sample_rate // 1000 if duration else -1

    def _advance(self) -> bool:
        """Go to the next part that sounds; False at the end."""
        for _ in range(len(self.parts) * 2):
            self._index += 1
            if self._index == len(self.parts):
                self._index = 0
                self._once_done = True
            if self._once_done and self.parts[self._index].is_once:
                continue
            self._position = 0
            self._left = self._length_of(self._index)
            return True
        self._left = 0
        return False

    def _render(self, count: int) -> bytes:
        part = self.parts[self._index]
        if not part.first_hz and not part.second_hz:
            self._position += count
            return bytes(2 * count)
        radians = 2 * math.pi / self.sample_rate
        clock = np.arange(self._position, self._position + count, dtype=np.float64)
        self._position += count
        wave = np.sin(clock * (part.first_hz * radians)) if part.first_hz else np.zeros(count)
        if part.is_modulated:
            wave *= 1 + MODULATION_DEPTH * np.sin(clock * (part.second_hz * radians))
            wave *= 1 / (1 + MODULATION_DEPTH)
        elif part.second_hz:
            wave += np.sin(clock * (part.second_hz * radians))
        samples = np.clip(np.rint(wave * self.amplitude), -32768, 32767).astype("<i2")
        return samples.tobytes()

    def render(self, samples: int) -> bytes:
        """The next ``samples`` samples; silence after the end."""
        frame = self.next_frame(samples)
        return bytes(2 * samples) if frame is None else frame

    def next_frame(self, samples: int) -> bytes | None:
        """The next ``samples`` samples, filled up with silence at the end; None when nothing is left."""
        pieces: list[bytes] = []
        wanted = samples
        while wanted:
            if self._left == 0 and not self._advance():
                break
            if self._left == 0:  # a part of less than one sample
                continue
            count = wanted if self._left < 0 else min(wanted, self._left)
            pieces.append(self._render(count))
            wanted -= count
            if self._left > 0:
                self._left -= count
        if wanted == samples:
            return None
        if wanted:
            pieces.append(bytes(2 * wanted))
        return pieces[0] if len(pieces) == 1 else b"".join(pieces)


def tone(text: str, sample_rate: int = 8000, level_dbm0: float = DEFAULT_LEVEL_DBM0) -> ToneGenerator:
    """A generator for a tone list."""
    return ToneGenerator(parse_tones(text), sample_rate, level_dbm0)


def milliwatt(sample_rate: int = 8000) -> ToneGenerator:
    """The test tone of Milliwatt(): 1004 Hz at 0 dBm0."""
    return ToneGenerator((TonePart(1004),), sample_rate, 0.0)
