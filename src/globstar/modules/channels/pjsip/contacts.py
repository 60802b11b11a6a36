"""Where endpoints can be reached: fixed contacts and registered ones, which are kept over restarts."""

from __future__ import annotations

import hashlib
import heapq
import itertools
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from enum import Enum
from operator import attrgetter

from globstar.base.log import Logger
from globstar.modules.channels.pjsip.contactstorage import ContactStorage
from globstar.modules.channels.pjsip.objects import AorObject, ContactObject, QualifyOptions
from globstar.proto.sip.errors import SipParseError
from globstar.proto.sip.flow import Flow
from globstar.proto.sip.grammar import split_list
from globstar.proto.sip.headers.address import NameAddr
from globstar.proto.sip.uri import SipUri

logger = Logger("res_pjsip_registrar")

#: When a contact ends; None for a fixed one.
_EXPIRY = attrgetter("expires_wall")

#: The heap of ends is swept when it is longer than this and mostly out of date.
SWEEP_AT = 4096


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
    #: ``+sip.instance`` without its brackets, and the number of its flow (RFC 5626 4.1); empty and 0 without
    instance: str = ""
    reg_id: int = 0
    #: the way that it registered by, when requests must go back on that (RFC 5626 5.3); lost at a restart
    flow: Flow | None = None
    #: it ends with its connection, and so with this process
    prune_on_boot: bool = False
    #: options of its own (``type=contact``)
    options: ContactObject | None = None
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
        return self.expires_wall is None or self.options is not None

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

    @classmethod
    def of_fields(cls, aor: str, record: Mapping[str, object]) -> Contact:
        """A contact by its record; raises ValueError for one that makes no sense."""

        def value(name: str) -> str:
            return str(record.get(name) or "")

        path = value("path")
        try:
            return cls(
                aor,
                value("uri").replace("^3B", ";"),
                float(value("expiration_time") or 0),
                path=(path,) if path else (),
                user_agent=value("user_agent"),
                call_id=value("call_id"),
                via_address=value("via_addr"),
                via_port=int(value("via_port") or 0),
                endpoint=value("endpoint"),
                instance=value("instance"),
                reg_id=int(value("reg_id") or 0),
                prune_on_boot=value("prune_on_boot") == "yes",
            )
        except SipParseError as error:
            raise ValueError(str(error)) from None

    def to_fields(self, aor: AorObject | None) -> dict[str, str]:
        """The record that outlives the server, with the names of Asterisk's."""
        return {
            "via_addr": self.via_address,
            "qualify_timeout": f"{aor.qualify_timeout if aor else 3.0:f}",
            "call_id": self.call_id,
            "reg_server": "",
            "prune_on_boot": "yes" if self.prune_on_boot else "no",
            "path": ",".join(self.path),
            "endpoint": self.endpoint,
            "via_port": str(self.via_port),
            "authenticate_qualify": "yes" if aor and aor.authenticate_qualify else "no",
            "uri": self.uri,
            "qualify_frequency": str(aor.qualify_frequency if aor else 0),
            "user_agent": self.user_agent,
            "expiration_time": str(int(self.expires_wall or 0)),
            "outbound_proxy": aor.outbound_proxy if aor else "",
            "qualify_2xx_only": "yes" if aor and aor.qualify_2xx_only else "no",
            **({"instance": self.instance, "reg_id": str(self.reg_id)} if self.instance else {}),
        }


Listener = Callable[[Contact, bool], None]


