"""Mailboxes that another system counts (res_mwi_external), kept in the AstDB over restarts."""

from __future__ import annotations

from typing import TYPE_CHECKING

from globstar.base.regex import BadPattern, compile_regex
from globstar.core.mailboxes import MailboxState, mailbox_name

if TYPE_CHECKING:
    from globstar.core.system import System

#: Name of the service.
SERVICE = "external mailboxes"
#: Where the counts are kept.
_FAMILY = "mwi_external"


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

    def matching(self, pattern: str) -> list[str]:
        """The mailboxes in whose names a regular expression is found. Raises ``ValueError``."""
        try:
            expression = compile_regex(pattern, ignore_case=True)
        except BadPattern as error:
            raise ValueError(f"'{pattern}' is no regular expression: {error}") from error
        return [name for name in sorted(self.counts) if expression.is_in(name)]
