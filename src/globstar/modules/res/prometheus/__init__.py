"""Asterisk Prometheus Module."""

from __future__ import annotations

import base64
import binascii
import hmac
from collections.abc import Callable
from typing import TYPE_CHECKING

from globstar.base.log import Logger
from globstar.config.options import Options, Report, option
from globstar.config.values import boolean, string
from globstar.core import events
from globstar.core.cli import CliUsage, cli_command
from globstar.core.cli_data import CliText
from globstar.core.loader import ModuleDeclined
from globstar.core.services import HttpRoute, HttpServer
from globstar.core.system import System
from globstar.modules.res.prometheus.exposition import CONTENT_TYPE, Metric, render
from globstar.modules.res.prometheus.metrics import RtpTotals, collect

if TYPE_CHECKING:
    from aiohttp import web

logger = Logger("res_prometheus")

__all__ = ["load", "reload", "show_metrics", "show_status", "unload"]

_SERVICE = "prometheus"


class PrometheusOptions(Options):
    """``[general]`` of prometheus.conf."""

    enabled = option(boolean, False, help="Whether metrics are served.")
    core_metrics_enabled = option(boolean, True, help="Metrics about the server itself, and how long a scrape takes.")
    uri = option(string, "metrics", help="Path below the HTTP server's prefix.")
    auth_username = option(string, "", help="User name for HTTP's basic authentication.")
    auth_password = option(string, "", secret=True, help="Its password; both must be set.")
    auth_realm = option(string, "Asterisk Prometheus Metrics", help="Realm of the challenge.")


class Prometheus:
    """The path of the metrics and what is counted for them."""

    def __init__(self, system: System) -> None:
        self.system = system
        self.options = PrometheusOptions()
        self.totals = RtpTotals()
        self.scrapes = 0
        self.refused = 0
        self._route: HttpRoute | None = None
        self._undo: Callable[[], None] = lambda: None

    @property
    def path(self) -> str:
        """Where the metrics are, without slashes at the ends."""
        return self.options.uri.strip().strip("/")

    def apply(self, options: PrometheusOptions) -> None:
        """Take over a configuration."""
        self.withdraw()
        self.options = options
        if not options.enabled:
            return
        if bool(options.auth_username) != bool(options.auth_password):
            logger.error("prometheus.conf: auth_username and auth_password belong together; no metrics are served")
            return
        server = self.system.services.get("http")
        if not isinstance(server, HttpServer):
            logger.error("there is no HTTP server for metrics")
            return
        self._count_streams()
        self._route = HttpRoute(self.path, self.answer, "Prometheus Metrics URI")
        server.add_route(self._route)

    def _count_streams(self) -> None:
        """Begin to count; the RTP engine may be loaded later than this module."""
        engine = self.system.services.get("rtp")
        if engine is not None:
            self.totals.attach(engine)

    def start(self) -> None:
        """Look for the RTP engine again when everything is loaded."""
        self._undo = self.system.bus.subscribe(
            events.FullyBooted, lambda event: self._count_streams() if self.is_served else None
        )

    def stop(self) -> None:
        """The end."""
        self._undo()
        self.withdraw()

    def withdraw(self) -> None:
        """Serve nothing, count nothing."""
        self.totals.detach()
        server = self.system.services.get("http")
        if self._route is not None and server is not None:
            server.remove_route(self._route)
        self._route = None

    @property
    def is_served(self) -> bool:
        """Whether the metrics can be had."""
        return self._route is not None

    async def metrics(self) -> list[Metric]:
        """The metrics of this moment."""
        return await collect(self.system, self.totals, has_core_metrics=self.options.core_metrics_enabled)

    async def text(self, metrics: list[Metric]) -> str:
        """Their text."""
        return await self.system.run_blocking(render, metrics, {"eid": self.system.entity_id})

    async def answer(self, request: web.BaseRequest, rest: str) -> web.StreamResponse:
        """See HttpRoute."""
        from aiohttp import web

        if request.method not in ("GET", "HEAD"):
            raise web.HTTPMethodNotAllowed(request.method, ("GET", "HEAD"))
        if not self._is_allowed(request.headers.get("Authorization", "")):
            self.refused += 1
            realm = self.options.auth_realm.replace("\\", "").replace('"', "'")
            raise web.HTTPUnauthorized(headers={"WWW-Authenticate": f'Basic realm="{realm}"'})
        self.scrapes += 1
        text = await self.text(await self.metrics())
        return web.Response(body=text.encode(), headers={"Content-Type": CONTENT_TYPE, "Cache-Control": "no-store"})

    def _is_allowed(self, authorization: str) -> bool:
        options = self.options
        if not options.auth_username:
            return True
        scheme, _, credentials = authorization.partition(" ")
        if scheme.lower() != "basic":
            return False
        try:
            given = base64.b64decode(credentials.strip(), validate=True)
        except (binascii.Error, ValueError):
            return False
        return hmac.compare_digest(given, f"{options.auth_username}:{options.auth_password}".encode())


def _read(system: System) -> PrometheusOptions | None:
    config = system.configuration.read("prometheus.conf")
    if config is None:
        return None
    report, options = Report(), PrometheusOptions()
    for category in config:
        if category.name.lower() == "general":
            options = PrometheusOptions.read(category, report)
        else:
            logger.warning(f"prometheus.conf: section [{category.name}] is unknown; did you mean 'general'?")
    for warning in report.warnings:
        logger.warning(str(warning))
    return options


def load(system: System) -> None:
    """Read prometheus.conf; without one there is nothing to do."""
    options = _read(system)
    if options is None:
        raise ModuleDeclined("there is no prometheus.conf")
    service = system.services[_SERVICE] = Prometheus(system)
    service.start()
    service.apply(options)


def reload(system: System) -> None:
    """Read it again."""
    service = system.service(_SERVICE, Prometheus)
    if service is not None:
        service.apply(_read(system) or PrometheusOptions())


def unload(system: System) -> None:
    """Serve nothing any more."""
    service = system.services.pop(_SERVICE, None)
    if service is not None:
        service.stop()


@cli_command("prometheus show metrics")
async def show_metrics(system: System, args: list[str]) -> str:
    """Show the metrics as a scrape would get them."""
    if args:
        raise CliUsage
    service: Prometheus = system.services[_SERVICE]
    metrics = await service.metrics()
    data = {metric.name: [{"labels": dict(labels), "value": value} for labels, value in metric.samples] for metric in metrics}
    return CliText(await service.text(metrics), data)


@cli_command("prometheus show status")
def show_status(system: System, args: list[str]) -> str:
    """Show where the metrics are served and how often they were asked for."""
    if args:
        raise CliUsage
    service: Prometheus = system.services[_SERVICE]
    options = service.options
    fields = {
        "Enabled": "Yes" if service.is_served else "No",
        "URI": service.path,
        "Core metrics": "Yes" if options.core_metrics_enabled else "No",
        "Authentication": f"Basic, user {options.auth_username}" if options.auth_username else "None",
        "Realm": options.auth_realm,
        "Scrapes": service.scrapes,
        "Refused": service.refused,
    }
    lines = ["Prometheus Metrics Status:", *(f"  {name + ':':<16} {value}" for name, value in fields.items())]
    return CliText("\n".join(lines), fields)
