"""Where endpoints can be reached: fixed contacts and registered ones, kept over restarts in the AstDB."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from enum import Enum

from globstar.base.log import Logger
from globstar.core.astdb import AstDb
from globstar.modules.channels.pjsip.objects import AorObject
from globstar.proto.sip.errors import SipParseError
from globstar.proto.sip.headers.address import NameAddr
from globstar.proto.sip.uri import SipUri

logger = Logger("res_pjsip_registrar")

FAMILY = "registrar/contact"


class ContactStatus(Enum):
    """What is known about a contact; the words are those of ``pjsip show contacts``."""

    CREATED = "Created"
    AVAILABLE = "Avail"
    UNAVAILABLE = "Unavail"
    UNQUALIFIED = "NonQual"
    UNKNOWN = "Unknown"
    REMOVED = "Removed"


@dataclass(slots=True, eq=False)
class Contact:
    """One contact of an aor. ``expires_wall`` is UTC seconds, None for a fixed one."""

    aor: str
    uri: str
    expires_wall: float | None = None
    path: tuple[str, ...] = ()
    user_agent: str = ""
    call_id: str = ""
    via_address: str = ""
    via_port: int = 0
    endpoint: str = ""
    #: the transport that it registered by
    transport: str = ""
    status: ContactStatus = ContactStatus.UNQUALIFIED
    #: round-trip time of the last answer to a qualify, seconds
    round_trip: float | None = None
    #: the uri without what does not tell contacts apart
    parsed: SipUri = field(default_factory=SipUri)
    hash: str = ""

    def __post_init__(self) -> None:
        self.parsed = SipUri.parse(self.uri)
        self.hash = hashlib.md5(self.uri.encode(), usedforsecurity=False).hexdigest()

    @property
    def is_fixed(self) -> bool:
        """Whether it stands in pjsip.conf."""
        return self.expires_wall is None

    @property
    def is_usable(self) -> bool:
        """Whether calls go there."""
        return self.status is not ContactStatus.UNAVAILABLE

    @property
    def routes(self) -> tuple[NameAddr, ...]:
        """The Path that it registered through (RFC 3327)."""
        return NameAddr.parse_list(self.path)

    @property
    def id(self) -> str:
        """Asterisk's name of the contact."""
        return f"{self.aor}@@{self.hash}" if self.is_fixed else f"{self.aor};@{self.hash}"

    def to_json(self, aor: AorObject | None) -> str:
        """The record in the AstDB, with the keys of Asterisk's."""
        return json.dumps(
            {
                "via_addr": self.via_address,
                "qualify_timeout": f"{aor.qualify_timeout if aor else 3.0:f}",
                "call_id": self.call_id,
                "reg_server": "",
                "prune_on_boot": "no",
                "path": ",".join(self.path),
                "endpoint": self.endpoint,
                "via_port": str(self.via_port),
                "authenticate_qualify": "no",
                "uri": self.uri,
                "qualify_frequency": str(aor.qualify_frequency if aor else 0),
                "user_agent": self.user_agent,
                "expiration_time": str(int(self.expires_wall or 0)),
                "outbound_proxy": aor.outbound_proxy if aor else "",
                "qualify_2xx_only": "yes" if aor and aor.qualify_2xx_only else "no",
            },
            separators=(",", ":"),
        )


def contact_of_json(aor: str, text: str) -> Contact:
    """Read a record of the AstDB; raises ValueError for one that makes no sense."""
    record = json.loads(text)
    if not isinstance(record, dict):
        raise ValueError("no record")

    def value(name: str) -> str:
        return str(record.get(name) or "")

    path = value("path")
    try:
        return Contact(
            aor,
            value("uri").replace("^3B", ";"),
            float(value("expiration_time") or 0),
            path=(path,) if path else (),
            user_agent=value("user_agent"),
            call_id=value("call_id"),
            via_address=value("via_addr"),
            via_port=int(value("via_port") or 0),
            endpoint=value("endpoint"),
        )
    except SipParseError as error:
        raise ValueError(str(error)) from None


Listener = Callable[[Contact, bool], None]


