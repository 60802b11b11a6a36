"""Gets certificates of signers by HTTP from servers that may be asked."""

from __future__ import annotations

import asyncio
import ipaddress
import socket
from urllib.parse import urlsplit

import aiohttp
from aiohttp.abc import AbstractResolver, ResolveResult

from globstar.modules.res.stir_shaken.fetching import MAX_BYTES, Allows, Fetched
from globstar.proto.stir import StirError
from globstar.proto.stir.errors import BAD_IDENTITY_INFO


class _CheckedResolver(AbstractResolver):
    """Leads only to addresses that are allowed, so that no token makes us talk to our own network."""

    def __init__(self, allows: Allows) -> None:
        self._allows = allows

    async def resolve(self, host: str, port: int = 0, family: socket.AddressFamily = socket.AF_INET) -> list[ResolveResult]:
        found = await asyncio.get_running_loop().getaddrinfo(host, port, type=socket.SOCK_STREAM, family=family)
        allowed = [entry for entry in found if self._allows(str(entry[4][0]))]
        if not allowed:
            raise OSError(f"the address of {host} is not allowed")
        return [
            ResolveResult(
                hostname=host, host=str(entry[4][0]), port=port, family=entry[0], proto=entry[2], flags=socket.AI_NUMERICHOST
            )
            for entry in allowed
        ]

    async def close(self) -> None:
        return None


async def fetch(url: str, allows: Allows, timeout: float) -> Fetched:
    """Get a URL; redirects are not followed, as they would lead around the checks. See Fetcher."""
    host = urlsplit(url).hostname or ""
    try:
        ipaddress.ip_address(host)
    except ValueError:
        pass  # a name: the resolver asks
    else:
        if not allows(host):
            raise StirError(BAD_IDENTITY_INFO, f"the address {host} is not allowed")
    connector = aiohttp.TCPConnector(resolver=_CheckedResolver(allows), limit=4)
    limit = aiohttp.ClientTimeout(total=timeout)
    try:
        async with (
            aiohttp.ClientSession(connector=connector, timeout=limit) as session,
            session.get(url, allow_redirects=False) as answer,
        ):
            body = await answer.content.read(MAX_BYTES + 1)
            while len(body) <= MAX_BYTES and not answer.content.at_eof():
                body += await answer.content.read(MAX_BYTES + 1 - len(body))
            return Fetched(answer.status, {name.lower(): value for name, value in answer.headers.items()}, body)
    except (aiohttp.ClientError, TimeoutError, OSError, ValueError) as error:
        raise StirError(BAD_IDENTITY_INFO, f"{url} cannot be fetched: {str(error) or type(error).__name__}") from None
