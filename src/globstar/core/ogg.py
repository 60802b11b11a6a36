"""Ogg files (RFC 3533): the packets of one logical stream."""

from __future__ import annotations

import zlib
from collections.abc import Iterator

from globstar.core.soundfile import Buffer, SoundFault

_CAPTURE = b"OggS"
_HEAD = 27
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


def packets(data: Buffer, magic: bytes) -> Iterator[bytes]:
    """The packets of the first stream whose first packet begins with ``magic``, empty ones left out.

    A page that is cut off ends it. Raises :class:`SoundFault` where there is no such stream, at a page that is damaged, and at a
    gap, as what comes behind it could not be told from speech.
    """
    position, serial, number = 0, -1, 0
    rest = b""
    while True:
        head = data[position : position + _HEAD]
        if len(head) < _HEAD:
            break
        if head[:4] != _CAPTURE or head[4] != 0:
            raise SoundFault("not an Ogg file" if not position else f"no page of Ogg begins at octet {position}")
        count = head[26]
        lacing = data[position + _HEAD : position + _HEAD + count]
        start = position + _HEAD + count
        end = start + sum(lacing)
        body = data[start:end]
        if len(lacing) < count or len(body) < end - start:
            break  # a recording that was cut short
        if checksum(head[:22] + bytes(4) + head[26:] + lacing + body) != int.from_bytes(head[22:26], "little"):
            raise SoundFault(f"the page of Ogg at octet {position} is damaged")
        position = end
        flags, page = head[5], int.from_bytes(head[18:22], "little")
        if serial < 0:
            if not flags & FIRST or not body.startswith(magic):
                continue
            serial, number = int.from_bytes(head[14:18], "little"), page
        elif int.from_bytes(head[14:18], "little") != serial:
            continue
        if page != number:
            raise SoundFault(f"pages of Ogg are missing before octet {start - _HEAD - count}")
        number = page + 1 & 0xFFFFFFFF
        if bool(flags & CONTINUED) != bool(rest):
            raise SoundFault(f"the page of Ogg at octet {start - _HEAD - count} does not continue what was begun")
        place = 0
        for size in lacing:
            rest += body[place : place + size]
            place += size
            if len(rest) > _MAX_PACKET:
                raise SoundFault(f"a packet of more than {_MAX_PACKET} octets")
            if size < 255:
                if rest:
                    yield rest
                rest = b""
        if flags & LAST:
            break
    if serial < 0:
        raise SoundFault("not an Ogg file" if not position else f"no stream of {magic.decode('ascii').strip()} in this Ogg file")
