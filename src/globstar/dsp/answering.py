"""Telling an answering machine from a person by how the greeting is timed: words, pauses, and how long it all takes."""

from __future__ import annotations

from dataclasses import dataclass
from enum import Enum

from globstar.dsp.level import mean_level


class Answerer(Enum):
    """Who answered."""

    MACHINE = "MACHINE"
    HUMAN = "HUMAN"
    NOT_SURE = "NOTSURE"


@dataclass(frozen=True, slots=True, kw_only=True)
class AnswerOptions:
    """The options of amd.conf; times in ms, ``silence_threshold`` a mean level."""

    initial_silence: int = 2500
    greeting: int = 1500
    after_greeting_silence: int = 800
    total_analysis_time: int = 5000
    min_word_length: int = 100
    between_words_silence: int = 50
    maximum_number_of_words: int = 2
    silence_threshold: int = 256
    maximum_word_length: int = 5000


@dataclass(frozen=True, slots=True)
class Verdict:
    """Who it is, and why, as AMDCAUSE says it: reason, what was measured, and the limit."""

    answerer: Answerer
    cause: str


class AnswerDetector:
    """Takes in 16 bit signed linear frame by frame until it is sure, or its time is over.

    A word is sound of at least ``min_word_length``; another word begins after a pause of ``between_words_silence``.
    """

    def __init__(self, options: AnswerOptions, sample_rate: int = 8000) -> None:
        self.options = options
        self.sample_rate = sample_rate
        self.words = 0
        self.total_ms = 0
        self.silence_ms = 0
        #: sound since the last pause that parts words
        self.word_ms = 0
        #: all words together
        self.voice_ms = 0
        self._has_counted_word = False
        self._has_greeting = False

    def receive(self, data: bytes) -> Verdict | None:
        """One frame; the verdict as soon as there is one."""
        options = self.options
        length = len(data) // 2 * 1000 // self.sample_rate
        self.total_ms += length
        if self.total_ms >= options.total_analysis_time:
            return Verdict(Answerer.NOT_SURE, f"TOOLONG-{self.total_ms}")
        if mean_level(data) < options.silence_threshold:
            return self._silence(length)
        return self._sound(length)

    def _silence(self, length: int) -> Verdict | None:
        options = self.options
        self.silence_ms += length
        if self.silence_ms >= options.between_words_silence:
            if not self._has_counted_word:  # too short for a word: no greeting either
                self.voice_ms -= self.word_ms
            self.word_ms = 0
            self._has_counted_word = False
        if not self._has_greeting:
            if self.silence_ms >= options.initial_silence:
                return Verdict(Answerer.MACHINE, f"INITIALSILENCE-{self.silence_ms}-{options.initial_silence}")
        elif self.silence_ms >= options.after_greeting_silence:
            return Verdict(Answerer.HUMAN, f"HUMAN-{self.silence_ms}-{options.after_greeting_silence}")
        return None

    def _sound(self, length: int) -> Verdict | None:
        options = self.options
        self.word_ms += length
        self.voice_ms += length
        if self.word_ms < options.min_word_length:
            return None
        self.silence_ms = 0
        if not self._has_counted_word:
            self._has_counted_word = True
            self._has_greeting = True
            self.words += 1
        if self.word_ms > options.maximum_word_length:
            return Verdict(Answerer.MACHINE, f"MAXWORDLENGTH-{self.word_ms}-{options.maximum_word_length}")
        if self.words > options.maximum_number_of_words:
            return Verdict(Answerer.MACHINE, f"MAXWORDS-{self.words}-{options.maximum_number_of_words}")
        if self.voice_ms > options.greeting:
            return Verdict(Answerer.MACHINE, f"LONGGREETING-{self.voice_ms}-{options.greeting}")
        return None
