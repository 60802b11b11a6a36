"""HTTP POST support: files that manager clients send become files of a folder (``[post_mappings]`` of http.conf)."""

from __future__ import annotations

import asyncio
import os
import secrets
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import TYPE_CHECKING, BinaryIO

from globstar.base.errors import LocalFault
from globstar.base.log import Logger
from globstar.core.manager import ManagerUsers, Permission
from globstar.core.services import HttpRoute, HttpServer
from globstar.core.system import System

if TYPE_CHECKING:
    from aiohttp import BodyPartReader, web

logger = Logger("res_http_post")

SERVICE = "http post"
COOKIE = "mansession_id"
#: Bytes of one request, and how many may be on their way at a time.
MOST_BYTES = 128 * 1024 * 1024
MOST_AT_A_TIME = 4
_CHUNK = 64 * 1024


class Uploads:
    """The paths that take files, each with its folder."""

    def __init__(self, system: System) -> None:
        self.system = system
        self.folders: dict[str, Path] = {}
        self.received = 0
        self.refused = 0
        self._running = 0
        self._routes: list[HttpRoute] = []

    def configure(self) -> None:
        """Read [post_mappings], again if need be."""
        self.withdraw()
        config = self.system.configuration.read("http.conf")
        server = self.system.service("http", HttpServer)  # type: ignore[type-abstract]
        for category in config or ():
            if category.name.lower() != "post_mappings" or server is None:
                continue
            for variable in category:
                path, folder = variable.name.strip().strip("/"), Path(variable.value.strip())
                if not path or not folder.is_absolute():
                    logger.warning(f"{variable.file}:{variable.line}: expected a path and an absolute folder")
                    continue
                route = HttpRoute(path, self._handler(folder), "HTTP POST mapping", has_subtree=True)
                try:
                    server.add_route(route)
                except LocalFault as fault:
                    logger.warning(f"{variable.file}:{variable.line}: {fault}")
                    continue
                self._routes.append(route)
                self.folders[path] = folder

    def withdraw(self) -> None:
        """Take no files any more."""
        server = self.system.service("http", HttpServer)  # type: ignore[type-abstract]
        for route in self._routes:
            if server is not None:
                server.remove_route(route)
        self._routes.clear()
        self.folders.clear()

    def _handler(self, folder: Path) -> Callable[[web.BaseRequest, str], Awaitable[web.StreamResponse]]:
        async def answer(request: web.BaseRequest, rest: str) -> web.StreamResponse:
            from aiohttp import web

            if request.method != "POST":
                raise web.HTTPMethodNotAllowed(request.method, ("POST",))
            users = self.system.service("manager", ManagerUsers)  # type: ignore[type-abstract]
            cookie = request.cookies.get(COOKIE, "")
            may = users.web_permissions(cookie, request.remote or "") if users is not None else Permission(0)
            if not may & Permission.CONFIG:
                self.refused += 1
                raise web.HTTPForbidden(text="A manager session with the class config is needed.\n")
            if not request.content_type.startswith("multipart/"):
                raise web.HTTPBadRequest(text="Files come as multipart/form-data.\n")
            if self._running >= MOST_AT_A_TIME:
                raise web.HTTPServiceUnavailable(text="Too many files are on their way.\n")
            self._running += 1
            try:
                names = await self._take(request, folder)
            finally:
                self._running -= 1
            if not names:
                raise web.HTTPBadRequest(text="There is no file in it.\n")
            return web.Response(text="File successfully uploaded.\n")

        return answer

    async def _take(self, request: web.BaseRequest, folder: Path) -> list[str]:
        """Write the files of a request; gives their names."""
        from aiohttp import BodyPartReader, web

        names: list[str] = []
        left = MOST_BYTES
        try:
            async for part in await request.multipart():
                if not isinstance(part, BodyPartReader) or not part.filename:
                    continue
                name = os.path.basename(part.filename.replace("\\", "/"))
                if not name or name.startswith(".") or "\0" in name or len(os.fsencode(name)) > 200:
                    raise web.HTTPBadRequest(text="A file has a name that cannot be.\n")
                left = await self._write(part, folder / name, left)
                names.append(name)
                self.received += 1
                logger.verbose(3, f"HTTP POST: {folder / name} from {request.remote}")
        except ValueError as error:  # what came is no multipart
            raise web.HTTPBadRequest(text=f"{error}\n") from None
        except OSError as error:
            logger.warning(f"HTTP POST: {folder}: {error}")
            raise web.HTTPInternalServerError(text="The file could not be written.\n") from None
        return names

    async def _write(self, part: BodyPartReader, target: Path, left: int) -> int:
        """Write one file whole or not at all; gives how many bytes may follow."""
        from aiohttp import web

        run = self.system.run_blocking
        fresh = target.with_name(f".{target.name}.{secrets.token_hex(4)}")

        def begin() -> BinaryIO:
            target.parent.mkdir(parents=True, exist_ok=True)
            return fresh.open("xb")

        file = await run(begin)
        try:
            while chunk := await part.read_chunk(_CHUNK):
                left -= len(chunk)
                if left < 0:
                    raise web.HTTPRequestEntityTooLarge(MOST_BYTES, MOST_BYTES - left)
                await run(file.write, chunk)
            await run(file.close)
            await run(fresh.replace, target)
        except BaseException:
            await asyncio.shield(run(_discard, file, fresh))
            raise
        return left


def _discard(file: BinaryIO, path: Path) -> None:
    file.close()
    path.unlink(missing_ok=True)


def load(system: System) -> None:
    """Take files at the paths of [post_mappings]."""
    uploads = system.services[SERVICE] = Uploads(system)
    uploads.configure()


def reload(system: System) -> None:
    """Read [post_mappings] again."""
    system.services[SERVICE].configure()


def unload(system: System) -> None:
    """Take no more files."""
    uploads: Uploads | None = system.services.pop(SERVICE, None)
    if uploads is not None:
        uploads.withdraw()
