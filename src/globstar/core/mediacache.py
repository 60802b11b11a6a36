"""Sounds that are at URIs: fetched once, kept as files, and fetched again when their server says that they are old.

Service ``media cache``. Which schemes there are is up to modules (res_http_media_cache brings http and https).
"""

from __future__ import annotations

import asyncio
import hashlib
import os
import posixpath
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

from globstar.base.errors import GlobstarError
from globstar.base.log import Logger

if TYPE_CHECKING:
    from globstar.core.system import System

logger = Logger("media_cache")

SERVICE = "media cache"
#: Family of the AstDB with URIs and their files.
FAMILY = "MediaCache"
#: Sounds that are kept; the one longest unused goes.
MAX_ENTRIES = 1000
#: Endings of files by the type that a server gives, for URIs whose path has none.
_TYPES = {
    "audio/wav": "wav",
    "audio/x-wav": "wav",
    "audio/wave": "wav",
    "audio/vnd.wave": "wav",
    "audio/basic": "ulaw",
    "audio/pcmu": "ulaw",
    "audio/pcma": "alaw",
    "audio/gsm": "gsm",
    "audio/x-gsm": "gsm",
    "audio/g722": "g722",
    "audio/mpeg": "mp3",
    "audio/mp3": "mp3",
    "audio/ogg": "ogg",
}


class MediaFault(GlobstarError):
    """A sound cannot be had; the message says why."""


@dataclass(slots=True)
class Fetched:
    """What a fetcher tells of a sound that it wrote into a file; ``is_same`` means that the one that is there still counts."""

    content_type: str = ""
    etag: str = ""
    #: seconds that it counts from now on; 0: ask again before the next use
    life: float = 0.0
    is_same: bool = False


#: ``fetch(uri, file, etag)`` writes the sound into ``file`` and raises MediaFault when that cannot be.
Fetcher = Callable[[str, Path, str], Awaitable[Fetched]]


@dataclass(slots=True)
class CachedSound:
    """A sound that was fetched, or that somebody put in (``media cache create``, which is never fetched)."""

    uri: str
    file: Path
    etag: str = ""
    fresh_until: float = -1.0
    is_own: bool = True


class MediaCache:
    """The sounds of one system by URI, the one longest unused first."""

    def __init__(self, system: System) -> None:
        self.system = system
        self.folder = Path(system.directories.astcachedir) / "media"
        self.fetchers: dict[str, Fetcher] = {}
        self.sounds: dict[str, CachedSound] = {}
        self._fetching: dict[str, asyncio.Future[CachedSound | MediaFault]] = {}
        for key, text in list(system.database.tree(FAMILY)):
            uri = key.removeprefix(f"/{FAMILY}/")
            file = Path(text)
            self.sounds[uri] = CachedSound(uri, file, is_own=file.parent == self.folder)

    def takes(self, name: str) -> bool:
        """Whether a sound is called by a URI of a known scheme."""
        scheme, separator, _ = name.partition("://")
        return bool(separator) and scheme.lower() in self.fetchers

    async def get(self, uri: str, *, anew: bool = False) -> Path:
        """The file of a sound, fetched now if need be; several who want the same wait for one fetch. Raises MediaFault."""
        held = self.sounds.get(uri)
        if held is not None and not anew:
            is_fresh = not held.is_own or held.fresh_until > self.system.now()
            if is_fresh and await self.system.run_blocking(held.file.is_file):
                self.sounds[uri] = self.sounds.pop(uri)
                return held.file
        waiting = self._fetching.get(uri)
        if waiting is None:
            waiting = self._fetching[uri] = self.system.loop.create_future()
            self.system.tasks.start(self._fetch(uri, held, waiting), name=f"media {uri[:80]}")
        found = await asyncio.shield(waiting)
        if isinstance(found, MediaFault):
            raise found
        return found.file

    async def _fetch(self, uri: str, held: CachedSound | None, answer: asyncio.Future[CachedSound | MediaFault]) -> None:
        result: CachedSound | MediaFault = MediaFault(f"{uri} is not fetched: the server stops")
        try:
            result = await self._fetch_now(uri, held)
        except MediaFault as fault:
            is_there = held is not None and await self.system.run_blocking(held.file.is_file)
            if held is not None and is_there:
                logger.warning(f"{fault}; the sound fetched before is used")
                result = held
            else:
                result = fault
        finally:
            del self._fetching[uri]
            answer.set_result(result)

    async def _fetch_now(self, uri: str, held: CachedSound | None) -> CachedSound:
        fetcher = self.fetchers.get(uri.partition("://")[0].lower())
        if fetcher is None:
            raise MediaFault(f"nobody fetches {uri}")
        run = self.system.run_blocking
        digest = hashlib.sha1(uri.encode("utf-8", "surrogateescape"), usedforsecurity=False).hexdigest()
        partial = self.folder / f"{digest}.part"
        try:
            await run(lambda: self.folder.mkdir(parents=True, exist_ok=True))
            is_there = held is not None and held.is_own and await run(held.file.is_file)
            fetched = await fetcher(uri, partial, held.etag if held is not None and is_there else "")
            if fetched.is_same and held is not None:
                held.fresh_until = self.system.now() + fetched.life
                held.etag = fetched.etag or held.etag
                return held
            file = self.folder / f"{digest}.{self._ending(uri, fetched.content_type)}"
            await run(os.replace, partial, file)
        except OSError as error:
            raise MediaFault(f"{uri} cannot be kept: {error.strerror or error}") from error
        finally:
            await run(lambda: partial.unlink(missing_ok=True))
        sound = CachedSound(uri, file, fetched.etag, self.system.now() + fetched.life)
        await self._keep(sound)
        return sound

    def _ending(self, uri: str, content_type: str) -> str:
        """What kind of file it is, by the path of its URI or the type that its server gave."""
        known = self.system.sounds.extensions()
        ending = posixpath.splitext(urlsplit(uri).path)[1][1:]
        if ending in known:
            return ending
        kind = content_type.partition(";")[0].strip().lower()
        ending = _TYPES.get(kind, "")
        if ending not in known:
            raise MediaFault(f"{uri} is no sound: its path has no ending that is one, and its type is '{kind}'")
        return ending

    async def _keep(self, sound: CachedSound) -> None:
        self.sounds.pop(sound.uri, None)
        while len(self.sounds) >= MAX_ENTRIES:
            await self.delete(next(iter(self.sounds)))
        self.sounds[sound.uri] = sound
        if len(sound.uri) < 200:  # keys of the AstDB are short; others are fetched anew after a restart
            self.system.database.put(FAMILY, sound.uri, str(sound.file))

    async def create(self, uri: str, file: Path) -> None:
        """Let a file of the user's own be the sound of a URI. Raises MediaFault."""
        if not await self.system.run_blocking(file.is_file):
            raise MediaFault(f"{file} is no file")
        await self._keep(CachedSound(uri, file, is_own=False))

    async def delete(self, uri: str) -> bool:
        """Forget a sound, and remove its file where it was fetched; False if there is none."""
        sound = self.sounds.pop(uri, None)
        if sound is None:
            return False
        self.system.database.delete(FAMILY, uri)
        if sound.is_own:
            await self.system.run_blocking(lambda: sound.file.unlink(missing_ok=True))
        return True
