"""Ogg Vorbis files: decoded when opened, and encoded as they are written, by libsndfile.

What is added to a file is a stream of its own behind those that are there (RFC 3533 section 4, "chaining").
"""

from __future__ import annotations

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from globstar.core.format import slin
from globstar.core.ogg import FIRST, LAST, Page, pages, shortened
from globstar.core.sounddecode import MAXIMUM_BYTES, decode_whole
from globstar.core.soundfile import Buffer, FileFormatSpec, FileView, SoundData, SoundFault, SoundWriter, whole_blocks

_MAGIC = b"\x01vorbis"
#: Octets of the first packet of a stream, where its rate and the lengths of its blocks are (Vorbis I section 4.2.2).
_HEAD_BYTES, _RATE, _BLOCKS = 30, slice(12, 16), 28
#: Packets before those of audio: this one, comments, and how to decode.
_HEADERS = 3
#: Octets that the encoder gets at once: its library takes them on the stack.
_CHUNK = 8192
_SAMPLE = slin.codec.sample_bytes


@dataclass(slots=True)
class _Part:
    """Streams that begin together in a file, one of them of Vorbis as a rule: its pages, and what they say of the audio."""

    pages: list[Page] = field(default_factory=list)
    #: samples in a second, and in a block where all are of one length; 0 for what is not Vorbis alone, and for blocks that differ
    rate: int = 0
    block: int = 0

    @property
    def start(self) -> int:
        return self.pages[0].start

    @property
    def stop(self) -> int:
        return self.pages[-1].stop

    @property
    def granule(self) -> int:
        """Samples at the stream's own rate."""
        return max(0, max(page.granule for page in self.pages))

    @property
    def samples(self) -> int:
        """Samples at the rate of what is read from it."""
        return self.granule * slin.sample_rate // self.rate


def _parts(data: Buffer) -> Iterator[_Part]:
    """What follows one another in a file, up to what is cut off at its end. Raises :class:`SoundFault` as ``pages`` does."""
    part = _Part()
    for page in pages(data):
        if page.flags & FIRST:
            if part.pages and part.pages[-1].flags & (FIRST | LAST) != FIRST:
                yield part
                part = _Part()
            head = data[page.body : page.body + _HEAD_BYTES]
            if not part.pages and len(head) == _HEAD_BYTES and head.startswith(_MAGIC):
                part.rate = int.from_bytes(head[_RATE], "little")
                short, long = head[_BLOCKS] & 15, head[_BLOCKS] >> 4
                part.block = 1 << short if short == long else 0
            else:
                part.rate = 0  # something else, or beside something else
        part.pages.append(page)
    if part.pages:
        yield part


def parse_ogg_vorbis(data: Buffer) -> SoundData:
    """The audio as signed linear: of every stream that can be decoded, as libsndfile reads the first one alone."""
    bounds: list[int] = []
    try:
        bounds.extend(part.start for part in _parts(data))
    except SoundFault:
        bounds.clear()  # octets between the pages: the decoder may find the next one
    if len(bounds) < 2:
        return decode_whole(data, slin)
    pieces: list[bytes] = []
    total = 0
    reason: SoundFault | None = None
    for start, stop in zip(bounds, [*bounds[1:], len(data)], strict=True):
        try:
            sound = decode_whole(data[start:stop], slin)
        except SoundFault as fault:  # such as one that was cut off within its headers
            reason = fault
            continue
        pieces.append(sound.data[sound.start : sound.stop])
        total += len(pieces[-1])
        if total > MAXIMUM_BYTES:
            raise SoundFault("cannot be decoded: too long")
    if not pieces and reason is not None:
        raise reason
    return whole_blocks(slin, b"".join(pieces))


class _Encoder:
    """One stream of signed linear to the octets of a stream of Vorbis. What fails is a :class:`SoundFault`."""

    __slots__ = ("_file", "_sink")

    def __init__(self) -> None:
        self._sink = _Sink()
        try:
            import soundfile

            self._file: Any = soundfile.SoundFile(self._sink, "w", slin.sample_rate, 1, "VORBIS", format="OGG")
        except (ImportError, OSError, RuntimeError, ValueError) as error:
            raise SoundFault(f"cannot be encoded: {error}") from error

    def __call__(self, data: bytes) -> bytes:
        try:
            for start in range(0, len(data), _CHUNK):
                self._file.buffer_write(data[start : start + _CHUNK], "int16")
        except (RuntimeError, AssertionError) as error:
            raise SoundFault(f"cannot be encoded: {error}") from error
        return self._sink.take()

    def end(self) -> bytes:
        """What is left, and the end of the stream."""
        try:
            self._file.close()
        except RuntimeError as error:
            raise SoundFault(f"cannot be encoded: {error}") from error
        return self._sink.take()


