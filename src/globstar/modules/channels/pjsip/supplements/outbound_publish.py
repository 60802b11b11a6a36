"""Publishing states at other servers (``type=outbound-publish``, RFC 3903 as a client).

Other supplements use it: :func:`publisher` finds it, :meth:`OutboundPublish.clients` gives the configured targets of an
event package, and :meth:`PublishClient.publish` sends a state to one of them.
"""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from globstar.base.log import Logger
from globstar.modules.channels.pjsip.authenticate import OutboundCredentials
from globstar.modules.channels.pjsip.exchange import Exchange, Outcome, credentials_of, until_idle, way_to
from globstar.modules.channels.pjsip.objects_outbound import OutboundPublishObject
from globstar.modules.channels.pjsip.readers import proxy_routes
from globstar.modules.channels.pjsip.supplement import Supplement
from globstar.proto.sip.errors import SipParseError
from globstar.proto.sip.headers.address import NameAddr
from globstar.proto.sip.message import Header
from globstar.proto.sip.uri import SipUri

if TYPE_CHECKING:
    from globstar.modules.channels.pjsip.driver import PjsipDriver
    from globstar.modules.channels.pjsip.settings import PjsipSettings

logger = Logger("res_pjsip_outbound_publish")

#: Bodies that wait for the answer to the one before; the oldest is dropped.
MAX_WAITING = 256
#: Publications of one client with multi_user.
MAX_USERS = 10000
#: Seconds before the end of a publication that it is refreshed, and bounds of the pause after a failure.
REFRESH_MARGIN = 10.0
FIRST_RETRY, LAST_RETRY = 30.0, 300.0
SHUTDOWN_PATIENCE = 1.0


@dataclass(frozen=True, slots=True)
class Body:
    """A state as it is published."""

    data: bytes
    content_type: str


