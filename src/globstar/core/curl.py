"""HTTP and FTP through libcurl, in threads of its own; the options have the names of CURLOPT() and res_curl.conf."""

from __future__ import annotations

import asyncio
import os
import ssl
import threading
from collections.abc import Callable, Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from pathlib import Path
from typing import IO, Any

from globstar.base.errors import GlobstarError
from globstar.base.log import Logger
from globstar.config.values import boolean, enumeration, floating, integer, listing

logger = Logger("res_curl")

#: The service of :class:`Curl` (res_curl).
SERVICE = "curl"
#: Transfers at a time, and those that may wait for one.
THREADS, MAX_WAITING = 16, 256
#: The longest answer that is taken into memory, bytes.
MAX_BODY = 16 << 20
USER_AGENT = "globstar-libcurl-agent/1.0"

Options = Mapping[str, Any]


class CurlFault(GlobstarError):
    """A transfer failed, or an option or URL makes no sense; the message says why."""


def _text(text: str) -> str:
    return text


def _header(text: str) -> tuple[str, ...]:
    if "\r" in text or "\n" in text:
        raise ValueError("a header has one line")
    return (text,)


def _verify_host(text: str) -> int:
    value = integer(0, 2)(text)
    return 2 if value else 0


_words = listing(str)


def _methods(text: str) -> tuple[str, ...]:
    known = enumeration("basic", "digest")
    return tuple(known(word) for word in _words(text))


def _codes(text: str) -> tuple[int, ...]:
    return tuple(integer(100, 999)(word) for word in _words(text))


#: How the value of each option is read; those that may come several times give tuples.
READERS: dict[str, Callable[[str], Any]] = {
    "cookie": lambda text: (text,),
    "conntimeout": floating(0),
    "dnstimeout": integer(-1),
    "followlocation": boolean,
    "ftptext": boolean,
    "ftptimeout": floating(0),
    "header": boolean,
    "httpauth": _methods,
    "httpheader": _header,
    "httptimeout": floating(0),
    "maxredirs": integer(-1),
    "proxy": _text,
    "proxytype": enumeration("http", "socks4", "socks5"),
    "proxyport": integer(1, 65535),
    "proxyuserpwd": _text,
    "referer": _text,
    "useragent": _text,
    "userpwd": _text,
    "ssl_verifypeer": boolean,
    "ssl_verifyhost": _verify_host,
    "ssl_cainfo": _text,
    "ssl_capath": _text,
    "ssl_cert": _text,
    "ssl_certtype": enumeration("PEM", "DER"),
    "ssl_key": _text,
    "ssl_keytype": enumeration("PEM", "DER", "ENG"),
    "ssl_keypasswd": _text,
    "hashcompat": enumeration("yes", "no", "legacy"),
    "failurecodes": _codes,
}
#: Options whose values add to those set before.
REPEATED = frozenset({"cookie", "httpheader"})
#: Options that are never shown.
SECRETS = frozenset({"proxyuserpwd", "userpwd", "ssl_keypasswd"})


def set_option(options: dict[str, Any], name: str, text: str) -> None:
    """Set an option from its text. Raises CurlFault for an unknown one or a bad value."""
    name = name.strip().lower()
    read = READERS.get(name)
    if read is None:
        raise CurlFault(f"there is no option '{name}'")
    try:
        value = read(text)
    except ValueError as error:
        raise CurlFault(f"bad value of option '{name}': {error}") from None
    options[name] = (*options.get(name, ()), *value) if name in REPEATED else value


def option_text(options: Options, name: str) -> str:
    """The value of an option as text, empty where it is not set. Raises CurlFault for an unknown one."""
    name = name.strip().lower()
    if name not in READERS:
        raise CurlFault(f"there is no option '{name}'")
    value = options.get(name)
    if value is None:
        return ""
    if isinstance(value, bool):
        return "1" if value else "0"
    if isinstance(value, tuple):
        separator = "\n" if name == "httpheader" else "; " if name == "cookie" else ","
        return separator.join(map(str, value))
    return f"{value:g}" if isinstance(value, float) else str(value)


