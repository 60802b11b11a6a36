"""A web server on loopback for tests: what was asked, and answers by path."""

from __future__ import annotations

from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field

from aiohttp import web

Handler = Callable[[web.Request], Awaitable[web.StreamResponse]]


@dataclass(slots=True)
class WebServer:
    """``asked`` are method, path with query, and body of each request, ``headers`` those of the last one."""

    url: str = ""
    asked: list[tuple[str, str, str]] = field(default_factory=list)
    headers: dict[str, str] = field(default_factory=dict)


@asynccontextmanager
async def web_server(answer: Handler) -> AsyncIterator[WebServer]:
    """Run a server that answers every request by ``answer``."""
    server = WebServer()

    async def handle(request: web.Request) -> web.StreamResponse:
        server.asked.append((request.method, request.path_qs, await request.text()))
        server.headers = dict(request.headers)
        return await answer(request)

    application = web.Application()
    application.router.add_route("*", "/{path:.*}", handle)
    runner = web.AppRunner(application)
    await runner.setup()
    site = web.TCPSite(runner, "127.0.0.1", 0)
    await site.start()
    host, port = runner.addresses[0][:2]
    server.url = f"http://{host}:{port}"
    try:
        yield server
    finally:
        await runner.cleanup()