class Publication:
    """The state of one resource at the server: its entity tag, its end, and what waits to be told."""

    def __init__(self, client: PublishClient, user: str) -> None:
        self.client = client
        self.user = user
        self.etag = ""
        self.expires_at: float | None = None
        self.last: Body | None = None
        self.sent = self.failed = self.dropped = 0
        self._expiration = client.config.expiration
        self._waiting: deque[Body] = deque()
        self._exchange: Exchange | None = None
        self._timer: asyncio.TimerHandle | None = None
        self._pause = FIRST_RETRY
        self._is_ending = False
        self._call_id = client.driver.sip.new_call_id()
        self._cseq = client.driver.sip.first_cseq()
        self._in_flight: Body | None = None

    @property
    def is_busy(self) -> bool:
        """Whether an answer is waited for."""
        return self._exchange is not None

    def publish(self, body: Body, *, only_latest: bool) -> None:
        """Send a state; while another is on its way it waits, and with ``only_latest`` replaces what waits."""
        self._is_ending = False
        if only_latest:
            self._waiting.clear()
        if len(self._waiting) >= MAX_WAITING:
            self._waiting.popleft()
            self.dropped += 1
        self._waiting.append(body)
        self._next()

    def end(self) -> None:
        """Withdraw what is published (Expires: 0)."""
        self._waiting.clear()
        self._is_ending = True
        self._cancel_timer()
        if not self.is_busy and self.etag:
            self._send(None, 0)

    def close(self) -> None:
        """Forget everything without a word to the server."""
        self._cancel_timer()
        self._waiting.clear()
        if self._exchange is not None:
            self._exchange.cancel()
            self._exchange = None

    def _cancel_timer(self) -> None:
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None

    def _next(self) -> None:
        if self.is_busy:
            return
        if self._is_ending:
            if self.etag:
                self._send(None, 0)
        elif self._waiting:
            self._send(self._waiting.popleft(), self._expiration)

    def _send(self, body: Body | None, expires: int) -> None:
        self._cancel_timer()
        driver, client = self.client.driver, self.client
        try:
            uri, from_, to, routes = client.addresses(self.user)
        except SipParseError as error:
            logger.error(f"outbound-publish '{client.config.name}': {error}")
            return
        flow = way_to(driver, uri, client.config.transport, routes)
        if flow is None:
            logger.warning(f"outbound-publish '{client.config.name}': no transport leads to {uri}")
            self._retry_later(0)
            return
        headers: list[Header] = [("Event", client.config.event), ("Expires", str(expires))]
        if self.etag:
            headers.append(("SIP-If-Match", self.etag))
        request = driver.sip.new_request(
            "PUBLISH", uri, from_=from_, to=to, headers=headers, routes=routes, call_id=self._call_id, cseq=self._cseq,
            body=body.data if body is not None else b"", content_type=body.content_type if body is not None else "",
        )  # fmt: skip
        self._in_flight = body
        self._exchange = Exchange(driver, self._settled, client.credentials(), max_rounds=client.config.max_auth_attempts)
        self.sent += 1
        driver.sip.send_request(request, flow, self._exchange)

    def _settled(self, outcome: Outcome) -> None:
        """RFC 3903 4: success carries an entity tag, 412 means that ours is not known any more, 423 asks for more time."""
        self._exchange = None
        self.client.settled.set()
        self._cseq = outcome.request.cseq.number + 1
        body, self._in_flight = self._in_flight, None
        if body is not None:
            self.last = body
        if 200 <= outcome.status < 300:
            self._succeeded(outcome)
        elif outcome.status == 412 and self.etag:
            self.etag = ""
            if not self._is_ending and self.last is not None and not self._waiting:
                self._waiting.append(self.last)
            self._next()
        elif outcome.status == 423 and outcome.min_expires > self._expiration and not self._is_ending:
            self._expiration = outcome.min_expires
            if body is not None:
                self._waiting.appendleft(body)
                self._next()
            else:
                self._send(None, self._expiration)
        else:
            self._failed(outcome)

    def _succeeded(self, outcome: Outcome) -> None:
        response, driver = outcome.response, self.client.driver
        assert response is not None
        self._pause = FIRST_RETRY
        if outcome.request.get("Expires") == "0":
            self.etag, self.expires_at = "", None
            self._next()
            return
        self.etag = response.get("SIP-ETag") or ""
        try:
            life = response.expires
        except SipParseError:
            life = None
        granted = float(life if life else self._expiration)
        now = driver.system.now()
        self.expires_at = now + granted
        self._timer = driver.system.loop.call_at(now + max(granted - REFRESH_MARGIN, granted / 2, 1.0), self._refresh)
        self._next()

    def _refresh(self) -> None:
        """Tell the server that the state still holds: no body with an entity tag (RFC 3903 4.1)."""
        self._timer = None
        if not self.is_busy and not self._is_ending:
            self._send(None if self.etag else self.last, self._expiration)
            self.client.driver.drain()

    def _failed(self, outcome: Outcome) -> None:
        self.failed += 1
        self.etag, self.expires_at = "", None
        logger.warning(
            f"outbound-publish '{self.client.config.name}': {outcome.status} {outcome.reason} for PUBLISH to "
            f"'{self.client.config.server_uri}'"
        )
        if not self._is_ending:
            self._retry_later(outcome.retry_after)

    def _retry_later(self, retry_after: int) -> None:
        """The last state is sent again after a pause that doubles; what waits was older or comes then."""
        pause = max(self._pause, float(retry_after))
        self._pause = min(self._pause * 2, LAST_RETRY)
        self._cancel_timer()
        self._timer = self.client.driver.system.loop.call_later(pause, self._try_again)

    def _try_again(self) -> None:
        self._timer = None
        if not self._waiting and self.last is not None:
            self._waiting.append(self.last)
        self._next()
        self.client.driver.drain()


