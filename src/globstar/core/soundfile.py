"""Sound files: what a format module offers, and the reader and writer that work on its payload.

A format module gives a pure ``parse`` (bytes in, :class:`SoundData` out) and a writer. The reader is a cursor over
bytes that are already in memory (or mapped), so that a frame costs one slice; the writer hands what it gathers to a
thread, so that a slow disk never holds the loop.
"""

from __future__ import annotations

import asyncio
import os
import shutil
import weakref
from collections.abc import Callable
from concurrent.futures import Executor, Future
from dataclasses import dataclass
from pathlib import Path
from typing import ClassVar

from globstar.base.errors import LocalFault, RemoteFault
from globstar.base.log import Logger
from globstar.base.loosethreads import LooseThreads
from globstar.core.format import Format
from globstar.core.frame import Frame, FrameType
from globstar.core.registry import Spec

logger = Logger("file")

_VOICE = FrameType.VOICE
_FLUSH_BYTES = 32 * 1024
#: What a writer holds back at most while the disk does not answer; more is an error of the disk.
MAXIMUM_PENDING_BYTES = 8 * 1024 * 1024

#: What writes files. A writer has one job at a time; one whose disk or pipe does not answer holds up itself alone, not the end of
#: the server.
_disk = LooseThreads(8, "ThreadPoolExecutor-soundfile")


class SoundFault(RemoteFault):
    """A sound file cannot be used: wrong header, unsupported parameters, or the disk refuses."""


class FileView:
    """A big file as something to slice: one window of it is in memory, the kernel is asked to fetch the next.

    Not a memory map, because a map of a file that somebody cuts short ends the process; here it reads as empty.
    """

    __slots__ = ("__weakref__", "_fd", "_length", "_start", "_window")

    WINDOW_BYTES = 256 * 1024

    def __init__(self, path: Path) -> None:
        self._fd = os.open(path, os.O_RDONLY | os.O_CLOEXEC)
        weakref.finalize(self, os.close, self._fd)
        self._length = os.fstat(self._fd).st_size
        self._start = 0
        self._window = b""

    def __len__(self) -> int:
        return self._length

    def __getitem__(self, part: slice) -> bytes:
        start, stop, _ = part.indices(self._length)
        first = start - self._start
        last = stop - self._start
        if first >= 0 and last <= len(self._window):
            return self._window[first:last]
        if stop - start > self.WINDOW_BYTES // 2:
            return self._read(stop - start, start)
        self._start = start
        self._window = self._read(self.WINDOW_BYTES, start)
        os.posix_fadvise(self._fd, start + self.WINDOW_BYTES, self.WINDOW_BYTES, os.POSIX_FADV_WILLNEED)
        return self._window[: stop - start]

    def _read(self, count: int, offset: int) -> bytes:
        parts: list[bytes] = []
        while count > 0:
            part = os.pread(self._fd, count, offset)
            if not part:
                break
            parts.append(part)
            count -= len(part)
            offset += len(part)
        return b"".join(parts)


Buffer = bytes | FileView


@dataclass(frozen=True, slots=True)
class SoundData:
    """The audio of one file: ``data[start:stop]`` is blocks of ``block_bytes`` bytes with ``block_samples`` samples."""

    format: Format
    data: Buffer
    start: int
    stop: int
    block_bytes: int
    block_samples: int

    @property
    def samples(self) -> int:
        """The length in samples."""
        return (self.stop - self.start) // self.block_bytes * self.block_samples

    @property
    def duration_ms(self) -> int:
        """The length in milliseconds."""
        return self.samples * 1000 // self.format.sample_rate

    def open(self, frame_ms: int = 20) -> SoundReader:
        """A cursor at the beginning."""
        return SoundReader(self, frame_ms)


def whole_blocks(format: Format, data: Buffer, start: int = 0, stop: int | None = None) -> SoundData:
    """The audio of ``format`` in ``data[start:stop]``; what does not fill a block at the end is left out."""
    codec = format.codec
    end = len(data) if stop is None else min(stop, len(data))
    begin = min(start, end)
    end -= (end - begin) % codec.sample_bytes
    return SoundData(format, data, begin, end, codec.sample_bytes, codec.sample_count)


