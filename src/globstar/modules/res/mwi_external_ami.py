"""AMI support for external MWI."""

from __future__ import annotations

import re
from collections.abc import Iterable

from globstar.core.mailboxes import MailboxState, mailbox_name
from globstar.core.manager import (
    ActionFault,
    ActionRequest,
    Answer,
    ListItem,
    Permission,
    failure,
    listing,
    manager_action,
    success,
)
from globstar.core.system import System

CALL, REPORTING = Permission.CALL, Permission.REPORTING


class ExternalCounts:
    """Mailboxes that are counted elsewhere; clients of the manager tell us. They are kept in the AstDB over restarts."""

    FAMILY = "mwi_external"

    def __init__(self, system: System) -> None:
        self.system = system
        self.known: dict[str, tuple[int, int]] = {}

    def load(self) -> None:
        """What was told before the last stop."""
        for full, value in self.system.database.tree(self.FAMILY):
            mailbox = full.removeprefix(f"/{self.FAMILY}/")
            new, _, old = value.partition(",")
            if new.isdecimal() and old.isdecimal():
                self.known[mailbox] = (int(new), int(old))
        self.system.mailboxes.learn((name, MailboxState(*counts)) for name, counts in self.known.items())

    def update(self, mailbox: str, new: int, old: int) -> None:
        """A client tells how many messages there are."""
        self.known[mailbox] = (new, old)
        self.system.database.put(self.FAMILY, mailbox, f"{new},{old}")
        self.system.mailboxes.update(mailbox, new, old)

    def matching(self, text: str) -> list[str]:
        """The mailboxes of a name, or of a ``/regular expression/``. Raises ActionFault."""
        if not text.startswith("/"):
            name = mailbox_name(text)
            return [name] if name in self.known else []
        try:
            pattern = re.compile(text[1:].removesuffix("/"))
        except re.error as error:
            raise ActionFault(f"Regex compile error in: {text}: {error}") from None
        return [name for name in self.known if pattern.search(name)]

    def delete(self, names: Iterable[str]) -> None:
        """Nobody counts these any more."""
        for name in names:
            self.known.pop(name, None)
            self.system.database.delete(self.FAMILY, name)
            self.system.mailboxes.forget(name)


_SERVICE = "external mwi"


def load(system: System) -> None:
    """Begin with what was told before. Mailboxes of voicemail.conf go on to be counted here."""
    counts = ExternalCounts(system)
    counts.load()
    system.services[_SERVICE] = counts


def unload(system: System) -> None:
    """The counts stay in the database."""
    system.services.pop(_SERVICE, None)


def _counts(request: ActionRequest) -> ExternalCounts:
    found = request.system.services.get(_SERVICE)
    if not isinstance(found, ExternalCounts):
        raise ActionFault("res_mwi_external_ami is not loaded")
    return found


def _mailbox(request: ActionRequest) -> str:
    text = request.get("Mailbox")
    if not text:
        raise ActionFault("Missing mailbox parameter in request")
    return text


def _count(request: ActionRequest, header: str) -> int:
    text = request.get(header, "0")
    if not (text.isascii() and text.isdecimal()) or len(text) > 9:
        raise ActionFault(f"Invalid {header} parameter in request")
    return int(text)


@manager_action("MWIUpdate", CALL, synopsis="Update the mailbox message counts.")
def manager_mwi_update(request: ActionRequest) -> Answer:
    """Tell how many messages a mailbox holds."""
    mailbox = _mailbox(request)
    if mailbox.startswith("/"):
        return failure("Invalid mailbox")
    _counts(request).update(mailbox_name(mailbox), _count(request, "NewMessages"), _count(request, "OldMessages"))
    return success()


@manager_action("MWIDelete", CALL, synopsis="Delete selected mailboxes.")
def manager_mwi_delete(request: ActionRequest) -> Answer:
    """Forget a mailbox, or those that a ``/regular expression/`` fits."""
    counts = _counts(request)
    counts.delete(counts.matching(_mailbox(request)))
    return success()


@manager_action("MWIGet", CALL | REPORTING, synopsis="Get selected mailboxes with message counts.")
def manager_mwi_get(request: ActionRequest) -> Answer:
    """List a mailbox, or those that a ``/regular expression/`` fits."""
    counts = _counts(request)
    items = []
    for name in counts.matching(_mailbox(request)):
        new, old = counts.known[name]
        items.append(ListItem("MWIGet", (("Mailbox", name), ("OldMessages", str(old)), ("NewMessages", str(new)))))
    return listing("Mailboxes will follow", "MWIGetComplete", items)
