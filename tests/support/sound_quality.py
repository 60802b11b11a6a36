"""How good a sound is after codecs and changes of rate, and what the codecs make of it by themselves."""

from __future__ import annotations

import importlib
import math
import wave
from functools import cache
from typing import Any

import numpy as np

from globstar.core.format import BEYOND, BUILTIN, Format
from globstar.core.frame import Frame, FrameType
from globstar.core.registry import Registry, specs_of
from globstar.core.translate import Step, TranslationRegistry, TranslatorSpec
from globstar.dsp.resample import resample_all
from tests.support.server import SOUNDS

Samples = np.ndarray

MODULES = (
    "a_mu", "adpcm", "alaw", "amr", "codec2", "g722", "g726", "g729", "gsm", "ilbc", "lpc10", "opus", "resample", "speex", "ulaw",
)  # fmt: skip
#: All formats that can be named.
FORMATS = {**BUILTIN, **BEYOND}
#: Codecs that make speech anew from a few parameters: their wave form is not that of the original.
VOCODERS = ("lpc10", "codec2")
SECONDS = 0.8
#: How late a change of rate is, samples of the lower rate (see dsp/resample.py).
DELAY = 24
LINEAR = [name for name, format in BUILTIN.items() if format.is_slin]
#: What is said: made here, or recorded.
MADE, SPOKEN = "made", "spoken"
#: Somebody speaks, without a pause, in the second and a half from half a second on.
SPEECH = SOUNDS / "en" / "demo-congrats.wav"


@cache
def translation() -> TranslationRegistry:
    registry: Registry[Any] = Registry("translator")
    for name in MODULES:
        module = importlib.import_module(f"globstar.modules.codecs.{name}")
        library = getattr(module, "library", None)
        if library is not None and library() is None:
            continue
        for spec in specs_of(module):
            registry.register(spec)
    return TranslationRegistry(registry)


def linear_of(format: Format) -> Format:
    """Signed linear of the codec's own rate."""
    return next(f for f in BUILTIN.values() if f.is_slin and f.sample_rate == format.sample_rate)


def coder(source: Format, destination: Format) -> Step:
    """The codec by itself: its one translator between these, nothing else."""
    spec: TranslatorSpec = next(
        spec for spec in translation() if spec.source.codec is source.codec and spec.destination.codec is destination.codec
    )
    return spec.open()


def coded() -> list[str]:
    """The codecs that are there, beside signed linear."""
    there = {spec.source.name for spec in translation()} & {spec.destination.name for spec in translation()}
    return [name for name in FORMATS if name in there and name not in LINEAR]


@cache
def original(rate: int, sound: str = MADE) -> bytes:
    """What is said, signed linear of a rate."""
    return resample_all(_spoken() if sound == SPOKEN else _made(), 8000, rate)


def _spoken() -> bytes:
    with wave.open(str(SPEECH)) as file:
        assert (file.getnchannels(), file.getsampwidth(), file.getframerate()) == (1, 2, 8000)
        file.setpos(4000)
        return file.readframes(12000)


