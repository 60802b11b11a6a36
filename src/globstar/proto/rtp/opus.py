"""Packets of Opus: how long they last, and the frames in them (RFC 6716 section 3)."""

from __future__ import annotations

from collections.abc import Sequence

#: samples at 48 kHz of a frame, by the configuration in the first byte (section 3.1, table 2)
_FRAMES = (
    *(480, 960, 1920, 2880) * 3,
    *(480, 960) * 2,
    *(120, 240, 480, 960) * 4,
)
#: 120 ms, the longest packet (section 3.4, requirement 5)
_LONGEST = 5760
#: Longest frame, octets (section 3.4, requirement 2).
_MAX_FRAME = 1275
#: Of the first byte: everything but the code that tells how many frames follow.
_KIND = 0xFC
_VARIABLE, _PADDED = 0x80, 0x40


def opus_samples(packet: bytes) -> int:
    """The samples at 48 kHz that a packet holds; 0 for one that is broken."""
    if not packet:
        return 0
    kind = packet[0] & 3
    if kind == 3:
        count = packet[1] & 63 if len(packet) > 1 else 0
    else:
        count = 1 if kind == 0 else 2
    samples = count * _FRAMES[packet[0] >> 3]
    return samples if samples <= _LONGEST else 0


def opus_frames(packet: bytes) -> tuple[int, int, list[bytes]] | None:
    """The kind of a packet's frames (its first byte without the code), the samples of one, and the frames, without padding.

    None for what is broken.
    """
    if not opus_samples(packet):
        return None
    kind, code = packet[0] & _KIND, packet[0] & 3
    frames = (_one, _two_alike, _two, _many)[code](packet[1:])
    if frames is None or any(len(frame) > _MAX_FRAME for frame in frames):
        return None
    return kind, _FRAMES[kind >> 3], frames


def _one(rest: bytes) -> list[bytes]:
    return [rest]


def _two_alike(rest: bytes) -> list[bytes] | None:
    half, odd = divmod(len(rest), 2)
    return None if odd else [rest[:half], rest[half:]]


def _two(rest: bytes) -> list[bytes] | None:
    read = _read_length(rest, 0)
    if read is None or read[1] + read[0] > len(rest):
        return None
    length, at = read
    return [rest[at : at + length], rest[at + length :]]


def _many(rest: bytes) -> list[bytes] | None:
    """Code 3: any number of frames, after an octet that counts them (section 3.2.5)."""
    count, at, padding = rest[0] & 63, 1, 0
    if rest[0] & _PADDED:
        while True:
            if at >= len(rest):
                return None
            more = rest[at]
            at += 1
            padding += 254 if more == 255 else more
            if more != 255:
                break
    lengths: list[int] = []
    if rest[0] & _VARIABLE:
        for _ in range(count - 1):
            read = _read_length(rest, at)
            if read is None:
                return None
            lengths.append(read[0])
            at = read[1]
        lengths.append(len(rest) - padding - at - sum(lengths))
    else:
        each, over = divmod(len(rest) - padding - at, count)
        if over:
            return None
        lengths = [each] * count
    if min(lengths) < 0:
        return None
    frames = []
    for length in lengths:
        frames.append(rest[at : at + length])
        at += length
    return frames


def _read_length(data: bytes, at: int) -> tuple[int, int] | None:
    """The length that stands at ``at``, one octet or two, and where it ends (section 3.2.1)."""
    if at >= len(data):
        return None
    first = data[at]
    if first < 252:
        return first, at + 1
    return (4 * data[at + 1] + first, at + 2) if at + 1 < len(data) else None


def _length(frame: bytes) -> bytes:
    size = len(frame)
    if size < 252:
        return bytes((size,))
    first = 252 + (size & 3)
    return bytes((first, (size - first) >> 2))


def opus_packet(kind: int, frames: Sequence[bytes]) -> bytes:
    """One packet of frames of one kind: one at least, 120 ms at the most."""
    if len(frames) == 1:
        return bytes((kind,)) + frames[0]
    is_alike = len({len(frame) for frame in frames}) == 1
    if len(frames) == 2:
        head = bytes((kind | 1,)) if is_alike else bytes((kind | 2,)) + _length(frames[0])
    else:
        head = bytes((kind | 3, len(frames) | (0 if is_alike else _VARIABLE)))
        if not is_alike:
            head += b"".join(_length(frame) for frame in frames[:-1])
    return head + b"".join(frames)
