"""AMI over TCP and TLS, and the life of the manager: start, reload, stop."""

from __future__ import annotations

import asyncio
import importlib
from typing import TYPE_CHECKING, cast

from globstar.base.log import Logger
from globstar.base.packages import submodules
from globstar.config.errors import ConfigError
from globstar.config.options import Report
from globstar.core.manager import NONE, Permission
from globstar.core.registry import specs_of
from globstar.core.security import SecurityEventType
from globstar.core.services import HttpServer
from globstar.core.system import System
from globstar.interfaces.ami import actions, commands
from globstar.interfaces.ami import events as translations
from globstar.interfaces.ami.hub import SERVICE, ManagerHub
from globstar.interfaces.ami.session import Session
from globstar.interfaces.ami.settings import ManagerOptions, ManagerSettings, read_manager
from globstar.net.listener import Listener, TcpLimits, address_of
from globstar.net.tls import TlsContexts, TlsError, TlsOptions, make_contexts

if TYPE_CHECKING:
    from globstar.interfaces.ami.web import ManagerWeb

logger = Logger("manager")

#: Bytes that are sent without waiting for the loop's next turn, that may wait for a client before the time of its
#: ``writetimeout`` runs, and before it is cut off at once.
FLUSH_BYTES = 64 * 1024
SLOW_BYTES = 256 * 1024
MOST_BYTES = 4 * 1024 * 1024
TLS_PORT = 5039


class Client(asyncio.Protocol):
    """One connection."""

    def __init__(self, server: ManagerServer, listener: Listener, source: str) -> None:
        self.server = server
        self.listener = listener
        self.source = source
        self.session: Session | None = None
        self._transport: asyncio.Transport | None = None
        self._queue: list[bytes] = []
        self._queued = 0
        self._is_flushing = False
        self._is_reading = True
        self._timer: asyncio.TimerHandle | None = None
        self._login_timer: asyncio.TimerHandle | None = None

    # -- asyncio.Protocol ----------------------------------------------------------------------------------------------

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """A client came: greet it, and give it a while to log in."""
        stream = self._transport = cast("asyncio.Transport", transport)  # uvloop's transports are no subclass of it
        stream.set_write_buffer_limits(high=SLOW_BYTES)
        hub = self.server.hub
        kind = "TLS" if self.listener.is_secure else "TCP"
        local, remote = (address_of(stream.get_extra_info(name)) for name in ("sockname", "peername"))
        self.session = Session(hub, self, local=local, remote=remote, transport=kind)
        general = hub.settings.general
        if hub.waiting > general.authlimit:
            hub.report(self.session, SecurityEventType.SESSION_LIMIT, "")
            logger.warning(f"a manager client at {remote[0]} is refused: {general.authlimit} others are not logged in yet")
            self.session.ended()
            stream.abort()
            return
        self._login_timer = self.server.loop.call_later(general.authtimeout, self._login_timed_out)
        self.session.greet()

    def data_received(self, data: bytes) -> None:
        """The client speaks."""
        if self.session is not None and self.session.is_open:
            self.session.receive(data)

    def connection_lost(self, exc: Exception | None) -> None:
        """The client is gone."""
        self._transport = None
        self._queue.clear()
        for timer in (self._timer, self._login_timer):
            if timer is not None:
                timer.cancel()
        self.server.clients.discard(self)
        self.listener.gone(self.source)
        if self.session is not None:
            self.session.ended()

    def pause_writing(self) -> None:
        """The client does not read fast enough: it has its ``writetimeout`` to catch up."""
        user = self.session.user if self.session is not None else None
        patience = user.options.writetimeout / 1000 if user is not None else 1.0
        self._timer = self.server.loop.call_later(patience, self._cut_off, "it did not read in time")

    def resume_writing(self) -> None:
        """It did."""
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None

    # -- Output --------------------------------------------------------------------------------------------------------

    def write(self, data: bytes) -> None:
        """See Output; what is written in one turn of the loop goes out in one piece."""
        transport = self._transport
        if transport is None or transport.is_closing():
            return
        self._queue.append(data)
        self._queued += len(data)
        if self._queued > FLUSH_BYTES:  # something holds the loop: the network may take it now
            is_due, self._is_flushing = self._is_flushing, False
            self._flush()
            self._is_flushing = is_due
        if self._queued + transport.get_write_buffer_size() > MOST_BYTES:
            self._cut_off("too much waits for it")
        elif not self._is_flushing:
            self._is_flushing = True
            self.server.loop.call_soon(self._flush)

    def _flush(self) -> None:
        self._is_flushing = False
        if self._transport is not None and self._queue:
            self._transport.write(b"".join(self._queue))
        self._queue.clear()
        self._queued = 0

    def close(self) -> None:
        """See Output."""
        self._flush()
        if self._transport is not None:
            self._transport.close()

    def set_reading(self, is_wanted: bool) -> None:
        """See Output."""
        transport = self._transport
        if is_wanted is self._is_reading or transport is None or transport.is_closing():
            return
        self._is_reading = is_wanted
        transport.resume_reading() if is_wanted else transport.pause_reading()

    def _cut_off(self, reason: str) -> None:
        self._queue.clear()
        self._queued = 0
        session = self.session
        if self._transport is not None:
            self._transport.abort()
        if session is not None and session.is_open:
            self.server.hub.dropped(session, reason)
            session.ended()

    def _login_timed_out(self) -> None:
        if self.session is not None and not self.session.is_logged_in:
            logger.notice(f"a manager client at {self.session.remote[0]} did not log in in time")
            self.close()


