"""AMI support for external MWI."""

from __future__ import annotations

from globstar.core.externalmwi import SERVICE, ExternalMailboxes
from globstar.core.mailboxes import mailbox_name
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

CALL, REPORTING = Permission.CALL, Permission.REPORTING


#: Who keeps the counts.
REQUIRES = ("res_mwi_external",)


def _mailboxes(request: ActionRequest) -> ExternalMailboxes:
    found = request.system.service(SERVICE, ExternalMailboxes)
    if found is None:
        raise ActionFault("res_mwi_external is not loaded")
    return found


def _matching(request: ActionRequest) -> list[str]:
    """The known mailboxes of a name, or of a ``/regular expression/``."""
    text, known = _mailbox(request), _mailboxes(request)
    if not text.startswith("/"):
        name = mailbox_name(text)
        return [name] if name in known.counts else []
    try:
        return known.matching(text[1:].removesuffix("/"))
    except ValueError as error:
        raise ActionFault(f"Regex compile error in: {text}: {error}") from None


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
    _mailboxes(request).update(mailbox, _count(request, "NewMessages"), _count(request, "OldMessages"))
    return success()


@manager_action("MWIDelete", CALL, synopsis="Delete selected mailboxes.")
def manager_mwi_delete(request: ActionRequest) -> Answer:
    """Forget a mailbox, or those that a ``/regular expression/`` fits."""
    for name in _matching(request):
        _mailboxes(request).delete(name)
    return success()


@manager_action("MWIGet", CALL | REPORTING, synopsis="Get selected mailboxes with message counts.")
def manager_mwi_get(request: ActionRequest) -> Answer:
    """List a mailbox, or those that a ``/regular expression/`` fits."""
    items = []
    for name in _matching(request):
        new, old = _mailboxes(request).counts[name]
        items.append(ListItem("MWIGet", (("Mailbox", name), ("OldMessages", str(old)), ("NewMessages", str(new)))))
    return listing("Mailboxes will follow", "MWIGetComplete", items)
