"""The package ``message-summary`` (RFC 3842): phones that ask for the state of the mailboxes of an aor."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from globstar.base.log import Logger
from globstar.core.mailboxes import mailbox_name
from globstar.modules.channels.pjsip.pubsub.bodies import message_summary
from globstar.modules.channels.pjsip.pubsub.package import EventPackage, Resource

if TYPE_CHECKING:
    from globstar.modules.channels.pjsip.driver import PjsipDriver
    from globstar.modules.channels.pjsip.endpoint import EndpointObject
    from globstar.proto.sip.message import Request

logger = Logger("res_pjsip_mwi")


def mailbox_names(text: str) -> tuple[str, ...]:
    """The names in ``mailboxes=100@default,101``, each once."""
    return tuple(dict.fromkeys(mailbox_name(part) for part in text.split(",") if part.strip()))


def account_uri(extension: str, local: str) -> str:
    """Message-Account: the extension at the host of ``local``; empty without an extension."""
    if not extension:
        return ""
    scheme, _, rest = local.partition(":")
    return f"{scheme}:{extension}@{rest.rpartition('@')[2]}"


@dataclass(slots=True, eq=False)
class _Watch:
    """A resource that follows mailboxes."""

    resource: Resource
    mailboxes: tuple[str, ...]
    extension: str

    def changed(self, mailbox: str) -> None:
        """See globstar.core.mailboxes.Watcher."""
        self.resource.changed()


class MessageSummaryPackage(EventPackage):
    """``message-summary``."""

    event = "message-summary"
    types = (message_summary.CONTENT_TYPE,)

    def __init__(self, driver: PjsipDriver) -> None:
        super().__init__(driver)
        #: living subscriptions by endpoint and mailbox, which may take the place of what is sent unasked
        self.followed: dict[tuple[str, str], int] = {}

    def open(self, resource: Resource, endpoint: EndpointObject, request: Request | None) -> int:
        """Follow the mailboxes of the aor that is named, or of all of the endpoint's if none is."""
        settings = self.driver.settings
        names = (resource.name,) if resource.name else endpoint.aors
        aors = [aor for aor in map(settings.aors.get, names) if aor is not None]
        mailboxes = tuple(dict.fromkeys(name for aor in aors for name in mailbox_names(aor.mailboxes)))
        if not mailboxes:
            logger.notice(f"'{resource.name or endpoint.name}' has no mailboxes to subscribe to")
            return 404
        unasked = set(mailbox_names(endpoint.mailboxes))
        if unasked & set(mailboxes) and not endpoint.mwi_subscribe_replaces_unsolicited:
            logger.notice(f"Endpoint '{endpoint.name}' is told of {', '.join(sorted(unasked))} unasked; it may not subscribe")
            return 403
        extension = next((aor.voicemail_extension for aor in aors if aor.voicemail_extension), "")
        watch = _Watch(resource, mailboxes, extension or settings.globals.default_voicemail_extension)
        resource.data = watch
        for mailbox in mailboxes:
            self.driver.system.mailboxes.watch(mailbox, watch.changed)
            key = (endpoint.name, mailbox)
            self.followed[key] = self.followed.get(key, 0) + 1
        return 200

    def close(self, resource: Resource) -> None:
        """See EventPackage."""
        watch: _Watch = resource.data
        for mailbox in watch.mailboxes:
            self.driver.system.mailboxes.unwatch(mailbox, watch.changed)
            key = (resource.subscription.endpoint.name, mailbox)
            self.followed[key] -= 1
            if not self.followed[key]:
                del self.followed[key]

    def render(self, resource: Resource) -> bytes:
        """See EventPackage."""
        watch: _Watch = resource.data
        state = self.driver.system.mailboxes.total(watch.mailboxes)
        return message_summary.render(state.new, state.old, account_uri(watch.extension, resource.local))

    def describe(self, resource: Resource) -> dict[str, str]:
        """See EventPackage."""
        watch: _Watch = resource.data
        return {"SubscriptionType": "mwi", "Mailboxes": ",".join(watch.mailboxes)}
