"""The HTTP server of http.conf, which AMI, ARI, WebSockets and others put their paths on."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from globstar.base.log import Logger
from globstar.config.options import Report
from globstar.core.cli import CliFailure, CliUsage, cli_command
from globstar.core.cli_data import CliText
from globstar.core.services import HttpRoute
from globstar.core.system import System
from globstar.modules.builtin.http.server import GlobstarHttp
from globstar.modules.builtin.http.settings import HttpSettings, read_http

if TYPE_CHECKING:
    from aiohttp import web

logger = Logger("http")

#: what the loader finds here
__all__ = ["http_show_status", "load", "reload", "unload"]

SERVICE = "http"


def _read(system: System) -> HttpSettings:
    report = Report()
    settings = read_http(system.configuration.read("http.conf"), report)
    for warning in report.warnings:
        logger.warning(str(warning))
    return settings


async def load(system: System) -> None:
    """Read http.conf and listen where it says."""
    server = GlobstarHttp(system)
    system.services[SERVICE] = server
    await _apply(system, server)


async def reload(system: System) -> None:
    """Read it again; connections that stand go on."""
    server = system.service(SERVICE, GlobstarHttp)
    if server is not None:
        await _apply(system, server)


async def unload(system: System) -> None:
    """End every connection."""
    server = system.services.pop(SERVICE, None)
    if server is not None:
        await server.stop()


async def _apply(system: System, server: GlobstarHttp) -> None:
    settings = _read(system)
    for route in [route for route in server.routes.values() if route.path in ("static", "httpstatus")]:
        server.remove_route(route)
    if settings.general.enabled and settings.general.enable_status:

        async def status(request: web.BaseRequest, rest: str) -> web.StreamResponse:
            return await answer_status(server, request)

        from globstar.modules.builtin.http.pages import answer_status

        server.add_route(HttpRoute("httpstatus", status, "Asterisk HTTP General Status"))
    if settings.general.enabled and settings.general.enable_static:
        from globstar.modules.builtin.http.pages import static_handler

        folder = Path(system.directories.astdatadir) / "static-http"
        server.add_route(HttpRoute("static", static_handler(folder), "Asterisk HTTP Static Delivery", has_subtree=True))
    await server.apply(settings)


@cli_command("http show status")
def http_show_status(system: System, args: list[str]) -> str:
    """Show where the HTTP server listens and who answers at which path."""
    if args:
        raise CliUsage
    server = system.service(SERVICE, GlobstarHttp)
    if server is None:
        raise CliFailure("there is no HTTP server")
    prefix = server.settings.general.prefix
    plain, secure = server.addresses
    lines = ["HTTP Server Status:", f"Prefix: {prefix}", f"Server: {server.server_name}"]
    if plain is None and secure is None:
        lines += ["Server Disabled", ""]
    else:
        if plain is not None:
            lines.append(f"Server Enabled and Bound to {_text(plain)}")
        if secure is not None:
            lines.append(f"HTTPS Server Enabled and Bound to {_text(secure)}")
        lines.append("")
    lines.append("Enabled URI's:")
    routes = sorted(server.routes.values(), key=lambda route: route.path, reverse=True)
    lines += [
        f"{prefix}/{route.path}{'/...' if route.has_subtree else ''} => {route.description}" for route in routes
    ] or ["  None."]  # fmt: skip
    redirects = server.settings.general.redirects
    lines += ["", "Enabled Redirects:"]
    lines += [f"  {source} => {target}" for source, target in redirects] or ["  None."]
    lines += ["", "Path Restrictions:"]
    lines += [f"  Path: {item.path}" for item in server.settings.restrictions] or ["  None."]
    data = {
        "prefix": prefix, "server": server.server_name, "http": _text(plain) if plain is not None else None,
        "https": _text(secure) if secure is not None else None,
        "uris": {f"{prefix}/{route.path}": route.description for route in routes}, "redirects": dict(redirects),
        "restrictions": [item.path for item in server.settings.restrictions], "counters": server.describe(),
    }  # fmt: skip
    return CliText("\n".join(lines) + "\n", data)


def _text(address: tuple[str, int]) -> str:
    return f"[{address[0]}]:{address[1]}" if ":" in address[0] else f"{address[0]}:{address[1]}"
