"""Mailboxes on the manager interface: who they are, what is in them, and moving messages about."""

from __future__ import annotations

from collections.abc import Awaitable, Iterator

from globstar.core import events
from globstar.core.manager import (
    ActionFault,
    ActionRequest,
    Answer,
    ListItem,
    ManagerEvent,
    Permission,
    failure,
    listing,
    manager_action,
    manager_event,
    success,
)
from globstar.modules.apps.voicemail import arranging
from globstar.modules.apps.voicemail.arranging import find_folder
from globstar.modules.apps.voicemail.service import MailboxUser, VoicemailService
from globstar.modules.apps.voicemail.store import FOLDERS, URGENT, read_info

CALL, REPORTING, USER = Permission.CALL, Permission.REPORTING, Permission.USER
Lines = list[tuple[str, "str | None"]]


def _service(request: ActionRequest) -> VoicemailService:
    service = request.system.service("voicemail", VoicemailService)
    if service is None:
        raise ActionFault("There are no voicemail users configured!")
    return service


def _user(request: ActionRequest, context: str = "Context", mailbox: str = "Mailbox") -> MailboxUser:
    """The mailbox that two headers name. Raises ActionFault."""
    for header in (context, mailbox):
        if not request.get(header):
            raise ActionFault(f"Need '{header}' value.")
    found = _service(request).users.get((request.get(context), request.get(mailbox)))
    if found is None:
        raise ActionFault("There is no voicemail user matching the given user.")
    return found


def _folder(request: ActionRequest, header: str = "Folder") -> str:
    """One of the folders that a mailbox may have, by its name. Raises ActionFault."""
    name = request.get(header)
    if not name:
        raise ActionFault(f"Need '{header}' value.")
    folder = find_folder(name)
    if folder is None:
        raise ActionFault(f"Invalid folder: {name}")
    return folder


# -- who they are --------------------------------------------------------------------------------------------------------------


def _yes(value: bool) -> str:
    return "Yes" if value else "No"


def _details(service: VoicemailService, user: MailboxUser, counts: tuple[int, int]) -> Lines:
    options, general = user.options, service.options
    return [
        ("VMContext", user.context),
        ("VoiceMailbox", user.number),
        ("Fullname", user.name),
        ("Email", user.email),
        ("Pager", user.pager),
        ("Language", options.language),
        ("TimeZone", options.tz),
        ("ExitContext", options.exitcontext),
        ("SayDurationMinimum", str(options.saydurationm)),
        ("SayEnvelope", _yes(options.envelope)),
        ("SayCID", _yes(options.saycid)),
        ("VolumeGain", f"{options.volgain:.2f}"),
        ("CanReview", _yes(options.review)),
        ("CallOperator", _yes(options.operator)),
        ("MaxMessageCount", str(options.maxmsg)),
        ("MaxMessageLength", str(options.maxsecs)),
        ("Format", general.format),
        ("NewMessageCount", str(counts[0])),
        ("OldMessageCount", str(counts[1])),
    ]


async def _listed(request: ActionRequest, users: list[MailboxUser], event: str) -> list[ListItem]:
    service = _service(request)

    def count() -> list[tuple[int, int]]:
        found = (service.counts(user) for user in users)
        return [(counts.new, counts.old) for counts in found]

    counted = await request.system.run_blocking(count)
    return [ListItem(event, _details(service, user, counts)) for user, counts in zip(users, counted, strict=True)]


@manager_action("VoicemailUsersList", CALL | REPORTING, synopsis="List All Voicemail User Information.")
async def manager_users_list(request: ActionRequest) -> Answer:
    """List every mailbox with its settings and how many messages it holds."""
    users = list(_service(request).users.values())
    items = await _listed(request, users, "VoicemailUserEntry")
    return listing("Voicemail user list will follow", "VoicemailUserEntryComplete", items)


