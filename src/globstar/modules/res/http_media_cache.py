"""HTTP Media Cache Backend."""

from __future__ import annotations

import email.utils
import re
from pathlib import Path
from typing import Any

from globstar.base.log import Logger
from globstar.config.options import Options, Report, option
from globstar.config.values import boolean, enumeration, integer, listing, string
from globstar.core.curl import SERVICE as CURL
from globstar.core.curl import USER_AGENT, Curl, CurlFault
from globstar.core.loader import ModuleDeclined
from globstar.core.mediacache import SERVICE, Fetched, MediaCache, MediaFault
from globstar.core.system import System

logger = Logger("res_http_media_cache")

REQUIRES = ("res_curl",)
#: Sounds are not larger, bytes.
MAX_SIZE = 100 << 20
_SCHEMES = ("http", "https")
_schemes = listing(enumeration(*_SCHEMES))


class HttpMediaOptions(Options):
    """``[general]`` of res_http_media_cache.conf."""

    timeout_secs = option(integer(0), 180, unit="s", help="How long a transfer may take.")
    user_agent: str = option(string, USER_AGENT, help="What servers are told of this program.")
    follow_location = option(boolean, True, help="Follow redirects.")
    max_redirects = option(integer(-1), 8, help="So many.")
    proxy: str = option(string, "", help="A proxy.")
    protocols = option(_schemes, (), help="http, https or both, which is so when nothing is given.")
    redirect_protocols = option(_schemes, (), help="The same for where redirects lead.")
    dns_cache_timeout_secs = option(integer(-1), 60, unit="s", help="How long addresses count.")


class HttpMedia:
    """Fetches sounds by HTTP."""

    def __init__(self, curl: Curl, wall_time: Any) -> None:
        self._curl = curl
        self._wall_time = wall_time
        self.options = HttpMediaOptions()

    async def fetch(self, uri: str, file: Path, etag: str) -> Fetched:
        """See Fetcher."""
        options = self.options
        scheme = uri.partition("://")[0].lower()
        if options.protocols and scheme not in options.protocols:
            raise MediaFault(f"{uri}: {scheme} is not allowed by res_http_media_cache.conf")
        chosen: dict[str, Any] = {
            "httptimeout": float(options.timeout_secs),
            "useragent": options.user_agent,
            "followlocation": options.follow_location,
            "maxredirs": options.max_redirects,
            "dnstimeout": options.dns_cache_timeout_secs,
            "redirect protocols": options.redirect_protocols or _SCHEMES,
            "header": False,
        }
        if options.proxy:
            chosen["proxy"] = options.proxy
        if etag:
            chosen["httpheader"] = (f"If-None-Match: {etag}",)
        try:
            answer = await self._curl.fetch(uri, chosen, file=file, limit=MAX_SIZE)
        except CurlFault as fault:
            raise MediaFault(str(fault)) from fault
        life = self._life(answer.headers)
        if answer.status == 304 and etag:
            return Fetched(etag=answer.headers.get("etag", ""), life=life, is_same=True)
        if answer.status != 200:
            raise MediaFault(f"{uri} gave status {answer.status}")
        return Fetched(answer.headers.get("content-type", ""), answer.headers.get("etag", ""), life)

    def _life(self, headers: dict[str, str]) -> float:
        """How long an answer counts (RFC 9111 4.2.1), seconds."""
        control = headers.get("cache-control", "").lower()
        if "no-cache" in control or "no-store" in control:
            return 0.0
        found = re.search(r"(?:s-maxage|max-age)\s*=\s*\"?([0-9]{1,9})", control)
        if found is not None:
            age = headers.get("age", "0")
            return max(0.0, float(found[1]) - (float(age) if age.isdecimal() else 0.0))
        try:
            expires = email.utils.parsedate_to_datetime(headers.get("expires", ""))
        except (TypeError, ValueError):
            return 0.0
        return max(0.0, expires.timestamp() - float(self._wall_time()))


_NAME = "http media"


def load(system: System) -> None:
    """Let sounds be at URIs of http and https."""
    curl, cache = system.service(CURL, Curl), system.service(SERVICE, MediaCache)
    if curl is None or cache is None:
        raise ModuleDeclined("res_curl is not loaded")
    media = system.services[_NAME] = HttpMedia(curl, system.wall_time)
    media.options = _read(system)
    for scheme in _SCHEMES:
        cache.fetchers[scheme] = media.fetch


def _read(system: System) -> HttpMediaOptions:
    config = system.configuration.read("res_http_media_cache.conf")
    general = config.category("general") if config is not None else None
    report = Report()
    options = HttpMediaOptions.read(general, report) if general is not None else HttpMediaOptions()
    for warning in report.warnings:
        logger.warning(str(warning))
    return options


def reload(system: System) -> None:
    """Read res_http_media_cache.conf again."""
    system.services[_NAME].options = _read(system)


def unload(system: System) -> None:
    """No more."""
    system.services.pop(_NAME, None)
    cache = system.service(SERVICE, MediaCache)
    for scheme in _SCHEMES if cache is not None else ():
        cache.fetchers.pop(scheme, None)  # type: ignore[union-attr]
