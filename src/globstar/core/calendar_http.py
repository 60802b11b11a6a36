"""HTTP for calendars: one request, with the password that the server asks for in the way that it asks for it."""

from __future__ import annotations

from base64 import b64encode
from collections.abc import Mapping
from typing import TYPE_CHECKING

from globstar.base.late import preload
from globstar.core.calendars import MAX_BYTES, CalendarAccess, CalendarFault

if TYPE_CHECKING:
    import aiohttp

#: Longest time that a server may take, seconds.
_TIMEOUT = 30.0


def http_url(url: str) -> str:
    """``webcal:`` is how calendars are linked in pages; it means HTTP over TLS."""
    return f"https:{url[7:]}" if url.lower().startswith("webcal:") else url


async def ask(
    access: CalendarAccess,
    method: str,
    url: str = "",
    *,
    body: bytes = b"",
    headers: Mapping[str, str] | None = None,
    good: tuple[int, ...] = (200,),
) -> bytes:
    """The body of the answer.

    Raises CalendarFault for another status than a good one, and for all that can go wrong on the way.
    """
    await preload("aiohttp")
    import aiohttp

    url = http_url(url or access.url)
    sent = dict(headers or {})
    if access.user:  # RFC 7617
        sent["Authorization"] = f"Basic {b64encode(f'{access.user}:{access.secret}'.encode()).decode()}"
    timeout = aiohttp.ClientTimeout(total=_TIMEOUT)
    try:
        async with aiohttp.ClientSession(timeout=timeout) as session:
            async with session.request(method, url, data=body or None, headers=sent) as answer:
                wants_digest = answer.status == 401 and "digest" in answer.headers.get("WWW-Authenticate", "").lower()
                if not wants_digest or not access.user:
                    return await _body(answer, good)
            digest = aiohttp.DigestAuthMiddleware(access.user, access.secret)
            async with session.request(method, url, middlewares=(digest,), data=body or None, headers=headers) as answer:
                return await _body(answer, good)
    except (aiohttp.ClientError, TimeoutError, OSError, ValueError) as error:
        raise CalendarFault(f"{url}: {str(error) or type(error).__name__}") from error


async def _body(answer: aiohttp.ClientResponse, good: tuple[int, ...]) -> bytes:
    if answer.status not in good:
        raise CalendarFault(f"{answer.url.with_user(None)}: {answer.status} {answer.reason}")
    body = bytearray()
    async for part in answer.content.iter_chunked(65536):
        body += part
        if len(body) > MAX_BYTES:
            raise CalendarFault(f"{answer.url.with_user(None)}: more than {MAX_BYTES} bytes")
    return bytes(body)