def _made() -> bytes:
    """A sweep from 300 to 3,300 Hz, then noise with the spectrum and the rhythm of speech, within 3.4 kHz; -20 dBm0."""
    count = int(8000 * SECONDS)
    times = np.arange(count // 2) / 8000
    span = times[-1]
    sweep = np.sin(2 * math.pi * (300 * times + (3300 - 300) * times**2 / (2 * span)))
    spectrum = np.fft.rfft(np.random.default_rng(2).normal(0, 1, count // 2))
    hertz = np.fft.rfftfreq(count // 2, 1 / 8000)
    shape = np.where((hertz > 200) & (hertz < 3300), 1 / (1 + (hertz / 600) ** 2), 0)
    noise = np.fft.irfft(spectrum * shape, count // 2)
    noise *= (1.2 + np.sin(2 * math.pi * 6 * times)) / np.std(noise)
    return np.rint(np.concatenate((2600 * sweep, 1500 * noise))).astype("<i2").tobytes()


def frames_of(data: bytes, rate: int) -> list[bytes]:
    size = 2 * (rate // 50)
    return [data[start : start + size] for start in range(0, len(data) - size + 1, size)]


@cache
def encoded(name: str, sound: str = MADE) -> list[bytes]:
    """The original in packets of 20 ms of a codec."""
    format = FORMATS[name]
    frames = frames_of(original(format.sample_rate, sound), format.sample_rate)
    if format.is_slin:
        return frames
    step = coder(linear_of(format), format)
    return [data for frame in frames if (data := step(frame))]


def decoded(name: str, packets: list[bytes]) -> bytes:
    format = FORMATS[name]
    if format.is_slin:
        return b"".join(packets)
    step = coder(format, linear_of(format))
    return b"".join(step(packet) for packet in packets)


def by_themselves(source: str, destination: str, sound: str = MADE) -> bytes:
    """The best that the two codecs can do: each whole at the rate that the path uses it with, an ideal change of rate between."""
    if source == destination:
        return decoded(source, encoded(source, sound))
    one, other = FORMATS[source], FORMATS[destination]
    specs = translation().find_path(one, other)
    assert specs
    first = specs[0].destination if specs[0].destination.is_slin and not one.is_slin else linear_of(one)
    last = specs[-1].source if specs[-1].source.is_slin and not other.is_slin else linear_of(other)
    packets = encoded(source, sound)
    plain = b"".join(packets) if one.is_slin else b"".join(map(coder(one, first), packets))
    between = resample_all(plain, first.sample_rate, last.sample_rate)
    if first is not last:  # as late as it is on its way, so that the encoder cuts it into the same frames
        between = bytes(2 * round(DELAY * last.sample_rate / min(first.sample_rate, last.sample_rate))) + between
    if other.is_slin:
        return between
    step = coder(last, other)
    return decoded(destination, [data for frame in frames_of(between, last.sample_rate) if (data := step(frame))])


def translated(source: str, destination: str) -> tuple[bytes, list[Frame]]:
    """What the registry's path makes of the packets, frame by frame as a call does it."""
    format = FORMATS[source]
    path = translation().build_path(format, FORMATS[destination])
    assert path is not None
    out = []
    time = 0
    for number, packet in enumerate(encoded(source)):
        samples = format.samples_in(packet)
        frame = Frame(FrameType.VOICE, 0, packet, format=format, samples=samples, rtp_time=time, seq=number)
        time += (samples or format.sample_rate // 50) * format.codec.clock_rate // format.sample_rate
        made = path.translate(frame)
        if made is not None:
            out.append(made)
    return decoded(destination, [frame.data for frame in out]), out


def segmental_ratio(sound: bytes, rate: int, said: str = MADE) -> float:
    """Segmental signal-to-noise ratio against the original in dB, 20 ms a segment, each between -10 and 30 dB.

    Both are compared at 8 kHz; delay (to a fraction of a sample) and level of the sound are taken out first.
    """
    wanted = np.frombuffer(original(8000, said), "<i2").astype(float)
    got = np.frombuffer(resample_all(sound, rate, 8000), "<i2").astype(float)[: wanted.size]
    got = np.pad(got, (0, wanted.size - got.size))
    size = 2 ** math.ceil(math.log2(2 * wanted.size))
    spectrum = np.fft.rfft(got, size)
    fine = 8
    cross = np.conj(np.fft.rfft(wanted, size)) * spectrum
    correlation = np.fft.irfft(np.pad(cross, (0, cross.size * (fine - 1) - fine + 1)), size * fine)
    shift = int(np.argmax(correlation[: 1000 * fine])) / fine
    turned = spectrum * np.exp(2j * math.pi * np.arange(spectrum.size) / size * shift)
    aligned = np.fft.irfft(turned, size)[: wanted.size]
    keep = slice(160, wanted.size - int(shift) - 160)
    wanted, aligned = wanted[keep], aligned[keep]
    aligned *= float(wanted @ aligned) / max(float(aligned @ aligned), 1e-9)
    ratios = []
    for start in range(0, wanted.size - 159, 160):
        signal = float(np.sum(wanted[start : start + 160] ** 2))
        noise = float(np.sum((wanted[start : start + 160] - aligned[start : start + 160]) ** 2))
        if signal > 160 * 100**2:
            ratios.append(min(max(10 * math.log10(signal / max(noise, 1e-9)), -10.0), 30.0))
    return float(np.mean(ratios))
