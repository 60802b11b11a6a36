"""PUBLISH as a server (RFC 3903): event state that others keep here, known by entity tags, each with its end."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, ClassVar

from globstar.base.log import Logger
from globstar.proto.sip.errors import SipParseError
from globstar.proto.sip.notifier import event_of

if TYPE_CHECKING:
    from globstar.modules.channels.pjsip.driver import PjsipDriver
    from globstar.modules.channels.pjsip.endpoint import EndpointObject
    from globstar.proto.sip.transaction import ServerTransaction

logger = Logger("res_pjsip_pubsub")

DEFAULT_EXPIRES = 3600
#: Shortest and longest life that is granted, seconds.
MIN_EXPIRES = 1
MAX_EXPIRES = 86400
#: Publications that are kept; more are refused with 503.
MAX_PUBLICATIONS = 10000


class Publication:
    """The state that one publisher keeps here. ``data`` is the handler's own."""

    __slots__ = ("data", "endpoint", "entity_tag", "handler", "resource", "timer")

    def __init__(self, handler: PublicationHandler, resource: str, endpoint: EndpointObject) -> None:
        self.handler = handler
        self.resource = resource
        self.endpoint = endpoint
        self.entity_tag = ""
        self.timer: asyncio.TimerHandle | None = None
        self.data: object = None


class PublicationHandler:
    """Takes the state of one event."""

    event: ClassVar[str] = ""
    content_type: ClassVar[str] = ""

    def __init__(self, driver: PjsipDriver) -> None:
        self.driver = driver

    def may_publish(self, handler_name: str) -> bool:
        """Whether the object that ``event_NAME=`` of the inbound-publication names takes this event."""
        return True

    def apply(self, publication: Publication, handler_name: str, body: bytes) -> int:
        """Take a body: 200, or the status that refuses it."""
        raise NotImplementedError

    def ended(self, publication: Publication) -> None:
        """The publisher took its state back, or it has expired."""


class Publications:
    """The event state compositor."""

    def __init__(self, driver: PjsipDriver) -> None:
        self._driver = driver
        self._handlers: dict[str, PublicationHandler] = {}
        self.by_tag: dict[str, Publication] = {}
        self.counters = dict.fromkeys(("accepted", "refused", "expired"), 0)

    def add_handler(self, handler: PublicationHandler) -> None:
        """Take publications of an event."""
        self._handlers[handler.event] = handler

    def close(self) -> None:
        """Stop the timers."""
        for publication in self.by_tag.values():
            if publication.timer is not None:
                publication.timer.cancel()
        self.by_tag.clear()

    def receive(self, endpoint: EndpointObject, transaction: ServerTransaction) -> None:
        """Answer a PUBLISH."""
        status = self._receive(endpoint, transaction)
        self.counters["accepted" if status == 200 else "refused"] += 1
        if not transaction.is_answered:
            transaction.respond(status)

    def _receive(self, endpoint: EndpointObject, transaction: ServerTransaction) -> int:
        request = transaction.request
        event, _ = event_of(request.get("Event") or "")
        handler = self._handlers.get(event)
        if handler is None:
            return 489
        resource = request.uri.user or ""
        config = self._driver.settings.inbound_publications.get(resource)
        if config is None:
            return 404
        if config.endpoint and config.endpoint != endpoint.name:
            return 403
        handler_name = config.events.get(event)
        if handler_name is None or not handler.may_publish(handler_name):
            return 489
        try:
            expires = request.expires
        except SipParseError:
            return 400
        if expires is None:
            expires = DEFAULT_EXPIRES
        if 0 < expires < MIN_EXPIRES:
            transaction.respond(423, headers=[("Min-Expires", str(MIN_EXPIRES))])
            return 423
        expires = min(expires, MAX_EXPIRES)
        tag = (request.get("SIP-If-Match") or "").strip()
        publication = self.by_tag.get(tag) if tag else None
        if tag and (publication is None or (publication.endpoint is not endpoint and publication.endpoint.name != endpoint.name)
                    or publication.resource != resource or publication.handler is not handler):  # fmt: skip
            return 412
        if not tag and (not request.body or not expires):
            return 400
        if request.body and expires:
            kind = request.content_type
            if kind is None or kind.value.lower() != handler.content_type:
                transaction.respond(415, headers=[("Accept", handler.content_type)])
                return 415
        if publication is None:
            if len(self.by_tag) >= MAX_PUBLICATIONS:
                return 503
            publication = Publication(handler, resource, endpoint)
        if request.body and expires:
            status = handler.apply(publication, handler_name, request.body)
            if status != 200:
                return status
        self._renew(publication, expires)
        transaction.respond(200, headers=[("Expires", str(expires)), ("SIP-ETag", publication.entity_tag)])
        return 200

    def _renew(self, publication: Publication, expires: int) -> None:
        """Give it a new entity tag and its end (RFC 3903 6 step 6)."""
        self.by_tag.pop(publication.entity_tag, None)
        if publication.timer is not None:
            publication.timer.cancel()
            publication.timer = None
        publication.entity_tag = f"{self._driver.rng.getrandbits(64):016x}"
        if expires:
            self.by_tag[publication.entity_tag] = publication
            publication.timer = self._driver.system.loop.call_later(expires, self._expired, publication)
        else:
            publication.handler.ended(publication)

    def _expired(self, publication: Publication) -> None:
        publication.timer = None
        if self.by_tag.pop(publication.entity_tag, None) is not None:
            self.counters["expired"] += 1
            publication.handler.ended(publication)
