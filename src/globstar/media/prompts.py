"""Prompts that nobody recorded: spoken by espeak-ng (from its wheel) or made of tones, and kept as wav files.

Recorded prompts are data of their own packages; where none is installed, Globstar speaks its own short texts.
The texts stand in ``prompts_<language>.tsv`` beside this file, and what follows a rule (digits, letters, days) here.
Nothing in this file belongs on the event loop: call it in an executor.
"""

from __future__ import annotations

import ctypes
import math
import os
import re
import tempfile
import threading
import wave
from collections.abc import Iterable
from functools import cache
from importlib import import_module, resources
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from globstar.base.errors import GlobstarError

Samples = npt.NDArray[np.int16]

RATE = 8000
"""Sampling rate of what is kept: telephone quality, so that playing needs no resampling."""

_LANGUAGE = re.compile(r"[A-Za-z]{2,3}([_-][A-Za-z0-9]+)*")
_TONE_LEVEL = 8000
_PADDING_S = 0.06
_AUDIO_OUTPUT_SYNCHRONOUS = 2
_DONT_EXIT_ON_ERROR = 0x8000
_CHARS_UTF8 = 1

_SMALL = (
    "zero one two three four five six seven eight nine ten eleven twelve thirteen fourteen fifteen sixteen seventeen "
    "eighteen nineteen"
).split()
_TENS = "twenty thirty forty fifty sixty seventy eighty ninety".split()
_ORDINALS = (
    "first second third fourth fifth sixth seventh eighth ninth tenth eleventh twelfth thirteenth fourteenth "
    "fifteenth sixteenth seventeenth eighteenth nineteenth"
).split()
_ORDINAL_TENS = "twentieth thirtieth fortieth fiftieth sixtieth seventieth eightieth ninetieth".split()
_DAYS = "Sunday Monday Tuesday Wednesday Thursday Friday Saturday".split()
_MONTHS = "January February March April May June July August September October November December".split()
_OTHER_DIGITS = {
    "a-m": "A M", "p-m": "P M", "afternoon": "in the afternoon", "and": "and", "at": "at", "billion": "billion",
    "day": "day", "dollars": "dollars", "h-billion": "billionth", "h-hundred": "hundredth", "h-million": "millionth",
    "h-thousand": "thousandth", "hour": "hour", "hours": "hours", "hundred": "hundred", "million": "million",
    "minus": "minus", "morning": "in the morning", "night": "at night", "oclock": "o'clock", "oh": "oh",
    "pound": "pound", "star": "star", "thousand": "thousand", "today": "today", "tomorrow": "tomorrow",
    "year": "year", "yesterday": "yesterday",
}  # fmt: skip
_LETTERS = {
    "ascii123": "left brace", "ascii124": "vertical bar", "ascii125": "right brace", "ascii126": "tilde",
    "ascii34": "quote", "ascii36": "dollar", "ascii37": "percent", "ascii38": "ampersand", "ascii39": "apostrophe",
    "ascii40": "left parenthesis", "ascii41": "right parenthesis", "ascii42": "star", "ascii44": "comma",
    "ascii58": "colon", "ascii59": "semicolon", "ascii60": "less than", "ascii62": "greater than",
    "ascii63": "question mark", "ascii91": "left bracket", "ascii92": "backslash", "ascii93": "right bracket",
    "ascii94": "caret", "ascii95": "underscore", "ascii96": "backquote", "asterisk": "asterisk", "at": "at",
    "dash": "dash", "dollar": "dollar", "dot": "dot", "equals": "equals", "exclaimation-point": "exclamation mark",
    "plus": "plus", "slash": "slash", "space": "space", "zed": "zed",
}  # fmt: skip
_PHONETIC = (
    "alpha bravo charlie delta echo foxtrot golf hotel india juliet kilo lima mike november oscar papa quebec romeo "
    "sierra tango uniform victor whiskey x-ray yankee zulu"
).split()


class SpeechUnavailable(GlobstarError):
    """The speech engine cannot be loaded or does not know the language."""


