"""Access lists by name: acl.conf and its command."""

from __future__ import annotations

from collections.abc import Iterable

from globstar.base.log import Logger
from globstar.core import events
from globstar.core.acl import SERVICE, AccessRules, NamedLists, read_lists, rule_text
from globstar.core.cli import CliUsage, cli_command
from globstar.core.cli_data import CliText
from globstar.core.realtime.engine import Criteria, RealtimeFault
from globstar.core.system import System

logger = Logger("acl")


#: the family of extconfig.conf with lists, and how long its rows count, seconds
FAMILY = "acls"
LIFE = 1.0


class RealtimeLists(NamedLists):
    """The lists of acl.conf, and those that the family ``acls`` of realtime has.

    Who asks cannot wait: rows that are older than a second are used once more, and read again. All are read when the
    server has booted, and at a reload.
    """

    def __init__(self, system: System, lists: NamedLists) -> None:
        super().__init__()
        self._system = system
        self._own = lists.lists
        self._read: dict[str, AccessRules] = {}
        self._since: dict[str, float] = {}
        self.lists = dict(lists.lists)

    def get(self, name: str) -> AccessRules | None:
        """See AccessLists."""
        rules = self._own.get(name)
        if rules is not None or not self._system.realtime.has(FAMILY):
            return rules
        now = self._system.now()
        if now - self._since.get(name, -1e9) >= LIFE:
            self._since[name] = now
            self._system.tasks.start(self.refresh([("name", name)], name), name=f"acl {name}")
        return self._read.get(name)

    async def refresh(self, criteria: Criteria, name: str = "") -> None:
        """Read the rows of one list, or of all."""
        if not self._system.realtime.has(FAMILY):
            return
        try:
            rows = [dict(row) for row in await self._system.realtime.load_multi(FAMILY, criteria)]
        except RealtimeFault as fault:
            logger.debug(1, f"access lists are used as they were read last: {fault}")
            return
        found: dict[str, AccessRules] = {}
        for row in sorted(rows, key=_order):
            rules = found.setdefault(row.get("name", ""), AccessRules())
            sense = row.get("sense", "").lower()
            try:
                if sense not in ("permit", "deny"):
                    raise ValueError(f"'{sense}' is neither permit nor deny")
                rules.add(sense == "permit", row.get("rule", ""))
            except ValueError as error:
                rules.is_broken = True
                logger.warning(f"access list '{row.get('name', '')}' of realtime: {error}; it lets nobody in")
        if name:
            self._read.pop(name, None)
            self._read.update(found)
        else:
            self._read = found
        self.lists = {**self._read, **self._own}


def _order(row: dict[str, str]) -> int:
    text = row.get("rule_order", "")
    return int(text) if text.isdecimal() else 0


def load(system: System) -> None:
    """Read acl.conf, and what realtime has when the server has booted."""
    lists, problems = read_lists(system.configuration.read("acl.conf"))
    for problem in problems:
        logger.warning(problem)
    if not any(mapping.family == FAMILY for mapping in system.realtime.mappings):
        system.services[SERVICE] = lists
        return
    named = system.services[SERVICE] = RealtimeLists(system, lists)
    if system.is_booted:
        system.tasks.start(named.refresh(_ALL), name="access lists")
        return

    def booted(event: events.FullyBooted) -> None:
        unsubscribe()
        system.tasks.start(named.refresh(_ALL), name="access lists")

    unsubscribe = system.bus.subscribe(events.FullyBooted, booted)


_ALL: Criteria = [("name LIKE", "%")]


def reload(system: System) -> None:
    """Read it again; the new lists hold for what comes from now on."""
    load(system)


def unload(system: System) -> None:
    """No lists any more."""
    system.services.pop(SERVICE, None)


def _lists(system: System) -> NamedLists:
    return system.service(SERVICE, NamedLists) or NamedLists()


def _names(system: System, args: list[str]) -> Iterable[str]:
    return sorted(_lists(system).lists) if len(args) == 1 else ()


@cli_command("acl show", usage="acl show [name]", complete=_names)
def acl_show(system: System, args: list[str]) -> str:
    """Show a named access list, or the names of all."""
    named = _lists(system).lists
    if not args:
        return CliText("\n".join(["acl", "---", *sorted(named)]) + "\n", sorted(named))
    if len(args) != 1:
        raise CliUsage
    rules = named.get(args[0])
    if rules is None:
        return f"Could not find the named ACL '{args[0]}'\n"
    lines = [f"ACL: {args[0]}", "-" * 45]
    lines += [
        f"{index:3}: {'allow' if permitted else 'deny':>5} - {rule_text(net)}" for index, (permitted, net) in enumerate(rules)
    ]
    if rules.is_broken:
        lines.append("A line of this list cannot be read: it lets nobody in")
    data = [{"is_permitted": permitted, "network": rule_text(net)} for permitted, net in rules]
    return CliText("\n".join(lines) + "\n", data)
