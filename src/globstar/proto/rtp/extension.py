"""RTP header extensions (RFC 8285): reading one element, and adding one to a finished packet."""

from __future__ import annotations

from globstar.proto.rtp.packet import HEADER_LENGTH

_ONE_BYTE = b"\xbe\xde"


def find_extension(data: bytes, number: int) -> bytes | None:
    """The element ``number`` of a packet, in either form; None where there is none, or nothing can be made of it."""
    start = HEADER_LENGTH + 4 * (data[0] & 0x0F)
    if not data[0] & 0x10 or len(data) < start + 4:
        return None
    end = start + 4 + 4 * int.from_bytes(data[start + 2 : start + 4], "big")
    if end > len(data):
        return None
    profile = data[start : start + 2]
    if profile == _ONE_BYTE:
        return _find_short(data, start + 4, end, number)
    if profile[0] == 0x10 and profile[1] & 0xF0 == 0:
        return _find_long(data, start + 4, end, number)
    return None


def _find_short(data: bytes, place: int, end: int, number: int) -> bytes | None:
    while place < end:
        head = data[place]
        if head == 0:  # padding
            place += 1
            continue
        size = (head & 0x0F) + 1
        if head >> 4 == 15:  # RFC 8285 section 4.2: nothing after it counts
            return None
        if head >> 4 == number:
            return data[place + 1 : place + 1 + size] if place + 1 + size <= end else None
        place += 1 + size
    return None


def _find_long(data: bytes, place: int, end: int, number: int) -> bytes | None:
    while place + 1 < end:
        if data[place] == 0:
            place += 1
            continue
        size = data[place + 1]
        if data[place] == number:
            return data[place + 2 : place + 2 + size] if place + 2 + size <= end else None
        place += 2 + size
    return None


def extension_words(number: int, value: bytes) -> bytes:
    """A header extension of one element of 1 to 16 bytes, whole, as it stands before the payload."""
    element = bytes((number << 4 | len(value) - 1,)) + value
    element += bytes(-len(element) % 4)
    return _ONE_BYTE + (len(element) // 4).to_bytes(2, "big") + element


def with_extension(data: bytes, words: bytes) -> bytes:
    """A packet without header extension, with one (see ``extension_words``); one that has some already is left as it is."""
    if data[0] & 0x10:
        return data
    place = HEADER_LENGTH + 4 * (data[0] & 0x0F)
    return b"".join((bytes((data[0] | 0x10,)), data[1:place], words, data[place:]))