def _english_by_rule() -> dict[str, str]:
    texts = {f"digits/{number}": word for number, word in enumerate(_SMALL)}
    texts |= {f"digits/{20 + 10 * index}": word for index, word in enumerate(_TENS)}
    texts |= {f"digits/h-{number}": word for number, word in enumerate(_ORDINALS, 1)}
    texts |= {f"digits/h-{20 + 10 * index}": word for index, word in enumerate(_ORDINAL_TENS)}
    texts |= {f"digits/day-{number}": day for number, day in enumerate(_DAYS)}
    texts |= {f"digits/mon-{number}": month for number, month in enumerate(_MONTHS)}
    texts |= {f"digits/{name}": text for name, text in _OTHER_DIGITS.items()}
    texts |= {f"letters/{name}": text for name, text in _LETTERS.items()}
    texts |= {f"letters/{letter}": f"{letter.upper()}." for letter in "abcdefghijklmnopqrstuvwxyz"}
    texts |= {f"phonetic/{word[0]}_p": word for word in _PHONETIC}
    return texts | {"phonetic/9_p": "niner"}


@cache
def prompt_texts(language: str = "en") -> dict[str, str]:
    """What each prompt of ``language`` says; empty for a language that has no table."""
    if not _LANGUAGE.fullmatch(language):
        return {}
    base = re.split("[_-]", language.lower())[0]
    table = resources.files("globstar.media").joinpath(f"prompts_{base}.tsv")
    if not table.is_file():
        return {}
    texts = _english_by_rule() if base == "en" else {}
    for line in table.read_text(encoding="utf-8").splitlines():
        if line and not line.startswith("#"):
            name, _, text = line.partition("\t")
            texts[name] = text
    return texts


def tone(parts: Iterable[tuple[float, float]], rate: int = RATE) -> Samples:
    """Sine tones of (hertz, milliseconds), faded over 5 ms at both ends so that they do not click."""
    pieces = []
    for hertz, duration_ms in parts:
        count = round(rate * duration_ms / 1000)
        wave_ = _TONE_LEVEL * np.sin(2 * np.pi * hertz * np.arange(count) / rate)
        ramp = np.minimum(1.0, np.minimum(np.arange(count), np.arange(count)[::-1]) / (0.005 * rate))
        pieces.append((wave_ * ramp).astype(np.int16))
    return np.concatenate(pieces) if pieces else np.zeros(0, np.int16)


class _Engine:
    """espeak-ng through ctypes. It keeps one global state, hence one engine and one lock."""

    def __init__(self) -> None:
        try:
            loader = import_module("espeakng_loader")
            library = ctypes.CDLL(loader.get_library_path())
            data = str(loader.get_data_path())
        except (ImportError, OSError) as error:
            raise SpeechUnavailable(f"espeak-ng cannot be loaded: {error}") from error
        self._chunks: list[Samples] = []
        self._voice = ""
        self.lock = threading.Lock()
        self._library = library
        self.rate = int(library.espeak_Initialize(_AUDIO_OUTPUT_SYNCHRONOUS, 0, data.encode(), _DONT_EXIT_ON_ERROR))
        if self.rate <= 0:
            raise SpeechUnavailable(f"espeak-ng does not start with the data at {data}")
        kind = ctypes.CFUNCTYPE(ctypes.c_int, ctypes.POINTER(ctypes.c_short), ctypes.c_int, ctypes.c_void_p)
        self._callback = kind(self._receive)  # kept: the library holds only its address
        library.espeak_SetSynthCallback(self._callback)

    def _receive(self, samples: Any, count: int, _events: int | None) -> int:
        if count > 0 and bool(samples):  # the last call has a null pointer
            self._chunks.append(np.ctypeslib.as_array(samples, (count,)).copy())
        return 0

    def _choose(self, voices: tuple[str, ...]) -> None:
        for voice in voices:
            if voice == self._voice:
                return
            if self._library.espeak_SetVoiceByName(voice.encode()) == 0:
                self._voice = voice
                return
        raise SpeechUnavailable(f"espeak-ng has none of the voices {', '.join(voices)}")

    def speak(self, text: str, voices: tuple[str, ...]) -> Samples:
        """The samples of ``text`` at the engine's own rate, in the first voice there is; the caller holds the lock."""
        self._choose(voices)
        self._chunks.clear()
        encoded = text.encode()
        size = ctypes.c_size_t(len(encoded) + 1)
        status = self._library.espeak_Synth(encoded, size, 0, 1, 0, _CHARS_UTF8, None, None)
        if status != 0:
            raise SpeechUnavailable(f"espeak-ng could not speak (status {status})")
        return np.concatenate(self._chunks) if self._chunks else np.zeros(0, np.int16)


_start_lock = threading.Lock()


@cache
def _engine() -> _Engine:
    return _Engine()