@manager_action("VoicemailUserStatus", CALL | REPORTING, synopsis="Show the status of given voicemail user's info.")
async def manager_user_status(request: ActionRequest) -> Answer:
    """Tell of one mailbox what VoicemailUsersList tells of all."""
    items = await _listed(request, [_user(request)], "VoicemailUserDetail")
    return listing("Voicemail user detail will follow", "VoicemailUserDetailComplete", items)


@manager_action("VoicemailBoxSummary", CALL | REPORTING, synopsis="Show the mailbox contents of given voicemail user.")
async def manager_box_summary(request: ActionRequest) -> Answer:
    """List the messages of a mailbox, folder by folder."""
    user = _user(request)
    box = _service(request).mailbox(user)

    def read() -> list[ListItem]:
        items = []
        for folder in (*FOLDERS, URGENT):
            for stem in box.messages(folder):
                info = read_info(stem)
                fields: Lines = [
                    ("Folder", folder), ("CallerID", info.callerid), ("Date", info.origdate), ("Duration", info.duration),
                    ("Flag", info.flag), ("ID", info.msg_id),
                ]  # fmt: skip
                items.append(ListItem("VoicemailBoxDetail", fields))
        return items

    items = await request.system.run_blocking(read)
    return listing("Voicemail box detail will follow", "VoicemailBoxDetailComplete", items)


@manager_action("VoicemailRefresh", USER, synopsis="Tell Asterisk to poll mailboxes for a change")
async def manager_refresh(request: ActionRequest) -> Answer:
    """Count messages again, of all mailboxes, those of a context or one, and tell who waits for them."""
    service = _service(request)
    context, mailbox = request.get("Context"), request.get("Mailbox")
    for user in list(service.users.values()):
        if (not context or user.context == context) and (not mailbox or user.number == mailbox):
            counts = await request.system.run_blocking(service.counts, user)
            request.system.mailboxes.update(f"{user.number}@{user.context}", counts.new, counts.old, counts.urgent)
    return success("Refresh sent")


# -- messages ------------------------------------------------------------------------------------------------------------------


def _identity(request: ActionRequest) -> str:
    identity = request.get("ID")
    if not identity:
        raise ActionFault("Need 'ID' value.")
    return identity


async def _arranged(change: Awaitable[None], what: str) -> Answer:
    """The answer to a change of a mailbox."""
    try:
        await change
    except arranging.NoSuchMessage:
        return failure("Message not found")
    except arranging.FolderFull:
        return failure(f"Message {what} failed")
    return success(f"Message {what} successful")


@manager_action("VoicemailMove", USER, synopsis="Move Voicemail between mailbox folders of given user.")
async def manager_move(request: ActionRequest) -> Answer:
    """Move a message to another folder of its mailbox."""
    user, folder, identity, target = _user(request), _folder(request), _identity(request), _folder(request, "ToFolder")
    return await _arranged(arranging.move_message(_service(request), user, folder, identity, target), "move")


@manager_action("VoicemailRemove", USER, synopsis="Remove Voicemail from mailbox folder.")
async def manager_remove(request: ActionRequest) -> Answer:
    """Delete a message."""
    user, folder, identity = _user(request), _folder(request), _identity(request)
    return await _arranged(arranging.remove_message(_service(request), user, folder, identity), "remove")


@manager_action("VoicemailForward", USER, synopsis="Forward Voicemail from one mailbox folder to another between given users.")
async def manager_forward(request: ActionRequest) -> Answer:
    """Put a copy of a message into a folder of another mailbox."""
    user, folder, identity = _user(request), _folder(request), _identity(request)
    receiver, target = _user(request, "ToContext", "ToMailbox"), _folder(request, "ToFolder")
    change = arranging.forward_message(_service(request), user, folder, identity, receiver, target)
    return await _arranged(change, "forward")


@manager_event(events.VoicemailPasswordChanged)
def password_change(event: events.VoicemailPasswordChanged) -> Iterator[ManagerEvent]:
    """The owner of a mailbox chose another password."""
    fields = (("Context", event.context), ("Mailbox", event.mailbox), ("NewPassword", event.password))
    yield ManagerEvent("VoicemailPasswordChange", USER, fields)
