"""Ears: tones by FFT, recorded prompts by normalised correlation."""

from __future__ import annotations

import wave
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import numpy.typing as npt

Samples = npt.NDArray[np.int16]
RATE = 8000


def read_wav(path: Path) -> Samples:
    """A mono wav of 8,000 Hz; a file whose writer was killed and left no length in the header is read to its end."""
    data = path.read_bytes()
    with wave.open(str(path)) as file:
        assert (file.getnchannels(), file.getframerate(), file.getsampwidth()) == (1, RATE, 2), file.getparams()
        frames = file.readframes(file.getnframes())
    if not frames and len(data) > 44:
        frames = data[44:]
    return np.frombuffer(frames[: len(frames) // 2 * 2], "<i2")


def read_growing(path: Path) -> Samples:
    """What is in such a file while it is being written, and its header has no length yet; nothing where there is none."""
    data = path.read_bytes()[44:] if path.is_file() else b""
    return np.frombuffer(data[: len(data) // 2 * 2], "<i2")


def write_wav(path: Path, samples: Samples) -> None:
    """Mono, 8,000 Hz, 16 bits."""
    with wave.open(str(path), "wb") as file:
        file.setnchannels(1)
        file.setsampwidth(2)
        file.setframerate(RATE)
        file.writeframes(samples.astype("<i2").tobytes())


def sine(hertz: float, seconds: float, level: int = 8000) -> Samples:
    """A steady tone."""
    return (level * np.sin(2 * np.pi * hertz * np.arange(int(RATE * seconds)) / RATE)).astype(np.int16)


def tone_share(samples: Samples, hertz: float, width: float = 15.0) -> float:
    """The share of the signal's energy that lies within ``width`` Hz of ``hertz``: 1.0 for that tone alone."""
    if samples.size < RATE // 10:
        return 0.0
    spectrum = np.abs(np.fft.rfft(samples * np.hanning(samples.size))) ** 2
    spectrum[: int(20 * samples.size / RATE)] = 0  # a constant offset is no sound
    total = spectrum.sum()
    if total == 0:
        return 0.0
    frequency = np.fft.rfftfreq(samples.size, 1 / RATE)
    return float(spectrum[np.abs(frequency - hertz) <= width].sum() / total)


def level(samples: Samples) -> float:
    """Root mean square."""
    return float(np.sqrt(np.mean(samples.astype(np.float64) ** 2))) if samples.size else 0.0


def windows(samples: Samples, seconds: float = 0.2) -> list[Samples]:
    """``samples`` cut into equal windows, the incomplete last one dropped."""
    size = int(RATE * seconds)
    return [samples[start : start + size] for start in range(0, samples.size - size + 1, size)]


def tone_seconds(samples: Samples, hertz: float, seconds: float = 0.2) -> float:
    """For how long ``hertz`` is what is heard (over four fifths of the energy, and not faint)."""
    return seconds * sum(level(part) > 200 and tone_share(part, hertz) > 0.8 for part in windows(samples, seconds))


@dataclass(frozen=True, slots=True)
class Match:
    """Where a prompt was found: offset in samples, and the normalised correlation there (1.0 is identical)."""

    offset: int
    correlation: float


def find(heard: Samples, wanted: Samples) -> Match:
    """The best place of ``wanted`` in ``heard``, by correlation normalised with the energy under it."""
    if heard.size < wanted.size or not wanted.size:
        return Match(0, 0.0)
    signal, pattern = heard.astype(np.float64), wanted.astype(np.float64)
    size = 1 << (signal.size + pattern.size - 1).bit_length()
    product = np.fft.irfft(np.fft.rfft(signal, size) * np.conj(np.fft.rfft(pattern, size)), size)
    product = product[: signal.size - pattern.size + 1]
    sums = np.concatenate(([0.0], np.cumsum(signal**2)))
    energy = sums[pattern.size :] - sums[: -pattern.size]
    scale = np.sqrt(np.maximum(energy, 1.0) * max(float((pattern**2).sum()), 1.0))
    scores = product / scale
    best = int(np.argmax(scores))
    return Match(best, float(scores[best]))


def find_sequence(heard: Samples, wanted: list[Samples]) -> list[Match]:
    """Each of ``wanted`` in turn, searched only behind the end of the one before it."""
    found: list[Match] = []
    start = 0
    for pattern in wanted:
        match = find(heard[start : start + pattern.size + 2 * RATE], pattern)
        found.append(Match(start + match.offset, match.correlation))
        start += match.offset + pattern.size
    return found


def trimmed(samples: Samples, threshold: int = 100) -> Samples:
    """Without the silence at both ends."""
    loud = np.flatnonzero(np.abs(samples.astype(np.int32)) > threshold)
    return samples[loud[0] : loud[-1] + 1] if loud.size else samples[:0]
