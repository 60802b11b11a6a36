"""Person or machine, by greetings of words and pauses."""

from __future__ import annotations

import numpy as np
import pytest

from globstar.dsp.answering import AnswerDetector, Answerer, AnswerOptions, Verdict

LOUD = np.full(160, 3000, "<i2").tobytes()
SILENT = bytes(320)


def hear(timing: str, options: AnswerOptions | None = None) -> tuple[Verdict | None, int]:
    """The verdict on sound (s) and pauses (p) of so many ms, and when it came."""
    detector = AnswerDetector(options or AnswerOptions())
    for part in timing.split():
        for _ in range(int(part[1:]) // 20):
            verdict = detector.receive(LOUD if part[0] == "s" else SILENT)
            if verdict is not None:
                return verdict, detector.total_ms
    return None, detector.total_ms


@pytest.mark.parametrize(
    ("timing", "answerer", "cause", "when"),
    [
        ("p9000", Answerer.MACHINE, "INITIALSILENCE-2500-2500", 2500),
        ("p500 s400 p9000", Answerer.HUMAN, "HUMAN-800-800", 1700),
        ("s300 p200 s300 p9000", Answerer.HUMAN, "HUMAN-800-800", 1600),
        ("p300 s9000", Answerer.MACHINE, "LONGGREETING-1520-1500", 1820),
        ("s300 p200 s300 p200 s300 p9000", Answerer.MACHINE, "MAXWORDS-3-2", 1100),
        ("s300 p20 s300 p20 s300 p9000", Answerer.HUMAN, "HUMAN-800-800", 1740),  # too short a pause to part words
        ("s60 p100 s60 p9000", Answerer.MACHINE, "INITIALSILENCE-2500-2500", 2620),  # clicks are no words
    ],
)
def test_greetings(timing: str, answerer: Answerer, cause: str, when: int) -> None:
    assert hear(timing) == (Verdict(answerer, cause), when)


def test_the_longest_word() -> None:
    options = AnswerOptions(maximum_word_length=1000, greeting=5000)
    assert hear("s9000", options) == (Verdict(Answerer.MACHINE, "MAXWORDLENGTH-1020-1000"), 1020)


def test_not_sure_when_the_time_is_over() -> None:
    options = AnswerOptions(total_analysis_time=1000, after_greeting_silence=2000)
    assert hear("s200 p9000", options) == (Verdict(Answerer.NOT_SURE, "TOOLONG-1000"), 1000)


def test_words_add_up_to_the_greeting_but_clicks_do_not() -> None:
    options = AnswerOptions(maximum_number_of_words=9)
    verdict, _ = hear("s800 p100 s60 p100 s800", options)
    assert verdict == Verdict(Answerer.MACHINE, "LONGGREETING-1520-1500")
    assert hear("s800 p100 s60 p100 s700 p9000", options)[0] == Verdict(Answerer.HUMAN, "HUMAN-800-800")


def test_quiet_sound_is_silence() -> None:
    detector = AnswerDetector(AnswerOptions(silence_threshold=4000))
    for _ in range(124):
        assert detector.receive(LOUD) is None
    assert detector.receive(LOUD) == Verdict(Answerer.MACHINE, "INITIALSILENCE-2500-2500")
