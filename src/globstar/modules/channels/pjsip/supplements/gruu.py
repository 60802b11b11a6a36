"""Globally routable user agent URIs (RFC 5627): URIs that lead to one phone of an aor and not to its others.

A public one is the aor's URI with the phone's instance as ``gr``; a temporary one hides whose it is, and each registration gets
another. A call to either runs the aor's extension, and from there ``Dial`` reaches that phone only.
"""

from __future__ import annotations

from collections import deque
from typing import TYPE_CHECKING

from globstar.base.log import Logger
from globstar.modules.channels.pjsip.outgoing import INSTANCE
from globstar.modules.channels.pjsip.supplement import Supplement
from globstar.proto.sip.grammar import quote
from globstar.proto.sip.uri import SipUri

if TYPE_CHECKING:
    from globstar.core.channel import Channel
    from globstar.modules.channels.pjsip.contacts import Contact
    from globstar.modules.channels.pjsip.driver import PjsipDriver
    from globstar.modules.channels.pjsip.endpoint import EndpointObject
    from globstar.modules.channels.pjsip.leg import Leg
    from globstar.modules.channels.pjsip.objects import AorObject
    from globstar.proto.sip.message import Request
    from globstar.proto.sip.transaction import ServerTransaction

logger = Logger("res_pjsip_registrar")

#: Temporary URIs of one phone that still lead to it; older ones do not.
KEPT_PER_PHONE = 16
PREFIX = "tgruu."


class Gruu(Supplement):
    """Makes GRUUs for aors with ``support_gruu=yes`` and leads requests for them to their phone."""

    module = "res_pjsip_registrar"
    priority = 20

    def __init__(self, driver: PjsipDriver) -> None:
        super().__init__(driver)
        #: temporary user parts to aor, instance and the public URI
        self._temporary: dict[str, tuple[str, str, SipUri]] = {}
        self._by_phone: dict[tuple[str, str], deque[str]] = {}

    def contact_params(self, aor: AorObject, contact: Contact, request: Request) -> str:
        """RFC 5627 5.3: for phones that say that they know GRUUs."""
        if not aor.support_gruu or not contact.instance or not request.supports("gruu"):
            return ""
        to = request.to.uri
        phone = (aor.name, contact.instance)
        public = SipUri(to.scheme, to.user, host=to.host, port=to.port)
        public = public.with_params(public.params.replace("gr", contact.instance))
        user = f"{PREFIX}{self.driver.rng.getrandbits(96):024x}"
        temporary = SipUri(to.scheme, user, host=to.host, port=to.port)
        temporary = temporary.with_params(temporary.params.replace("gr", None))
        users = self._by_phone.setdefault(phone, deque())
        if len(users) >= KEPT_PER_PHONE:
            del self._temporary[users.popleft()]
        users.append(user)
        self._temporary[user] = (*phone, public)
        instance = quote(f"<{contact.instance}>")
        return f";pub-gruu={quote(str(public))};temp-gruu={quote(str(temporary))};+sip.instance={instance}"

    def contact_changed(self, contact: Contact, is_new: bool) -> None:
        """RFC 5627 3.1.2: temporary ones end with the last registration of their phone."""
        phone = (contact.aor, contact.instance)
        if is_new or phone not in self._by_phone:
            return
        if not any(other.instance == contact.instance for other in self.driver.contacts.registered(contact.aor)):
            for user in self._by_phone.pop(phone):
                del self._temporary[user]

    def request_received(self, endpoint: EndpointObject, transaction: ServerTransaction) -> bool:
        """RFC 5627 5.5: a request to a GRUU is for the aor's extension; without its phone it fails."""
        request = transaction.request
        uri = request.uri
        if not uri.is_sip or not uri.params.has("gr") or request.method == "REGISTER":
            return False
        if uri.params.get("gr") == "":
            known = self._temporary.get(uri.user or "")
            if known is None:
                transaction.respond(404)
                return True
            request.uri = known[2]
            return False
        names = (f"{uri.user}@{uri.host}", uri.user or "")
        instance = uri.params.get("gr")
        if not any(contact.instance == instance for name in names for contact in self.driver.contacts.contacts(name)):
            transaction.respond(480)
            return True
        return False

    def channel_created(self, leg: Leg, channel: Channel) -> None:
        """What this call dials is that phone."""
        request = leg.request
        if leg.is_caller or request is None:
            return
        instance = request.uri.params.get("gr") if request.uri.is_sip else None
        if instance:
            channel.data[INSTANCE] = instance

    def describe(self) -> dict[str, object]:
        """For the CLI."""
        return {"phones with GRUU": len(self._by_phone), "temporary GRUUs": len(self._temporary)}
