"""Service ``sorcery``: the objects of types, wherever they are kept."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

from globstar.base.log import Logger
from globstar.core.realtime.engine import RealtimeFault
from globstar.core.sorcery.cache import MemoryCache
from globstar.core.sorcery.settings import Mappings, TypeMapping, read_mappings
from globstar.core.sorcery.wizard import SorceryObject, Wizard, WizardSpec
from globstar.core.testevents import tell_state

if TYPE_CHECKING:
    from globstar.core.system import System

logger = Logger("sorcery")

SERVICE = "sorcery"


class TypeStore:
    """The objects of one type of a module: a cache, if there is one, before wizards that are asked in turn."""

    def __init__(self, system: System, module: str, mapping: TypeMapping, *, creates_on_update: bool = False) -> None:
        self.system = system
        self.module = module
        self.mapping = mapping
        self.creates_on_update = creates_on_update
        self.wizards: list[tuple[str, Wizard]] = []
        registry = system.registry("sorcery wizard")
        for name, data in mapping.wizards:
            spec: WizardSpec | None = registry.get(name)
            if spec is None:
                logger.error(f"sorcery.conf: {module}/{mapping.type}: wizard '{name}' is not loaded")
                continue
            try:
                self.wizards.append((name, spec.make(system, mapping.type, data)))
            except ValueError as error:
                logger.error(f"sorcery.conf: {module}/{mapping.type}: wizard '{name}': {error}")
        self.cache = MemoryCache(mapping.cache, system.now) if mapping.cache is not None else None
        self._refreshing: set[str] = set()

    @property
    def type(self) -> str:
        """What its objects are."""
        return self.mapping.type

    @property
    def is_dynamic(self) -> bool:
        """Whether objects may change without a reload."""
        return any(wizard.is_dynamic for _, wizard in self.wizards)

    @property
    def is_writable(self) -> bool:
        """Whether objects can be made here."""
        return any(wizard.is_writable for _, wizard in self.wizards)

    async def reload(self) -> None:
        """The configuration is read again."""
        for _, wizard in self.wizards:
            await wizard.reload()

    async def retrieve(self, id: str) -> SorceryObject | None:
        """The object of that id. Raises RealtimeFault when no wizard could be asked."""
        cache = self.cache
        if cache is None:
            return await self._ask(id)
        held = cache.get(id)
        if held is not None:
            if held.is_stale and id not in self._refreshing:
                self._refreshing.add(id)
                self.system.tasks.start(self._refresh(id), name=f"sorcery {self.type} {id}")
            return held.object
        if cache.options.full_backend_cache:
            if not cache.is_populated:
                await self.populate()
            held = cache.get(id)
            return held.object if held is not None else None
        found = await self._ask(id)
        if found is not None:
            cache.put(found)
        return found

    async def _ask(self, id: str) -> SorceryObject | None:
        fault: RealtimeFault | None = None
        for _, wizard in self.wizards:
            try:
                found = await wizard.retrieve(id)
            except RealtimeFault as error:
                fault = error
                continue
            if found is not None:
                return found
        if fault is not None:
            raise fault
        return None

    async def _refresh(self, id: str) -> None:
        """Read a stale object anew; where that fails it is given for longer."""
        cache = self.cache
        try:
            found = await self._ask(id)
        except RealtimeFault as fault:
            logger.debug(1, f"{self.type} '{id}' stays as it is: {fault}")
            return
        finally:
            self._refreshing.discard(id)
        if cache is None:
            return
        if found is not None:
            cache.put(found)
        else:
            cache.remove(id)
        tell_state(self.system, "SORCERY_MEMORY_CACHE_REFRESHED", Cache=cache.options.name, Type=self.type, Name=id)

    async def retrieve_all(self, prefix: str = "") -> list[SorceryObject]:
        """All objects whose id begins with ``prefix``; of the same id the first counts. Raises RealtimeFault."""
        cache = self.cache
        if cache is not None and cache.options.full_backend_cache:
            if not cache.is_populated:
                await self.populate()
            return [held.object for held in cache.items() if held.object.id.startswith(prefix)]
        found = await self._ask_all(prefix)
        if cache is not None:
            for one in found:
                cache.put(one)
        return found

    async def _ask_all(self, prefix: str) -> list[SorceryObject]:
        found: dict[str, SorceryObject] = {}
        for _, wizard in self.wizards:
            for one in await wizard.retrieve_all(prefix):
                found.setdefault(one.id, one)
        return list(found.values())

    async def populate(self) -> None:
        """Fill a cache that has the whole backend. Raises RealtimeFault."""
        cache = self.cache
        if cache is None:
            return
        found = await self._ask_all("")
        cache.clear()
        for one in found:
            cache.put(one)
        cache.is_populated = True

    async def create(self, one: SorceryObject) -> bool:
        """Keep a new object in the first wizard that takes it."""
        for _, wizard in self.wizards:
            if wizard.is_writable and await wizard.create(one):
                if self.cache is not None:
                    self.cache.put(one)
                return True
        return False

    async def update(self, one: SorceryObject) -> bool:
        """Change an object where it is; one that is not there is made if sorcery.conf says so."""
        for _, wizard in self.wizards:
            if wizard.is_writable and await wizard.update(one):
                if self.cache is not None:
                    self.cache.put(one)
                return True
        return self.creates_on_update and await self.create(one)

    async def delete(self, id: str) -> bool:
        """Remove an object wherever it is."""
        if self.cache is not None:
            self.cache.remove(id)
        removed = [await wizard.delete(id) for _, wizard in self.wizards if wizard.is_writable]
        return any(removed)


class Sorcery:
    """All types that sorcery.conf maps, and those that modules keep elsewhere by themselves."""

    def __init__(self, system: System) -> None:
        self.system = system
        self.mappings = Mappings()
        self._stores: dict[tuple[str, str], TypeStore] = {}
        #: what ``sorcery show settings`` tells of types that are not mapped: module, type, wizard and its data
        self.defaults: dict[tuple[str, str], tuple[str, str]] = {}
        #: what modules tell of objects that they keep by themselves: the fields of an id, None if there is none
        self.describers: dict[tuple[str, str], Callable[[str], tuple[tuple[str, str], ...] | None]] = {}

    def configure(self) -> None:
        """Read sorcery.conf; caches of types whose mapping stays are kept, unless they are to expire. Raises ConfigError."""
        mappings = read_mappings(self.system.configuration.read("sorcery.conf"))
        old, self._stores, self.mappings = self._stores, {}, mappings
        for (module, type), store in old.items():
            mapping = mappings.modules.get(module, {}).get(type)
            if mapping != store.mapping:
                continue
            self._stores[module, type] = store
            if store.cache is not None and store.cache.options.expire_on_reload:
                store.cache.clear()

    async def reload(self) -> None:
        """What is kept of files no longer counts."""
        for store in self._stores.values():
            await store.reload()

    def store(self, module: str, type: str) -> TypeStore | None:
        """Where sorcery.conf keeps the objects of a type; None where it says nothing of it, or no wizard of it is there."""
        known = self._stores.get((module, type))
        if known is None:
            mapping = self.mappings.modules.get(module, {}).get(type)
            if mapping is None or not mapping.wizards:
                return None
            known = TypeStore(self.system, module, mapping, creates_on_update=self.mappings.creates_on_update)
            self._stores[module, type] = known
        return known if known.wizards else None

    def caches(self) -> dict[str, TypeStore]:
        """The stores with a cache, by the cache's name."""
        for module, types in self.mappings.modules.items():
            for type, mapping in types.items():
                if mapping.cache is not None:
                    self.store(module, type)
        return {store.cache.options.name: store for store in self._stores.values() if store.cache is not None}