@dataclass(slots=True)
class CurlAnswer:
    """What came: ``body`` (with the headers in front, if the option ``header`` is set), and headers in lower case."""

    status: int
    body: bytes = b""
    headers: dict[str, str] = field(default_factory=dict)

    @property
    def text(self) -> str:
        """The body as text."""
        return self.body.decode("utf-8", "surrogateescape")


class Curl:
    """Transfers of one system. ``defaults`` are the options of res_curl.conf."""

    def __init__(self, loop: asyncio.AbstractEventLoop) -> None:
        self._loop = loop
        self.defaults: dict[str, Any] = {}
        self._threads: ThreadPoolExecutor | None = None
        self._waiting = 0
        self.transfers = 0
        self.failures = 0

    async def fetch(
        self,
        url: str,
        options: Options | None = None,
        *,
        post: str | None = None,
        file: Path | None = None,
        limit: int = 0,
    ) -> CurlAnswer:
        """GET a URL, or POST to it; into ``file``, if one is given, of at most ``limit`` bytes (0: any). Raises CurlFault.

        ``options`` go before those of res_curl.conf; headers and cookies add to them. A transfer whose waiter is gone ends.
        """
        if any(character in url for character in "\r\n\0"):
            raise CurlFault("a URL has one line")
        if self._waiting >= MAX_WAITING:
            self.failures += 1
            raise CurlFault(f"{MAX_WAITING} transfers wait already")
        effective = dict(self.defaults)
        for name, value in (options or {}).items():
            effective[name] = (*effective.get(name, ()), *value) if name in REPEATED else value
        if self._threads is None:
            self._threads = ThreadPoolExecutor(THREADS, thread_name_prefix="globstar-curl")
        given_up = threading.Event()
        self._waiting += 1
        self.transfers += 1
        try:
            answer = await self._loop.run_in_executor(self._threads, _transfer, url, effective, post, file, limit, given_up)
        except CurlFault:
            self.failures += 1
            raise
        finally:
            given_up.set()
            self._waiting -= 1
        if answer.status in effective.get("failurecodes", ()):
            self.failures += 1
            raise CurlFault(f"{url} gave status {answer.status}")
        return answer

    def close(self) -> None:
        """Take no more transfers."""
        if self._threads is not None:
            self._threads.shutdown(wait=False, cancel_futures=True)
            self._threads = None


def _transfer(
    url: str, options: Options, post: str | None, file: Path | None, limit: int, given_up: threading.Event
) -> CurlAnswer:
    """Make one transfer. Waits for it: in a thread."""
    import pycurl

    if given_up.is_set():
        raise CurlFault("nobody waits for it any more")
    curl = pycurl.Curl()
    parts: list[bytes] = []
    headers: dict[str, str] = {}
    size = 0
    most = limit if file is not None else MAX_BODY
    target: IO[bytes] | None = None

    def take(data: bytes) -> int:
        nonlocal size
        size += len(data)
        if most and size > most:
            return -1
        if target is not None:
            target.write(data)
        else:
            parts.append(data)
        return len(data)

    def take_header(line: bytes) -> None:
        name, colon, value = line.decode("latin-1").partition(":")
        if colon:
            headers[name.strip().lower()] = value.strip()
        elif line.startswith(b"HTTP/"):
            headers.clear()  # of a redirect

    try:
        target = file.open("wb") if file is not None else None
        curl.setopt(pycurl.URL, url.encode("utf-8", "surrogateescape"))
        curl.setopt(pycurl.NOSIGNAL, 1)
        # nothing that reads files or speaks to other services
        allowed = pycurl.PROTO_HTTP | pycurl.PROTO_HTTPS | pycurl.PROTO_FTP | pycurl.PROTO_FTPS
        curl.setopt(pycurl.PROTOCOLS, allowed)
        bits = {"http": pycurl.PROTO_HTTP, "https": pycurl.PROTO_HTTPS}
        redirects = options.get("redirect protocols")
        curl.setopt(pycurl.REDIR_PROTOCOLS, sum({bits[name] for name in redirects}) if redirects else allowed)
        curl.setopt(pycurl.NOPROGRESS, 0)
        curl.setopt(pycurl.XFERINFOFUNCTION, lambda *_: int(given_up.is_set()))
        curl.setopt(pycurl.HEADERFUNCTION, take_header)
        curl.setopt(pycurl.WRITEFUNCTION, take)
        if post is not None:
            curl.setopt(pycurl.POSTFIELDS, post.encode("utf-8", "surrogateescape"))
        _apply(curl, options)
        curl.perform()
        return CurlAnswer(int(curl.getinfo(pycurl.RESPONSE_CODE)), b"".join(parts), headers)
    except OSError as error:
        raise CurlFault(f"{file} cannot be written: {error.strerror or error}") from None
    except pycurl.error as error:
        if most and size > most:
            raise CurlFault(f"{url} gives more than {most >> 20} MB") from None
        raise CurlFault(f"{url}: {error.args[1] if len(error.args) > 1 else error}") from None
    finally:
        if target is not None:
            target.close()
        curl.close()