def synthesise(text: str, language: str = "en") -> tuple[int, Samples]:
    """Speak ``text`` at the engine's rate (22,050 Hz), silence at both ends cut; call it off the loop.

    Raises SpeechUnavailable when there is no engine or no such voice.
    """
    with _start_lock:
        engine = _engine()
    wanted = language.replace("_", "-").lower()
    wanted = {"en": "en-us"}.get(wanted, wanted)
    with engine.lock:
        samples = engine.speak(text, (wanted, wanted.partition("-")[0]))
    return engine.rate, _trimmed(samples, engine.rate)


def _trimmed(samples: Samples, rate: int) -> Samples:
    loud = np.flatnonzero(np.abs(samples.astype(np.int32)) > 200)
    if not loud.size:
        return samples
    padding = round(rate * _PADDING_S)
    return samples[max(0, loud[0] - padding) : loud[-1] + padding]


def _smooth(least: int) -> int:
    """The smallest number from ``least`` on with no prime factors but 2, 3 and 5: other Fourier transforms take far longer."""
    best = 1 << (least - 1).bit_length()
    five = 1
    while five < best:
        three = five
        while three < best:
            twos = three << max(0, (-(-least // three) - 1).bit_length())
            best = min(best, twos)
            three *= 3
        five *= 5
    return best


def resampled(samples: Samples, rate: int, wanted: int = RATE) -> Samples:
    """A whole recording at another rate: its spectrum cut or extended, the upper tenth of the band faded out."""
    if rate == wanted or not samples.size:
        return samples
    common = math.gcd(rate, wanted)
    blocks = -(-samples.size // (rate // common))
    padded = _smooth(blocks)
    count = padded * (rate // common)
    spectrum = np.fft.rfft(samples.astype(np.float64), count)
    target = padded * (wanted // common)
    kept = min(target, count) // 2 + 1
    spectrum = np.pad(spectrum[:kept], (0, target // 2 + 1 - kept))
    fade = kept - kept // 10
    spectrum[fade:kept] *= 0.5 + 0.5 * np.cos(np.pi * np.arange(kept - fade) / (kept - fade))
    result = np.fft.irfft(spectrum, target)[: blocks * (wanted // common)] * (target / count)
    limited: Samples = np.clip(np.rint(result), -32768, 32767).astype(np.int16)
    return limited


def render(text: str, language: str = "en") -> Samples:
    """The samples, at 8,000 Hz, of a text of the prompt table (speech, ``!tone`` or ``!silence``)."""
    kind, *arguments = text.split()
    if kind == "!tone":
        numbers = [float(argument) for argument in arguments]
        return tone(zip(numbers[::2], numbers[1::2], strict=True))
    if kind == "!silence":
        return np.zeros(round(float(arguments[0]) * RATE), np.int16)
    rate, samples = synthesise(text, language)
    return resampled(samples, rate)


class PromptStore:
    """Finds a prompt among recorded ones, or speaks it once and keeps the wav file under ``spoken``."""

    def __init__(self, spoken: Path, recorded: Iterable[Path] = ()) -> None:
        self.spoken = spoken
        self.recorded = tuple(recorded)

    def find_recorded(self, name: str, language: str = "en") -> Path | None:
        """A recorded file of this name, in the language's folder or in the one of its base language."""
        for folder in self.recorded:
            for variant in dict.fromkeys((language, language.partition("_")[0])):
                for suffix in (".wav", ".sln", ".g722", ".ulaw", ".alaw", ".gsm"):
                    path = folder / variant / (name + suffix)
                    if path.is_file():
                        return path
        return None

    def ensure_prompt(self, name: str, language: str = "en") -> Path | None:
        """The file of the prompt ``name``, spoken now if need be; None for a prompt that nobody knows.

        Blocks while it speaks (some ten ms a second of speech): call it off the loop. Raises SpeechUnavailable.
        """
        if (path := self.find_recorded(name, language)) is not None:
            return path
        text = prompt_texts(language).get(name)
        if text is None:
            return None
        path = self.spoken / language / f"{name}.wav"
        if not path.is_file():
            _write_wav(path, render(text, language))
        return path


def _write_wav(path: Path, samples: Samples) -> None:
    """Write under a temporary name first, so that nobody plays half a file."""
    path.parent.mkdir(parents=True, exist_ok=True)
    handle, temporary = tempfile.mkstemp(dir=path.parent, suffix=".part")
    try:
        with os.fdopen(handle, "wb") as raw, wave.open(raw, "wb") as file:
            file.setnchannels(1)
            file.setsampwidth(2)
            file.setframerate(RATE)
            file.writeframes(samples.astype("<i2").tobytes())
        os.chmod(temporary, 0o644)
        os.replace(temporary, path)
    except BaseException:
        os.unlink(temporary)
        raise
