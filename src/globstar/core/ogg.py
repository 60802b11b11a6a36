"""Ogg files (RFC 3533): the packets of one logical stream."""

from __future__ import annotations

import struct
import zlib
from collections.abc import Iterator
from dataclasses import dataclass

from globstar.core.soundfile import Buffer, SoundFault

_CAPTURE = b"OggS"
_HEAD = 27
#: Of a page's head: flags, what is counted, the stream's number, the page's; then comes the checksum.
_NUMBERS = struct.Struct("<BqII")
_CHECKSUM = 22
#: Flags of a page: its first packet continues one of the page before, the stream begins, the stream ends.
CONTINUED, FIRST, LAST = 1, 2, 4
#: A longer packet is none of speech.
_MAX_PACKET = 1 << 16
_REVERSED = bytes(int(f"{number:08b}"[::-1], 2) for number in range(256))


def checksum(page: bytes) -> int:
    """The checksum of a page whose own checksum is taken as zero: CRC-32 from the first bit on, from 0 (section 6, item 7).

    zlib's goes from the last bit of each octet on, which is the same for octets that are turned around.
    """
    turned = zlib.crc32(page.translate(_REVERSED), 0xFFFFFFFF) ^ 0xFFFFFFFF
    return int(f"{turned:032b}"[::-1], 2)


@dataclass(frozen=True, slots=True)
class Page:
    """A page that is whole: its octets in the file are ``start`` to ``stop``, those of its packets begin at ``body``.

    ``granule`` is what the codec counts up to the end of the last packet that ends here (-1: none does), ``lacing`` the lengths
    of its segments.
    """

    start: int
    body: int
    stop: int
    flags: int
    granule: int
    serial: int
    number: int
    lacing: bytes


def pages(data: Buffer, position: int = 0) -> Iterator[Page]:
    """The pages of a file from an octet on, up to one that is cut off. Raises :class:`SoundFault` where something else stands."""
    while True:
        head = data[position : position + _HEAD]
        if len(head) < _HEAD:
            break
        if head[:4] != _CAPTURE or head[4] != 0:
            raise SoundFault("not an Ogg file" if not position else f"no page of Ogg begins at octet {position}")
        count = head[26]
        body = position + _HEAD + count
        lacing = data[position + _HEAD : body]
        stop = body + sum(lacing)
        if len(lacing) < count or stop > len(data):
            break  # a recording that was cut short
        flags, granule, serial, number = _NUMBERS.unpack_from(head, 5)
        yield Page(position, body, stop, flags, granule, serial, number, lacing)
        position = stop


def signed(page: bytes) -> bytes:
    """A page with its own checksum."""
    before, after = page[:_CHECKSUM], page[_CHECKSUM + 4 :]
    return before + checksum(before + bytes(4) + after).to_bytes(4, "little") + after


def shortened(data: Buffer, page: Page, segments: int, granule: int) -> bytes:
    """The page with its first segments alone, as the last one of its stream."""
    lacing = page.lacing[:segments]
    head = data[page.start : page.start + 5] + _NUMBERS.pack(page.flags | LAST, granule, page.serial, page.number)
    return signed(head + bytes(4) + bytes([len(lacing)]) + lacing + data[page.body : page.body + sum(lacing)])


def packets(data: Buffer, magic: bytes) -> Iterator[bytes]:
    """The packets of the first stream whose first packet begins with ``magic``, empty ones left out.

    A page that is cut off ends it. Raises :class:`SoundFault` where there is no such stream, at a page that is damaged, and at a
    gap, as what comes behind it could not be told from speech.
    """
    serial, number = -1, 0
    rest = b""
    read = False
    for page in pages(data):
        read = True
        whole = data[page.start : page.stop]
        if len(whole) < page.stop - page.start:
            break
        if signed(whole) != whole:
            raise SoundFault(f"the page of Ogg at octet {page.start} is damaged")
        body = whole[page.body - page.start :]
        if serial < 0:
            if not page.flags & FIRST or not body.startswith(magic):
                continue
            serial, number = page.serial, page.number
        elif page.serial != serial:
            continue
        if page.number != number:
            raise SoundFault(f"pages of Ogg are missing before octet {page.start}")
        number = number + 1 & 0xFFFFFFFF
        if bool(page.flags & CONTINUED) != bool(rest):
            raise SoundFault(f"the page of Ogg at octet {page.start} does not continue what was begun")
        place = 0
        for size in page.lacing:
            rest += body[place : place + size]
            place += size
            if len(rest) > _MAX_PACKET:
                raise SoundFault(f"a packet of more than {_MAX_PACKET} octets")
            if size < 255:
                if rest:
                    yield rest
                rest = b""
        if page.flags & LAST:
            break
    if serial < 0:
        raise SoundFault("not an Ogg file" if not read else f"no stream of {magic.decode('ascii').strip()} in this Ogg file")
