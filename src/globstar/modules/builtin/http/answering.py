"""What each HTTP request goes through before its handler."""

from __future__ import annotations

import asyncio
from html import escape
from http import HTTPStatus
from typing import TYPE_CHECKING

from aiohttp import web

from globstar.base.log import Logger
from globstar.core.acl import allows_all
from globstar.net.listener import Listener

if TYPE_CHECKING:
    from aiohttp.web_protocol import RequestHandler

    from globstar.modules.builtin.http.server import GlobstarHttp
    from globstar.modules.builtin.http.settings import Restriction

logger = Logger("http")

#: What the page of an error says.
_REASONS = {
    403: "You may not have this.",
    404: "The requested URL was not found on this server.",
    500: "The server failed; its log says why.",
}


class Answering(web.Server):
    """aiohttp's server over our listeners: finds who answers, and cuts off connections whose request does not come."""

    def __init__(self, owner: GlobstarHttp) -> None:
        options = owner.settings.general
        super().__init__(self.answer, keepalive_timeout=options.session_keep_alive / 1000, access_log=None, lingering_time=5.0)
        self._owner = owner
        self._sources: dict[RequestHandler, tuple[Listener, str]] = {}
        self.requests = 0
        self.refused = 0
        self.failures = 0
        self.cut_off = 0

    def protocol_for(self, listener: Listener, source: str) -> asyncio.Protocol:
        """The protocol of a new connection."""
        handler = self()
        self._sources[handler] = (listener, source)
        return handler

    def connection_made(self, handler: RequestHandler, transport: asyncio.Transport) -> None:
        """See web.Server."""
        super().connection_made(handler, transport)
        self._loop.call_later(self._owner.settings.general.session_inactivity / 1000, self._check, handler, transport)

    def connection_lost(self, handler: RequestHandler, exc: BaseException | None = None) -> None:
        """See web.Server."""
        super().connection_lost(handler, exc)
        owner = self._sources.pop(handler, None)
        if owner is not None:
            owner[0].gone(owner[1])

    def _check(self, handler: RequestHandler, transport: asyncio.Transport) -> None:
        if handler in self._sources and handler._request_count == 0 and not transport.is_closing():
            self.cut_off += 1
            transport.abort()

    async def answer(self, request: web.BaseRequest) -> web.StreamResponse:
        """Find who answers a request."""
        self.requests += 1
        response: web.StreamResponse
        try:
            response = await self._route(request)
        except web.HTTPException as raised:
            raised.headers["Server"] = self._owner.server_name
            raise
        except (asyncio.CancelledError, ConnectionError):
            raise
        except Exception as error:  # one handler's bug is one request's failure
            self.failures += 1
            logger.error(f"answering {request.method} {request.path} failed", exception=error)
            response = self._page(500)
        if not response.prepared:
            response.headers["Server"] = self._owner.server_name
        return response

    async def _route(self, request: web.BaseRequest) -> web.StreamResponse:
        options = self._owner.settings.general
        path = request.path
        for source, target in options.redirects:
            if path.rstrip("/") == source.rstrip("/"):
                return web.Response(status=302, headers={"Location": target})
        if options.prefix:
            if path != options.prefix and not path.startswith(f"{options.prefix}/"):
                return self._page(404)
            path = path[len(options.prefix) :]
        path = path.strip("/")
        for restriction in self._owner.settings.restrictions:
            if restriction.covers(path) and not self._is_let_in(restriction, request.remote or "::"):
                self.refused += 1
                return self._page(403)
        found = self._owner.find(path)
        if found is None:
            return self._page(404)
        route, rest = found
        return await route.handler(request, rest)

    def _is_let_in(self, restriction: Restriction, host: str) -> bool:
        lists = self._owner.access_lists() if restriction.lists else None
        return restriction.allows(host) and not allows_all(lists, restriction.lists, host.partition("%")[0])

    def _page(self, status: int) -> web.Response:
        """An error as Asterisk's server tells it."""
        known = HTTPStatus(status)
        lines = (
            '<!DOCTYPE HTML PUBLIC "-//IETF//DTD HTML 2.0//EN">', "<html><head>", f"<title>{status} {known.phrase}</title>",
            "</head><body>", f"<h1>{known.phrase}</h1>", f"<p>{_REASONS.get(status, known.description)}</p>", "<hr />",
            f"<address>{escape(self._owner.server_name)}</address>", "</body></html>", "",
        )  # fmt: skip
        headers = {"Cache-Control": "no-cache, no-store"}
        return web.Response(status=status, text="\r\n".join(lines), content_type="text/html", headers=headers)

    def describe(self) -> dict[str, object]:
        """Counters for the CLI."""
        return {
            "connections": len(self.connections),
            "requests": self.requests,
            "refused": self.refused,
            "cut off": self.cut_off,
            "failures": self.failures,
        }
