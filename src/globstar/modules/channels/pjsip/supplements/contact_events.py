"""What is told about contacts and endpoints: ContactStatus, PeerStatus; and the end of contacts with their connection."""

from __future__ import annotations

from typing import TYPE_CHECKING

from globstar.base.log import Logger
from globstar.core.events import ContactStatusChanged, PeerStatusChanged
from globstar.core.testevents import tell_state
from globstar.modules.channels.pjsip.contacts import ContactStatus
from globstar.modules.channels.pjsip.supplement import Supplement

if TYPE_CHECKING:
    from globstar.modules.channels.pjsip.contacts import Contact
    from globstar.modules.channels.pjsip.driver import PjsipDriver
    from globstar.modules.channels.pjsip.settings import PjsipSettings
    from globstar.proto.sip.flow import Flow

logger = Logger("res_pjsip")

#: the words of the events
WORDS = {
    ContactStatus.CREATED: "NonQualified",
    ContactStatus.UNQUALIFIED: "NonQualified",
    ContactStatus.UNKNOWN: "NonQualified",
    ContactStatus.AVAILABLE: "Reachable",
    ContactStatus.UNAVAILABLE: "Unreachable",
    ContactStatus.REMOVED: "Removed",
}


class ContactEvents(Supplement):
    """Publishes changes of contacts, and of endpoints that become reachable or not with them."""

    module = "chan_pjsip"
    #: before those that act on what is told
    priority = 10

    def __init__(self, driver: PjsipDriver) -> None:
        super().__init__(driver)
        self._online: set[str] = set()
        self._by_connection: dict[object, set[Contact]] = {}
        self._connections: dict[Contact, object] = {}

    def is_online(self, endpoint: str) -> bool:
        """Whether an endpoint has a contact that may be reached."""
        return endpoint in self._online

    def configure(self, settings: PjsipSettings) -> None:
        """Endpoints that came or went with a reload are not events; others may change with their fixed contacts."""
        self._online.intersection_update(settings.endpoints)
        for endpoint in settings.endpoints:
            self._look_at(endpoint)

    async def start(self) -> None:
        """Registrations that outlived a restart are there now."""
        for endpoint in self.driver.settings.endpoints:
            self._look_at(endpoint)

    # -- contacts ----------------------------------------------------------------------------------------------------

    def contact_changed(self, contact: Contact, is_new: bool) -> None:
        """A registration began or ended."""
        self._follow(contact, is_new)
        state = "AOR_CONTACT_ADDED" if is_new else "AOR_CONTACT_REMOVED"
        tell_state(self.driver.system, state, Contact=contact.uri, AOR=contact.aor, UserAgent=contact.user_agent)
        self._endpoints_of(contact)
        self._tell(contact, WORDS[contact.status])

    def contact_refreshed(self, contact: Contact) -> None:
        """Told when send_contact_status_on_update_registration wants it."""
        self._follow(contact, True)
        tell_state(self.driver.system, "AOR_CONTACT_REFRESHED", Contact=contact.uri, AOR=contact.aor)
        if self.driver.settings.globals.send_contact_status_on_update_registration:
            self._tell(contact, "Updated")

    def contact_status_changed(self, contact: Contact) -> None:
        """It answers OPTIONS, or does so no more."""
        word = WORDS[contact.status]
        tell_state(self.driver.system, "AOR_CONTACT_QUALIFY_RESULT", Contact=contact.uri, AOR=contact.aor, Result=word)
        tell_state(self.driver.system, "AOR_CONTACT_UPDATE", Contact=contact.uri, AOR=contact.aor, Status=word)
        self._endpoints_of(contact)
        self._tell(contact, WORDS[contact.status])

    def _tell(self, contact: Contact, word: str) -> None:
        if self.driver.system.bus.listeners(ContactStatusChanged):
            fields = {
                "URI": contact.uri,
                "ContactStatus": word,
                "AOR": contact.aor,
                "EndpointName": contact.endpoint or next((e.name for e in self.driver.endpoints_of(contact.aor)), ""),
                "RoundtripUsec": str(round((contact.round_trip or 0.0) * 1_000_000)) if word != "Removed" else "0",
            }
            self.driver.system.bus.publish(ContactStatusChanged("PJSIP", fields))

    # -- endpoints ---------------------------------------------------------------------------------------------------

    def _endpoints_of(self, contact: Contact) -> None:
        for endpoint in self.driver.endpoints_of(contact.aor):
            self._look_at(endpoint.name)

    def _look_at(self, name: str) -> None:
        endpoint = self.driver.settings.endpoints[name]
        contacts = self.driver.contacts.contacts
        is_online = any(contact.is_usable for aor in endpoint.aors for contact in contacts(aor))
        if is_online == (name in self._online):
            return
        if is_online:
            self._online.add(name)
        else:
            self._online.discard(name)
        word = "Reachable" if is_online else "Unreachable"
        logger.verbose(2, f"Endpoint {name} is now {word}")
        if self.driver.system.bus.listeners(PeerStatusChanged):
            self.driver.system.bus.publish(PeerStatusChanged("PJSIP", f"PJSIP/{name}", word))
        self.driver.system.device_states.look_now(f"PJSIP/{name}")

    # -- connections -------------------------------------------------------------------------------------------------

    def _follow(self, contact: Contact, is_there: bool) -> None:
        """Keep which contacts end with which connection."""
        flow = contact.flow
        connection = flow.connection if is_there and contact.prune_on_boot and flow is not None else None
        before = self._connections.pop(contact, None)
        if before is not None and before != connection:
            contacts = self._by_connection.get(before)
            if contacts is not None:
                contacts.discard(contact)
                if not contacts:
                    del self._by_connection[before]
        if connection is not None:
            self._connections[contact] = connection
            self._by_connection.setdefault(connection, set()).add(contact)

    def connection_lost(self, flow: Flow) -> None:
        """Who registered over it cannot be reached any more."""
        for contact in self._by_connection.pop(flow.connection, ()):
            logger.verbose(3, f"Removed contact '{contact.uri}' from AOR '{contact.aor}' as its connection is closed")
            self.driver.contacts.remove(contact)

    def describe(self) -> dict[str, object]:
        """For the CLI."""
        return {"endpoints online": len(self._online), "connections with contacts": len(self._by_connection)}
