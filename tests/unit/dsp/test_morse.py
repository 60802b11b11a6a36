"""Morse code: lengths in dits, of sound (positive) and of pauses (negative)."""

from __future__ import annotations

import pytest

from globstar.dsp.morse import AMERICAN, INTERNATIONAL, morse, morse_parts


def dits(text: str, code: dict[str, str]) -> list[int]:
    return [part.duration_ms // 10 * (1 if part.first_hz else -1) for part in morse_parts(text, code, 10, 800)]


@pytest.mark.parametrize(
    ("text", "code", "expected"),
    [
        ("et", INTERNATIONAL, [1, -3, 3]),
        ("A", INTERNATIONAL, [1, -1, 3]),
        ("e e", INTERNATIONAL, [1, -7, 1]),
        (" e  \t e ", INTERNATIONAL, [1, -7, 1]),
        ("e~e", INTERNATIONAL, [1, -3, 1]),
        ("5", INTERNATIONAL, [1, -1, 1, -1, 1, -1, 1, -1, 1]),
        ("C", AMERICAN, [1, -1, 1, -2, 1]),
        ("L0", AMERICAN, [6, -3, 9]),
        ("5", AMERICAN, [3, -1, 3, -1, 3]),
    ],
)
def test_lengths(text: str, code: dict[str, str], expected: list[int]) -> None:
    assert dits(text, code) == expected


def test_no_two_characters_sound_the_same() -> None:
    for code in (INTERNATIONAL, AMERICAN):
        assert len(set(code.values())) == len(code)


def test_nothing_to_send() -> None:
    assert morse("~ ~", INTERNATIONAL, 80, 800) is None
    assert [part.first_hz for part in morse_parts("ee", INTERNATIONAL, 80, 800, 300)] == [800, 300, 800]
