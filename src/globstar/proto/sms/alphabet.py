"""The default alphabet of GSM 03.38 with its extension, and how its septets are packed into octets (6.1.2.1.1)."""

from __future__ import annotations

_BASIC = (
    "@£$¥èéùìòÇ\nØø\rÅåΔ_ΦΓΛΩΠΨΣΘΞ\x1bÆæßÉ !\"#¤%&'()*+,-./0123456789:;<=>?"
    "¡ABCDEFGHIJKLMNOPQRSTUVWXYZÄÖÑÜ§¿abcdefghijklmnopqrstuvwxyzäöñüà"
)
_ESCAPE = 0x1B
_EXTENSION = {0x0A: "\f", 0x14: "^", 0x28: "{", 0x29: "}", 0x2F: "\\", 0x3C: "[", 0x3D: "~", 0x3E: "]", 0x40: "|", 0x65: "€"}
_CODES: dict[str, tuple[int, ...]] = {character: (code,) for code, character in enumerate(_BASIC) if code != _ESCAPE}
_CODES |= {character: (_ESCAPE, code) for code, character in _EXTENSION.items()}


def to_septets(text: str) -> list[int] | None:
    """The septets of a text; None if a character is not in the alphabet."""
    septets: list[int] = []
    for character in text:
        codes = _CODES.get(character)
        if codes is None:
            return None
        septets += codes
    return septets


def from_septets(septets: list[int]) -> str:
    """The text of septets; an unknown extension shows as its second septet does (6.2.1.1)."""
    text: list[str] = []
    is_escaped = False
    for septet in septets:
        if is_escaped:
            text.append(_EXTENSION.get(septet, _BASIC[septet] if septet != _ESCAPE else " "))
            is_escaped = False
        elif septet == _ESCAPE:
            is_escaped = True
        else:
            text.append(_BASIC[septet])
    return "".join(text)


def pack(septets: list[int], shift: int = 0) -> bytes:
    """Septets as octets, the first one ``shift`` bits further on (fill bits behind a header)."""
    value = sum(septet << (7 * index + shift) for index, septet in enumerate(septets))
    return value.to_bytes((7 * len(septets) + shift + 7) // 8, "little")


def unpack(data: bytes, count: int, shift: int = 0) -> list[int]:
    """``count`` septets of octets; fewer if there are not that many."""
    value = int.from_bytes(data, "little") >> shift
    count = max(0, min(count, (8 * len(data) - shift) // 7))
    return [value >> (7 * index) & 0x7F for index in range(count)]
