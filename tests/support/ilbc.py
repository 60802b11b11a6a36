"""iLBC for tests: audio cut into frames, what the codec's own high-pass filters leave of it, and how alike two sounds are."""

from __future__ import annotations

import math

import numpy as np

#: Bytes of a frame by its length in ms (RFC 3951 section 2).
SIZES = {20: 38, 30: 50}
#: Zeros and poles of the filters at both ends (RFC 3951 sections 3.1 and 4.8).
_FILTERS = (
    ((0.92727436, -1.8544941, 0.92727436), (-1.9059465, 0.9114024)),
    ((0.93980581, -1.8795834, 0.93980581), (-1.9330735, 0.93589199)),
)


def cut(audio: bytes, mode: int) -> list[bytes]:
    """Whole frames of signed linear."""
    size = 16 * mode
    return [audio[start : start + size] for start in range(0, len(audio) - size + 1, size)]


def encode(audio: bytes, mode: int) -> list[bytes]:
    from globstar.dsp._ilbc import FrameEncoder  # which may not be built

    encoder = FrameEncoder(mode)
    return [encoder.encode(frame) for frame in cut(audio, mode)]


def decode(payloads: list[bytes] | list[bytes | None], mode: int, *, enhanced: bool = False) -> np.ndarray:
    """The samples of a stream; None stands for a frame that is lost."""
    from globstar.dsp._ilbc import FrameDecoder

    decoder = FrameDecoder(mode, enhanced)
    return samples(b"".join(decoder.decode(payload) for payload in payloads))


def samples(audio: bytes) -> np.ndarray:
    return np.frombuffer(audio, "<i2").astype(float)


def high_passed(audio: bytes) -> np.ndarray:
    """What an ideal coder would give back: the filters at both ends turn low tones round, which is not its fault."""
    values = samples(audio)
    for zeros, poles in _FILTERS:
        before = np.zeros(2)
        fed = np.convolve(values, zeros)[: values.size]
        for index in range(values.size):
            fed[index] -= poles[0] * before[0] + poles[1] * before[1]
            before = np.array((fed[index], before[0]))
        values = fed
    return values


def likeness(one: np.ndarray, other: np.ndarray, skip: int = 0) -> float:
    """The segmental ratio of ``one`` to its difference from ``other`` in dB, 20 ms a segment that is not silent, 60 at most."""
    count = min(one.size, other.size) // 160 * 160
    wanted, wrong = one[skip:count], one[skip:count] - other[skip:count]
    ratios = []
    for start in range(0, wanted.size - 159, 160):
        energy = float(np.sum(wanted[start : start + 160] ** 2))
        error = float(np.sum(wrong[start : start + 160] ** 2))
        if energy > 160 * 100**2:
            ratios.append(min(10 * math.log10(energy / max(error, 1e-9)), 60.0))
    return float(np.mean(ratios))


def loudness(sound: np.ndarray) -> float:
    return float(np.sqrt(np.mean(sound**2)))
