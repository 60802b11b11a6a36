"""Certificates of signers: fetched from where their tokens say, kept for as long as their servers say (RFC 9111)."""

from __future__ import annotations

import asyncio
import time
from collections import OrderedDict
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from email.utils import parsedate_to_datetime
from typing import TYPE_CHECKING, Protocol
from urllib.parse import urlsplit

from globstar.base.late import preload
from globstar.base.tasks import TaskOwner
from globstar.proto.stir import StirError, read_certificates
from globstar.proto.stir.errors import BAD_IDENTITY_INFO, UNSUPPORTED_CREDENTIAL

if TYPE_CHECKING:
    from cryptography import x509


#: Longest answer that is read, and longest time that anything is kept, seconds.
MAX_BYTES, MAX_AGE = 65536, 86400.0

#: ``allows(address)``: whether a server may be asked.
Allows = Callable[[str], bool]


@dataclass(frozen=True, slots=True)
class Fetched:
    """An answer: status, headers with lower-case names, body."""

    status: int
    headers: Mapping[str, str]
    body: bytes


class Fetcher(Protocol):
    """Gets a URL; a test brings its own (service ``stir fetcher``)."""

    async def fetch(self, url: str, allows: Allows, timeout: float) -> Fetched:
        """Get ``url`` from servers that ``allows`` lets through; raises StirError 436."""


class HttpFetcher:
    """Gets certificates by HTTP. The client is loaded beside the loop, and only when it is wanted: it takes 11 MB."""

    async def fetch(self, url: str, allows: Allows, timeout: float) -> Fetched:
        """See Fetcher."""
        await preload("globstar.modules.res.stir_shaken.http_client")
        from globstar.modules.res.stir_shaken import http_client

        return await http_client.fetch(url, allows, timeout)


def check_url(url: str, *, relax_port_scheme: bool, relax_path: bool) -> None:
    """Raise StirError 436 unless certificates may be fetched from a URL."""
    try:
        parts = urlsplit(url)
        port = parts.port
    except ValueError:
        raise StirError(BAD_IDENTITY_INFO, "x5u is no URL") from None
    if not parts.hostname or parts.scheme not in ("https", "http"):
        raise StirError(BAD_IDENTITY_INFO, "x5u is no https URL")
    if not relax_port_scheme and (parts.scheme != "https" or port not in (None, 443, 8443)):
        raise StirError(BAD_IDENTITY_INFO, "x5u is not https on port 443 or 8443")
    if not relax_path and (
        parts.query or parts.fragment or parts.username is not None or parts.password is not None or not parts.path
    ):
        raise StirError(BAD_IDENTITY_INFO, "x5u has no plain path")


def life_of(headers: Mapping[str, str], wall: float, default: float) -> float:
    """For how many seconds an answer may be kept: Cache-Control, else Expires, else ``default``; 0 for not at all."""
    words = [word.strip().lower() for word in headers.get("cache-control", "").split(",")]
    if "no-store" in words or "no-cache" in words:
        return 0.0
    for name in ("s-maxage=", "max-age="):
        for word in words:
            digits = word.removeprefix(name).strip('"')
            if word.startswith(name) and digits.isascii() and digits.isdigit():
                return min(float(digits[:9]), MAX_AGE)
    if "expires" in headers:
        try:
            return min(max(parsedate_to_datetime(headers["expires"]).timestamp() - wall, 0.0), MAX_AGE)
        except (ValueError, TypeError, OverflowError):
            return 0.0  # RFC 9111 5.3: an Expires that cannot be read is in the past
    return default


class CertificateCache:
    """Fetched chains by URL. Several calls that wait for one URL share one fetch; failures are kept for a moment."""

    #: how long a failure is not tried again, seconds
    FAILURE_LIFE = 5.0

    def __init__(self, fetcher: Fetcher, wall_time: Callable[[], float] = time.time) -> None:
        self._fetcher = fetcher
        self._wall_time = wall_time
        self._kept: OrderedDict[str, tuple[float, list[x509.Certificate] | StirError]] = OrderedDict()
        self._running: dict[str, asyncio.Task[list[x509.Certificate] | StirError]] = {}
        self._tasks = TaskOwner("stir")
        self.counters = dict.fromkeys(("fetched", "failed", "from the cache"), 0)

    def __len__(self) -> int:
        return len(self._kept)

    async def get(self, url: str, allows: Allows, *, timeout: float, default_age: float, size: int) -> list[x509.Certificate]:
        """The chain at ``url``, the signer first; raises StirError 436 or 437."""
        kept = self._kept.get(url)
        if kept is not None and kept[0] > self._wall_time():
            self._kept.move_to_end(url)
            self.counters["from the cache"] += 1
            if isinstance(kept[1], StirError):
                raise StirError((kept[1].status, kept[1].reason), kept[1].detail)
            return kept[1]
        task = self._running.get(url)
        if task is None:
            work = self._fetch(url, allows, timeout, default_age, size)
            task = self._running[url] = self._tasks.start(work, name=f"fetch {url[:100]}")
            task.add_done_callback(lambda _: self._running.pop(url, None))
        found = await asyncio.shield(task)
        if isinstance(found, StirError):
            raise StirError((found.status, found.reason), found.detail)
        return found

    async def _fetch(
        self, url: str, allows: Allows, timeout: float, default_age: float, size: int
    ) -> list[x509.Certificate] | StirError:
        try:
            answer = await self._fetcher.fetch(url, allows, timeout)
            chain = self._read(url, answer)
        except StirError as error:
            self.counters["failed"] += 1
            self._keep(url, error, self.FAILURE_LIFE, size)
            return error
        self.counters["fetched"] += 1
        life = life_of(answer.headers, self._wall_time(), default_age)
        if life > 0:
            self._keep(url, chain, life, size)
        return chain

    def _read(self, url: str, answer: Fetched) -> list[x509.Certificate]:
        if answer.status != 200:
            raise StirError(BAD_IDENTITY_INFO, f"{url} answers {answer.status}")
        if len(answer.body) > MAX_BYTES:
            raise StirError(BAD_IDENTITY_INFO, f"{url} is too long")
        try:
            return read_certificates(answer.body)
        except ValueError:
            raise StirError(UNSUPPORTED_CREDENTIAL, f"{url} is no certificate") from None

    def _keep(self, url: str, what: list[x509.Certificate] | StirError, life: float, size: int) -> None:
        self._kept[url] = (self._wall_time() + life, what)
        self._kept.move_to_end(url)
        while len(self._kept) > size:
            self._kept.popitem(last=False)

    async def close(self) -> None:
        """Give up what is being fetched."""
        await self._tasks.close()
