"""RTP payload types: the static table of RFC 3551 and the numbers that Asterisk gives to dynamic ones."""

from __future__ import annotations

from typing import NamedTuple


class StaticPayload(NamedTuple):
    """What a payload type means without an ``a=rtpmap`` line."""

    name: str
    clock_rate: int
    channels: int = 1


#: RFC 3551 tables 4 and 5.
STATIC_PAYLOADS: dict[int, StaticPayload] = {
    0: StaticPayload("PCMU", 8000),
    3: StaticPayload("GSM", 8000),
    4: StaticPayload("G723", 8000),
    5: StaticPayload("DVI4", 8000),
    6: StaticPayload("DVI4", 16000),
    7: StaticPayload("LPC", 8000),
    8: StaticPayload("PCMA", 8000),
    9: StaticPayload("G722", 8000),
    10: StaticPayload("L16", 44100, 2),
    11: StaticPayload("L16", 44100),
    12: StaticPayload("QCELP", 8000),
    13: StaticPayload("CN", 8000),
    14: StaticPayload("MPA", 90000),
    15: StaticPayload("G728", 8000),
    16: StaticPayload("DVI4", 11025),
    17: StaticPayload("DVI4", 22050),
    18: StaticPayload("G729", 8000),
    19: StaticPayload("CN", 8000),
    25: StaticPayload("CelB", 90000),
    26: StaticPayload("JPEG", 90000),
    28: StaticPayload("nv", 90000),
    31: StaticPayload("H261", 90000),
    32: StaticPayload("MPV", 90000),
    33: StaticPayload("MP2T", 90000),
    34: StaticPayload("H263", 90000),
    # Not in RFC 3551 (2 is reserved there), but G.726-32 on old phones.
    2: StaticPayload("G726-32", 8000),
}

#: Numbers that Asterisk puts into its offers, by encoding name (upper case) and clock rate.
OFFERED_PAYLOADS: dict[tuple[str, int], int] = {
    ("PCMU", 8000): 0,
    ("GSM", 8000): 3,
    ("G723", 8000): 4,
    ("DVI4", 8000): 5,
    ("LPC", 8000): 7,
    ("PCMA", 8000): 8,
    ("G722", 8000): 9,
    ("L16", 8000): 10,
    ("CN", 8000): 13,
    ("G729", 8000): 18,
    ("JPEG", 90000): 26,
    ("H261", 90000): 31,
    ("H263", 90000): 34,
    ("L16", 192000): 96,
    ("ILBC", 8000): 97,
    ("H264", 90000): 99,
    ("VP8", 90000): 100,
    ("TELEPHONE-EVENT", 8000): 101,
    ("G7221", 16000): 102,
    ("H263-1998", 90000): 103,
    ("MP4V-ES", 90000): 104,
    ("RED", 1000): 105,
    ("T140", 1000): 106,
    ("OPUS", 48000): 107,
    ("VP9", 90000): 108,
    ("H265", 90000): 109,
    ("SPEEX", 8000): 110,
    ("G726-32", 8000): 111,
    ("AAL2-G726-32", 8000): 112,
    ("G7221", 32000): 115,
    ("G719", 48000): 116,
    ("SPEEX", 16000): 117,
    ("L16", 16000): 118,
    ("SPEEX", 32000): 119,
    ("CISCO-TELEPHONE-EVENT", 8000): 121,
    ("L16", 12000): 122,
    ("L16", 24000): 123,
    ("L16", 32000): 124,
    ("L16", 44100): 125,
    ("L16", 48000): 126,
    ("L16", 96000): 127,
}

#: Names that mean the same encoding, upper case.
ALIASES: dict[str, str] = {
    "G711U": "PCMU",
    "G711A": "PCMA",
    "G729A": "G729",
    "G.729": "G729",
    "L16-256": "L16",
}


#: The static table the other way round; 2 is taken but not offered.
STATIC_NUMBERS: dict[tuple[str, int, int], int] = {
    (payload.name.upper(), payload.clock_rate, payload.channels): number
    for number, payload in sorted(STATIC_PAYLOADS.items(), reverse=True)
    if number not in (2, 19)
}


def static_payload(number: int) -> StaticPayload | None:
    """The static meaning of a payload type, None for a dynamic or unassigned one."""
    return STATIC_PAYLOADS.get(number)


def canonical_name(name: str) -> str:
    """An encoding name for comparison: upper case, aliases resolved."""
    upper = name.upper()
    return ALIASES.get(upper, upper)
