"""Which of several tones are heard at once, by live phones and by baresip, whatever their rate."""

from __future__ import annotations

from collections.abc import Iterable

import numpy as np

from tests.interop.support.audio import Samples
from tests.interop.support.baresip import Baresip
from tests.interop.support.livephone import LivePhone
from tests.interop.support.rtp import DECODE

#: Seconds that are listened to.
SECONDS = 0.6


def strengths(samples: Samples, rate: int, candidates: Iterable[float]) -> dict[float, float]:
    """The amplitude of each tone; they are to be a few periods of the window apart."""
    window = np.hanning(samples.size)
    signal = samples * window
    times = np.arange(samples.size) / rate
    scale = 2 / window.sum()
    return {hertz: float(abs(np.dot(signal, np.exp(-2j * np.pi * hertz * times))) * scale) for hertz in candidates}


def _of_baresip(phone: Baresip) -> tuple[Samples, int]:
    """The end of its recording, of the first channel."""
    files = sorted((phone.directory / "recorded").glob("dump-*-dec.wav"), key=lambda path: path.stat().st_mtime)
    if not files:
        return np.zeros(0, np.int16), 8000
    data = files[-1].read_bytes()
    if len(data) < 44:
        return np.zeros(0, np.int16), 8000
    channels, rate = int.from_bytes(data[22:24], "little"), int.from_bytes(data[24:28], "little")
    body = data[44 : 44 + (len(data) - 44) // (2 * channels) * 2 * channels]
    return np.frombuffer(body, "<i2")[::channels][-int(SECONDS * rate) :].copy(), rate


def _of_live(phone: LivePhone) -> tuple[Samples, int]:
    packets = [each.packet for each in phone.heard[-int(SECONDS * 50) :] if each.packet.payload_type in DECODE]
    pieces = [DECODE[packet.payload_type][np.frombuffer(packet.payload, np.uint8)] for packet in packets]
    return (np.concatenate(pieces) if pieces else np.zeros(0, np.int16)), 8000


def heard_by(phone: LivePhone | Baresip, candidates: Iterable[float]) -> dict[float, float]:
    """How strong each tone is in the last 0.6 s; nothing is, as long as there is less."""
    samples, rate = _of_baresip(phone) if isinstance(phone, Baresip) else _of_live(phone)
    if samples.size < SECONDS * rate - 1:
        return {}
    return strengths(samples, rate, candidates)
