"""Core external MWI resource."""

from __future__ import annotations

from collections.abc import Iterator

from globstar.core.cli import CliFailure, CliUsage, cli_command
from globstar.core.cli_data import CliText
from globstar.core.externalmwi import SERVICE, ExternalMailboxes
from globstar.core.mailboxes import mailbox_name
from globstar.core.system import System

_MOST = 2**31 - 1


def load(system: System) -> None:
    """Remember what was told before the last stop."""
    system.services[SERVICE] = ExternalMailboxes(system)


def unload(system: System) -> None:
    """Whoever watches such a mailbox sees no messages in it."""
    external: ExternalMailboxes = system.services.pop(SERVICE)
    for name in external.counts:
        system.mailboxes.forget(name)


def _external(system: System) -> ExternalMailboxes:
    return system.services[SERVICE]  # type: ignore[no-any-return]


def _names(system: System, args: list[str]) -> list[str]:
    return sorted(_external(system).counts) if len(args) <= 1 else []


def _listed(system: System, names: Iterator[str]) -> str:
    rows = [(name, *_external(system).counts[name]) for name in names]
    lines = [f"{'New':>6} {'Old':>6} Mailbox", *(f"{new:>6} {old:>6} {name}" for name, new, old in rows)]
    return CliText("\n".join(lines), [{"mailbox": name, "new": new, "old": old} for name, new, old in rows])


def _matching(system: System, args: list[str]) -> list[str]:
    if len(args) != 1:
        raise CliUsage
    try:
        return list(_external(system).matching(args[0]))
    except ValueError as error:
        raise CliFailure(str(error)) from error


@cli_command("mwi list all")
def list_all(system: System, args: list[str]) -> str:
    """List the mailboxes that are counted elsewhere."""
    if args:
        raise CliUsage
    return _listed(system, iter(sorted(_external(system).counts)))


@cli_command("mwi list like", usage="mwi list like <pattern>")
def list_like(system: System, args: list[str]) -> str:
    """List those whose names a regular expression fits."""
    return _listed(system, iter(_matching(system, args)))


@cli_command("mwi show mailbox", usage="mwi show mailbox <mailbox_id>", complete=_names)
def show_mailbox(system: System, args: list[str]) -> str:
    """Show the counts of one mailbox."""
    if len(args) != 1:
        raise CliUsage
    counts = _external(system).counts.get(mailbox_name(args[0]))
    if counts is None:
        raise CliFailure(f"Mailbox {args[0]} not found.")
    fields = {"Mailbox": mailbox_name(args[0]), "New messages": counts[0], "Old messages": counts[1]}
    return CliText("\n".join(f"{name}: {value}" for name, value in fields.items()), fields)


@cli_command("mwi update mailbox", usage="mwi update mailbox <mailbox_id> [<new> [<old>]]", complete=_names)
def update_mailbox(system: System, args: list[str]) -> str:
    """Set the counts of a mailbox, which need not be known; those not given are 0."""
    if not 1 <= len(args) <= 3 or not args[0] or not all(word.isdecimal() and int(word) <= _MOST for word in args[1:]):
        raise CliUsage
    counts = [int(word) for word in args[1:]] + [0, 0]
    _external(system).update(args[0], counts[0], counts[1])
    return f"Mailbox {args[0]} updated."


@cli_command("mwi delete mailbox", usage="mwi delete mailbox <mailbox_id>", complete=_names)
def delete_mailbox(system: System, args: list[str]) -> str:
    """Forget a mailbox."""
    if len(args) != 1:
        raise CliUsage
    if not _external(system).delete(args[0]):
        raise CliFailure(f"Mailbox {args[0]} not found.")
    return f"Mailbox {args[0]} deleted."


@cli_command("mwi delete like", usage="mwi delete like <pattern>")
def delete_like(system: System, args: list[str]) -> str:
    """Forget the mailboxes whose names a regular expression fits."""
    names = _matching(system, args)
    for name in names:
        _external(system).delete(name)
    return f"{len(names)} mailboxes deleted."


@cli_command("mwi delete all")
def delete_all(system: System, args: list[str]) -> str:
    """Forget all of them."""
    if args:
        raise CliUsage
    names = list(_external(system).counts)
    for name in names:
        _external(system).delete(name)
    return f"{len(names)} mailboxes deleted."
