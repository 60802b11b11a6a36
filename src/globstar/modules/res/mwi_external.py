"""Core external MWI resource."""

from __future__ import annotations

import re
from collections.abc import Iterator

from globstar.base.log import Logger
from globstar.core.cli import CliFailure, CliUsage, cli_command
from globstar.core.cli_data import CliText
from globstar.core.mailboxes import MailboxState, mailbox_name
from globstar.core.manager import ActionFault, ActionRequest, Answer, ListItem, Permission, listing, manager_action, success
from globstar.core.system import System

logger = Logger("res_mwi_external")

_SERVICE = "external mailboxes"
#: Where the counts are kept over restarts.
_FAMILY = "mwi_external"
_MOST = 2**31 - 1


class ExternalMailboxes:
    """Mailboxes that another system counts; it tells by AMI or the CLI. The AstDB keeps them."""

    def __init__(self, system: System) -> None:
        self._system = system
        self.counts: dict[str, tuple[int, int]] = {}
        for key, value in system.database.tree(_FAMILY):
            name = key.removeprefix(f"/{_FAMILY}/")
            new, _, old = value.partition(",")
            if new.isdecimal() and old.isdecimal():
                self.counts[name] = (int(new), int(old))
        system.mailboxes.learn((name, MailboxState(*counts)) for name, counts in self.counts.items())

    def update(self, mailbox: str, new: int, old: int) -> None:
        """Take over the counts of a mailbox."""
        name = mailbox_name(mailbox)
        self.counts[name] = (new, old)
        self._system.database.put(_FAMILY, name, f"{new},{old}")
        self._system.mailboxes.update(name, new, old)

    def delete(self, mailbox: str) -> bool:
        """Forget a mailbox; False if it is not known."""
        name = mailbox_name(mailbox)
        if self.counts.pop(name, None) is None:
            return False
        self._system.database.delete(_FAMILY, name)
        self._system.mailboxes.forget(name)
        return True

    def matching(self, pattern: str) -> Iterator[str]:
        """The mailboxes in whose names a regular expression is found. Raises ``ValueError``."""
        try:
            expression = re.compile(pattern, re.IGNORECASE)
        except re.error as error:
            raise ValueError(f"'{pattern}' is no regular expression: {error}") from error
        return (name for name in sorted(self.counts) if expression.search(name))


def load(system: System) -> None:
    """Remember what was told before the last stop."""
    system.services[_SERVICE] = ExternalMailboxes(system)


def unload(system: System) -> None:
    """Whoever watches such a mailbox sees no messages in it."""
    external: ExternalMailboxes = system.services.pop(_SERVICE)
    for name in external.counts:
        system.mailboxes.forget(name)


def _external(system: System) -> ExternalMailboxes:
    return system.services[_SERVICE]  # type: ignore[no-any-return]


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


# -- AMI ------------------------------------------------------------------------------------------------------------------


def _wanted(request: ActionRequest) -> tuple[str, list[str]]:
    """The mailbox of an action and those that it means: one, or with slashes around it those that an expression fits."""
    name = request.get("Mailbox")
    if not name:
        raise ActionFault("Missing mailbox parameter in request")
    external = _external(request.system)
    if len(name) > 1 and name[0] == name[-1] == "/":
        try:
            return name, list(external.matching(name[1:-1]))
        except ValueError as error:
            raise ActionFault(str(error)) from error
    return name, [mailbox_name(name)] if mailbox_name(name) in external.counts else []


@manager_action("MWIGet", Permission.CALL | Permission.REPORTING, synopsis="Get selected mailboxes with message counts.")
def manager_get(request: ActionRequest) -> Answer:
    """List mailboxes that are counted elsewhere: ``Mailbox`` is one, or a regular expression between slashes."""
    name, found = _wanted(request)
    if not found and not name.startswith("/"):
        raise ActionFault("Mailbox not found")
    counts = _external(request.system).counts
    items = [
        ListItem("MWIGet", (("Mailbox", box), ("OldMessages", str(counts[box][1])), ("NewMessages", str(counts[box][0]))))
        for box in found
    ]
    return listing("Mailboxes will follow", "MWIGetComplete", items)


@manager_action("MWIDelete", Permission.CALL, synopsis="Delete selected mailboxes.")
def manager_delete(request: ActionRequest) -> Answer:
    """Forget mailboxes: ``Mailbox`` is one, or a regular expression between slashes."""
    _, found = _wanted(request)
    for name in found:
        _external(request.system).delete(name)
    return success("Mailboxes deleted" if request.get("Mailbox").startswith("/") else "Mailbox deleted")


@manager_action("MWIUpdate", Permission.CALL, synopsis="Update the mailbox message counts.")
def manager_update(request: ActionRequest) -> Answer:
    """Set ``OldMessages`` and ``NewMessages`` of ``Mailbox``; those not given are 0."""
    name = request.get("Mailbox")
    if not name:
        raise ActionFault("Missing mailbox parameter in request")
    counts = []
    for field in ("NewMessages", "OldMessages"):
        text = request.get(field) or "0"
        if not text.isdecimal() or int(text) > _MOST:
            raise ActionFault(f"Invalid {field} parameter")
        counts.append(int(text))
    _external(request.system).update(name, counts[0], counts[1])
    return success()