class ManagerServer:
    """The manager of one system."""

    def __init__(self, system: System) -> None:
        self.system = system
        self.loop = system.loop
        self.hub = ManagerHub(system)
        self.clients: set[Client] = set()
        self._plain: Listener | None = None
        self._secure: Listener | None = None
        self.web: ManagerWeb | None = None
        system.services[SERVICE] = self
        for package in (actions, translations):
            for name in submodules(package):
                self._register(importlib.import_module(f"{package.__name__}.{name}"))
        self._register(commands)

    def _register(self, module: object) -> None:
        for spec in specs_of(module):  # type: ignore[arg-type]
            spec.module = "core"
            registry = self.system.registry(spec.kind)
            if registry.get(spec.name) is not spec:
                registry.register(spec)

    @property
    def addresses(self) -> list[tuple[str, int]]:
        """Where it listens, TCP first."""
        return [listener.local_address for listener in (self._plain, self._secure) if listener is not None]

    async def start(self) -> None:
        """Read manager.conf and listen where it says."""
        try:
            await self.reload()
        except ConfigError as error:
            logger.error(f"the manager is left out: {error}")

    async def reload(self) -> None:
        """Read manager.conf again; who is logged in stays so. Raises ConfigError."""
        report = Report()
        settings = read_manager(self.system.configuration.read("manager.conf"), report)
        for warning in report.warnings:
            logger.warning(str(warning))
        await self.apply(settings)

    async def apply(self, settings: ManagerSettings) -> None:
        """Take over a configuration."""
        self.hub.apply(settings)
        general = settings.general
        self._serve_web(is_wanted=general.enabled and general.webenabled)
        plain = (general.bindaddr, general.port) if general.enabled else None
        self._plain = await self._listen(self._plain, plain, None)
        tls = await self._contexts(general) if general.enabled and general.tlsenable else None
        host, port = general.tlsbindaddr
        secure = (host or general.bindaddr, port or TLS_PORT) if tls is not None else None
        self._secure = await self._listen(self._secure, secure, tls)

    def _serve_web(self, *, is_wanted: bool) -> None:
        server = self.system.service("http", HttpServer)  # type: ignore[type-abstract]
        if is_wanted and self.web is None:
            if server is None:
                logger.warning("manager.conf: webenabled has no effect: there is no HTTP server")
                return
            from globstar.interfaces.ami.web import ManagerWeb  # with aiohttp, which takes a while

            self.web = ManagerWeb(self.system, self.hub)
            self.web.start(server)
        elif not is_wanted and self.web is not None:
            self.web.stop(server)
            self.web = None

    async def _contexts(self, general: ManagerOptions) -> TlsContexts | None:
        options = TlsOptions(
            certificate=general.tlscertfile, private_key=general.tlsprivatekey or general.tlscertfile,
            authorities=general.tlscafile, authorities_path=general.tlscapath,
            ciphers=tuple(filter(None, general.tlscipher.split(":"))), verify_client=general.tlsverifyclient,
            require_client_certificate=general.tlsverifyclient,
        )  # fmt: skip
        try:
            contexts = await self.system.run_blocking(make_contexts, options)
        except TlsError as error:
            logger.error(f"the manager over TLS is left out: {error}")
            return None
        if contexts.server is None:
            logger.error("the manager over TLS is left out: there is no tlscertfile")
            return None
        return contexts

    async def _listen(self, old: Listener | None, address: tuple[str, int] | None, tls: TlsContexts | None) -> Listener | None:
        if old is not None and address is not None and address in (old.local_address, (old.local_address[0], 0)):
            old.tls = tls
            return old
        if old is not None:
            await old.close()
        if address is None:
            return None
        try:
            return Listener(self.loop, address, self._client, limits=TcpLimits(), tls=tls)
        except OSError as error:
            logger.error(f"the manager cannot listen on {address[0]}:{address[1]}: {error}")
            return None

    def _client(self, listener: Listener, source: str) -> asyncio.Protocol:
        client = Client(self, listener, source)
        self.clients.add(client)
        return client

    def logged_in(self, name: str) -> int | None:
        """See :class:`globstar.core.manager.ManagerUsers`."""
        if name not in self.hub.settings.users:
            return None
        return sum(session.is_logged_in and session.account == name for session in self.hub.sessions)

    def web_permissions(self, cookie: str, host: str) -> Permission:
        """See :class:`globstar.core.manager.ManagerUsers`."""
        session = self.web.session_of(cookie, host) if self.web is not None else None
        return session.write if session is not None and session.is_logged_in else NONE

    async def stop(self) -> None:
        """End every connection."""
        for listener in (self._plain, self._secure):
            if listener is not None:
                await listener.close()
        self._plain = self._secure = None
        self._serve_web(is_wanted=False)
        await self.hub.close()
        self.system.services.pop(SERVICE, None)