class SoundReader:
    """A cursor over a file's audio, counted in samples. ``next_frame`` is the per-packet call."""

    __slots__ = ("_chunk_bytes", "_chunk_samples", "_data", "_offset", "_stop", "format", "sound")

    def __init__(self, sound: SoundData, frame_ms: int = 20) -> None:
        blocks = max(1, sound.format.sample_rate * frame_ms // 1000 // sound.block_samples)
        self.sound = sound
        self.format = sound.format
        self._data = sound.data
        self._offset = sound.start
        self._stop = sound.stop
        self._chunk_bytes = blocks * sound.block_bytes
        self._chunk_samples = blocks * sound.block_samples

    def next_frame(self) -> Frame | None:
        """The next frame in the file's own format (the last may be shorter), None at the end."""
        offset = self._offset
        end = offset + self._chunk_bytes
        if end <= self._stop:
            self._offset = end
            data = self._data[offset:end]
            return Frame(_VOICE, 0, data, format=self.format, samples=self._chunk_samples) if data else None
        if offset >= self._stop:
            return None
        self._offset = end = self._stop
        samples = (end - offset) // self.sound.block_bytes * self.sound.block_samples
        return Frame(_VOICE, 0, self._data[offset:end], format=self.format, samples=samples)

    #: What belongs into the next 20 ms: a frame, an empty one (NULL) while the last one still lasts, None at the end.
    #: Here every frame lasts as long.
    next_tick = next_frame

    def read_rest(self) -> bytes:
        """Everything from here to the end, as one payload."""
        offset, self._offset = self._offset, self._stop
        return self._data[offset : self._stop]

    @property
    def frame_ms(self) -> int:
        """The length of the frames that come."""
        return self._chunk_samples * 1000 // self.format.sample_rate

    @property
    def is_at_end(self) -> bool:
        """Whether nothing is left."""
        return self._offset >= self._stop

    def length(self) -> int:
        """The whole length in samples."""
        return self.sound.samples

    def tell(self) -> int:
        """The position in samples."""
        return (self._offset - self.sound.start) // self.sound.block_bytes * self.sound.block_samples

    def tell_ms(self) -> int:
        """The position in milliseconds."""
        return self.tell() * 1000 // self.format.sample_rate

    def seek(self, samples: int) -> None:
        """Go to ``samples`` from the beginning, held within the file, on a block's border."""
        blocks = max(0, samples) // self.sound.block_samples
        self._offset = min(self.sound.start + blocks * self.sound.block_bytes, self._stop)

    def seek_ms(self, milliseconds: int) -> None:
        """Go to ``milliseconds`` from the beginning."""
        self.seek(milliseconds * self.format.sample_rate // 1000)


class SoundWriter:
    """Writes frames of one format into a file.

    ``header(data_bytes)`` gives the file's head for an amount of audio and is written anew at the end, so its length
    must not vary; ``find_audio(file)`` tells where in a file that is gone on with its audio is, and raises
    :class:`SoundFault` for audio of another kind. ``write`` only gathers; a thread of ``pool`` does the writing. What the disk
    refuses comes back from the next ``write`` or from ``close`` as :class:`SoundFault`.
    """

    pool: ClassVar[Executor] = _disk

    __slots__ = (
        "_closed", "_file", "_find_audio", "_header_bytes", "_is_broken", "_job", "_pending", "_written", "cached_at", "format",
        "header", "path",
    )  # fmt: skip

    def __init__(
        self,
        path: Path,
        format: Format,
        header: Callable[[int], bytes] | None = None,
        *,
        append: bool = False,
        find_audio: Callable[[Buffer], tuple[int, int]] | None = None,
    ) -> None:
        self.path = path
        #: where the file is until it is closed, if not at ``path``
        self.cached_at: Path | None = None
        self.format = format
        self.header = header
        self._find_audio = find_audio
        self._header_bytes = len(header(0)) if header is not None else 0
        self._pending = bytearray()
        self._job: Future[None] | None = None
        self._closed = False
        #: the disk has refused something, which was told
        self._is_broken = False
        self._written = 0
        try:
            exists = append and path.is_file()
            self._file = path.open("r+b" if exists else "w+b", buffering=0)
            if exists:
                try:
                    self._resume()
                except SoundFault as fault:
                    self._file.close()
                    raise SoundFault(f"cannot append to {path}: {fault}") from fault
            if header is not None and not self._written:
                self._file.seek(0)
                self._put(header(0))
        except OSError as error:
            raise SoundFault(f"cannot write {path}: {error.strerror}") from error

    def _resume(self) -> None:
        """Go on behind the audio that the file has; half a block at its end goes. Raises OSError, or SoundFault where it cannot.

        A head of another length than ours, as other programs write it, is replaced.
        """
        start, stop = self._header_bytes, os.fstat(self._file.fileno()).st_size
        view = FileView(self.path)
        if stop and self._find_audio is not None:
            start, stop = self._find_audio(view)
        self._written = self._whole(max(0, stop - start))
        if start != self._header_bytes and self.header is not None:
            audio = view[start : start + self._written]
            self._put(self.header(self._written))
            self._put(audio)
        self._end_at(self._header_bytes + self._written)

    def _end_at(self, place: int) -> None:
        """Let the file end at an octet, and go on there."""
        self._file.truncate(place)
        self._file.seek(place)

    def _block(self) -> tuple[int, int]:
        """Bytes and samples of one block in the file; subclasses that repack frames differ from the codec."""
        return self.format.codec.sample_bytes, self.format.codec.sample_count

    def _whole(self, size: int) -> int:
        return size - size % self._block()[0]

    def _encode(self, data: bytes) -> bytes:
        """The file's form of a payload; subclasses that gather frames to bigger blocks override it."""
        return data

    def write(self, frame: Frame) -> None:
        """Add a VOICE frame of this writer's codec."""
        if frame.format is None or frame.format.codec is not self.format.codec:
            raise LocalFault(f"{self.path} takes {self.format}, not {frame.format}")
        self.write_bytes(frame.data)

    def write_bytes(self, data: bytes) -> None:
        """Add a payload of this writer's codec."""
        if self._closed:
            raise LocalFault(f"{self.path} is closed")
        if self._is_broken:
            raise SoundFault(f"{self.path} cannot be written any more")
        self._pending += self._encode(data)
        if len(self._pending) >= _FLUSH_BYTES:
            self._submit()

    def _submit(self) -> None:
        job = self._job
        if job is not None:
            if not job.done():
                if len(self._pending) > MAXIMUM_PENDING_BYTES:
                    raise SoundFault(f"{self.path}: the disk does not keep up")
                return
            self._job = None
            self._check(job)
        chunk, self._pending = bytes(self._pending), bytearray()
        self._written += len(chunk)
        self._job = self.pool.submit(self._store, chunk)

    def _check(self, job: Future[None]) -> None:
        error = job.exception()
        self._is_broken = error is not None
        if isinstance(error, OSError):
            raise SoundFault(f"cannot write {self.path}: {error.strerror}") from error
        if error is not None:
            raise error

    def _store(self, chunk: bytes) -> None:
        """Bring audio into the file, in the writing thread; subclasses whose files hold something else encode it here."""
        self._put(chunk)

    def _put(self, chunk: bytes) -> None:
        view = memoryview(chunk)
        while view:
            view = view[self._file.write(view) or 0 :]

    def flush(self) -> None:
        """Bring what was written into the file (waits for the disk)."""
        job, self._job = self._job, None
        if job is not None:
            self._check(job)
        if self._pending:
            chunk, self._pending = bytes(self._pending), bytearray()
            self._written += len(chunk)
            try:
                self._store(chunk)
            except OSError as error:
                self._is_broken = True
                raise SoundFault(f"cannot write {self.path}: {error.strerror}") from error

    @property
    def is_closed(self) -> bool:
        """Whether nothing more can be written."""
        return self._closed

    def tell(self) -> int:
        """The length so far in samples."""
        size, samples = self._block()
        return (self._written + len(self._pending)) // size * samples

    def tell_ms(self) -> int:
        """The length so far in milliseconds."""
        return self.tell() * 1000 // self.format.sample_rate

    def truncate(self, samples: int) -> None:
        """Cut the file off after ``samples`` (waits for the disk); more than there is changes nothing."""
        self.flush()
        wanted = self._bytes_of(samples)
        if wanted < self._written:
            self._written = wanted
            try:
                self._end_at(self._header_bytes + wanted)
            except OSError as error:
                raise SoundFault(f"cannot write {self.path}: {error.strerror}") from error

    def _bytes_of(self, samples: int) -> int:
        """How many octets of the file hold the first ``samples``; what is behind them will be cut off."""
        size, block_samples = self._block()
        return max(0, samples) // block_samples * size

    def _finish(self) -> None:
        """Called before the last flush; subclasses complete a half-filled block here."""

    def _footer(self) -> bytes:
        """What follows the audio at the end of the file."""
        return b""

    def close(self) -> None:
        """Write what is left, bring the header up to date and close (waits for the disk).

        What the disk refuses is cut off, so that the file is whole as far as it goes; SoundFault unless that was told before.
        """
        if self._closed:
            return
        self._finish()
        self._closed = True
        try:
            if self._is_broken:
                self._cut_to_what_is_there()
                return
            self.flush()
            self._put(self._footer())
            self._put_header()
        except (OSError, SoundFault) as error:
            self._cut_to_what_is_there()
            if isinstance(error, SoundFault):
                raise
            raise SoundFault(f"cannot write {self.path}: {error.strerror}") from error
        finally:
            self._file.close()
            self._leave_cache()

    def _put_header(self) -> None:
        if self.header is not None:
            self._file.seek(0)
            self._put(self.header(self._written))

    def _cut_to_what_is_there(self) -> None:
        """Make a whole file of what the disk has taken, where there is a head that tells how much that is."""
        if self.header is None:
            return
        try:
            size = os.fstat(self._file.fileno()).st_size - self._header_bytes
            if size > 0:
                self._written = self._whole(size)
                self._end_at(self._header_bytes + self._written)
                self._put_header()
        except OSError as error:
            logger.warning(f"{self.path} is left as it is: {error.strerror}")

    def _leave_cache(self) -> None:
        cached, self.cached_at = self.cached_at, None
        if cached is not None:
            try:
                shutil.move(cached, self.path)
            except OSError as error:
                raise SoundFault(f"cannot move {cached} to {self.path}: {error.strerror}") from error

    async def aclose(self) -> None:
        """``close`` in the writing thread."""
        if not self._closed:
            await asyncio.get_running_loop().run_in_executor(self.pool, self.close)


@dataclass(slots=True, kw_only=True)
class FileFormatSpec(Spec):
    """A file format: its extensions (the first is the one written), the format of its frames, parser and writer.

    ``parse(buffer)`` raises :class:`SoundFault` for anything it cannot use and nothing else; it may be called in a
    thread. ``create(path, append)`` makes a writer; None for formats that are only read.
    """

    extensions: tuple[str, ...]
    format: Format
    parse: Callable[[Buffer], SoundData]
    create: Callable[[Path, bool], SoundWriter] | None = None
    mime_types: tuple[str, ...] = ()


def raw_format(name: str, extensions: str, format: Format, mime_types: tuple[str, ...] = ()) -> FileFormatSpec:
    """A format without header: the codec's payload and nothing else. ``extensions`` are given as ``pcm|ulaw``."""

    def parse(data: Buffer) -> SoundData:
        return whole_blocks(format, data)

    def create(path: Path, append: bool) -> SoundWriter:
        return SoundWriter(path, format, append=append)

    return FileFormatSpec(
        name=name, extensions=tuple(extensions.split("|")), format=format, parse=parse, create=create,
        mime_types=mime_types,
    )  # fmt: skip
