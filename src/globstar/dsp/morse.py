"""Morse code, international (ITU-R M.1677) and American, as tones."""

from __future__ import annotations

from globstar.dsp.tones import ToneGenerator, TonePart

#: ``.`` and ``-`` are dit and dah; in American code a blank is a pause inside of a letter, ``L`` and ``0`` longer dahs.
INTERNATIONAL: dict[str, str] = {
    "A": ".-", "B": "-...", "C": "-.-.", "D": "-..", "E": ".", "F": "..-.", "G": "--.", "H": "....", "I": "..", "J": ".---",
    "K": "-.-", "L": ".-..", "M": "--", "N": "-.", "O": "---", "P": ".--.", "Q": "--.-", "R": ".-.", "S": "...", "T": "-",
    "U": "..-", "V": "...-", "W": ".--", "X": "-..-", "Y": "-.--", "Z": "--..",
    "0": "-----", "1": ".----", "2": "..---", "3": "...--", "4": "....-", "5": ".....", "6": "-....", "7": "--...",
    "8": "---..", "9": "----.",
    ".": ".-.-.-", ",": "--..--", "?": "..--..", "'": ".----.", "!": "-.-.--", "/": "-..-.", "(": "-.--.", ")": "-.--.-",
    "&": ".-...", ":": "---...", ";": "-.-.-.", "=": "-...-", "+": ".-.-.", "-": "-....-", "_": "..--.-", '"': ".-..-.",
    "$": "...-..-", "@": ".--.-.",
}  # fmt: skip
AMERICAN: dict[str, str] = {
    "A": ".-", "B": "-...", "C": ".. .", "D": "-..", "E": ".", "F": ".-.", "G": "--.", "H": "....", "I": "..", "J": "-.-.",
    "K": "-.-", "L": "L", "M": "--", "N": "-.", "O": ". .", "P": ".....", "Q": "..-.", "R": ". ..", "S": "...", "T": "-",
    "U": "..-", "V": "...-", "W": ".--", "X": ".-..", "Y": ".. ..", "Z": "... .", "&": ". ...",
    "0": "0", "1": ".--.", "2": "..-..", "3": "...-.", "4": "....-", "5": "---", "6": "......", "7": "--..", "8": "-....",
    "9": "-..-",
    ".": "..--..", ",": ".-.-", "?": "-..-.", "!": "---.",
}  # fmt: skip
#: Lengths in dits.
_LENGTHS = {".": 1, "-": 3, "L": 6, "0": 9}
_ELEMENT, _LETTER, _WORD = 1, 3, 7


def morse_parts(text: str, code: dict[str, str], dit_ms: int, tone_hz: float, space_hz: float = 0) -> list[TonePart]:
    """The tones of a text; characters that the code does not know are left out."""
    parts: list[TonePart] = []
    pause = 0

    def sound(hertz: float, dits: int) -> None:
        parts.append(TonePart(hertz, 0, dits * dit_ms, is_once=True))

    for character in text.upper():
        if character.isspace():
            pause = _WORD if parts else 0
            continue
        for element in code.get(character, ""):
            if element == " ":
                pause = 2 * _ELEMENT
                continue
            if pause:
                sound(space_hz, pause)
            sound(tone_hz, _LENGTHS[element])
            pause = _ELEMENT
        if character in code:
            pause = _LETTER
    return parts


def morse(text: str, code: dict[str, str], dit_ms: int, tone_hz: float, space_hz: float = 0) -> ToneGenerator | None:
    """A generator of a text; None where nothing of it can be sent."""
    parts = morse_parts(text, code, dit_ms, tone_hz, space_hz)
    return ToneGenerator(tuple(parts)) if parts else None
