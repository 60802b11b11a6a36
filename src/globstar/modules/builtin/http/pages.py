"""What the HTTP server itself serves: files of ``static-http``, and the page about itself."""

from __future__ import annotations

import asyncio
import html
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import TYPE_CHECKING

from aiohttp import web

if TYPE_CHECKING:
    from globstar.modules.builtin.http.server import GlobstarHttp


def static_handler(folder: Path) -> Callable[[web.BaseRequest, str], Awaitable[web.StreamResponse]]:
    """A handler that serves the files below ``folder``, and nothing above it."""

    async def answer(request: web.BaseRequest, rest: str) -> web.StreamResponse:
        if request.method not in ("GET", "HEAD"):
            raise web.HTTPMethodNotAllowed(request.method, ("GET", "HEAD"))
        path = await asyncio.to_thread(_inside, folder, rest)
        if path is None:
            raise web.HTTPNotFound
        return web.FileResponse(path)

    return answer


def _inside(folder: Path, rest: str) -> Path | None:
    root = folder.resolve()
    try:
        path = (root / rest).resolve()
    except (OSError, ValueError, RuntimeError):
        return None
    return path if path.is_relative_to(root) and path.is_file() else None


async def answer_status(server: GlobstarHttp, request: web.BaseRequest) -> web.StreamResponse:
    """The page /httpstatus."""
    plain, secure = server.addresses
    rows = [("Server", server.server_name), ("Prefix", server.settings.general.prefix)]
    rows += [("Bind Address", str(plain[0])), ("Bind Port", str(plain[1]))] if plain is not None else []
    rows += [("SSL Bind Address", str(secure[0])), ("SSL Bind Port", str(secure[1]))] if secure is not None else []
    rows += [(f"Cookie '{name}'", value) for name, value in request.cookies.items()]
    body = "".join(f"<tr><td><i>{html.escape(name)}</i></td><td><b>{html.escape(value)}</b></td></tr>\n" for name, value in rows)
    head = "<!DOCTYPE html>\n<html><head><title>HTTP Status</title></head>\n<body><h2>HTTP Status</h2>\n"
    return web.Response(text=f"{head}<table>\n{body}</table></body></html>\n", content_type="text/html")
