"""Speech recognition by pocketsphinx, on this machine alone: grammars in JSGF, American English."""

from __future__ import annotations

import threading
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from globstar.base.packages import is_installed
from globstar.core.loader import ModuleDeclined
from globstar.core.speech import ResultsType, SpeechEngines, SpeechFault, SpeechResult
from globstar.flows.engines import EngineMissing, PocketsphinxRecogniser

if TYPE_CHECKING:
    from globstar.core.system import System

REQUIRES = ("res_speech",)

_RATE = 16000
#: The score of what a grammar has: it holds nothing that could be measured against it.
_GRAMMAR_SCORE = 1000
#: The score of free speech, which nothing confirms.
_FREE_SCORE = 500


class Pocketsphinx:
    """The engine ``pocketsphinx``. A recogniser is kept for each grammar file, and made anew when the file has changed."""

    name = "pocketsphinx"
    sample_rate = _RATE

    def __init__(self) -> None:
        self._recognisers: dict[str, tuple[float, PocketsphinxRecogniser]] = {}
        self._lock = threading.Lock()

    def check_grammar(self, path: str) -> None:
        """See SpeechEngine."""
        self._recogniser(path)

    def recognise(
        self, audio: bytes, grammars: Mapping[str, str], settings: Mapping[str, str], kind: ResultsType
    ) -> Sequence[SpeechResult]:
        """See SpeechEngine: every active grammar is asked; without one anything may have been said.

        With several grammars, ``nbest`` keeps what each makes of it, as an alternative of its own.
        """
        if not grammars:
            text = self._recogniser("").recognise(audio, "", _RATE)
            return [SpeechResult(text, _FREE_SCORE)] if text else []
        found: list[SpeechResult] = []
        for name, path in grammars.items():
            text = self._recogniser(path).recognise(audio, "", _RATE)
            if text:
                alternative = len(found) if kind is ResultsType.NBEST else 0
                found.append(SpeechResult(text, _GRAMMAR_SCORE, name, alternative))
        return found

    def _recogniser(self, path: str) -> PocketsphinxRecogniser:
        """Raises SpeechFault."""
        try:
            changed = Path(path).stat().st_mtime if path else 0.0
            with self._lock:
                known = self._recognisers.get(path)
                if known is not None and known[0] == changed:
                    return known[1]
                made = PocketsphinxRecogniser(Path(path).read_text(encoding="utf-8") if path else "")
                self._recognisers[path] = (changed, made)
                return made
        except (OSError, UnicodeDecodeError, RuntimeError, ValueError) as error:
            raise SpeechFault(f"the grammar {path} cannot be used: {error}") from error
        except EngineMissing as error:
            raise SpeechFault(str(error)) from error


_ENGINE = Pocketsphinx()


async def load(system: System) -> None:
    """Offer the engine; its models are read when it is first used."""
    if not is_installed("pocketsphinx"):
        raise ModuleDeclined("the package pocketsphinx is not installed (pip install globstar[asr])")
    system.services["speech engines"].register(_ENGINE)


async def unload(system: System) -> None:
    """Offer it no more."""
    engines = system.service("speech engines", SpeechEngines)
    if engines is not None:
        engines.unregister(_ENGINE)
