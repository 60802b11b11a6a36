"""Host names of SIP: RFC 3263 look-ups driven by the network's resolver, and targets that failed lately."""

from __future__ import annotations

from collections.abc import Callable, Generator

from globstar.base.log import Logger
from globstar.base.tasks import TaskOwner
from globstar.modules.channels.pjsip.network import Network
from globstar.proto.sip.locate import Lookup, Query, Records, Target, locate

logger = Logger("res_pjsip")

#: Look-ups at a time; more fail at once.
MAX_LOOKUPS = 1024
#: How long a target that failed comes last, seconds.
PENALTY = 60.0
#: Failed targets, and addresses of names, that are remembered.
MAX_KNOWN = 1024

Steps = Generator[Query, Records, list[Target]]


class Names:
    """Finds the targets of host names."""

    def __init__(self, network: Network, clock: Callable[[], float], getrandbits: Callable[[int], int]) -> None:
        self._network = network
        self._clock = clock
        self._getrandbits = getrandbits
        self._failed: dict[Target, float] = {}
        self._addresses: dict[tuple[str, str], str] = {}
        self._refreshing: set[tuple[str, str]] = set()
        self._tasks = TaskOwner("sip/names")
        self.lookups = 0
        self.unknown = 0
        self.failed = 0

    def find(self, lookup: Lookup, found: Callable[[list[Target]], None]) -> None:
        """Call ``found`` once with the targets in the order to try them: now where all is known, else when it is."""
        self.lookups += 1
        steps = locate(lookup, self._getrandbits)
        try:
            query = next(steps)
            while (records := self._network.cached(query)) is not None:
                query = steps.send(records)
        except StopIteration as done:
            self._finish(lookup, done.value, found)
            return
        if len(self._tasks) >= MAX_LOOKUPS:
            logger.warning(f"too many names are being looked up; '{lookup.host}' is given up")
            found([])
            return
        self._tasks.start(self._ask(lookup, steps, query, found), name=f"find {lookup.host}")

    async def _ask(self, lookup: Lookup, steps: Steps, query: Query, found: Callable[[list[Target]], None]) -> None:
        targets: list[Target] = []
        try:
            while True:
                query = steps.send(await self._network.query(query))
        except StopIteration as done:
            targets = done.value
        finally:  # whatever went wrong: who waits is told
            self._finish(lookup, targets, found)

    def _finish(self, lookup: Lookup, targets: list[Target], found: Callable[[list[Target]], None]) -> None:
        if not targets:
            self.unknown += 1
            logger.warning(f"the host name '{lookup.host}' cannot be resolved")
        elif self._failed:
            now = self._clock()
            targets.sort(key=lambda target: self._failed.get(target, 0.0) > now)
        found(targets)

    def target_failed(self, target: Target) -> None:
        """A request got no answer there: others first, for a while."""
        self.failed += 1
        if len(self._failed) >= MAX_KNOWN:
            self._failed.clear()
        self._failed[target] = self._clock() + PENALTY

    # -- one address -------------------------------------------------------------------------------------------------

    def address(self, host: str, kind: str = "A") -> str | None:
        """The last known address of a name; when it is old, another one is looked for meanwhile."""
        key = (kind, host)
        records = self._network.cached(Query(kind, host))
        if records is None:
            if key not in self._refreshing and len(self._refreshing) < MAX_LOOKUPS:
                self._refreshing.add(key)
                self._tasks.start(self.refresh(host, kind), name=f"refresh {host}")
        else:
            self._learn(key, records)
        return self._addresses.get(key)

    def find_address(self, host: str, kind: str, found: Callable[[str], None]) -> bool:
        """Call ``found`` with the address of a name: now where it is known (True), else when it is; never when there is none."""
        records = self._network.cached(Query(kind, host))
        if records and isinstance(records[0], str):
            found(records[0])
            return True
        if len(self._tasks) >= MAX_LOOKUPS:
            logger.warning(f"too many names are being looked up; '{host}' is given up")
        else:
            self._tasks.start(self._find_address(host, kind, found), name=f"find {host}")
        return False

    async def _find_address(self, host: str, kind: str, found: Callable[[str], None]) -> None:
        self.lookups += 1
        records = await self._network.query(Query(kind, host))
        if records and isinstance(records[0], str):
            found(records[0])
        else:
            self.unknown += 1
            logger.warning(f"the host name '{host}' cannot be resolved")

    async def refresh(self, host: str, kind: str = "A") -> str | None:
        """The address of a name, asked for."""
        key = (kind, host)
        try:
            self._learn(key, await self._network.query(Query(kind, host)))
        finally:
            self._refreshing.discard(key)
        return self._addresses.get(key)

    def _learn(self, key: tuple[str, str], records: Records) -> None:
        if records and isinstance(records[0], str):  # without an answer the last one stays
            if len(self._addresses) >= MAX_KNOWN:
                self._addresses.clear()
            self._addresses[key] = records[0]

    def describe(self) -> dict[str, object]:
        """Counters for the CLI."""
        return {"lookups": self.lookups, "unknown names": self.unknown, "failed targets": self.failed}

    async def close(self) -> None:
        """End all look-ups."""
        await self._tasks.close()
