"""Access lists by name: acl.conf and its command."""

from __future__ import annotations

from collections.abc import Iterable

from globstar.base.log import Logger
from globstar.core.acl import SERVICE, NamedLists, read_lists, rule_text
from globstar.core.cli import CliUsage, cli_command
from globstar.core.cli_data import CliText
from globstar.core.system import System

logger = Logger("acl")


def load(system: System) -> None:
    """Read acl.conf."""
    lists, problems = read_lists(system.configuration.read("acl.conf"))
    for problem in problems:
        logger.warning(problem)
    system.services[SERVICE] = lists


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
