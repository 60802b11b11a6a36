"""The data link of SMS in the fixed network (ETSI ES 201 912 5.3, protocol 1): type, length, payload, checksum."""

from __future__ import annotations

from dataclasses import dataclass
from enum import IntEnum


class FrameKind(IntEnum):
    """The types of frames; the first bit says that it is the only or last part of its message."""

    DATA = 0x91
    ERROR = 0x92
    ESTABLISHED = 0x93
    RELEASE = 0x94
    ACKNOWLEDGED = 0x95
    REFUSED = 0x96


#: What an ERROR frame says.
WRONG_CHECKSUM, WRONG_LENGTH, UNKNOWN_TYPE = 1, 2, 3
_KINDS = {kind.value for kind in FrameKind}


@dataclass(frozen=True, slots=True)
class SmsFrame:
    """One frame. ``fault`` is one of the reasons of an ERROR frame where it came damaged, 0 where it is whole."""

    kind: int
    payload: bytes = b""
    fault: int = 0


def encode_frame(kind: FrameKind, payload: bytes = b"") -> bytes:
    """The octets of a frame."""
    data = bytes([kind, len(payload)]) + payload
    return data + bytes([-sum(data) & 0xFF])


class FrameReader:
    """Finds frames in octets as they come. ``reset`` forgets what began, when the line falls silent."""

    __slots__ = ("_data",)

    def __init__(self) -> None:
        self._data = bytearray()

    def receive(self, data: bytes) -> list[SmsFrame]:
        """More octets; the frames that ended in them."""
        self._data += data
        found: list[SmsFrame] = []
        while len(self._data) >= 3:
            size = 3 + self._data[1]
            if len(self._data) < size:
                break
            whole = bytes(self._data[:size])
            del self._data[:size]
            fault = WRONG_CHECKSUM if sum(whole) & 0xFF else UNKNOWN_TYPE if whole[0] not in _KINDS else 0
            found.append(SmsFrame(whole[0], whole[2:-1], fault))
        return found

    def reset(self) -> SmsFrame | None:
        """The line is silent: what is not whole by now is damaged."""
        began, self._data = bytes(self._data), bytearray()
        return SmsFrame(began[0], began[2:], WRONG_LENGTH) if began else None