class PublishClient:
    """One ``outbound-publish`` object at work."""

    def __init__(self, driver: PjsipDriver, config: OutboundPublishObject, settled: asyncio.Event) -> None:
        self.driver = driver
        self.config = config
        self.settled = settled
        self.publications: dict[str, Publication] = {}
        self._credentials = credentials_of(driver.settings, config.outbound_auth)

    @property
    def name(self) -> str:
        """The object's name."""
        return self.config.name

    @property
    def event(self) -> str:
        """The event package."""
        return self.config.event

    def credentials(self) -> OutboundCredentials | None:
        """What answers challenges."""
        return self._credentials

    def addresses(self, user: str) -> tuple[SipUri, NameAddr, NameAddr, tuple[NameAddr, ...]]:
        """Request-URI, From, To and Route; with multi_user the user is put into the URIs. Raises SipParseError."""
        config = self.config
        uri = SipUri.parse(config.server_uri)
        from_ = SipUri.parse(config.from_uri or config.server_uri)
        to = SipUri.parse(config.to_uri or config.server_uri)
        if config.multi_user and user:
            uri, from_, to = (replace(one, user=user) for one in (uri, from_, to))
        return uri, NameAddr(from_), NameAddr(to), proxy_routes(config.outbound_proxy)

    def publish(self, body: bytes, content_type: str, *, user: str = "", only_latest: bool = False) -> bool:
        """Publish a state; with ``multi_user`` that of ``user``. Every body is sent unless ``only_latest``.

        False when there are too many users.
        """
        key = user if self.config.multi_user else ""
        publication = self.publications.get(key)
        if publication is None:
            if len(self.publications) >= MAX_USERS:
                return False
            publication = self.publications[key] = Publication(self, key)
        publication.publish(Body(body, content_type), only_latest=only_latest)
        self.driver.output_pending()
        return True

    def withdraw(self, user: str = "") -> None:
        """End what is published (for ``user``)."""
        publication = self.publications.get(user if self.config.multi_user else "")
        if publication is not None:
            publication.end()
            self.driver.output_pending()

    def close(self) -> None:
        """Forget all publications."""
        for publication in self.publications.values():
            publication.close()
        self.publications.clear()


class OutboundPublish(Supplement):
    """The clients of all ``outbound-publish`` objects. ``on_change`` listeners hear that they were read anew."""

    module = "res_pjsip_outbound_publish"
    #: before those who publish
    priority = 50

    def __init__(self, driver: PjsipDriver) -> None:
        super().__init__(driver)
        self._clients: dict[str, PublishClient] = {}
        self.settled = asyncio.Event()
        self.on_change: list[Callable[[], None]] = []

    def client(self, name: str) -> PublishClient | None:
        """The client called ``name``."""
        return self._clients.get(name)

    def clients(self, event: str) -> list[PublishClient]:
        """The clients of an event package."""
        return [client for client in self._clients.values() if client.event.lower() == event.lower()]

    def configure(self, settings: PjsipSettings) -> None:
        """Objects that did not change keep their publications."""
        old, self._clients = self._clients, {}
        for name, config in settings.publishes.items():
            known = old.pop(name, None)
            if known is not None and known.config == config:
                known.config = config
                known._credentials = credentials_of(settings, config.outbound_auth)
                self._clients[name] = known
                continue
            if known is not None:
                old[name] = known
            if _is_complete(config):
                self._clients[name] = PublishClient(self.driver, config, self.settled)
        for client in old.values():
            for publication in client.publications.values():
                publication.end()
        for listener in self.on_change:
            listener()

    async def stop(self) -> None:
        """Withdraw everything, and wait shortly for the answers."""
        open_ones = [p for client in self._clients.values() for p in client.publications.values() if p.etag or p.is_busy]
        for publication in open_ones:
            publication.end()
        self.driver.drain()
        if not await until_idle(lambda: any(one.is_busy for one in open_ones), self.settled, SHUTDOWN_PATIENCE):
            logger.notice("not every server has answered that our publication ends")
        for client in self._clients.values():
            client.close()

    def describe(self) -> dict[str, object]:
        """For the CLI."""
        every = [p for client in self._clients.values() for p in client.publications.values()]
        return {
            "publish clients": len(self._clients),
            "publications": len(every),
            "PUBLISH sent": sum(p.sent for p in every),
            "PUBLISH failed": sum(p.failed for p in every),
            "states dropped": sum(p.dropped for p in every),
        }


def _is_complete(config: OutboundPublishObject) -> bool:
    for option in ("server_uri", "event"):
        if not getattr(config, option):
            logger.error(f"outbound-publish '{config.name}' has no {option} and is not used")
            return False
    return True


def publisher(driver: PjsipDriver) -> OutboundPublish | None:
    """The publisher of a driver; None when its module is left out."""
    return next((one for one in driver.supplements if isinstance(one, OutboundPublish)), None)
