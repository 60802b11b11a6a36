"""The HTTP server: where it listens and what is registered with it; aiohttp is loaded when it is enabled."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

from globstar import ASTERISK_VERSION
from globstar.base.errors import LocalFault
from globstar.base.log import Logger
from globstar.core.acl import SERVICE as ACCESS_LISTS
from globstar.core.acl import AccessLists
from globstar.core.services import HttpRoute, WebSocketHandler
from globstar.modules.builtin.http.settings import HttpOptions, HttpSettings
from globstar.net.flow import Address
from globstar.net.listener import Listener, TcpLimits
from globstar.net.tls import TlsContexts, TlsError, make_contexts

if TYPE_CHECKING:
    from globstar.core.system import System
    from globstar.modules.builtin.http.answering import Answering

logger = Logger("http")


class GlobstarHttp:
    """Service ``http``. ``start`` and ``stop`` frame its life, ``apply`` changes its configuration."""

    def __init__(self, system: System) -> None:
        self._system = system
        self.settings = HttpSettings(HttpOptions())
        self.routes: dict[str, HttpRoute] = {}
        self.websocket_protocols: dict[str, WebSocketHandler] = {}
        self._connections: Answering | None = None
        self._plain: Listener | None = None
        self._secure: Listener | None = None

    # -- what others register ----------------------------------------------------------------------------------------

    @property
    def is_enabled(self) -> bool:
        """See HttpServer."""
        return self._plain is not None or self._secure is not None

    def add_route(self, route: HttpRoute) -> None:
        """See HttpServer."""
        path = route.path.strip("/")
        if path in self.routes:
            raise LocalFault(f"the path /{path} is taken by '{self.routes[path].description}'")
        self.routes[path] = route

    def remove_route(self, route: HttpRoute) -> None:
        """See HttpServer."""
        path = route.path.strip("/")
        if self.routes.get(path) is route:
            del self.routes[path]

    def add_websocket_protocol(self, name: str, handler: WebSocketHandler) -> None:
        """See HttpServer."""
        if name.lower() in self.websocket_protocols:
            raise LocalFault(f"the WebSocket sub-protocol {name} is taken")
        self.websocket_protocols[name.lower()] = handler

    def remove_websocket_protocol(self, name: str) -> None:
        """See HttpServer."""
        self.websocket_protocols.pop(name.lower(), None)

    # -- life --------------------------------------------------------------------------------------------------------

    async def apply(self, settings: HttpSettings) -> None:
        """Take over a configuration: listen where it says; connections that stand go on."""
        self.settings = settings
        options = settings.general
        if options.enabled and self._connections is None:
            from globstar.modules.builtin.http.answering import Answering  # with aiohttp, which takes a while

            self._connections = Answering(self)
        limits = TcpLimits(connections=options.sessionlimit, per_source=options.sessionlimit, handshakes=64)
        plain = (options.bindaddr, options.bindport) if options.enabled else None
        self._plain = await self._listen(self._plain, plain, limits, None)
        tls: TlsContexts | None = None
        if options.enabled and options.tlsenable:
            try:
                tls = await asyncio.to_thread(make_contexts, options.tls)
            except TlsError as error:
                logger.error(f"HTTPS is left out: {error}")
            else:
                if tls.server is None:
                    logger.error("HTTPS is left out: there is no tlscertfile")
                    tls = None
        if tls is None and self._secure is not None and options.enabled and options.tlsenable:
            return  # what cannot be read does not take down what runs
        self._secure = await self._listen(self._secure, options.tls_address if tls is not None else None, limits, tls)

    async def _listen(
        self, old: Listener | None, address: Address | None, limits: TcpLimits, tls: TlsContexts | None
    ) -> Listener | None:
        if old is not None and address is not None and address in (old.local_address, (old.local_address[0], 0)):
            old.limits, old.tls = limits, tls
            return old
        if old is not None:
            await old.close()
        if address is None:
            return None
        assert self._connections is not None
        try:
            listener = Listener(self._system.loop, address, self._connections.protocol_for, limits=limits, tls=tls)
        except OSError as error:
            logger.error(f"the HTTP server cannot listen on {_text(address)}: {error}")
            return None
        logger.debug(1, f"HTTP{'S' if tls else ''} listens on {_text(listener.local_address)}")
        return listener

    async def stop(self) -> None:
        """Stop listening and end every connection."""
        for listener in (self._plain, self._secure):
            if listener is not None:
                await listener.close()
        self._plain = self._secure = None
        if self._connections is not None:
            await self._connections.shutdown(1.0)
            self._connections = None

    def find(self, path: str) -> tuple[HttpRoute, str] | None:
        """The route with the longest path that fits."""
        route = self.routes.get(path)
        if route is not None:
            return route, ""
        head = path
        while head:
            head, _, _ = head.rpartition("/")
            route = self.routes.get(head)
            if route is not None and route.has_subtree:
                return route, path[len(head) :].lstrip("/")
        return None

    def access_lists(self) -> AccessLists | None:
        """The lists of acl.conf."""
        found = self._system.services.get(ACCESS_LISTS)
        return found if isinstance(found, AccessLists) else None

    # -- what people see ---------------------------------------------------------------------------------------------

    @property
    def server_name(self) -> str:
        """The Server header: Asterisk's, unless ``servername`` says otherwise."""
        return self.settings.general.servername or f"Asterisk/{ASTERISK_VERSION}"

    @property
    def addresses(self) -> tuple[Address | None, Address | None]:
        """Where HTTP and HTTPS are bound."""
        plain = self._plain.local_address if self._plain is not None else None
        return plain, self._secure.local_address if self._secure is not None else None

    def describe(self) -> dict[str, object]:
        """Counters for the CLI."""
        return self._connections.describe() if self._connections is not None else {}


def _text(address: Address) -> str:
    return f"[{address[0]}]:{address[1]}" if ":" in address[0] else f"{address[0]}:{address[1]}"
