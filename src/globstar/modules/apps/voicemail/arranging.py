"""Messages moved, removed and forwarded by hand: what the CLI and the manager interface do alike."""

from __future__ import annotations

import secrets

from globstar.base.errors import GlobstarError
from globstar.modules.apps.voicemail.service import MailboxUser, VoicemailService
from globstar.modules.apps.voicemail.store import FOLDERS, URGENT, read_info


class NoSuchMessage(GlobstarError):
    """The folder has no message of that name or id."""


class FolderFull(GlobstarError):
    """No message more fits into the folder."""


def find_folder(name: str) -> str | None:
    """The folder of mailboxes that is called so, in any case of letters."""
    return next((folder for folder in (*FOLDERS, URGENT) if folder.lower() == name.lower()), None)


async def move_message(service: VoicemailService, user: MailboxUser, source: str, identity: str, target: str) -> None:
    """Move a message to another folder of its mailbox. Raises :class:`NoSuchMessage` and :class:`FolderFull`."""
    box = service.mailbox(user)

    def move() -> None:
        stem = box.find(source, identity)
        if stem is None:
            raise NoSuchMessage(f"There is no message '{identity}' in folder {source}")
        if target != source and not box.move(stem, target, user.options.maxmsg):
            raise FolderFull(f"Folder {target} of {user.number}@{user.context} is full")
        box.renumber(source)

    await service.system.run_blocking(move)
    await service.announce(user)


async def remove_message(service: VoicemailService, user: MailboxUser, folder: str, identity: str) -> None:
    """Delete a message. Raises :class:`NoSuchMessage`."""
    box = service.mailbox(user)

    def remove() -> None:
        stem = box.find(folder, identity)
        if stem is None:
            raise NoSuchMessage(f"There is no message '{identity}' in folder {folder}")
        box.delete(stem)
        box.renumber(folder)

    await service.system.run_blocking(remove)
    await service.announce(user)


async def forward_message(
    service: VoicemailService, user: MailboxUser, source: str, identity: str, receiver: MailboxUser, target: str
) -> None:
    """Put a copy of a message, with an id of its own, into a folder of a mailbox.

    Raises :class:`NoSuchMessage` and :class:`FolderFull`.
    """
    origin, box = service.mailbox(user), service.mailbox(receiver)
    now = int(service.system.wall_time())

    def forward() -> None:
        stem = origin.find(source, identity)
        if stem is None:
            raise NoSuchMessage(f"There is no message '{identity}' in folder {source}")
        info = read_info(stem)
        info.msg_id = f"{now}-{secrets.randbelow(10**8):08}"
        if box.store_copy(stem, info, target, receiver.options.maxmsg) is None:
            raise FolderFull(f"Folder {target} of {receiver.number}@{receiver.context} is full")

    await service.system.run_blocking(forward)
    await service.announce(receiver)