class ContactStore:
    """All contacts by aor, newest first. ``on_change(contact, is_new)`` hears of every one that comes or goes."""

    def __init__(self, storage: ContactStorage | None, wall_time: Callable[[], float], server: str = "") -> None:
        """``server``: the name of this one, in records that several share."""
        self._storage = storage
        self._server = server
        self._wall_time = wall_time
        self._aors: dict[str, AorObject] = {}
        self._fixed: dict[str, list[Contact]] = {}
        self._registered: dict[str, list[Contact]] = {}
        #: ends of registrations, with those of before a refresh still in it
        self._ends: list[tuple[float, int, Contact]] = []
        self._numbers = itertools.count()
        self._live = 0
        self.on_change: Listener | None = None
        #: by aor, how often a registration of it has come, was refreshed or went
        self._changes: dict[str, int] = {}

    def changes(self, aor: str) -> int:
        """A number that grows with every registration of an aor that comes, is refreshed or goes."""
        return self._changes.get(aor, 0)

    def is_writing(self, aor: str) -> bool:
        """Whether changes are on their way to where they are kept."""
        return self._storage is not None and self._storage.is_writing(aor)

    def configure(self, aors: dict[str, AorObject], objects: Iterable[ContactObject] = ()) -> list[str]:
        """Take over the aors and contacts of a new configuration; returns what is wrong with fixed contacts."""
        problems: list[str] = []
        self._aors = aors
        known = {(contact.aor, contact.uri): contact for contacts in self._fixed.values() for contact in contacts}
        self._fixed = {}

        def take(aor: str, text: str, options: ContactObject | None) -> None:
            uri = text.strip("<>")
            try:
                contact = known.pop((aor, uri), None) or Contact(aor, uri)
            except SipParseError as error:
                problems.append(f"aor '{aor}': contact '{text}': {error}")
                return
            contact.options = options
            if options is not None:
                contact.path = tuple(split_list(options.path))
                contact.user_agent, contact.endpoint, contact.call_id = options.user_agent, options.endpoint, options.call_id
                contact.via_address, contact.via_port = options.via_addr, options.via_port
                contact.expires_wall = options.expiration_time or None
            asked = self.qualify_options(contact)
            if contact.status in (ContactStatus.UNQUALIFIED, ContactStatus.UNKNOWN) or asked is None:
                is_asked = asked is not None and asked.qualify_frequency
                contact.status = ContactStatus.UNKNOWN if is_asked else ContactStatus.UNQUALIFIED
            self._fixed.setdefault(aor, []).append(contact)

        for aor in aors.values():
            for text in aor.contact:
                take(aor.name, text, None)
        for one in objects:
            if one.aor in aors:
                take(one.aor, one.uri, one)
            else:
                problems.append(f"contact '{one.name}': there is no aor '{one.aor}'")
        for name in [name for name in self._registered if name not in aors]:
            for contact in list(self._registered[name]):
                self.remove(contact)
        return problems

    def load(self) -> int:
        """Read the registered contacts that were kept; returns how many live on."""
        if self._storage is None:
            return 0
        now = self._wall_time()
        count = 0
        for name, record in self._storage.load():
            aor, separator, _ = name.rpartition(";@")
            try:
                if record is None:
                    raise ValueError("no record")
                contact = Contact.of_fields(aor, record)
            except ValueError as error:
                logger.warning(f"the contact {name} cannot be read ({error}) and is removed")
                self._storage.delete(name)
                continue
            # those of another server that shares the records end with that server
            is_own = str(record.get("reg_server") or "") in ("", self._server)
            is_over = (contact.expires_wall or 0) <= now or (contact.prune_on_boot and is_own)
            if not separator or aor not in self._aors or is_over:
                self._storage.delete(name)
                continue
            self._hold(contact)
            count += 1
        return count

    def _hold(self, contact: Contact) -> None:
        """A registration that somebody else has made."""
        contact.status = self._first_status(contact.aor)
        self._registered.setdefault(contact.aor, []).insert(0, contact)
        self._live += 1
        self._note_end(contact)

    def take_over(self, aor: str, contacts: Iterable[Contact]) -> None:
        """The registrations of an aor are these: another server shares where they are kept. Nothing is written."""
        held = {contact.id: contact for contact in self._registered.get(aor, ())}
        now = self._wall_time()
        for contact in contacts:
            known = held.pop(contact.id, None)
            if (contact.expires_wall or 0) <= now:
                continue
            if known is None:
                self._hold(contact)
                self._tell(contact, True)
            elif known.expires_wall != contact.expires_wall:
                known.expires_wall = contact.expires_wall
                self._note_end(known)
        for contact in held.values():
            if self._storage is None or not self._storage.is_unsaved(contact.id):
                self._drop(contact)
                self._tell(contact, False)

    def aor_replaced(self, name: str) -> None:
        """An aor is another object now, is new or is gone: its fixed contacts are those that it says."""
        aor = self._aors.get(name)
        known = {contact.uri: contact for contact in self._fixed.pop(name, []) if contact.options is None}
        for text in aor.contact if aor is not None else ():
            uri = text.strip("<>")
            try:
                contact = known.pop(uri, None) or Contact(name, uri)
            except SipParseError as error:
                logger.warning(f"aor '{name}': contact '{text}': {error}")
                continue
            self._fixed.setdefault(name, []).append(contact)
            if contact.status is ContactStatus.UNQUALIFIED:
                contact.status = self._first_status(name)
                self._tell(contact, True)
        for contact in known.values():
            contact.status = ContactStatus.REMOVED
            self._tell(contact, False)
        if aor is None:
            for contact in list(self._registered.get(name, ())):
                self.remove(contact)

    def _tell(self, contact: Contact, is_new: bool) -> None:
        if self.on_change is not None:
            self.on_change(contact, is_new)

    def _first_status(self, aor: str) -> ContactStatus:
        known = self._aors.get(aor)
        return ContactStatus.UNKNOWN if known is not None and known.qualify_frequency else ContactStatus.UNQUALIFIED

    # -- reading -----------------------------------------------------------------------------------------------------

    def contacts(self, aor: str) -> list[Contact]:
        """The contacts of an aor that have not expired, newest first; fixed ones come last."""
        registered = self._registered.get(aor)
        fixed = self._fixed.get(aor, [])
        if not registered and not any(map(_EXPIRY, fixed)):
            return list(fixed)
        now = self._wall_time()
        alive = [contact for contact in registered or () if (contact.expires_wall or 0) > now]
        return alive + [contact for contact in fixed if contact.expires_wall is None or contact.expires_wall > now]

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

    def qualify_options(self, contact: Contact) -> QualifyOptions | None:
        """Where the qualify options of a contact stand; None when its aor is gone."""
        return contact.options if contact.options is not None else self._aors.get(contact.aor)

    # -- changing ----------------------------------------------------------------------------------------------------

    def add(self, contact: Contact) -> None:
        """A new registration; it comes first."""
        contact.status = self._first_status(contact.aor)
        self._registered.setdefault(contact.aor, []).insert(0, contact)
        self._live += 1
        self.save(contact)
        self._tell(contact, True)

    def save(self, contact: Contact) -> None:
        """Keep a registered contact over restarts, new or with another end."""
        self._changes[contact.aor] = self._changes.get(contact.aor, 0) + 1
        self._note_end(contact)
        if self._storage is not None and not contact.is_fixed:
            self._storage.save(contact.id, contact.to_fields(self._aors.get(contact.aor)))

    def remove(self, contact: Contact) -> None:
        """A registration ended."""
        self._drop(contact)
        if self._storage is not None:
            self._storage.delete(contact.id)
        self._tell(contact, False)

    def _drop(self, contact: Contact) -> None:
        self._changes[contact.aor] = self._changes.get(contact.aor, 0) + 1
        contacts = self._registered.get(contact.aor, [])
        if contact in contacts:
            contacts.remove(contact)
            self._live -= 1
            if not contacts:
                del self._registered[contact.aor]
        contact.status = ContactStatus.REMOVED

    def _note_end(self, contact: Contact) -> None:
        ends = self._ends
        heapq.heappush(ends, (contact.expires_wall or 0.0, next(self._numbers), contact))
        if len(ends) > SWEEP_AT and len(ends) > 4 * self._live:
            self._ends = [entry for entry in ends if self._is_end(entry)]
            heapq.heapify(self._ends)

    @staticmethod
    def _is_end(entry: tuple[float, int, Contact]) -> bool:
        """Whether an entry of the heap still says when its contact ends."""
        at, _, contact = entry
        return contact.status is not ContactStatus.REMOVED and contact.expires_wall == at

    def expire(self) -> list[Contact]:
        """Remove what has expired; returns it."""
        now = self._wall_time()
        expired: list[Contact] = []
        while self._ends and self._ends[0][0] <= now:
            entry = heapq.heappop(self._ends)
            if self._is_end(entry) and entry[2] not in expired:
                expired.append(entry[2])
        for contact in expired:
            self.remove(contact)
        return expired

    def next_expiry(self) -> float | None:
        """The earliest end of a registration, UTC seconds."""
        while self._ends and not self._is_end(self._ends[0]):
            heapq.heappop(self._ends)
        return self._ends[0][0] if self._ends else None
