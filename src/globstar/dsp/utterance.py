"""Telling sentences apart in what a caller says: a pure machine that takes blocks of sound and gives whole utterances."""

from __future__ import annotations

from collections import deque
from dataclasses import dataclass

from globstar.dsp.level import SilenceDetector

#: What is kept from before the first loud block: quiet consonants begin a word, ms.
_LEAD_MS = 240


@dataclass(frozen=True, slots=True)
class Hearing:
    """How speech is told from silence. ``threshold`` is the mean level below which a block is silence (dsp.conf's default).

    Times in ms: so much sound in a row is speech, so much silence behind it ends the utterance, which is cut at ``maximum_ms``.
    """

    threshold: int = 256
    speech_ms: int = 100
    silence_ms: int = 700
    maximum_ms: int = 30_000


class Utterances:
    """``receive`` takes signed linear in blocks; ``is_speaking`` tells whether the caller speaks now."""

    def __init__(self, hearing: Hearing, sample_rate: int) -> None:
        self._hearing = hearing
        self._detector = SilenceDetector(hearing.threshold, sample_rate)
        self._bytes_per_ms = sample_rate * 2 // 1000
        self._lead: deque[bytes] = deque()
        self._lead_bytes = 0
        self._current = bytearray()
        self.is_speaking = False

    def receive(self, block: bytes) -> bytes | None:
        """Take in a block; the whole utterance comes back when it has ended with it."""
        self._detector.receive(block)
        if not self.is_speaking:
            self._keep(block)
            if self._detector.noise_ms >= self._hearing.speech_ms:
                self.is_speaking = True
                self._current = bytearray(b"".join(self._lead))
                self._forget_lead()
            return None
        self._current += block
        has_ended = self._detector.silence_ms >= self._hearing.silence_ms
        if not has_ended and len(self._current) < self._hearing.maximum_ms * self._bytes_per_ms:
            return None
        return self.cut()

    def cut(self) -> bytes | None:
        """What was said so far of an utterance that has not ended, and an end to it; None while nobody speaks."""
        if not self.is_speaking:
            return None
        said, self._current = bytes(self._current), bytearray()
        self.is_speaking = False
        self._detector.reset()
        return said

    def _keep(self, block: bytes) -> None:
        self._lead.append(block)
        self._lead_bytes += len(block)
        limit = (_LEAD_MS + self._hearing.speech_ms) * self._bytes_per_ms
        while self._lead_bytes > limit:
            self._lead_bytes -= len(self._lead.popleft())

    def _forget_lead(self) -> None:
        self._lead.clear()
        self._lead_bytes = 0
