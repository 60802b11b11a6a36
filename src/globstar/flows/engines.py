"""Engines for :mod:`globstar.flows.speech` that work on this machine alone: espeak-ng and pocketsphinx."""

from __future__ import annotations

import importlib
import threading
from typing import Any

from globstar.base.errors import GlobstarError

#: The rate of the acoustic model that comes with pocketsphinx.
_MODEL_RATE = 16000


class EngineMissing(GlobstarError):
    """The library of an engine is not installed, or does not start; the message says what to install."""


class EspeakSynthesiser:
    """Speech out by espeak-ng, through the wheel espeakng-loader. It knows over a hundred languages by their codes."""

    def synthesise(self, text: str, language: str, sample_rate: int) -> bytes:
        """See Synthesiser. Raises EngineMissing."""
        from globstar.media.prompts import SpeechUnavailable, resampled, synthesise

        try:
            rate, samples = synthesise(text, language)
        except SpeechUnavailable as error:
            raise EngineMissing(str(error)) from error
        return resampled(samples, rate, sample_rate).astype("<i2").tobytes()


class PocketsphinxRecogniser:
    """Speech in by pocketsphinx with its model of American English; ``grammar`` is a grammar in JSGF, or anything may be said.

    A grammar of the few things that can be meant makes it far more certain.
    """

    def __init__(self, grammar: str = "") -> None:
        """Raises EngineMissing where the package pocketsphinx is not installed."""
        try:
            library = importlib.import_module("pocketsphinx")
        except ImportError as error:
            raise EngineMissing("the package pocketsphinx is not installed (pip install globstar[asr])") from error
        self._lock = threading.Lock()
        # A grammar has few paths: all of them are followed to the end, and the best one is not searched for a second time.
        search = {"beam": 1e-120, "pbeam": 1e-120, "wbeam": 1e-100, "maxhmmpf": -1, "bestpath": False} if grammar else {}
        self._decoder: Any = library.Decoder(samprate=float(_MODEL_RATE), loglevel="FATAL", **search)
        if grammar:
            self._decoder.add_jsgf_string("flow", grammar)
            self._decoder.activate_search("flow")

    def recognise(self, audio: bytes, language: str, sample_rate: int) -> str:
        """See Recogniser; ``language`` has no effect, as there is one model."""
        import numpy as np

        from globstar.media.prompts import resampled

        samples = resampled(np.frombuffer(audio, "<i2").astype(np.int16), sample_rate, _MODEL_RATE)
        with self._lock:
            self._decoder.start_utt()
            self._decoder.process_raw(samples.tobytes(), False, True)
            self._decoder.end_utt()
            found = self._decoder.hyp()
        return str(found.hypstr) if found is not None else ""
