"""Redundant text: T.140 blocks with those before them repeated (RFC 4103 section 4, in the payload format of RFC 2198)."""

from __future__ import annotations

from collections import deque
from typing import NamedTuple

#: Largest age and length that the header of a repeated block can tell (RFC 2198 section 3).
MAX_OFFSET = 0x3FFF
MAX_LENGTH = 0x3FF
#: What stands for text that is lost for good (T.140 addendum 1; RFC 4103 section 5.4).
MISSING = "\N{REPLACEMENT CHARACTER}".encode()
#: A packet so far behind the last one is of another stream, not a late one.
_MAX_BEHIND = 100


class RedBlock(NamedTuple):
    """One block: its payload type, how much older than the packet it is (clock ticks), and its data."""

    payload_type: int
    offset: int
    data: bytes


def parse_red(payload: bytes) -> tuple[RedBlock, ...] | None:
    """The blocks of a payload, the newest last; None when it is cut off."""
    headers: list[tuple[int, int, int]] = []
    place = 0
    while place < len(payload) and payload[place] & 0x80:
        if place + 4 > len(payload):
            return None
        word = int.from_bytes(payload[place : place + 4], "big")
        headers.append((word >> 24 & 0x7F, word >> 10 & MAX_OFFSET, word & MAX_LENGTH))
        place += 4
    if place >= len(payload):
        return None
    primary = payload[place] & 0x7F
    place += 1
    blocks = []
    for payload_type, offset, length in headers:
        if place + length > len(payload):
            return None
        blocks.append(RedBlock(payload_type, offset, payload[place : place + length]))
        place += length
    return (*blocks, RedBlock(primary, 0, payload[place:]))


def build_red(blocks: tuple[RedBlock, ...]) -> bytes:
    """A payload of ``blocks``, the newest last; the older ones must fit into :data:`MAX_OFFSET` and :data:`MAX_LENGTH`."""
    older, newest = blocks[:-1], blocks[-1]
    headers = b"".join(
        ((0x80 | block.payload_type) << 24 | block.offset << 10 | len(block.data)).to_bytes(4, "big") for block in older
    )
    return headers + bytes((newest.payload_type,)) + b"".join(block.data for block in blocks)


class RedReceiver:
    """Gives each text once, whatever was lost or came twice; ``recovered`` counts blocks that a repetition has saved,
    ``lost`` gaps that none has filled, ``refused`` payloads that could not be read."""

    __slots__ = ("_last_sequence", "_last_time", "lost", "recovered", "refused")

    def __init__(self) -> None:
        self._last_sequence: int | None = None
        self._last_time = 0
        self.recovered = 0
        self.lost = 0
        self.refused = 0

    def receive(self, payload: bytes, sequence: int, rtp_time: int) -> list[bytes]:
        """The texts that are new with this packet, in order; :data:`MISSING` where some is lost."""
        blocks = parse_red(payload)
        if blocks is None:
            self.refused += 1
            return []
        return self._take(blocks, sequence, rtp_time)

    def receive_plain(self, text: bytes, sequence: int, rtp_time: int) -> list[bytes]:
        """The same for a packet of T.140 without redundancy, which may come among the others under the same numbers."""
        return self._take((RedBlock(0, 0, text),), sequence, rtp_time)

    def _take(self, blocks: tuple[RedBlock, ...], sequence: int, rtp_time: int) -> list[bytes]:
        last = self._last_sequence
        missing = 0
        if last is not None:
            ahead = sequence - last & 0xFFFF
            if ahead == 0 or ahead > 0x10000 - _MAX_BEHIND:
                return []  # twice, or too late: what it says was taken from a later one
            missing = ahead - 1 if ahead < 0x8000 else 0
        texts: list[bytes] = []
        if missing:
            saved = [
                block.data
                for block in blocks[:-1]
                if block.data and 0 < (rtp_time - block.offset - self._last_time & 0xFFFFFFFF) < 0x80000000
            ]
            if missing > len(blocks) - 1:
                self.lost += 1
                texts.append(MISSING)
            self.recovered += len(saved)
            texts += saved
        self._last_sequence, self._last_time = sequence, rtp_time
        if blocks[-1].data:
            texts.append(blocks[-1].data)
        return texts


class RedSender:
    """Makes payloads in which each text is repeated in the ``generations`` packets that follow."""

    __slots__ = ("_past", "generations", "payload_type")

    def __init__(self, payload_type: int, generations: int) -> None:
        #: payload type of T.140 inside the payload
        self.payload_type = payload_type
        self.generations = generations
        self._past: deque[tuple[int, bytes]] = deque(maxlen=max(generations, 1))

    @property
    def has_more(self) -> bool:
        """Whether there is text that must be repeated yet: send an empty packet if none is written meanwhile."""
        return self.generations > 0 and any(data for _, data in self._past)

    def payload(self, text: bytes, rtp_time: int) -> bytes:
        """The payload of a packet with ``text``, which may be empty; ``rtp_time`` is the packet's."""
        older = []
        if self.generations:
            for time, data in self._past:
                offset = rtp_time - time & 0xFFFFFFFF
                if offset <= MAX_OFFSET and len(data) <= MAX_LENGTH:
                    older.append(RedBlock(self.payload_type, offset, data))
            self._past.append((rtp_time, text))
        return build_red((*older, RedBlock(self.payload_type, 0, text)))


def generations_of(fmtp: str) -> int:
    """How often a text is repeated by ``98/98/98``: once less than there are types (RFC 4103 section 6.2)."""
    return max(fmtp.count("/"), 0)
