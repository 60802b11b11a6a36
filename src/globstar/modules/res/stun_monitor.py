"""STUN Network Monitor: asks a STUN server for our address now and then, and tells when it has changed."""

from __future__ import annotations

import asyncio
import ipaddress
import secrets
from dataclasses import dataclass

from globstar.base.log import Logger
from globstar.base.tasks import TaskOwner
from globstar.config import ConfigFile
from globstar.config.options import Options, Report, option
from globstar.config.values import host_and_port, integer
from globstar.core.cli import CliUsage, cli_command
from globstar.core.events import NetworkChanged
from globstar.core.system import System
from globstar.media.sockets import Address, MediaSocket, SocketFactory, UdpSockets
from globstar.net.dns import DnsOptions, Resolver
from globstar.net.poller import Poller
from globstar.proto.stun import Kind, StunMessage, StunParseError, is_stun, parse_stun
from globstar.proto.stun.transaction import StunTransaction

logger = Logger("res_stun_monitor")

SERVICE = "stun monitor"
DEFAULT_PORT = 3478


class MonitorOptions(Options):
    """``[general]`` of res_stun_monitor.conf."""

    stunaddr = option(host_and_port(DEFAULT_PORT), None, help="STUN server, host[:port]; without one nothing is watched.")
    stunrefresh = option(integer(1, 86400), 30, unit="s", help="Time between two questions.")


@dataclass(slots=True)
class Status:
    """What is known of our address."""

    #: questions in a row that were not answered
    failures: int = 0
    external: Address | None = None
    asked: int = 0
    changes: int = 0

    @property
    def word(self) -> str:
        """In one word."""
        if self.failures:
            return "FAIL"
        return "OK" if self.external is not None else "INIT"


class StunMonitor:
    """Asks from one socket of its own, so that NAT keeps one address for it."""

    def __init__(self, system: System, options: MonitorOptions) -> None:
        self._system = system
        self.options = options
        self.server: tuple[str, int] | None = options.stunaddr
        self.status = Status()
        self._tasks = TaskOwner("res_stun_monitor")
        self._own: Resolver | None = None
        self._socket: MediaSocket | None = None
        self._transaction = b""
        self._answer: asyncio.Future[Address | None] | None = None

    def start(self) -> None:
        """Begin to ask, if there is a server."""
        if self.server is not None:
            self._tasks.start(self._watch(), name="watch")

    async def close(self) -> None:
        """Ask no more."""
        await self._tasks.close()
        if self._socket is not None:
            self._socket.close()
        if self._own is not None:
            await self._own.close()

    async def _watch(self) -> None:
        while True:
            await self.ask()
            await asyncio.sleep(self.options.stunrefresh)

    async def ask(self) -> None:
        """Ask once; a changed address is published."""
        status, was_failing = self.status, self.status.failures
        status.asked += 1
        found = await self._question()
        if found is None:
            status.failures += 1
            if not was_failing:
                logger.warning(f"the STUN server {self.server[0] if self.server else ''} does not tell our address")
            return
        status.failures = 0
        old, status.external = status.external, found
        if old is not None and old[0] != found[0]:
            status.changes += 1
            logger.notice(f"our address has changed from {old[0]} to {found[0]}")
            self._system.bus.publish(NetworkChanged(old[0], found[0]))

    async def _question(self) -> Address | None:
        server = await self._find()
        if server is None:
            return None
        loop = self._system.loop
        request = StunMessage(Kind.REQUEST, secrets.token_bytes(12))
        transaction = StunTransaction(request, request.build(), loop.time())
        self._transaction = request.transaction
        answer: asyncio.Future[Address | None] = loop.create_future()
        self._answer = answer
        try:
            socket = self._bound(":" in server[0])
            while True:
                socket.sendto(transaction.data, server)
                done, _ = await asyncio.wait((answer,), timeout=max(transaction.due - loop.time(), 0))
                if done:
                    return answer.result()
                if transaction.handle_timer(loop.time()) is None:
                    return None
        except OSError as error:
            logger.debug(1, f"{server[0]} cannot be asked: {error}")
            return None
        finally:
            self._answer = None

    async def _find(self) -> Address | None:
        if self.server is None:
            return None
        host, port = self.server
        try:
            ipaddress.ip_address(host)
        except ValueError:
            resolver = self._resolver()
            records = await resolver.query("A", host) or await resolver.query("AAAA", host)
            return (str(records[0]), port) if records else None
        return host, port

    def _resolver(self) -> Resolver:
        found = self._system.service("dns", Resolver)
        if found is not None:
            return found
        if self._own is None:
            self._own = Resolver(self._system.loop, DnsOptions(system_only=True))
        return self._own

    def _bound(self, is_ipv6: bool) -> MediaSocket:
        if self._socket is not None and (":" in self._socket.address[0]) != is_ipv6:
            self._socket.close()
            self._socket = None
        if self._socket is None:
            sockets: SocketFactory = self._system.services.get("rtp sockets") or UdpSockets(Poller(self._system.loop))
            self._socket = sockets.open("::" if is_ipv6 else "0.0.0.0", 0)
            self._socket.set_reader(self._read)
        return self._socket

    def _read(self, _now: float) -> None:
        try:
            data, source = self._socket.recvfrom(2048) if self._socket is not None else (b"", ("", 0))
            message = parse_stun(data) if is_stun(data) else None
        except (OSError, StunParseError) as error:
            logger.debug(3, f"what came is no answer: {error}")
            return
        answer = self._answer
        if message is None or answer is None or answer.done() or message.transaction != self._transaction:
            logger.debug(3, f"{source[0]}:{source[1]} sends what nobody asked for")
            return
        answer.set_result(message.mapped if message.kind is Kind.RESPONSE else None)


def _read(config: ConfigFile | None) -> MonitorOptions:
    category = config.category("general") if config is not None else None
    report = Report()
    options = MonitorOptions.read(category or (), report)
    report.unknown_sections(config or (), "general")
    for warning in report.warnings:
        logger.warning(str(warning))
    return options


def load(system: System) -> None:
    """Begin to watch."""
    monitor = system.services[SERVICE] = StunMonitor(system, _read(system.configuration.read("res_stun_monitor.conf")))
    monitor.start()


async def reload(system: System) -> None:
    """Another server, or another time; what is known of our address stays, so that a change meanwhile is told."""
    old = system.services[SERVICE]
    fresh = StunMonitor(system, _read(system.configuration.read("res_stun_monitor.conf")))
    if fresh.options == old.options:
        return
    fresh.status.external = old.status.external
    system.services[SERVICE] = fresh
    await old.close()
    fresh.start()


async def unload(system: System) -> None:
    """Watch no more."""
    monitor = system.services.pop(SERVICE, None)
    if monitor is not None:
        await monitor.close()


@cli_command("stun show status", usage="stun show status")
def show_status(system: System, args: list[str]) -> str:
    """Show the STUN server that is asked, and our address as it sees it."""
    if args:
        raise CliUsage
    row = "{:<25} {:<6} {:<7} {:<8} {:<7} {:<16} {}\n"
    text = row.format("Hostname", "Port", "Period", "Retries", "Status", "ExternAddr", "ExternPort")
    monitor = system.service(SERVICE, StunMonitor)
    if monitor is not None and monitor.server is not None:
        (host, port), status = monitor.server, monitor.status
        shown = status.external or ("", 0)
        text += row.format(host, port, monitor.options.stunrefresh, status.failures, status.word, shown[0], shown[1] or "")
    return text
