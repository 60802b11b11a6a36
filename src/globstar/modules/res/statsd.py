"""StatsD client: statistics of the server and of the dialplan go to a StatsD server by UDP (statsd.conf)."""

from __future__ import annotations

import random
import socket
from typing import TYPE_CHECKING

from globstar.base.log import Logger
from globstar.config.options import Options, Report, option
from globstar.config.values import boolean, string
from globstar.core.services import STATISTICS

if TYPE_CHECKING:
    from globstar.core.system import System

logger = Logger("res_statsd")

#: The port of StatsD.
DEFAULT_PORT = 8125


class StatsdOptions(Options):
    """``[general]`` of statsd.conf."""

    enabled = option(boolean, False, help="Send statistics.")
    server: str = option(string, "127.0.0.1", help="Address of the server, with its port if that is not 8125.")
    prefix: str = option(string, "", help="What stands before the name of every statistic, with a dot between.")
    add_newline = option(boolean, False, help="End every packet with a line feed.")
    meter_support = option(boolean, True, help="The server knows meters; else they are sent as counters.")


def split_server(text: str) -> tuple[str, int]:
    """``host``, ``host:port``, ``[v6]:port`` or a bare IPv6 address. Raises ValueError."""
    host, port = text.strip(), ""
    if host.startswith("["):
        host, bracket, rest = host[1:].partition("]")
        if not bracket or (rest and not rest.startswith(":")):
            raise ValueError(f"'{text}' is no address")
        port = rest[1:]
    elif host.count(":") == 1:
        host, _, port = host.partition(":")
    if not host or (port and (not port.isdecimal() or not 0 < int(port[:6]) < 65536)):
        raise ValueError(f"'{text}' is no address")
    return host, int(port) if port else DEFAULT_PORT


class StatsdClient:
    """See :class:`globstar.core.services.Statistics`. A packet that cannot be sent at once is lost and counted."""

    def __init__(self, system: System) -> None:
        self.system = system
        self.options = StatsdOptions()
        self.sent = 0
        self.lost = 0
        self._socket: socket.socket | None = None
        self._random = random.Random()

    @property
    def is_enabled(self) -> bool:
        """Whether anything is sent."""
        return self._socket is not None

    async def load(self) -> None:
        """Read statsd.conf and look the server up. Raises ``ConfigError`` and changes nothing if the file is broken."""
        config = self.system.configuration.read("statsd.conf")
        report = Report()
        options = StatsdOptions()
        for category in config or ():
            if category.name.lower() in ("general", "global"):
                options = StatsdOptions.read(category, report)
            else:
                logger.warning(f"{category.file}:{category.line}: options stand in [general], not in [{category.name}]")
        for warning in report.warnings:
            logger.log(warning.level, str(warning))
        self.close()
        self.options = options
        if options.enabled:
            try:
                self._socket = await self.system.run_blocking(_connect, *split_server(options.server))
            except (OSError, ValueError) as error:
                logger.error(f"statsd.conf: server {options.server}: {error}")

    def send(self, metric_type: str, name: str, value: str, sample_rate: float = 1.0) -> bool:
        """See Statistics."""
        if self._socket is None or sample_rate <= 0 or (sample_rate < 1 and self._random.random() > sample_rate):
            return False
        options = self.options
        if metric_type == "m" and not options.meter_support:
            metric_type = "c"
        text = f"{options.prefix}.{name}" if options.prefix else name
        text += f":{value}|{metric_type}"
        if sample_rate < 1:
            text += f"|@{sample_rate:.2f}"
        if options.add_newline:
            text += "\n"
        try:
            self._socket.send(text.encode("utf-8", "surrogateescape"))
        except OSError as error:  # nobody listens there, or the queue of the machine is full
            self.lost += 1
            logger.debug(1, f"{name} was not sent: {error}")
            return False
        self.sent += 1
        return True

    def close(self) -> None:
        """Send no more."""
        if self._socket is not None:
            self._socket.close()
            self._socket = None


def _connect(host: str, port: int) -> socket.socket:
    """A socket that sends to the first address of the host."""
    family, kind, protocol, _, address = socket.getaddrinfo(host, port, type=socket.SOCK_DGRAM)[0]
    made = socket.socket(family, kind, protocol)
    made.setblocking(False)
    made.connect(address)
    return made


async def load(system: System) -> None:
    """Read statsd.conf and offer the service ``statistics``."""
    client = StatsdClient(system)
    await client.load()
    system.services[STATISTICS] = client


async def reload(system: System) -> None:
    """Read statsd.conf again."""
    client = system.service(STATISTICS, StatsdClient)
    if client is not None:
        await client.load()


def unload(system: System) -> None:
    """Take the service back."""
    client = system.services.pop(STATISTICS, None)
    if client is not None:
        client.close()