def _apply(curl: Any, options: Options) -> None:
    """Set the options of a transfer."""
    import pycurl

    plain = {
        "followlocation": pycurl.FOLLOWLOCATION,
        "ftptext": pycurl.TRANSFERTEXT,
        "header": pycurl.HEADER,
        "maxredirs": pycurl.MAXREDIRS,
        "dnstimeout": pycurl.DNS_CACHE_TIMEOUT,
        "proxy": pycurl.PROXY,
        "proxyport": pycurl.PROXYPORT,
        "proxyuserpwd": pycurl.PROXYUSERPWD,
        "referer": pycurl.REFERER,
        "userpwd": pycurl.USERPWD,
        "ssl_verifypeer": pycurl.SSL_VERIFYPEER,
        "ssl_verifyhost": pycurl.SSL_VERIFYHOST,
        "ssl_cainfo": pycurl.CAINFO,
        "ssl_capath": pycurl.CAPATH,
        "ssl_cert": pycurl.SSLCERT,
        "ssl_certtype": pycurl.SSLCERTTYPE,
        "ssl_key": pycurl.SSLKEY,
        "ssl_keytype": pycurl.SSLKEYTYPE,
        "ssl_keypasswd": pycurl.KEYPASSWD,
    }
    for name, option in plain.items():
        value = options.get(name)
        if value is not None:
            curl.setopt(option, int(value) if isinstance(value, bool) else value)
    curl.setopt(pycurl.USERAGENT, options.get("useragent", USER_AGENT))
    for name, option in (("conntimeout", pycurl.CONNECTTIMEOUT_MS), ("httptimeout", pycurl.TIMEOUT_MS)):
        if options.get(name):
            curl.setopt(option, int(options[name] * 1000))
    if options.get("ftptimeout"):
        curl.setopt(pycurl.FTP_RESPONSE_TIMEOUT, max(1, int(options["ftptimeout"])))
    if "cookie" in options:
        curl.setopt(pycurl.COOKIE, "; ".join(options["cookie"]))
    if options.get("httpauth"):
        bits = {"basic": pycurl.HTTPAUTH_BASIC, "digest": pycurl.HTTPAUTH_DIGEST}
        curl.setopt(pycurl.HTTPAUTH, sum({bits[word] for word in options["httpauth"]}))
    if "proxytype" in options:
        kinds = {"http": pycurl.PROXYTYPE_HTTP, "socks4": pycurl.PROXYTYPE_SOCKS4, "socks5": pycurl.PROXYTYPE_SOCKS5}
        curl.setopt(pycurl.PROXYTYPE, kinds[options["proxytype"]])
    headers = list(options.get("httpheader", ()))
    if headers:
        if not any(header.lower().startswith("content-type:") for header in headers):
            headers.append("Content-Type:")  # any header of one's own takes the default one away
        curl.setopt(pycurl.HTTPHEADER, headers)
    if "ssl_cainfo" not in options and "ssl_capath" not in options:
        known = ssl.get_default_verify_paths().cafile or "/etc/ssl/certs/ca-certificates.crt"
        if os.path.exists(known):
            curl.setopt(pycurl.CAINFO, known)
