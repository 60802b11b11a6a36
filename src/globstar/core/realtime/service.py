"""``system.realtime``: families, asked of the engines that extconfig.conf maps them to."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Sequence
from typing import TYPE_CHECKING, TypeVar

from globstar.base.log import Logger
from globstar.core.loader import ModuleError, ModulesConfig, ModuleStatus, normalise
from globstar.core.realtime.engine import (
    Criteria,
    NotMapped,
    RealtimeEngine,
    RealtimeFault,
    Requirement,
    Row,
    variables_of,
)
from globstar.core.realtime.files import FilesEngine
from globstar.core.realtime.mapping import FamilyMapping, read_mappings
from globstar.core.realtime.static import OverlaidSource, render

if TYPE_CHECKING:
    from globstar.core.system import System

logger = Logger("config")
T = TypeVar("T")

#: The modules that bring the engines.
MODULES = {
    "odbc": "res_config_odbc",
    "pgsql": "res_config_pgsql",
    "mysql": "res_config_mysql",
    "sqlite3": "res_config_sqlite3",
    "curl": "res_config_curl",
}
#: Messages that were told, so that each failure is told once.
MAX_TOLD = 256


class Realtime:
    """The families of one system. Nothing here waits on the loop; a family that is not mapped costs a look into a table."""

    def __init__(self, system: System, overlay: OverlaidSource) -> None:
        self.system = system
        self.overlay = overlay
        self.mappings: list[FamilyMapping] = []
        self._by_family: dict[str, list[FamilyMapping]] = {}
        self.engines: dict[str, RealtimeEngine] = {"text": FilesEngine(system)}
        self._told: set[str] = set()
        self.queries = 0
        self.failures = 0

    # -- configuration -----------------------------------------------------------------------------------------------

    def configure(self) -> None:
        """Read extconfig.conf. Raises ConfigError for a broken file."""
        self.mappings = read_mappings(self.system.configuration.read("extconfig.conf"))
        self._by_family = {}
        for mapping in self.mappings:
            self._by_family.setdefault(mapping.family, []).append(mapping)
        self._told.clear()

    @property
    def has_files(self) -> bool:
        """Whether whole files are in tables."""
        return any(mapping.is_file for mapping in self.mappings)

    async def start(self, modules: ModulesConfig) -> None:
        """Load the engines of whole files before anything else reads its configuration, then these files."""
        refused = {normalise(name) for name in modules.noload}
        for driver in {mapping.driver for mapping in self.mappings if mapping.is_file}:
            module = MODULES.get(driver)
            loaded = self.system.loader.modules.get(module or "")
            if module is None or module in refused or (loaded is not None and loaded.status is ModuleStatus.RUNNING):
                continue
            try:
                await self.system.loader.load(module)
            except ModuleError as error:
                logger.error(f"the files that {driver} has cannot be read: {error}")
        await self.refresh_files()

    async def refresh_files(self) -> None:
        """Read the whole files that tables have again; one that cannot be read is told of and is not there."""
        texts: dict[str, str | None] = {}
        for mapping in self.mappings:
            if not mapping.is_file or texts.get(mapping.family) is not None:
                continue
            texts[mapping.family] = None
            try:
                engine = self._engine(mapping)
                lines = await engine.load_file(mapping.database, mapping.table, mapping.family)
            except RealtimeFault as fault:
                self._failed(mapping, str(fault))
                continue
            if lines:
                texts[mapping.family] = render(lines, mapping.family)
            else:
                del texts[mapping.family]
        self.overlay.texts = texts

    def add_engine(self, driver: str, engine: RealtimeEngine) -> None:
        """A module brings an engine."""
        self.engines[driver] = engine

    def remove_engine(self, driver: str) -> None:
        """It is gone."""
        self.engines.pop(driver, None)

    # -- families ----------------------------------------------------------------------------------------------------

    def has(self, family: str) -> bool:
        """Whether a family is mapped to an engine that is there."""
        return any(mapping.driver in self.engines for mapping in self._by_family.get(family, ()))

    async def load(self, family: str, criteria: Criteria, *, keep_empty: bool = False) -> Row | None:
        """The variables of the first row that matches, None if there is none. Raises RealtimeFault."""

        async def ask(engine: RealtimeEngine, mapping: FamilyMapping) -> Row | None:
            row = await engine.load(mapping.database, mapping.table, criteria)
            return variables_of(row, keep_empty=keep_empty) if row is not None else None

        return await self._first(family, ask)

    async def load_multi(self, family: str, criteria: Criteria, *, keep_empty: bool = False) -> list[Row]:
        """The variables of all rows that match. Raises RealtimeFault."""

        async def ask(engine: RealtimeEngine, mapping: FamilyMapping) -> list[Row] | None:
            rows = await engine.load_multi(mapping.database, mapping.table, criteria)
            return [variables_of(row, keep_empty=keep_empty) for row in rows] or None

        return await self._first(family, ask) or []

    async def update(self, family: str, criteria: Criteria, fields: Sequence[tuple[str, str]]) -> int:
        """Change rows; how many. Raises RealtimeFault."""
        if not criteria or not fields:
            raise RealtimeFault("an update needs a column to match and one to change")
        return await self._first(family, lambda e, m: e.update(m.database, m.table, criteria, fields)) or 0

    async def store(self, family: str, fields: Sequence[tuple[str, str]]) -> str:
        """Add a row; its number, or an empty text. Raises RealtimeFault."""
        if not fields:
            raise RealtimeFault("a new row needs columns")
        return await self._first(family, lambda e, m: e.store(m.database, m.table, fields)) or ""

    async def destroy(self, family: str, criteria: Criteria) -> int:
        """Remove rows; how many. Raises RealtimeFault."""
        if not criteria:
            raise RealtimeFault("what is to be removed must be named")
        return await self._first(family, lambda e, m: e.destroy(m.database, m.table, criteria)) or 0

    async def require(self, family: str, requirements: Sequence[Requirement]) -> None:
        """See that the tables of a family have these columns; what is missing is told once."""
        for mapping in self._by_family.get(family, ()):
            try:
                missing = await self._engine(mapping).require(mapping.database, mapping.table, requirements)
            except RealtimeFault as fault:
                self._failed(mapping, str(fault))
                continue
            if missing:
                self._tell(f"table '{mapping.table}' of family {family} lacks the columns {', '.join(missing)}")

    def _engine(self, mapping: FamilyMapping) -> RealtimeEngine:
        engine = self.engines.get(mapping.driver)
        if engine is None:
            module = MODULES.get(mapping.driver)
            why = f"{module} is not loaded" if module else "there is no such driver"
            raise RealtimeFault(f"driver '{mapping.driver}': {why}")
        return engine

    async def _first(self, family: str, ask: Callable[[RealtimeEngine, FamilyMapping], Awaitable[T | None]]) -> T | None:
        """The answer of the first mapping that has one; those of lower priority are asked when it has none or fails."""
        mappings = self._by_family.get(family)
        if not mappings:
            raise NotMapped(f"extconfig.conf maps no family '{family}'")
        fault: RealtimeFault | None = None
        has_answer = False
        for mapping in mappings:
            self.queries += 1
            try:
                found = await ask(self._engine(mapping), mapping)
            except RealtimeFault as error:
                self._failed(mapping, str(error))
                fault = error
                continue
            if found is not None:
                return found
            has_answer = True
        if fault is not None and not has_answer:
            raise fault
        return None

    def _failed(self, mapping: FamilyMapping, reason: str) -> None:
        self.failures += 1
        self._tell(f"realtime family {mapping.family} ({mapping.driver}, table '{mapping.table}'): {reason}")

    def _tell(self, message: str) -> None:
        if message in self._told:
            return
        if len(self._told) >= MAX_TOLD:
            self._told.clear()
        self._told.add(message)
        logger.warning(message)
