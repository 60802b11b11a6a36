"""Subscriptions outlive a restart: each has a record in the AstDB, from which its dialog is made anew.

What changes with every NOTIFY is not written down: sequence numbers and versions of bodies may have gaps (RFC 3261 12.2.2,
RFC 4235 3.2), so after a restart both go on far above what can have been used.
"""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

from globstar.base.log import Logger
from globstar.proto.sip.dialog import Dialog
from globstar.proto.sip.errors import SipParseError
from globstar.proto.sip.flow import Flow
from globstar.proto.sip.message import Request
from globstar.proto.sip.notifier import event_of
from globstar.proto.sip.parser import parse
from globstar.proto.sip.uri import SipUri

if TYPE_CHECKING:
    from globstar.modules.channels.pjsip.pubsub.subscription import Subscription
    from globstar.modules.channels.pjsip.supplements.pubsub import PubSub
    from globstar.proto.sip.transaction import ServerTransaction

logger = Logger("res_pjsip_pubsub")

FAMILY = "subscription_persistence/subscription_persistence"
#: more than the NOTIFY requests of any subscription between two restarts
GAP = 1 << 16


class SubscriptionRecords:
    """The records of all subscriptions."""

    def __init__(self, owner: PubSub) -> None:
        self._owner = owner
        self.restored = 0

    def save(self, subscription: Subscription, transaction: ServerTransaction) -> None:
        """Write down a subscription that began or was renewed."""
        dialog = subscription.notifier.dialog
        if dialog is None:
            return
        flow = transaction.flow
        if not subscription.record:
            subscription.record = self._owner.driver.sip.new_call_id()
            subscription.packet = str(transaction.request)
        record = {
            "packet": subscription.packet,
            "src_name": flow.host,
            "src_port": str(flow.port),
            "transport_key": flow.transport.label,
            "local_name": flow.transport.host,
            "local_port": str(flow.transport.port),
            "cseq": str(dialog.local_cseq),
            "tag": dialog.local_tag,
            "endpoint": subscription.endpoint.name,
            "expires": str(int(self._owner.driver.system.wall_time() + subscription.notifier.remaining)),
            "contact_uri": str(dialog.remote_target),
            "prune_on_boot": "yes" if flow.transport.reliable else "no",
            "generator_data": json.dumps({"version": str(subscription.version)}),
            "remote_cseq": str(dialog.remote_cseq or 0),
        }
        self._owner.driver.system.database.put(FAMILY, subscription.record, json.dumps(record, separators=(",", ":")))

    def remove(self, subscription: Subscription) -> None:
        """A subscription is over."""
        if subscription.record:
            self._owner.driver.system.database.delete(FAMILY, subscription.record)

    def restore(self) -> list[Subscription]:
        """The subscriptions that still live, made anew and not told yet; what makes no sense is removed."""
        found: list[Subscription] = []
        database = self._owner.driver.system.database
        for key, text in list(database.tree(FAMILY)):
            name = key.removeprefix(f"/{FAMILY}/")
            try:
                subscription = self._restore(name, json.loads(text))
            except (ValueError, TypeError, LookupError, AttributeError, SipParseError) as error:
                logger.warning(f"AstDB: the subscription {name} cannot be read ({error}) and is removed")
                subscription = None
            if subscription is None:
                database.delete(FAMILY, name)
            else:
                found.append(subscription)
        self.restored = len(found)
        return found

    def _restore(self, name: str, record: dict[str, Any]) -> Subscription | None:
        owner, driver = self._owner, self._owner.driver
        left = int(record["expires"]) - int(self._owner.driver.system.wall_time())
        endpoint = driver.settings.endpoints.get(str(record["endpoint"]))
        bound = driver.transports.get(str(record["transport_key"]))
        if left <= 0 or endpoint is None or bound is None or record.get("prune_on_boot") == "yes":
            return None
        request = parse(str(record["packet"]).encode("utf-8", "surrogateescape"))
        if not isinstance(request, Request):
            return None
        event, event_id = event_of(request.get("Event") or "")
        package = owner.packages.get(event)
        content_type = package.choose_type(owner.accepted(request)) if package is not None else None
        if package is None or content_type is None or not endpoint.allow_subscribe:
            return None
        subscription = owner.make(endpoint, package, content_type, request)
        subscription.record, subscription.packet = name, str(record["packet"])
        if subscription.open(None) != 200:
            return None
        data = json.loads(record.get("generator_data") or "{}")
        subscription.version = int(data.get("version") or 0) + GAP
        subscription.notifier = owner.new_notifier(subscription, event, event_id)
        flow = Flow(bound.transport, str(record["src_name"]), int(record["src_port"]))
        contact = driver.transports.contact(flow.transport, endpoint.contact_user, flow.host)
        try:
            dialog = Dialog.as_uas(
                request, str(record["tag"]), flow, contact, subscription.notifier, int(record["cseq"]) + GAP,
                rewrite_contact=endpoint.rewrite_contact,
            )  # fmt: skip
            dialog.remote_target = SipUri.parse(str(record["contact_uri"]))
        except SipParseError:
            subscription.close()
            raise
        dialog.remote_cseq = int(record.get("remote_cseq") or 0)
        subscription.notifier.resume(dialog, left)
        return subscription
