"""Where registered contacts outlive the server: the AstDB, or where sorcery.conf keeps them."""

from __future__ import annotations

import asyncio
import json
from collections import Counter
from collections.abc import Mapping
from typing import TYPE_CHECKING, Protocol

from globstar.base.log import Logger
from globstar.base.tasks import TaskOwner
from globstar.core.realtime.engine import RealtimeFault
from globstar.core.sorcery import SorceryObject, TypeStore

if TYPE_CHECKING:
    from globstar.core.astdb import AstDb
    from globstar.core.system import System

logger = Logger("res_pjsip_registrar")

FAMILY = "registrar/contact"
#: Changes that wait for a database; when there are more, the oldest are lost and counted.
MAX_WAITING = 10_000
#: How long a stop waits for a database, seconds.
FLUSH_WAIT = 5.0


class ContactStorage(Protocol):
    """Keeps the records of contacts by their ids (``aor;@hash``)."""

    def is_writing(self, aor: str) -> bool:
        """Whether changes of contacts of an aor are on their way."""

    def is_unsaved(self, id: str) -> bool:
        """Whether a record could not be kept, so that it being absent means nothing."""

    def load(self) -> list[tuple[str, Mapping[str, str] | None]]:
        """Ids and fields of all; None for a record that makes no sense."""

    def save(self, id: str, fields: Mapping[str, str]) -> None:
        """Keep a record, new or changed."""

    def delete(self, id: str) -> None:
        """Keep it no more."""


class AstdbContacts:
    """Contacts in the AstDB, as Asterisk has them there by default."""

    def __init__(self, database: AstDb) -> None:
        self._database = database

    def is_writing(self, aor: str) -> bool:
        """See ContactStorage."""
        return False

    def is_unsaved(self, id: str) -> bool:
        """See ContactStorage."""
        return False

    def load(self) -> list[tuple[str, Mapping[str, str] | None]]:
        """See ContactStorage."""
        found: list[tuple[str, Mapping[str, str] | None]] = []
        for key, text in list(self._database.tree(FAMILY)):
            try:
                record = json.loads(text)
            except ValueError:
                record = None
            found.append((key.removeprefix(f"/{FAMILY}/"), record if isinstance(record, dict) else None))
        return found

    def save(self, id: str, fields: Mapping[str, str]) -> None:
        """See ContactStorage."""
        self._database.put(FAMILY, id, json.dumps(dict(fields), separators=(",", ":")))

    def delete(self, id: str) -> None:
        """See ContactStorage."""
        self._database.delete(FAMILY, id)


class SorceryContacts:
    """Contacts wherever sorcery.conf keeps them; changes are written one after the other by a task."""

    def __init__(self, store: TypeStore, tasks: TaskOwner, reg_server: str) -> None:
        self._store = store
        self._tasks = tasks
        self._reg_server = reg_server
        self._loaded: list[SorceryObject] = []
        #: what is to be written by id, None for a record that is to go
        self._waiting: dict[str, Mapping[str, str] | None] = {}
        #: how many changes of the contacts of each aor wait or are being written
        self._unwritten: Counter[str] = Counter()
        self._writer: asyncio.Task[None] | None = None
        #: contacts that live here alone, as they could not be written
        self._unsaved: set[str] = set()
        self.lost = 0

    def is_writing(self, aor: str) -> bool:
        """See ContactStorage."""
        return aor in self._unwritten

    async def fetch(self) -> None:
        """Read all, for :meth:`load`."""
        try:
            self._loaded = await self._store.retrieve_all()
        except RealtimeFault as fault:
            logger.error(f"the registered contacts cannot be read: {fault}")

    def is_unsaved(self, id: str) -> bool:
        """See ContactStorage."""
        return id in self._unsaved

    def load(self) -> list[tuple[str, Mapping[str, str] | None]]:
        """See ContactStorage."""
        loaded, self._loaded = self._loaded, []
        return [(one.id, dict(one.fields)) for one in loaded]

    def save(self, id: str, fields: Mapping[str, str]) -> None:
        """See ContactStorage."""
        self._write(id, {**fields, "reg_server": self._reg_server})

    def delete(self, id: str) -> None:
        """See ContactStorage."""
        self._write(id, None)

    def _write(self, id: str, fields: Mapping[str, str] | None) -> None:
        if id in self._waiting:
            del self._waiting[id]
        else:
            self._unwritten[_aor_of(id)] += 1
        if len(self._waiting) >= MAX_WAITING:
            oldest = next(iter(self._waiting))
            del self._waiting[oldest]
            self._is_written(oldest)
            self.lost += 1
        self._waiting[id] = fields
        if self._writer is None:
            self._writer = self._tasks.start(self._write_all(), name="contacts to the database")

    def _is_written(self, id: str) -> None:
        """A change waits no more, whatever came of it."""
        aor = _aor_of(id)
        self._unwritten[aor] -= 1
        if not self._unwritten[aor]:
            del self._unwritten[aor]

    async def flush(self) -> None:
        """Wait until everything is written, for a while."""
        if self._writer is not None:
            await asyncio.wait((self._writer,), timeout=FLUSH_WAIT)

    async def _write_all(self) -> None:
        try:
            while self._waiting:
                id = next(iter(self._waiting))
                fields = self._waiting.pop(id)
                try:
                    if fields is None:
                        self._unsaved.discard(id)
                        await self._store.delete(id)
                        continue
                    one = SorceryObject("contact", id, tuple(fields.items()))
                    if not await self._store.update(one):
                        await self._store.create(one)
                    self._unsaved.discard(id)
                except RealtimeFault as fault:
                    self.lost += 1
                    if fields is not None:
                        self._unsaved.add(id)
                    logger.debug(1, f"contact {id} is not in the database: {fault}")
                finally:
                    self._is_written(id)
        finally:
            self._writer = None


def _aor_of(id: str) -> str:
    return id.rpartition(";@")[0]


def make_storage(system: System, store: TypeStore | None, tasks: TaskOwner) -> AstdbContacts | SorceryContacts | None:
    """Where sorcery.conf keeps contacts (``store``), else the AstDB; None where there is neither."""
    if store is not None:
        return SorceryContacts(store, tasks, system.options.systemname)
    database = getattr(system, "database", None)
    return AstdbContacts(database) if database is not None else None