class ContactStore:
    """All contacts by aor, newest first. ``on_change(contact, is_new)`` hears of every one that comes or goes."""

    def __init__(self, database: AstDb | None, wall_time: Callable[[], float]) -> None:
        self._database = database
        self._wall_time = wall_time
        self._aors: dict[str, AorObject] = {}
        self._fixed: dict[str, list[Contact]] = {}
        self._registered: dict[str, list[Contact]] = {}
        self.on_change: Listener | None = None

    def configure(self, aors: dict[str, AorObject]) -> list[str]:
        """Take over the aors of a new configuration; returns what is wrong with fixed contacts."""
        problems: list[str] = []
        self._aors = aors
        known = {(contact.aor, contact.uri): contact for contacts in self._fixed.values() for contact in contacts}
        self._fixed = {}
        for aor in aors.values():
            contacts: list[Contact] = []
            for text in aor.contact:
                uri = text.strip("<>")
                try:
                    contact = known.pop((aor.name, uri), None) or Contact(aor.name, uri)
                    contact.status = ContactStatus.UNKNOWN if aor.qualify_frequency else ContactStatus.UNQUALIFIED
                    contacts.append(contact)
                except SipParseError as error:
                    problems.append(f"aor '{aor.name}': contact '{text}': {error}")
            self._fixed[aor.name] = contacts
        for name in [name for name in self._registered if name not in aors]:
            for contact in list(self._registered[name]):
                self.remove(contact)
        return problems

    def load(self) -> int:
        """Read the registered contacts from the AstDB; returns how many live on."""
        if self._database is None:
            return 0
        now = self._wall_time()
        count = 0
        for key, text in list(self._database.tree(FAMILY)):
            name = key.removeprefix(f"/{FAMILY}/")
            aor, separator, _ = name.rpartition(";@")
            try:
                contact = contact_of_json(aor, text)
            except ValueError as error:
                logger.warning(f"AstDB: the contact {name} cannot be read ({error}) and is removed")
                self._database.delete(FAMILY, name)
                continue
            if not separator or aor not in self._aors or (contact.expires_wall or 0) <= now:
                self._database.delete(FAMILY, name)
                continue
            contact.status = self._first_status(aor)
            self._registered.setdefault(aor, []).insert(0, contact)
            count += 1
        return count

    def _first_status(self, aor: str) -> ContactStatus:
        known = self._aors.get(aor)
        return ContactStatus.UNKNOWN if known is not None and known.qualify_frequency else ContactStatus.UNQUALIFIED

    # -- reading -----------------------------------------------------------------------------------------------------

    def contacts(self, aor: str) -> list[Contact]:
        """The contacts of an aor that have not expired, newest first; fixed ones come last."""
        registered = self._registered.get(aor)
        fixed = self._fixed.get(aor, [])
        if not registered:
            return list(fixed)
        now = self._wall_time()
        return [contact for contact in registered if (contact.expires_wall or 0) > now] + fixed

    def registered(self, aor: str) -> list[Contact]:
        """The registered contacts of an aor, newest first."""
        return self._registered.get(aor, [])

    def all(self) -> Iterator[Contact]:
        """Every contact, by aor."""
        for aor in sorted(self._aors):
            yield from self.contacts(aor)

    def find(self, identity: str) -> Contact | None:
        """The contact with Asterisk's name for it, or with that uri."""
        return next((c for c in self.all() if identity in (c.id, c.uri, f"{c.aor}/{c.uri}")), None)

    # -- changing ----------------------------------------------------------------------------------------------------

    def add(self, contact: Contact) -> None:
        """A new registration; it comes first."""
        contact.status = self._first_status(contact.aor)
        self._registered.setdefault(contact.aor, []).insert(0, contact)
        self.save(contact)
        if self.on_change is not None:
            self.on_change(contact, True)

    def save(self, contact: Contact) -> None:
        """Write a registered contact to the AstDB."""
        if self._database is not None and not contact.is_fixed:
            self._database.put(FAMILY, contact.id, contact.to_json(self._aors.get(contact.aor)))

    def remove(self, contact: Contact) -> None:
        """A registration ended."""
        contacts = self._registered.get(contact.aor, [])
        if contact in contacts:
            contacts.remove(contact)
            if not contacts:
                del self._registered[contact.aor]
        if self._database is not None:
            self._database.delete(FAMILY, contact.id)
        contact.status = ContactStatus.REMOVED
        if self.on_change is not None:
            self.on_change(contact, False)

    def expire(self) -> list[Contact]:
        """Remove what has expired; returns it."""
        now = self._wall_time()
        expired = [c for contacts in self._registered.values() for c in contacts if (c.expires_wall or 0) <= now]
        for contact in expired:
            self.remove(contact)
        return expired

    def next_expiry(self) -> float | None:
        """The earliest end of a registration, UTC seconds."""
        return min((c.expires_wall or 0 for contacts in self._registered.values() for c in contacts), default=None)