class _Sink:
    """What libsndfile takes for a file. It goes on and on: nothing in Ogg is written anew."""

    __slots__ = ("_octets", "_place")

    def __init__(self) -> None:
        self._octets = bytearray()
        self._place = 0

    def write(self, octets: bytes) -> int:
        self._octets += octets
        self._place += len(octets)
        return len(octets)

    def seek(self, _place: int, _whence: int = 0) -> int:
        return self._place

    def tell(self) -> int:
        return self._place

    def take(self) -> bytes:
        """What was written since."""
        octets = bytes(self._octets)
        self._octets.clear()
        return octets


class VorbisWriter(SoundWriter):
    """Encodes in the writing thread. Lengths are those of the signed linear that goes in."""

    __slots__ = ("_encoder",)

    #: of their own, that the work of encoding holds up no file that needs none
    pool = ThreadPoolExecutor(1, thread_name_prefix="ThreadPoolExecutor-vorbis")

    def __init__(self, path: Path, append: bool) -> None:
        self._encoder: _Encoder | None = None
        super().__init__(path, slin, append=append)

    def _resume(self) -> None:
        """Go on behind what is there; a page that is cut off at its end goes."""
        parts = list(_parts(FileView(self.path)))
        if any(not part.rate for part in parts) or (not parts and self.path.stat().st_size):
            raise SoundFault("there is something other than Vorbis in it")
        while parts and not parts[-1].granule:  # no audio yet, or not even all headers
            self._end_at(parts.pop().start)
        if not parts:
            return
        last = parts[-1].pages[-1]
        self._end_at(last.stop)
        if not last.flags & LAST:
            self._end_with(last, len(last.lacing), last.granule)
        self._written = sum(part.samples for part in parts) * _SAMPLE

    def _end_with(self, page: Page, segments: int, granule: int) -> None:
        """Let the file end with the first segments of a page."""
        octets = shortened(FileView(self._place), page, segments, granule)
        self._end_at(page.start)
        self._put(octets)

    @property
    def _place(self) -> Path:
        return self.cached_at or self.path

    def _store(self, chunk: bytes) -> None:
        if self._encoder is None:
            self._encoder = _Encoder()
        self._put(self._encoder(chunk))

    def _footer(self) -> bytes:
        encoder, self._encoder = self._encoder, None
        if encoder is not None:
            return encoder.end()
        return b"" if self._written else _Encoder().end()

    def truncate(self, samples: int) -> None:
        """See SoundWriter. What is written from then on is a stream of its own."""
        self.flush()
        if samples * _SAMPLE >= self._written:
            return
        try:
            self._put(self._footer())
            self._cut(max(0, samples))
        except OSError as error:
            raise SoundFault(f"cannot write {self.path}: {error.strerror}") from error
        self._written = max(0, samples) * _SAMPLE

    def _cut(self, samples: int) -> None:
        """Leave so many samples of the whole streams that are in the file."""
        data = FileView(self._place)
        left = samples
        for part in _parts(data):
            if left < part.samples:
                break
            left -= part.samples
        else:
            return
        if not left:
            self._end_at(part.start)
            return
        found = _last_page(part, left) if part.rate == slin.sample_rate else None
        if found is not None:
            self._end_with(*found, left)
        else:  # of another encoder: its end is encoded anew
            try:
                whole = decode_whole(data[part.start : part.stop], slin)
            except SoundFault as fault:
                raise SoundFault(f"cannot cut {self.path}: {fault}") from fault
            self._end_at(part.start)
            self._store(whole.data[whole.start : whole.start + left * _SAMPLE])


def _last_page(part: _Part, samples: int) -> tuple[Page, int] | None:
    """The page where so many samples end, and how many of its segments are needed; None where that cannot be told.

    Each packet but the first gives half a block (Vorbis I section 4.3.8), so that blocks of one length can be counted.
    """
    half = part.block // 2
    if not half:
        return None
    done = 0
    packets = -_HEADERS - 1
    for page in part.pages:
        ends = [index + 1 for index, size in enumerate(page.lacing) if size < 255]
        if page.granule >= samples:
            needed = -(-samples // half) - packets
            if done != max(0, packets) * half or page.granule > (packets + len(ends)) * half or needed > len(ends):
                return None
            return page, ends[needed - 1]
        packets += len(ends)
        done = max(done, page.granule)
    return None


OGG_VORBIS = FileFormatSpec(name="ogg_vorbis", extensions=("ogg",), format=slin, parse=parse_ogg_vorbis, create=VorbisWriter)
