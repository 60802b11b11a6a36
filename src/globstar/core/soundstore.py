"""Finding, opening, copying and removing sound files by a name without extension, as dialplans name them."""

from __future__ import annotations

import asyncio
import os
import shutil
import time
from collections import OrderedDict
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path

from globstar.core.format import Format
from globstar.core.registry import Registry
from globstar.core.soundfile import Buffer, FileFormatSpec, FileView, SoundData, SoundFault, SoundReader, SoundWriter
from globstar.core.translate import TranslationRegistry

_PathAction = Callable[[str, str], object]

#: Files up to this size are read whole and kept; bigger ones are read as they are played.
SMALL_FILE_BYTES = 2 * 1024 * 1024
#: A directory listing is trusted only when the directory had rested this long, for time stamps are coarse.
_SETTLED_NS = 2_000_000_000


@dataclass(frozen=True, slots=True)
class SoundFile:
    """A file found: ``name`` as asked for, where it is, in which format and language (empty for none)."""

    name: str
    path: Path
    spec: FileFormatSpec
    language: str = ""

    @property
    def format(self) -> Format:
        """The format of its frames."""
        return self.spec.format


@dataclass(slots=True)
class _Listing:
    mtime_ns: int
    is_settled: bool
    names: frozenset[str]


class SoundStore:
    """The sound files below ``root`` (``<astdatadir>/sounds``) and anywhere an absolute name points.

    ``digits/1`` in language ``en_AU`` is looked for in ``en_AU/digits/1``, ``en/digits/1`` and ``digits/1`` (with
    ``language_prefix`` off: ``digits/en_AU/1`` and so on); the first place that has the file in any format ends the
    search, and among its formats the one that is cheapest to translate is taken. With ``search_custom`` the folder
    ``custom`` goes first.
    """

    def __init__(
        self,
        formats: Registry[FileFormatSpec],
        translations: TranslationRegistry,
        root: Path,
        *,
        language_prefix: bool = True,
        search_custom: bool = False,
        cache_bytes: int = 32 * 1024 * 1024,
    ) -> None:
        self.formats = formats
        self.translations = translations
        self.root = root
        self.language_prefix = language_prefix
        self.search_custom = search_custom
        self.cache_limit = cache_bytes
        self.cached_bytes = 0
        self.hits = 0
        self.misses = 0
        self._cache: OrderedDict[tuple[str, str], tuple[int, int, SoundData]] = OrderedDict()
        self._listings: dict[str, _Listing] = {}
        self._generation = -1
        #: where recordings are written until they are whole (``cache_record_files``); None: where they belong
        self.record_cache: Path | None = None
        self._recordings = 0
        self._extensions: dict[str, FileFormatSpec] = {}

    # -- formats by extension ---------------------------------------------------------------------------------------

    def extensions(self) -> dict[str, FileFormatSpec]:
        """Every known extension (case matters: ``wav`` is not ``WAV``) with its format."""
        if self._generation != self.formats.generation:
            self._generation = self.formats.generation
            self._extensions = {extension: spec for spec in self.formats for extension in spec.extensions}
        return self._extensions

    def format_for(self, extension: str) -> FileFormatSpec | None:
        """The format of an extension or of a format's own name."""
        return self.extensions().get(extension) or self.formats.get(extension)

    # -- finding ----------------------------------------------------------------------------------------------------

    def _places(self, name: str, language: str) -> Iterator[tuple[str, str]]:
        """Paths without extension to try in order, each with its language."""
        if name.startswith("/"):
            yield name, ""
            return
        bases = [os.path.join(self.root, "custom")] if self.search_custom else []
        bases.append(str(self.root))
        languages = [language] if language else []
        while "_" in language:
            language = language.rpartition("_")[0]
            languages.append(language)
        for tongue in (*languages, ""):
            for base in bases:
                if not tongue:
                    yield f"{base}/{name}", ""
                elif self.language_prefix:
                    yield f"{base}/{tongue}/{name}", tongue
                else:
                    folder, slash, last = name.rpartition("/")
                    yield f"{base}/{folder}{slash}{tongue}/{last}", tongue

    def _names_in(self, folder: str) -> frozenset[str] | None:
        """The names in a folder below the root, kept while the folder is unchanged; None where there is no folder."""
        try:
            mtime_ns = os.stat(folder).st_mtime_ns
            known = self._listings.get(folder)
            if known is not None and known.is_settled and known.mtime_ns == mtime_ns:
                return known.names
            listed_ns = time.time_ns()
            names = frozenset(os.listdir(folder))
        except OSError:
            self._listings.pop(folder, None)
            return None
        self._listings[folder] = _Listing(mtime_ns, listed_ns - mtime_ns > _SETTLED_NS, names)
        return names

    def _files_at(self, stem: str) -> list[tuple[str, FileFormatSpec]]:
        folder, _, last = stem.rpartition("/")
        if not last:
            return []
        if stem.startswith(f"{self.root}/"):
            names = self._names_in(folder)
            if names is None:
                return []
            return [(f"{stem}.{ext}", spec) for ext, spec in self.extensions().items() if f"{last}.{ext}" in names]
        return [(path, spec) for ext, spec in self.extensions().items() if os.path.isfile(path := f"{stem}.{ext}")]

    def find_all(self, name: str, language: str = "") -> list[SoundFile]:
        """Every format in which the first place that has ``name`` offers it."""
        if not name or "\0" in name:
            return []
        for stem, tongue in self._places(name, language):
            found = self._files_at(stem)
            if found:
                return [SoundFile(name, Path(path), spec, tongue) for path, spec in found]
        return []

    def find(self, name: str, language: str = "", wanted: Iterable[Format] = ()) -> SoundFile | None:
        """The file to play: the one that is cheapest to turn into one of ``wanted`` (any, where nothing is wanted)."""
        targets = list(wanted)
        best: tuple[int, SoundFile] | None = None
        for sound in self.find_all(name, language):
            costs = [cost for f in targets if (cost := self.translations.cost(sound.format, f)) is not None]
            if targets and not costs:
                continue
            cost = min(costs, default=0)
            if best is None or cost < best[0]:
                best = (cost, sound)
        return None if best is None else best[1]

    def exists(self, name: str, language: str = "") -> bool:
        """Whether ``name`` exists in any format."""
        return bool(self.find_all(name, language))

    # -- opening ----------------------------------------------------------------------------------------------------

    def _cached(self, sound: SoundFile) -> SoundData | None:
        key = (str(sound.path), sound.spec.name)
        entry = self._cache.get(key)
        if entry is None:
            return None
        try:
            status = os.stat(sound.path)
        except OSError:
            status = None
        if status is None or (status.st_mtime_ns, status.st_size) != entry[:2]:
            self._forget(key)
            return None
        self._cache.move_to_end(key)
        return entry[2]

    def _forget(self, key: tuple[str, str]) -> None:
        entry = self._cache.pop(key, None)
        if entry is not None:
            self.cached_bytes -= len(entry[2].data)

    def _remember(self, sound: SoundFile, mtime_ns: int, size: int, data: SoundData) -> SoundData:
        weight = len(data.data)
        if not isinstance(data.data, bytes) or weight > self.cache_limit // 4:
            return data
        key = (str(sound.path), sound.spec.name)
        self._forget(key)
        self._cache[key] = (mtime_ns, size, data)
        self.cached_bytes += weight
        while self.cached_bytes > self.cache_limit:
            self._forget(next(iter(self._cache)))
        return data

    def open_now(self, sound: SoundFile) -> SoundReader:
        """Open without the loop's help: reads the disk unless the file is kept in memory."""
        data = self._cached(sound)
        if data is not None:
            self.hits += 1
            return data.open()
        self.misses += 1
        return self._remember(sound, *load(sound)).open()

    async def open(self, sound: SoundFile) -> SoundReader:
        """Open ``sound``; the disk is read in a thread, once for as long as the file stays the same."""
        data = self._cached(sound)
        if data is not None:
            self.hits += 1
            return data.open()
        self.misses += 1
        loaded = await asyncio.get_running_loop().run_in_executor(None, load, sound)
        return self._remember(sound, *loaded).open()

    def create(self, name: str, extension: str, *, append: bool = False) -> SoundWriter:
        """A writer for ``name`` (relative to the root, or absolute) in the format of ``extension``.

        Missing folders are made. The file ends on ``extension`` as given where that is one, else on the format's first; files of
        wav49 end on ``WAV``, as with Asterisk, because that is where other programs look for them.
        """
        spec = self.format_for(extension)
        if spec is None:
            raise SoundFault(f"no such file format: {extension}")
        if spec.create is None:
            raise SoundFault(f"files of format {spec.name} can only be read")
        suffix = extension if extension in spec.extensions and extension != "wav49" else spec.extensions[0]
        path = Path(f"{self._stem(name)}.{suffix}")
        try:
            path.parent.mkdir(parents=True, exist_ok=True)
        except OSError as error:
            raise SoundFault(f"cannot make {path.parent}: {error.strerror}") from error
        self._listings.pop(str(path.parent), None)
        if self.record_cache is None or append:
            return spec.create(path, append)
        self._recordings += 1
        cached = self.record_cache / f"globstar-{os.getpid()}-{self._recordings}.{suffix}"
        writer = spec.create(cached, False)
        writer.path, writer.cached_at = path, cached
        return writer

    # -- file operations --------------------------------------------------------------------------------------------

    def _stem(self, name: str) -> str:
        if not name or "\0" in name:
            raise SoundFault("a sound file needs a name")
        return name if name.startswith("/") else f"{self.root}/{name}"

    def _each(self, name: str, extension: str | None) -> list[tuple[str, str]]:
        """(path, extension) of the files called ``name``, in one or all formats."""
        stem = self._stem(name)
        if extension is None:
            extensions: Iterable[str] = self.extensions()
        else:
            spec = self.format_for(extension)
            if spec is None:
                raise SoundFault(f"no such file format: {extension}")
            extensions = spec.extensions
        return [(path, ext) for ext in extensions if os.path.isfile(path := f"{stem}.{ext}")]

    def delete(self, name: str, extension: str | None = None) -> int:
        """Remove ``name`` in every format (or one); returns how many files went."""
        return self._for_each(name, None, extension, lambda path, _: os.unlink(path))

    def rename(self, name: str, new_name: str, extension: str | None = None) -> int:
        """Rename ``name`` in every format (or one); returns how many files moved."""
        return self._for_each(name, new_name, extension, os.replace)

    def copy(self, name: str, new_name: str, extension: str | None = None) -> int:
        """Copy ``name`` in every format (or one); returns how many files were copied."""
        return self._for_each(name, new_name, extension, shutil.copyfile)

    def _for_each(self, name: str, new_name: str | None, extension: str | None, act: _PathAction) -> int:
        target = None if new_name is None else self._stem(new_name)
        done = 0
        for path, ext in self._each(name, extension):
            destination = "" if target is None else f"{target}.{ext}"
            try:
                if destination:
                    os.makedirs(os.path.dirname(destination), exist_ok=True)
                act(path, destination)
            except (OSError, shutil.SameFileError) as error:
                raise SoundFault(f"{path}: {error}") from error
            done += 1
        self._listings.clear()
        return done


def load(sound: SoundFile) -> tuple[int, int, SoundData]:
    """Read and parse a file: its modification time, its size and its audio. Blocks on the disk."""
    try:
        status = os.stat(sound.path)
        data: Buffer = FileView(sound.path) if status.st_size > SMALL_FILE_BYTES else sound.path.read_bytes()
        return status.st_mtime_ns, status.st_size, sound.spec.parse(data)
    except OSError as error:
        raise SoundFault(f"cannot read {sound.path}: {error.strerror}") from error
    except SoundFault as fault:
        raise SoundFault(f"{sound.path}: {fault}") from fault
