"""Message waiting (RFC 3842): asked for by subscription, told unasked, and heard of from other servers."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterable
from typing import TYPE_CHECKING

from globstar.base.log import Logger
from globstar.core import events
from globstar.core.testevents import tell_state
from globstar.modules.channels.pjsip.outgoing import Target, route
from globstar.modules.channels.pjsip.pubsub.bodies import message_summary
from globstar.modules.channels.pjsip.pubsub.message_summary import MessageSummaryPackage, account_uri, mailbox_names
from globstar.modules.channels.pjsip.pubsub.outside import send_to_contact
from globstar.modules.channels.pjsip.pubsub.owners import PackageOwner
from globstar.modules.channels.pjsip.pubsub.package import EventPackage
from globstar.modules.channels.pjsip.refer import EVENTS
from globstar.modules.channels.pjsip.supplements.pubsub import PubSub
from globstar.proto.sip.flow import bracket
from globstar.proto.sip.message import Header
from globstar.proto.sip.notifier import event_of

if TYPE_CHECKING:
    from globstar.modules.channels.pjsip.contacts import Contact
    from globstar.modules.channels.pjsip.driver import PjsipDriver
    from globstar.modules.channels.pjsip.endpoint import EndpointObject
    from globstar.modules.channels.pjsip.settings import PjsipSettings
    from globstar.proto.sip.transaction import ServerTransaction

logger = Logger("res_pjsip_mwi")

#: At the start so many contacts are told at once, then so many seconds pass.
BATCH = 50
BATCH_PAUSE = 0.1

_HEADERS: tuple[Header, ...] = (("Subscription-State", "terminated"), ("Event", "message-summary"), EVENTS)


class MessageWaiting(PackageOwner):
    """Offers the package ``message-summary`` and tells endpoints with ``mailboxes`` without being asked."""

    module = "res_pjsip_mwi"

    def __init__(self, driver: PjsipDriver) -> None:
        super().__init__(driver)
        self.package: MessageSummaryPackage | None = None
        self.sent = 0
        self._by_mailbox: dict[str, list[EndpointObject]] = {}
        self._by_aor: dict[str, list[EndpointObject]] = {}
        #: what is told as soon as the running callback is over
        self._pending: dict[tuple[str, str], tuple[EndpointObject, Contact | None, tuple[str, ...]]] = {}
        self._is_started = False
        self._unsubscribe: Callable[[], None] | None = None

    # -- life --------------------------------------------------------------------------------------------------------

    async def start(self) -> None:
        """See Supplement. Everybody is told once the system is up."""
        await super().start()
        self._is_started = True
        system = self.driver.system
        if system.is_booted:
            self._begin()
        else:
            self._unsubscribe = system.bus.subscribe(events.FullyBooted, lambda event: self._begin())

    async def stop(self) -> None:
        """See Supplement."""
        await super().stop()
        self._is_started = False
        if self._unsubscribe is not None:
            self._unsubscribe()
        self._pending.clear()
        for mailbox in self._by_mailbox:
            self.driver.system.mailboxes.unwatch(mailbox, self._mailbox_changed)
        self._by_mailbox, self._by_aor = {}, {}

    def packages(self, pubsub: PubSub) -> list[EventPackage]:
        """See PackageOwner."""
        if message_summary.MODULE in pubsub.left_out:
            return []
        if self.package is None:
            self.package = MessageSummaryPackage(self.driver)
        return [self.package]

    def configure(self, settings: PjsipSettings) -> None:
        """See Supplement."""
        mailboxes = self.driver.system.mailboxes
        for mailbox in self._by_mailbox:
            mailboxes.unwatch(mailbox, self._mailbox_changed)
        self._by_mailbox, self._by_aor = {}, {}
        for endpoint in settings.endpoints.values():
            names = mailbox_names(endpoint.mailboxes)
            for mailbox in names:
                self._by_mailbox.setdefault(mailbox, []).append(endpoint)
            if names:
                for aor in endpoint.aors:
                    self._by_aor.setdefault(aor, []).append(endpoint)
        for mailbox in self._by_mailbox:
            mailboxes.watch(mailbox, self._mailbox_changed)

    def _begin(self) -> None:
        if self._by_aor and not self.driver.settings.globals.mwi_disable_initial_unsolicited:
            self.driver.tasks.start(self._tell_all(), name="initial message waiting")

    async def _tell_all(self) -> None:
        """Tell every contact there is, some at a time."""
        told = 0
        for aor, endpoints in list(self._by_aor.items()):
            for contact in self.driver.contacts.contacts(aor):
                for endpoint in endpoints:
                    self._tell(endpoint, contact, mailbox_names(endpoint.mailboxes))
                    told += 1
                    if told % BATCH == 0:
                        await asyncio.sleep(BATCH_PAUSE)

    # -- what happens ------------------------------------------------------------------------------------------------

    def contact_changed(self, contact: Contact, is_new: bool) -> None:
        """A phone that registers is told, after its 200."""
        if is_new and self._is_started:
            for endpoint in self._by_aor.get(contact.aor, ()):
                self._soon(endpoint, contact, mailbox_names(endpoint.mailboxes))

    def _mailbox_changed(self, mailbox: str) -> None:
        if self._is_started:
            for endpoint in self._by_mailbox.get(mailbox, ()):
                self._soon(endpoint, None, (mailbox,))

    def _soon(self, endpoint: EndpointObject, contact: Contact | None, mailboxes: tuple[str, ...]) -> None:
        if not self._pending:
            self.driver.system.loop.call_soon(self._tell_pending)
        key = (endpoint.name, contact.id if contact is not None else "")
        before = self._pending.get(key)
        if before is not None:
            mailboxes = tuple(dict.fromkeys((*before[2], *mailboxes)))
        self._pending[key] = (endpoint, contact, mailboxes)

    def _tell_pending(self) -> None:
        pending, self._pending = self._pending, {}
        for endpoint, contact, mailboxes in pending.values():
            if contact is not None:
                self._tell(endpoint, contact, mailboxes)
                continue
            for aor in endpoint.aors:
                for one in self.driver.contacts.contacts(aor):
                    self._tell(endpoint, one, mailboxes)

    # -- NOTIFY ------------------------------------------------------------------------------------------------------

    def _tell(self, endpoint: EndpointObject, contact: Contact, changed: Iterable[str]) -> None:
        mailboxes = tuple(name for name in mailbox_names(endpoint.mailboxes) if not self._is_followed(endpoint, name))
        if not mailboxes or not contact.is_usable:
            return
        for group in [mailboxes] if endpoint.aggregate_mwi else [(name,) for name in changed if name in mailboxes]:
            state = self.driver.system.mailboxes.total(group)
            extension = endpoint.voicemail_extension or self.driver.settings.globals.default_voicemail_extension
            account = account_uri(extension, f"sip:{bracket(self._host(endpoint, contact))}") if extension else ""
            body = message_summary.render(state.new, state.old, account)
            self.sent += send_to_contact(
                self.driver, endpoint, contact, "NOTIFY", _HEADERS, body, message_summary.CONTENT_TYPE,
                from_user=endpoint.mwi_from_user,
            )  # fmt: skip

    def _is_followed(self, endpoint: EndpointObject, mailbox: str) -> bool:
        return (
            bool(endpoint.mwi_subscribe_replaces_unsolicited)
            and self.package is not None
            and (endpoint.name, mailbox) in self.package.followed
        )

    def _host(self, endpoint: EndpointObject, contact: Contact) -> str:
        if endpoint.from_domain:
            return endpoint.from_domain
        flow = route(self.driver, Target(endpoint, contact.parsed, contact))
        if flow is None:
            return contact.parsed.bare_host
        return self.driver.transports.local_address(flow.transport, flow.host)

    # -- from others -------------------------------------------------------------------------------------------------

    def request_received(self, endpoint: EndpointObject, transaction: ServerTransaction) -> bool:
        """A NOTIFY that nobody asked for sets the mailbox of ``incoming_mwi_mailbox``."""
        request = transaction.request
        if request.method != "NOTIFY" or event_of(request.get("Event") or "")[0] != "message-summary":
            return False
        system = self.driver.system
        if not endpoint.incoming_mwi_mailbox:
            tell_state(system, "PUBSUB_NO_INCOMING_MWI_MAILBOX", Endpoint=endpoint.name)
            return False
        counts = message_summary.parse(request.body)
        if counts is None:
            transaction.respond(400)
            return True
        transaction.respond(200)
        system.mailboxes.update(endpoint.incoming_mwi_mailbox, *counts, source=f"PJSIP/{endpoint.name}")
        tell_state(system, "PUBSUB_INCOMING_MWI_PUBLISH", Endpoint=endpoint.name, Mailbox=endpoint.incoming_mwi_mailbox)
        return True

    def describe(self) -> dict[str, object]:
        """See Supplement."""
        return {"unsolicited notifications": self.sent, "endpoints": sum(map(len, self._by_aor.values()))}
